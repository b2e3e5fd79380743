// SPDX-License-Identifier: GPL-2.0
/* main.c - what `flctl run`, `takeover`, `reset` and `status` execute */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "reset.h"
#include "status.h"

static void take_over(struct run_options *options)
{
	options->once = true;
	options->takeover = true;
	options->takeover_only = true;
}

static int run(const char *verb, int argc, char **argv)
{
	static struct run_options options;
	struct error error;
	int code = EXIT_SUCCESS;

	switch (run_options_parse(&options, argc, argv, environ, &error)) {
	case RUN_AGENT:
		if (options.notice[0])
			fprintf(stderr, "flctl %s: %s\n", verb, options.notice);
		if (!strcmp(verb, "takeover"))
			take_over(&options);
		code = agent_run(&options);
		break;
	case RUN_HELP:
		run_options_help(stdout, verb);
		break;
	case RUN_VERSION:
		puts(FLCTL_VERSION);
		break;
	default:
		fprintf(stderr, "flctl %s: %s\n", verb, error.text);
		code = EXIT_FAILURE;
	}
	run_options_free(&options);
	return code;
}

int main(int argc, char **argv)
{
	const char *verb = argc >= 2 ? argv[1] : "";

	if (!strcmp(verb, "run") || !strcmp(verb, "takeover"))
		return run(verb, argc - 2, argv + 2);
	if (!strcmp(verb, "reset"))
		return reset_run(argc - 2, argv + 2);
	if (!strcmp(verb, "status"))
		return status_show(argc - 2, argv + 2);
	fprintf(stderr,
		"flctl-agent: executed by flctl, with one of: run, takeover, reset, status\n");
	return EXIT_FAILURE;
}
