// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "run_options.h"

#define ENV_PREFIX	"FLANNELD_"
/* Leaves room for the name of an instance in the address of a socket. */
#define RUN_DIR_SIZE	64

struct flag;

struct flag_type {
	const char *arg;		/* in help; NULL: may stand without a value */
	bool (*set)(const struct flag *flag, void *at, const char *value,
		    struct error *error);
};

struct flag {
	const char *name;
	const struct flag_type *type;
	size_t offset;			/* in struct run_options */
	const char *initial;		/* as it would be given */
	const char *help;		/* of a refused one: what to do instead */
	uint32_t min, max;
};

/* Whether and where a flag was given. */
struct source {
	bool env;
	bool given;
};

static bool read_bool(const char *value, bool *on)
{
	static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" };
	static const char *const no[] = { "0", "f", "F", "FALSE", "false", "False" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(yes); i++) {
		*on = !strcmp(value, yes[i]);
		if (*on || !strcmp(value, no[i]))
			return true;
	}
	return false;
}

static bool set_bool(const struct flag *flag, void *at, const char *value,
		     struct error *error)
{
	(void)flag;
	return read_bool(value, at) || set_error(error, "\"%s\" is neither true nor false", value);
}

/* Of a flag that switches something off. */
static bool set_off(const struct flag *flag, void *at, const char *value,
		    struct error *error)
{
	bool *on = at;

	if (!set_bool(flag, at, value, error))
		return false;
	*on = !*on;
	return true;
}

static bool set_text(const struct flag *flag, void *at, const char *value,
		     struct error *error)
{
	(void)flag;
	(void)error;
	*(const char **)at = value;
	return true;
}

static bool set_path(const struct flag *flag, void *at, const char *value,
		     struct error *error)
{
	if (*value != '/' || strlen(value) > flag->max)
		return set_error(error, "\"%s\" is not an absolute path of at most %u bytes",
				 value, flag->max);
	return set_text(flag, at, value, error);
}

static bool set_number(const struct flag *flag, void *at, const char *value,
		       struct error *error)
{
	struct words w = { 0 };
	uint32_t number;

	if (!parse_number(&w, flag->name, value, flag->min, flag->max, &number))
		return set_error(error, "\"%s\" is not a number from %u to %u", value,
				 flag->min, flag->max);
	*(unsigned int *)at = number;
	return true;
}

static bool set_host(const struct flag *flag, void *at, const char *value,
		     struct error *error)
{
	struct words w = { 0 };

	(void)flag;
	return parse_addr(&w, value, at) || set_error(error, "%s", w.error);
}

/* An address that is kept as text; empty: none. */
static bool set_addr(const struct flag *flag, void *at, const char *value,
		     struct error *error)
{
	struct addr addr;

	if (*value && !set_host(flag, &addr, value, error))
		return false;
	if (*value && flag->max && addr.family != flag->max)
		return set_error(error, "\"%s\" is not an IPv%c address", value,
				 flag->max == AF_INET ? '4' : '6');
	return set_text(flag, at, value, error);
}

static bool set_list(const struct flag *flag, void *at, const char *value,
		     struct error *error)
{
	const char ***list = at, **grown;
	size_t count = 0;

	(void)flag;
	while (*list && (*list)[count])
		count++;
	grown = reallocarray(*list, count + 2, sizeof(*grown));
	if (!grown)
		return set_error(error, "no memory for %zu values", count + 1);
	grown[count] = *value ? value : NULL;
	grown[count + 1] = NULL;
	*list = grown;
	return true;
}

static bool set_srccheck(const struct flag *flag, void *at, const char *value,
			 struct error *error)
{
	char *word = (char *)value;
	struct words w = { .word = &word, .count = 1 };
	struct link_options options = { 0 };

	if (!options_parse(&w, flag->name, &options))
		return set_error(error, "\"%s\" is none of off, lease and strict", value);
	*(uint8_t *)at = options.srccheck;
	return true;
}

