// SPDX-License-Identifier: GPL-2.0
/* flctl - control flannel devices: verbs, help, errors. */

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flctl.h"
#include "print.h"

#define LEASE_USAGE	"PREFIX {via VTEP lladdr MAC | local} dev DEV"

static int help(struct words *w);

/*
 * @noun: NULL when the verb stands alone
 * @run: NULL when the agent does it
 * @reads: the verb prints something, and so knows --json
 * @options: its help lists the options of a link
 */
struct verb {
	const char *noun;
	const char *name;
	const char *usage;
	const char *help;
	int (*run)(struct words *w);
	bool reads;
	bool options;
};

static const struct verb verbs[] = {
	{ "link", "add", "DEV [OPTIONS] [mtu N] [up|down]",
	  "add a device", link_add, .options = true },
	{ "link", "set", "DEV [OPTIONS] [mtu N] [up|down]",
	  "change a device; what is not named stays", link_set,
	  .options = true },
	{ "link", "show", "[DEV]",
	  "list devices, their options and what is in effect", link_show,
	  .reads = true },
	{ "link", "del", "DEV", "delete a device", link_del },
	{ "lease", "add", LEASE_USAGE,
	  "add a lease; its prefix must have none", lease_add },
	{ "lease", "change", LEASE_USAGE,
	  "change a lease; its prefix must have one", lease_change },
	{ "lease", "replace", LEASE_USAGE,
	  "add or change a lease", lease_replace },
	{ "lease", "del", "PREFIX dev DEV", "delete a lease", lease_del },
	{ "lease", "list", "[dev DEV] [via VTEP]", "list leases", lease_list,
	  .reads = true },
	{ "lease", "get", "ADDRESS dev DEV",
	  "show the lease that covers an address", lease_get, .reads = true },
	{ "lease", "save", "dev DEV", "print the whole table", lease_save,
	  .reads = true },
	{ "lease", "restore", "dev DEV [FILE] [force]",
	  "replace the whole table at once by the leases in FILE, or - for standard input",
	  lease_restore, .reads = true },
	{ "lease", "flush", "dev DEV", "delete all leases at once",
	  lease_flush },
	{ NULL, "monitor", "[dev DEV]",
	  "print changes of tables as they happen", monitor, .reads = true },
	{ NULL, "stats", "[dev DEV]",
	  "print the counters of devices and of their VTEPs", stats,
	  .reads = true },
	{ NULL, "run", "[--OPTION[=VALUE]...]",
	  "keep this node in the network, by etcd or a lease file; options: flctl run --help" },
	{ NULL, "takeover", "[--dry-run] [--OPTION[=VALUE]...]",
	  "take this node over from stock flannel, once; options: as of run" },
	{ NULL, "reset", "[--dry-run] [--release-lease] [--forget-mac] [--OPTION[=VALUE]...]",
	  "remove what run has put on this host; options: flctl reset --help" },
	{ NULL, "status", "[--json] [--run-dir PATH]",
	  "tell how the agents of this host are" },
	{ NULL, "version", "", "print versions", version, .reads = true },
	{ NULL, "help", "[VERB]", "print this, or the help of a verb", help },
};

bool json;

static void complain(const char *fmt, va_list args)
{
	fflush(stdout);
	fputs("flctl: ", stderr);
	vfprintf(stderr, fmt, args);
}

