// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flanneld.h"
#include "run_options.h"
#include "subnet_env.h"

/* What it takes when it is not told. */
#define FLANNELD_PREFIX		"/coreos.com/network"
#define FLANNELD_ENDPOINTS	"http://127.0.0.1:4001,http://127.0.0.1:2379"

static bool has_name(const char *pid)
{
	char path[64], name[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(name, sizeof(name), file))
		name[0] = '\0';
	fclose(file);
	/* The releases are called flanneld-amd64 and the like. */
	return !strncmp(name, "flanneld", 8) && strchr("\n-", name[8]);
}

static bool is_here(const char *pid)
{
	struct stat ours, theirs;
	char path[64];

	/* ns/net of somebody with more capabilities cannot be read; this can. */
	snprintf(path, sizeof(path), "/proc/%.20s/net/dev", pid);
	if (stat("/proc/self/net/dev", &ours) || stat(path, &theirs))
		return true;
	return ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

/* --- what it was started with --- */

/* Far more than it is ever given; what is longer is cut. */
#define WORDS		(128 * 1024)

struct words_of {
	char text[WORDS];		/* each with a NUL behind it */
	size_t len;
	int error;			/* errno: they cannot be read */
};

struct flanneld {
	pid_t pid;
	struct words_of line, env;
};

static void read_words(pid_t pid, const char *name, struct words_of *words)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	errno = 0;
	words->len = 0;
	file = fopen(path, "re");
	if (file) {
		words->len = fread(words->text, 1, WORDS - 1, file);
		words->error = ferror(file) ? errno : 0;
		fclose(file);
	} else {
		words->error = errno;
	}
	words->text[words->len] = '\0';
}

static const char *next_word(const struct words_of *words, const char *word)
{
	word = word ? word + strlen(word) + 1 : words->text;
	return word < words->text + words->len ? word : NULL;
}

/* -NAME VALUE, -NAME=VALUE, with one dash or two; the last one counts. */
static const char *on_line(const struct flanneld *f, const char *name, bool is_switch)
{
	const char *word = NULL, *rest, *value = NULL;
	size_t len = strlen(name);

	while ((word = next_word(&f->line, word))) {
		rest = word + strspn(word, "-");
		if (rest == word || rest > word + 2 || strncmp(rest, name, len))
			continue;
		if (rest[len] == '=')
			value = rest + len + 1;
		else if (!rest[len])
			value = is_switch ? "true" : next_word(&f->line, word) ?: value;
	}
	return value;
}

/* FLANNELD_NAME; empty means absent. */
static const char *in_env(const struct flanneld *f, const char *name)
{
	char key[64] = "FLANNELD_";
	const char *word = NULL;
	size_t i, len = strlen(key);

	for (i = 0; name[i] && len < sizeof(key) - 2; i++)
		key[len++] = name[i] == '-' ? '_' : toupper((unsigned char)name[i]);
	key[len++] = '=';
	while ((word = next_word(&f->env, word)))
		if (!strncmp(word, key, len) && word[len])
			return word + len;
	return NULL;
}

/* As flanneld finds it; NULL: that cannot be told. */
static const char *option(const struct flanneld *f, const char *name, const char *otherwise)
{
	const char *value = on_line(f, name, false);

	if (value || f->env.error)
		return value;
	return in_env(f, name) ?: otherwise;
}

/* --- is it for our network? --- */

/* What speaks for it, against it, or neither. */
enum verdict {
	UNKNOWN,
	SAME,
	DIFFERENT,
};

static bool same_key(const char *a, const char *b)
{
	size_t x, y;

	a += strspn(a, "/");
	b += strspn(b, "/");
	for (x = strlen(a); x && a[x - 1] == '/'; x--)
		;
	for (y = strlen(b); y && b[y - 1] == '/'; y--)
		;
	return x == y && !memcmp(a, b, x);
}

static bool is_by_kubernetes(const struct flanneld *f)
{
	const char *value = on_line(f, "kube-subnet-mgr", true) ?: in_env(f, "kube-subnet-mgr");

	return value && (!strcasecmp(value, "true") || !strcasecmp(value, "t") ||
			 !strcmp(value, "1"));
}

/* One prefix may stand in several etcds, and one etcd have several names. */
static enum verdict judge_store(const struct flanneld *f, const struct flanneld_us *us)
{
	const char *prefix = option(f, "etcd-prefix", FLANNELD_PREFIX);
	const char *endpoints = option(f, "etcd-endpoints", FLANNELD_ENDPOINTS);

	if (!us->etcd)
		return UNKNOWN;
	if (is_by_kubernetes(f) || (prefix && !same_key(prefix, us->etcd->prefix)))
		return DIFFERENT;
	return prefix && endpoints && !strcmp(endpoints, us->etcd->endpoints) ? SAME : UNKNOWN;
}