static bool set_level(const struct flag *flag, void *at, const char *value,
		      struct error *error)
{
	static const char *const names[] = {
		[LEVEL_ERROR] = "error", [LEVEL_WARNING] = "warning",
		[LEVEL_INFO] = "info", [LEVEL_DEBUG] = "debug",
	};
	size_t i;

	(void)flag;
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(value, names[i]))
			continue;
		*(enum log_level *)at = i;
		return true;
	}
	return set_error(error, "\"%s\" is none of error, warning, info and debug", value);
}

/* flanneld's own scale: 0 is the usual amount, all above is for its developers. */
static bool set_verbosity(const struct flag *flag, void *at, const char *value,
			  struct error *error)
{
	unsigned int number;

	if (!set_number(flag, &number, value, error))
		return false;
	*(enum log_level *)at = number ? LEVEL_DEBUG : LEVEL_INFO;
	return true;
}

static bool is_instance(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return len && !name[len] && len < RUN_INSTANCE;
}

static bool set_instance(const struct flag *flag, void *at, const char *value,
			 struct error *error)
{
	(void)flag;
	if (!is_instance(value))
		return set_error(error, "\"%s\" is not 1 to %d of a-z, 0-9, _ and -", value,
				 RUN_INSTANCE - 1);
	strcpy(at, value);
	return true;
}

static bool refuse(const struct flag *flag, void *at, const char *value,
		   struct error *error)
{
	(void)at;
	/* An empty value asks for nothing */
	return !*value || set_error(error, "%s", flag->help);
}

static bool refuse_bool(const struct flag *flag, void *at, const char *value,
			struct error *error)
{
	bool on;

	(void)at;
	if (!set_bool(flag, &on, value, error))
		return false;
	return !on || set_error(error, "%s", flag->help);
}

static const struct flag_type t_bool = { NULL, set_bool };
static const struct flag_type t_off = { NULL, set_off };
static const struct flag_type t_text = { "TEXT", set_text };
static const struct flag_type t_file = { "FILE", set_text };
static const struct flag_type t_path = { "PATH", set_path };
static const struct flag_type t_number = { "N", set_number };
static const struct flag_type t_host = { "ADDR", set_host };
static const struct flag_type t_addr = { "ADDR", set_addr };
static const struct flag_type t_list = { "TEXT", set_list };
static const struct flag_type t_srccheck = { "off|lease|strict", set_srccheck };
static const struct flag_type t_level = { "LEVEL", set_level };
static const struct flag_type t_verbosity = { "N", set_verbosity };
static const struct flag_type t_instance = { "NAME", set_instance };
static const struct flag_type t_refused = { "TEXT", refuse };
static const struct flag_type t_refused_bool = { NULL, refuse_bool };

#define AT(member)	offsetof(struct run_options, member)
#define KUBE \
	"the Kubernetes store is not part of this version: use --etcd-endpoints or --lease-file"
#define ONE_NETWORK \
	"one agent serves one network: start one for each, with its own --subnet-file and --etcd-prefix"
#define NO_SERVER	"there is no client and server mode: give every node --etcd-endpoints"
#define NO_DETECT	"say which interface with --iface, --iface-regex or --iface-can-reach"
#define NO_KLOG		"lines have a level, not a place in the source: use --log-level"

