/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spin.h - waits for another thread for a few microseconds, so that neither needs a system call.
 *
 * A thread that sleeps costs two system calls, its own and that of the thread that wakes it, and
 * often more time than what it waits for. So it looks for a moment first, and lets other threads
 * run on its processor between two looks. Where that was in vain, the next waits do not look: after
 * N waits in vain in a row, 2^N - 1 waits are left out, at most 255. A drive that needs longer than
 * the moment thus costs next to nothing. Where other programs keep the processor for long, it
 * counts as in vain, too.
 */
#ifndef SPIN_H
#define SPIN_H

#include <stdbool.h>
#include <stdint.h>

/* What one waiter remembers; zeroes to begin with. Only one thread at a time uses it. */
struct spin {
	uint8_t skip; /* waits that are left out after the last one in vain */
	uint8_t left; /* of these, those that are still to come */
};

/* Looks whether READY(ARG) is true, again and again, for some microseconds and not beyond
 * DEADLINE_NS of clock_now(). Returns true if it was. Longer only where other programs keep the
 * processor. */
bool spin_wait(struct spin *spin, bool (*ready)(const void *arg), const void *arg,
	       uint64_t deadline_ns);

#endif