int fail(int code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	complain(fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return code;
}

int fail_words(const struct words *w)
{
	return fail(EXIT_INPUT, "%s", w->error);
}

/* What to do about an errno that the kernel did not explain. */
static const char *explain(int code)
{
	switch (code) {
	case EPERM:
	case EACCES:
		return "needs CAP_NET_ADMIN: run as root";
	case EINTR:
	case ENOBUFS:
		return "the kernel's list kept changing while it was read: try again";
	case ESTALE:
		return "the table was changed meanwhile";
	case EOPNOTSUPP:
		return "the kernel does not know devices of this kind";
	default:
		return "";
	}
}

int fail_ipc(const char *fmt, ...)
{
	const struct ipc_error *error = ipc_error();
	const char *what = *error->text ? error->text : explain(error->code);
	va_list args;

	if (error->no_module)
		return fail(EXIT_RIGHTS,
			    "module flannel is not loaded: modprobe flannel (as root)");
	va_start(args, fmt);
	complain(fmt, args);
	va_end(args);
	fprintf(stderr, *what ? ": %s (%s)" : ": %s%s", what,
		strerror(error->code));
	fputs(error->code == ESTALE ? ": try again, or say force\n" : "\n",
	      stderr);
	return error->code == EPERM || error->code == EACCES ? EXIT_RIGHTS :
							       EXIT_REFUSED;
}

int start_ipc(void)
{
	if (!ipc_open())
		return EXIT_DONE;
	return fail_ipc("cannot talk to the kernel");
}

int find_device(const char *name, struct ipc_link *link)
{
	int ifindex = if_nametoindex(name);

	if (!ifindex)
		return fail(EXIT_REFUSED, "there is no device %s in this network namespace",
			    name);
	if (ipc_link_get(ifindex, link))
		return fail_ipc("%s", name);
	if (!strcmp(link->kind, FLANNEL_LINK_KIND))
		return EXIT_DONE;
	if (!*link->kind)
		return fail(EXIT_REFUSED, "%s is not a flannel device", name);
	return fail(EXIT_REFUSED, "%s is not a flannel device (it is a %s)",
		    name, link->kind);
}

static bool read_filter(struct words *w, const char *word,
			char dev[IF_NAMESIZE], struct addr *vtep)
{
	const char *value;

	if (!strcmp(word, "dev") && *dev)
		return words_fail(w, "dev is given twice");
	if (!strcmp(word, "dev"))
		return (value = words_value(w, "dev")) &&
		       parse_ifname(w, value, dev);
	if (strcmp(word, "via") || !vtep)
		return words_fail(w, "unknown word \"%s\": %s can be given",
				  word, vtep ? "dev DEV and via VTEP" : "dev DEV");
	if (vtep->family)
		return words_fail(w, "via is given twice");
	return (value = words_value(w, "via")) && parse_addr(w, value, vtep);
}

bool parse_filter(struct words *w, char dev[IF_NAMESIZE], struct addr *vtep)
{
	const char *word;

	*dev = '\0';
	if (vtep)
		vtep->family = AF_UNSPEC;
	while ((word = words_next(w)))
		if (!read_filter(w, word, dev, vtep))
			return false;
	return true;
}

int version(struct words *w)
{
	char module[64] = "";
	FILE *file;

	if (w->count)
		return fail(EXIT_INPUT, "unknown word \"%s\"", w->word[0]);
	file = fopen("/sys/module/" FLANNEL_LINK_KIND "/version", "re");
	if (file && fgets(module, sizeof(module), file))
		module[strcspn(module, "\n")] = '\0';
	if (file)
		fclose(file);
	if (!json) {
		printf("flctl %s, module %s\n", FLCTL_VERSION,
		       *module ? module : "not loaded");
		return EXIT_DONE;
	}
	json_open(NULL, '{');
	json_string("flctl", FLCTL_VERSION);
	if (*module)
		json_string("module", module);
	json_close('}');
	return EXIT_DONE;
}

static void print_usage(FILE *file, const struct verb *verb)
{
	fprintf(file, "flctl %s%s%s%s%s%s\n", verb->reads ? "[--json] " : "",
		verb->noun ? verb->noun : "", verb->noun ? " " : "", verb->name,
		*verb->usage ? " " : "", verb->usage);
}

static void print_verb(const struct verb *verb)
{
	fputs("usage: ", stdout);
	print_usage(stdout, verb);
	printf("  %s\n", verb->help);
	if (!verb->options)
		return;
	fputs("\nOPTIONS (defaults in parentheses):\n", stdout);
	options_help(stdout, "  ");
}

static void print_help(void)
{
	unsigned int i;

	fputs("usage:\n", stdout);
	for (i = 0; i < ARRAY_SIZE(verbs); i++) {
		fputs("  ", stdout);
		print_usage(stdout, &verbs[i]);
	}
	fputs("\n--help behind a verb explains it; flctl(8) explains everything.\n",
	      stdout);
}

static bool is_noun(const char *word)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		if (verbs[i].noun && !strcmp(verbs[i].noun, word))
			return true;
	return false;
}