/* Its subnet file, from here; false when it is not known which. */
static bool find_file(const struct flanneld *f, char *path, size_t size)
{
	const char *file = option(f, "subnet-file", RUN_SUBNET_FILE);

	return file && snprintf(path, size, "/proc/%d/root%s%s", f->pid, *file == '/' ? "" : "/",
				file) < (int)size;
}

/* Whoever made it, it is not waited for. */
static bool read_env(const char *path, struct subnet_env *env)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char text[SUBNET_ENV_TEXT] = "";
	struct stat st;
	ssize_t len;

	if (fd < 0)
		return false;
	len = fstat(fd, &st) || !S_ISREG(st.st_mode) ? -1 : read(fd, text, sizeof(text) - 1);
	close(fd);
	errno = EINVAL;
	return len > 0 && subnet_env_parse(text, env, NULL) &&
	       (env->network4.addr.family || env->network6.addr.family);
}

static bool is_file(const char *path, const char *ours)
{
	struct stat a, b;

	return !stat(path, &a) && !stat(ours, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static bool overlaps(const struct prefix *a, const struct prefix *b)
{
	return a->addr.family && a->addr.family == b->addr.family && prefix_overlaps(a, b);
}

static enum verdict judge_network(const struct subnet_env *env, const struct flanneld_us *us)
{
	return overlaps(&env->network4, &us->network4) || overlaps(&env->network6, &us->network6) ?
		SAME : DIFFERENT;
}

/* A device of the name of ours, with an address of its network? */
static const struct fact_link *find_device(const struct subnet_env *env,
					   const struct flanneld_us *us)
{
	const struct prefix *addr;
	size_t i, j;

	for (i = 0; us->facts && i < us->facts->addr_count; i++)
		for (j = 0; j < ARRAY_SIZE(us->links); j++) {
			addr = &us->facts->addrs[i].prefix;
			if (us->links[j] && us->links[j]->ifindex == us->facts->addrs[i].ifindex &&
			    (prefix_contains(&env->network4, &addr->addr) ||
			     prefix_contains(&env->network6, &addr->addr)))
				return us->links[j];
		}
	return NULL;
}

static bool __printf(3, 4) refuse(const struct flanneld *f, struct error *error,
				  const char *fmt, ...)
{
	struct error why;
	va_list args;

	va_start(args, fmt);
	vsnprintf(why.text, sizeof(why.text), fmt, args);
	va_end(args);
	set_error(error, "flanneld (pid %d) is running: stop it first; %.300s", f->pid, why.text);
	return false;
}

static bool is_path(const struct flanneld *f, const char *ours)
{
	const char *file = option(f, "subnet-file", RUN_SUBNET_FILE);

	return file && !strcmp(file, ours);
}

/* Nothing is known of its network: then there must be no device that may be its. */
static bool is_other_by_store(const struct flanneld *f, const struct flanneld_us *us,
			      const char *path, int code, struct error *error)
{
	enum verdict store = judge_store(f, us);

	if (store == SAME)
		return refuse(f, error, "it has the prefix %s in the same etcd", us->etcd->prefix);
	if (is_path(f, us->subnet_file))
		return refuse(f, error, "it writes the same subnet file, %.200s", us->subnet_file);
	if (store == DIFFERENT && !us->links[0] && !us->links[1])
		return true;
	if (f->env.error)
		return refuse(f, error, "which network it is for is not known: its environment cannot be read: %s",
			      strerror(f->env.error));
	return refuse(f, error, "which network it is for is not known: it has no subnet file that can be read, %.128s: %s",
		      path, strerror(code));
}

/* False with a sentence when it is for ours, or cannot be told from one that is. */
static bool is_other(const struct flanneld *f, const struct flanneld_us *us, struct error *error)
{
	struct subnet_env env = { 0 };
	const struct fact_link *link;
	char path[4096] = "";

	if (!find_file(f, path, sizeof(path)) || !read_env(path, &env))
		return is_other_by_store(f, us, path, errno, error);
	if (is_file(path, us->subnet_file))
		return refuse(f, error, "it writes the same subnet file, %.200s", us->subnet_file);
	if (judge_network(&env, us) == SAME)
		return refuse(f, error, "it is for the same network, as %.200s says", path);
	if (judge_store(f, us) == SAME)
		return refuse(f, error, "it has the prefix %s in the same etcd", us->etcd->prefix);
	link = find_device(&env, us);
	return !link || refuse(f, error, "it has the device %s for another network", link->name);
}

pid_t flanneld_find(const struct flanneld_us *us, struct error *error)
{
	static struct flanneld f;
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	if (!dir)
		return 0;
	while (!found && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)*entry->d_name) || !has_name(entry->d_name) ||
		    !is_here(entry->d_name))
			continue;
		f.pid = atoi(entry->d_name);
		read_words(f.pid, "cmdline", &f.line);
		read_words(f.pid, "environ", &f.env);
		/* Without words it has ended. */
		if (f.line.len && !is_other(&f, us, error))
			found = f.pid;
	}
	closedir(dir);
	return found;
}