static const struct flag flags[] = {
	/* The store */
	{ "etcd-endpoints", &t_text, AT(etcd.endpoints),
	  "http://127.0.0.1:4001,http://127.0.0.1:2379", "URLs of etcd, separated by commas" },
	{ "etcd-prefix", &t_text, AT(etcd.prefix), "/coreos.com/network",
	  "where in etcd the network is" },
	{ "etcd-keyfile", &t_file, AT(etcd.keyfile), "", "key of the client certificate" },
	{ "etcd-certfile", &t_file, AT(etcd.certfile), "", "client certificate" },
	{ "etcd-cafile", &t_file, AT(etcd.cafile), "",
	  "authority that etcd's certificate is checked against" },
	{ "etcd-username", &t_text, AT(etcd.username), "", "user of etcd" },
	{ "etcd-password", &t_text, AT(etcd.password), "",
	  "its password; better in FLANNELD_ETCD_PASSWORD" },
	{ "subnet-lease-renew-margin", &t_number, AT(etcd.renew_margin), "60",
	  "minutes before its end that a lease is renewed", 1, 1439 },
	{ "lease-file", &t_file, AT(file.path), "", "all leases in one file, instead of etcd" },
	{ "net-config-path", &t_file, AT(etcd.net_config_path), "",
	  "net-conf.json, instead of the one in etcd or the header of the lease file" },
	/* Interface and addresses */
	{ "iface", &t_list, AT(iface.iface), "",
	  "interface to peers, by name or address; may be repeated, the first one found is taken" },
	{ "iface-regex", &t_list, AT(iface.regex), "",
	  "the same by expression, on addresses, then names; may be repeated" },
	{ "iface-can-reach", &t_addr, AT(iface.can_reach), "",
	  "the same by the route to an address" },
	{ "public-ip", &t_addr, AT(iface.public_ip), "",
	  "IPv4 address that peers are told", 0, AF_INET },
	{ "public-ipv6", &t_addr, AT(iface.public_ip6), "",
	  "IPv6 address that peers are told", 0, AF_INET6 },
	/* What is set up */
	{ "subnet-file", &t_path, AT(plan.subnet_file), RUN_SUBNET_FILE,
	  "file with our subnet, for the CNI plugin", 0, 4095 },
	{ "ip-masq", &t_bool, AT(plan.ip_masq), "false",
	  "masquerade what leaves the network" },
	{ "ip-masq-fully-random-disable", &t_off, AT(plan.random_fully), "false",
	  "masquerade without random source ports" },
	{ "iptables-forward-rules", &t_bool, AT(plan.forward_rules), "true",
	  "accept what is forwarded from and to the network" },
	{ "iptables-resync", &t_number, AT(resync), "5",
	  "seconds between checks of what no event reports, as rules of iptables-legacy",
	  1, 86400 },
	{ "ip-blackhole-route", &t_bool, AT(plan.blackhole_route), "false",
	  "a blackhole for our own subnet beneath its routes" },
	{ "ip-forward", &t_bool, AT(plan.ip_forward), "true",
	  "switch forwarding on in the kernel" },
	{ "untrack", &t_bool, AT(plan.untrack), "false",
	  "no connection tracking for our own encapsulated packets" },
	{ "srccheck", &t_srccheck, AT(plan.srccheck), "lease",
	  "what the sources of received packets are held against" },
	/* The agent itself */
	{ "instance", &t_instance, AT(instance), NULL,
	  "name of this network on this host (default: after --subnet-file)" },
	{ "run-dir", &t_path, AT(run_dir), "/run/flannel", "directory of locks and sockets",
	  0, RUN_DIR_SIZE - 1 },
	{ "state-dir", &t_path, AT(state_dir), "/var/lib/flannel",
	  "directory of what outlives a reboot", 0, 4000 },
	{ "once", &t_bool, AT(once), "false", "apply once and leave" },
	{ "dry-run", &t_bool, AT(dry_run), "false", "print what would be done, do nothing" },
	{ "takeover", &t_bool, AT(takeover), "true",
	  "take the node over from stock flannel at the start" },
	{ "healthz-ip", &t_host, AT(healthz_ip), "0.0.0.0",
	  "address of /healthz, /readyz, /metrics and /status" },
	{ "healthz-port", &t_number, AT(healthz_port), "0", "their port, 0: off", 0, 65535 },
	{ "log-level", &t_level, AT(level), "info", "error, warning, info or debug" },
	{ "log-json", &t_bool, AT(log_json), "false", "write log lines as JSON" },
	{ "v", &t_verbosity, AT(level), NULL, "0: --log-level info, more: debug", 0, 100 },
	/* Of flanneld, past or present, and not here */
	{ "kube-subnet-mgr", &t_refused_bool, 0, NULL, KUBE },
	{ "kube-api-url", &t_refused, 0, NULL, KUBE },
	{ "kubeconfig-file", &t_refused, 0, NULL, KUBE },
	{ "kube-annotation-prefix", &t_refused, 0, NULL, KUBE },
	{ "set-node-network-unavailable", &t_refused_bool, 0, NULL, KUBE },
	{ "use-multi-cluster-cidr", &t_refused_bool, 0, NULL, KUBE },
	{ "vmodule", &t_refused, 0, NULL, NO_KLOG },
	{ "log_backtrace_at", &t_refused, 0, NULL, NO_KLOG },
	{ "networks", &t_refused, 0, NULL, ONE_NETWORK },
	{ "subnet-dir", &t_refused, 0, NULL, ONE_NETWORK },
	{ "listen", &t_refused, 0, NULL, NO_SERVER },
	{ "remote", &t_refused, 0, NULL, NO_SERVER },
	{ "remote-keyfile", &t_refused, 0, NULL, NO_SERVER },
	{ "remote-certfile", &t_refused, 0, NULL, NO_SERVER },
	{ "remote-cafile", &t_refused, 0, NULL, NO_SERVER },
	{ "auto-detect-ipv4", &t_refused_bool, 0, NULL, NO_DETECT },
	{ "auto-detect-ipv6", &t_refused_bool, 0, NULL, NO_DETECT },
};

