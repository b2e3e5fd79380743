// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "apply_errand.h"
#include "apply_impl.h"

/* A line each, which begins with one of these. */
#define CHANGE	'+'
#define FAILURE	'-'

struct task {
	bool (*work)(struct apply *a, void *data, struct error *error);
	void *data;
};

static void write_change(void *data, const char *line)
{
	fprintf(data, "%c%.*s\n", CHANGE, (int)strcspn(line, "\n"), line);
}

static void run(void *data, FILE *out)
{
	const struct task *task = data;
	struct apply a = { .say = write_change, .data = out };
	struct error error = { "" };

	if (!task->work(&a, task->data, &error))
		fprintf(out, "%c%.*s\n", FAILURE, (int)strcspn(error.text, "\n"), error.text);
}

bool apply_errand_start(struct apply_errand *e,
			bool (*work)(struct apply *a, void *data, struct error *error), void *data,
			int64_t milliseconds)
{
	struct task task = { .work = work, .data = data };

	return errand_start(&e->errand, run, &task, milliseconds);
}

bool apply_errand_done(const struct apply_errand *e, struct error *error)
{
	const char *line = e->errand.text;

	if (!e->errand.done)
		return set_error(error, "the process that runs iptables came to no end");
	for (; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (*line == FAILURE)
			return set_error(error, "%.*s", (int)strcspn(line + 1, "\n"), line + 1);
	}
	return true;
}

void apply_errand_say(struct apply_errand *e, struct apply *a)
{
	char *rest = e->errand.text, *line;

	while (e->errand.done && (line = strsep(&rest, "\n")))
		if (*line == CHANGE)
			apply_say(a, "%s", line + 1);
	e->errand.text[0] = '\0';
}
