/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench.h - what measurements share: numbers of several runs as one, and counters of the
 * processor. Part of the command, not of the library. Each struct belongs to one thread.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest number of rounds. */
#define BENCH_ROUNDS_MAX 99u

/* The results of the same measurement in several rounds. NAN: there is none in this round. */
struct bench_samples {
	double value[BENCH_ROUNDS_MAX];
	size_t n;
};

/* Adds VALUE; beyond BENCH_ROUNDS_MAX it is dropped. */
void bench_samples_add(struct bench_samples *s, double value);

/* The median (of an even number, the lower one), the least and the greatest; all 0 if none. Rounds
 * without a result do not count. */
struct bench_spread {
	double median, min, max;
};

struct bench_spread bench_spread_of(const struct bench_samples *s);

/* Counts the instructions that the calling thread, and those that it starts, run in user mode. */
struct bench_counter {
	int fd;	      /* -1: the kernel or the processor does not count */
	char why[96]; /* why not, in words, else "" */
};

void bench_counter_open(struct bench_counter *c);
/* Returns the instructions since it was opened, or 0 if they are not counted. */
uint64_t bench_counter_read(const struct bench_counter *c);
void bench_counter_close(struct bench_counter *c);

#endif