static const struct verb *find_verb(const char *noun, const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (!verbs[i].noun != !noun || strcmp(verbs[i].name, name))
			continue;
		if (!noun || !strcmp(verbs[i].noun, noun))
			return &verbs[i];
	}
	return NULL;
}

/* The verbs of @noun, or what can stand first. */
static void list_verbs(const char *noun)
{
	const char *last = "";
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(verbs); i++) {
		const char *word = verbs[i].name;

		if (!noun && verbs[i].noun)
			word = verbs[i].noun;
		else if (noun && (!verbs[i].noun || strcmp(verbs[i].noun, noun)))
			continue;
		if (strcmp(word, last))
			fprintf(stderr, " %s", word);
		last = word;
	}
	fputc('\n', stderr);
}

static void no_verb(struct words *w, const char *noun, const char *word)
{
	const char *behind = noun ? " behind " : "";

	if (!noun)
		noun = "";
	if (word)
		words_fail(w, "unknown word \"%s\"%s%s", word, behind, noun);
	else
		words_fail(w, "a word is missing%s%s", behind, noun);
	fprintf(stderr, "flctl: %s: one of", w->error);
	list_verbs(*noun ? noun : NULL);
}

/* NULL after it has complained. */
static const struct verb *read_verb(struct words *w)
{
	const char *word = words_next(w), *noun = NULL;
	const struct verb *verb;

	if (word && is_noun(word)) {
		noun = word;
		word = words_next(w);
	}
	verb = word ? find_verb(noun, word) : NULL;
	if (!verb)
		no_verb(w, noun, word);
	return verb;
}

static int help(struct words *w)
{
	const struct verb *verb;

	if (!w->count) {
		print_help();
		return EXIT_DONE;
	}
	verb = read_verb(w);
	if (!verb)
		return EXIT_INPUT;
	print_verb(verb);
	return EXIT_DONE;
}

static int run(struct words *w, bool wants_help)
{
	const struct verb *verb;

	if (!w->count && wants_help)
		return help(w);
	if (wants_help && w->count == 1 && is_noun(w->word[0])) {
		print_help();
		return EXIT_DONE;
	}
	verb = read_verb(w);
	if (!verb)
		return EXIT_INPUT;
	if (wants_help) {
		print_verb(verb);
		return EXIT_DONE;
	}
	if (json && !verb->reads)
		return fail(EXIT_INPUT, "--json: %s prints nothing",
			    verb->name);
	return verb->run(w);
}

/* Take the switches out of the words. */
static bool take_switches(struct words *w, bool *wants_help)
{
	int i, kept = 0;

	for (i = 0; i < w->count; i++) {
		char *word = w->word[i];

		if (!strcmp(word, "--json") || !strcmp(word, "-j"))
			json = true;
		else if (!strcmp(word, "--help") || !strcmp(word, "-h"))
			*wants_help = true;
		else if (word[0] == '-' && word[1])
			return words_fail(w,
					  "unknown switch \"%s\": there are --json (-j) and --help (-h)",
					  word);
		else
			w->word[kept++] = word;
	}
	w->count = kept;
	return true;
}

/* Verbs whose options the agent reads itself. */
static bool is_agents(const char *word)
{
	const struct verb *verb = find_verb(NULL, word);

	return verb && !verb->run;
}

int main(int argc, char **argv)
{
	struct words w = { .word = argv + 1, .count = argc ? argc - 1 : 0 };
	bool wants_help = false;
	int code, end;

	if (argc > 1 && is_agents(argv[1]))
		return run_agent(argv);
	signal(SIGPIPE, SIG_IGN);
	if (!take_switches(&w, &wants_help))
		return fail_words(&w);
	code = run(&w, wants_help);
	ipc_close();
	end = print_end();
	return code ? code : end;
}