#define FLAGS		ARRAY_SIZE(flags)
#define FLAG_NAME	64

struct parsing {
	struct run_options *o;
	struct source source[FLAGS];
	struct error *error;
};

static const struct flag *find_flag(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < FLAGS; i++)
		if (!strncmp(flags[i].name, name, len) && !flags[i].name[len])
			return &flags[i];
	return NULL;
}

/* As whoever gave it wrote it. */
static const char *source_name(const struct flag *flag, bool env, char text[FLAG_NAME])
{
	char *c;

	snprintf(text, FLAG_NAME, "%s%s", env ? ENV_PREFIX : "--", flag->name);
	for (c = text; env && *c; c++)
		*c = *c == '-' ? '_' : toupper((unsigned char)*c);
	return text;
}

static bool set_flag(struct parsing *p, const struct flag *flag, const char *value, bool env)
{
	char name[FLAG_NAME];
	struct error why;

	if (!flag->type->set(flag, (char *)p->o + flag->offset, value, &why))
		return set_error(p->error, "%s: %s", source_name(flag, env, name), why.text);
	p->source[flag - flags] = (struct source){ .env = env, .given = true };
	return true;
}

static bool set_initial(struct parsing *p)
{
	size_t i;

	for (i = 0; i < FLAGS; i++)
		if (flags[i].initial && !set_flag(p, &flags[i], flags[i].initial, false))
			return false;
	memset(p->source, 0, sizeof(p->source));
	return true;
}

/* The name after one or two dashes, or NULL. */
static const char *flag_word(const char *word)
{
	if (word[0] != '-' || !word[1])
		return NULL;
	word += word[1] == '-' ? 2 : 1;
	return *word ? word : NULL;
}

static bool is_flag(const char *word)
{
	const char *name = flag_word(word);

	return name && find_flag(name, strcspn(name, "="));
}

/* The value of @flag, in the word itself or in the one behind it. */
static const char *flag_value(struct words *w, const struct flag *flag, const char *equals,
			      struct error *error)
{
	if (*equals)
		return equals + 1;
	if (!flag->type->arg)
		return "true";
	if (w->count && !is_flag(w->word[0]))
		return words_next(w);
	set_error(error, "--%s needs a value: --%s=%s", flag->name, flag->name,
		  flag->type->arg);
	return NULL;
}

