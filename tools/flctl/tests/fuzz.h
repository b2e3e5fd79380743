/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fuzz.h - what the fuzzers of flctl and its agent have in common
 *
 * Numbers that are the same for the same seed, and a complaint that ends the run.
 */
#ifndef FLCTL_TESTS_FUZZ_H
#define FLCTL_TESTS_FUZZ_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state >> 16) % limit;
}

/* @input has @len bytes, of which any may be 0. */
static void expect_of(bool ok, const char *what, const char *input, size_t len)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s: %.*s\n", program_invocation_short_name, what, (int)len, input);
	abort();
}

#endif /* FLCTL_TESTS_FUZZ_H */
