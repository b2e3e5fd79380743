// SPDX-License-Identifier: GPL-2.0
/* main.c - what `flctl run` executes */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "status.h"

static int run(int argc, char **argv)
{
	static struct run_options options;
	struct error error;
	int code = EXIT_SUCCESS;

	switch (run_options_parse(&options, argc, argv, environ, &error)) {
	case RUN_AGENT:
		if (options.notice[0])
			fprintf(stderr, "flctl run: %s\n", options.notice);
		code = agent_run(&options);
		break;
	case RUN_HELP:
		run_options_help(stdout);
		break;
	case RUN_VERSION:
		puts(FLCTL_VERSION);
		break;
	default:
		fprintf(stderr, "flctl run: %s\n", error.text);
		code = EXIT_FAILURE;
	}
	run_options_free(&options);
	return code;
}

int main(int argc, char **argv)
{
	if (argc >= 2 && !strcmp(argv[1], "run"))
		return run(argc - 2, argv + 2);
	if (argc >= 2 && !strcmp(argv[1], "status"))
		return status_show(argc - 2, argv + 2);
	fprintf(stderr, "flctl-agent: executed by flctl, with one of: run, status\n");
	return EXIT_FAILURE;
}
