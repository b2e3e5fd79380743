// SPDX-License-Identifier: GPL-2.0
/*
 * Throw bytes at the parser of requests: whatever it takes is a clean path, and
 * more bytes never turn an answer back into a question.
 *
 *	health_fuzz -n N [-s SEED]	N mutations of good requests, repeatable
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../tests/fuzz.h"
#include "health.h"

static const char *const seeds[] = {
	"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:8081\r\nAccept: */*\r\n\r\n",
	"HEAD /readyz?verbose=1 HTTP/1.0\n\n",
	"GET /0123456789012345678901234567890123456789012345678901234567890 HTTP/1.0\r\n\r\n",
	"POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx",
};

static void expect_clean(const struct health_request *request, const char *text, size_t len)
{
	const char *c;

	expect_of(*request->path == '/', "no path", text, len);
	expect_of(memchr(request->path, '\0', sizeof(request->path)), "endless path", text, len);
	for (c = request->path; *c; c++)
		expect_of(*c > ' ' && *c <= '~' && *c != '?', "raw path", text, len);
}

static void try_input(const char *input, size_t len)
{
	struct health_request request;
	char *text = malloc(len ? len : 1);	/* its end is guarded */
	int whole, status;
	size_t cut;

	memcpy(text, input, len);
	whole = health_parse(text, len, &request);
	expect_of(!whole || whole == 200 || whole == 400 || whole == 404 || whole == 405 ||
	       whole == 431, "odd status", text, len);
	if (whole == 200)
		expect_clean(&request, text, len);
	cut = random_below(len + 1);
	status = health_parse(text, cut, &request);
	expect_of(!status || status == whole, "changed its mind", text, len);
	free(text);
}

static size_t mutate(char input[HEALTH_HEAD])
{
	const char *seed = seeds[random_below(ARRAY_SIZE(seeds))];
	size_t len = strlen(seed), at;
	unsigned int times;

	memcpy(input, seed, len);
	for (times = random_below(6); times; times--) {
		at = random_below(len);
		if (random_below(2))
			input[at] = random_below(256);
		else
			input[at] = " \r\n/?HTP1."[random_below(10)];
	}
	if (!random_below(50)) {
		memset(input + len, 'x', HEALTH_HEAD - len);
		len = HEALTH_HEAD;
	}
	return len - random_below(3) / 2 * random_below(len);
}

int main(int argc, char **argv)
{
	unsigned long count = 100000, i;
	char input[HEALTH_HEAD];
	int option;

	random_state = 1;
	while ((option = getopt(argc, argv, "n:s:")) != -1) {
		if (option == 'n')
			count = strtoul(optarg, NULL, 0);
		else if (option == 's')
			random_state = strtoul(optarg, NULL, 0) | 1;
		else
			return 1;
	}
	for (i = 0; i < count; i++) {
		size_t len = mutate(input);

		try_input(input, len);
	}
	return 0;
}
