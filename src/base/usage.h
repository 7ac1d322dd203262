/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage.h - how much of the processors a part of a program used, for benchmarks. The caller owns
 * the struct; the thread that calls usage_begin() calls usage_end().
 */
#ifndef USAGE_H
#define USAGE_H

#include <stdint.h>

/* What was used between usage_begin() and usage_end(), in ns. */
struct usage {
	uint64_t wall_ns;
	uint64_t cpu_ns;     /* CPU time of the calling thread */
	uint64_t wait_ns;    /* time in which it could run and had no processor; 0: not known */
	uint64_t process_ns; /* CPU time of the process, with threads of the kernel that serve it */
};

/* Begins to measure. */
void usage_begin(struct usage *u);

/* Ends it: U has the differences. */
void usage_end(struct usage *u);

/* Returns PART_NS of the time that U lasted, 0 to 1. */
double usage_share(const struct usage *u, uint64_t part_ns);

#endif