static bool take_word(struct parsing *p, struct words *w, const char *word)
{
	const char *name = flag_word(word), *value;
	const struct flag *flag;
	size_t len;

	if (!name)
		return set_error(p->error,
				 "\"%s\" is no option; the value of a switch stands behind =, as in --ip-masq=false",
				 word);
	len = strcspn(name, "=");
	flag = find_flag(name, len);
	if (!flag)
		return set_error(p->error,
				 "unknown option \"%.*s\": flctl run --help lists all",
				 (int)(name - word + len), word);
	value = flag_value(w, flag, name + len, p->error);
	return value && set_flag(p, flag, value, false);
}

static bool is_word(const char *word, const char *name)
{
	const char *text = flag_word(word);

	return text && !strcmp(text, name);
}

static enum run_order read_words(struct parsing *p, int argc, char **argv)
{
	struct words w = { .word = argv, .count = argc };
	const char *word;

	while ((word = words_next(&w))) {
		if (is_word(word, "help") || is_word(word, "h"))
			return RUN_HELP;
		if (is_word(word, "version"))
			return RUN_VERSION;
		if (!take_word(p, &w, word))
			return RUN_WRONG;
	}
	return RUN_AGENT;
}

/* The flag that @var, "FLANNELD_...=...", is for. */
static const struct flag *env_flag(const char *var)
{
	size_t len = strcspn(var, "="), i;
	char name[FLAG_NAME];

	for (i = 0; i < FLAGS; i++)
		if (!strncmp(source_name(&flags[i], true, name), var, len) && !name[len])
			return &flags[i];
	return NULL;
}

static void note_unknown(struct run_options *o, const char *var)
{
	size_t used = strlen(o->notice);

	snprintf(o->notice + used, sizeof(o->notice) - used, "%s%.*s",
		 used ? ", " : "no option, ignored: ", (int)strcspn(var, "="), var);
}

static bool read_env(struct parsing *p, char **env)
{
	const struct flag *flag;
	const char *value;

	for (; *env; env++) {
		if (strncmp(*env, ENV_PREFIX, strlen(ENV_PREFIX)))
			continue;
		value = *env + strcspn(*env, "=");
		if (*value)
			value++;
		flag = env_flag(*env);
		if (!flag)
			note_unknown(p->o, *env);
		else if (*value && !p->source[flag - flags].given &&
			 !set_flag(p, flag, value, true))
			return false;
	}
	return true;
}

/* Was @name given?  Then @text is as whom. */
static bool given(const struct parsing *p, const char *name, char text[FLAG_NAME])
{
	const struct flag *flag = find_flag(name, strlen(name));
	const struct source *source = &p->source[flag - flags];

	source_name(flag, source->env, text);
	return source->given;
}

static bool check_store(struct parsing *p)
{
	static const char *const etcd[] = {
		"etcd-endpoints", "etcd-prefix", "etcd-keyfile", "etcd-certfile", "etcd-cafile",
		"etcd-username", "etcd-password", "subnet-lease-renew-margin",
	};
	char file[FLAG_NAME], name[FLAG_NAME];
	size_t i;

	if (!*p->o->file.path)
		return true;
	given(p, "lease-file", file);
	for (i = 0; i < ARRAY_SIZE(etcd); i++)
		if (given(p, etcd[i], name))
			return set_error(p->error,
					 "%s and %s: leases come from a file or from etcd, not from both",
					 file, name);
	return true;
}

/* One of the two alone is of no use. */
static bool check_pair(struct parsing *p, const char *a, const char *one, const char *b,
		       const char *other)
{
	char name[FLAG_NAME];

	if (!*one == !*other)
		return true;
	given(p, *one ? a : b, name);
	return set_error(p->error, "%s needs --%s as well", name, *one ? b : a);
}

static bool check_conflicts(struct parsing *p)
{
	const struct etcd_options *etcd = &p->o->etcd;
	char level[FLAG_NAME], v[FLAG_NAME];

	if (given(p, "log-level", level) && given(p, "v", v))
		return set_error(p->error, "%s and %s both say how much to log: give one", level,
				 v);
	return check_store(p) &&
	       check_pair(p, "etcd-keyfile", etcd->keyfile, "etcd-certfile", etcd->certfile) &&
	       check_pair(p, "etcd-username", etcd->username, "etcd-password", etcd->password);
}

/* The base name without ".env", or the directory's when that is "subnet". */
static void name_instance(char instance[RUN_INSTANCE], const char *path)
{
	const char *end = path + strlen(path), *start;
	size_t i;

	if (!strcmp(path, RUN_SUBNET_FILE)) {
		strcpy(instance, RUN_DEFAULT_INSTANCE);
		return;
	}
	if (end - path > 11 && !strcmp(end - 11, "/subnet.env"))
		end -= 11;
	else if (end - path > 4 && !strcmp(end - 4, ".env"))
		end -= 4;
	for (start = end; start[-1] != '/';)
		start--;
	for (i = 0; start + i < end && i < RUN_INSTANCE - 1; i++)
		instance[i] = isalnum((unsigned char)start[i]) || start[i] == '_' ?
			      tolower((unsigned char)start[i]) : '-';
	instance[i] = '\0';
	if (!i)
		strcpy(instance, RUN_DEFAULT_INSTANCE);
}

static enum run_order read_all(struct parsing *p, int argc, char **argv, char **env)
{
	enum run_order order;

	if (!set_initial(p))
		return RUN_WRONG;
	order = read_words(p, argc, argv);
	if (order != RUN_AGENT)
		return order;
	return read_env(p, env) && check_conflicts(p) ? RUN_AGENT : RUN_WRONG;
}

enum run_order run_options_parse(struct run_options *o, int argc, char **argv,
				 char **env, struct error *error)
{
	struct parsing p = { .o = o, .error = error };
	enum run_order order;

	memset(o, 0, sizeof(*o));
	order = read_all(&p, argc, argv, env);
	if (order != RUN_AGENT)
		return order;
	o->file.net_config_path = o->etcd.net_config_path;
	if (!*o->instance)
		name_instance(o->instance, o->plan.subnet_file);
	o->plan.instance = o->instance;
	return RUN_AGENT;
}

void run_options_free(struct run_options *o)
{
	free(o->iface.iface);
	free(o->iface.regex);
	memset(o, 0, sizeof(*o));
}

static bool is_refused(const struct flag *flag)
{
	return flag->type == &t_refused || flag->type == &t_refused_bool;
}

static void help_flag(FILE *file, const struct flag *flag)
{
	char left[64];

	snprintf(left, sizeof(left), "--%s%s%s", flag->name, flag->type->arg ? " " : "",
		 flag->type->arg ? flag->type->arg : "");
	fprintf(file, "  %-34s %s", left, flag->help);
	if (flag->initial && *flag->initial && strcmp(flag->initial, "false"))
		fprintf(file, " (default %s)", flag->initial);
	fputc('\n', file);
}

void run_options_help(FILE *file, const char *verb)
{
	const char *reason = "";
	size_t i;

	fprintf(file, "Usage: flctl %s [OPTION]...\n\n", verb);
	fputs("One or two dashes, the value behind = or as the next word; a switch alone is\n"
	      "true, --ip-masq=false is false.  Each option may also come from the\n"
	      "environment: --ip-masq is FLANNELD_IP_MASQ.  The command line wins.\n\n", file);
	for (i = 0; i < FLAGS; i++)
		if (!is_refused(&flags[i]))
			help_flag(file, &flags[i]);
	fputs("  --help, --version\n\nOptions of flanneld that are refused:\n", file);
	for (i = 0; i < FLAGS; i++) {
		if (!is_refused(&flags[i]))
			continue;
		if (strcmp(reason, flags[i].help))
			fprintf(file, "  %s:\n", flags[i].help);
		reason = flags[i].help;
		fprintf(file, "      --%s\n", flags[i].name);
	}
}

const char *run_options_path(const struct run_options *o, const char *suffix,
			     char path[RUN_PATH])
{
	snprintf(path, RUN_PATH, "%s/%s%s", o->run_dir, o->instance, suffix);
	return path;
}
