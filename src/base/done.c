/* SPDX-License-Identifier: Apache-2.0 */
/*
 * done.c - waits until something has finished: looks for a moment, then sleeps on a futex. Owns
 * nothing; any thread.
 */
#include "base/done.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/spin.h"

void done_wake(uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

bool done_announce(uint32_t *word)
{
	uint32_t state = DONE_PENDING;

	if (__atomic_compare_exchange_n(word, &state, DONE_WAITED, false, __ATOMIC_SEQ_CST,
					__ATOMIC_SEQ_CST))
		return true;
	CHECK(state != DONE_IDLE); /* nobody would ever wake the caller */
	return state != DONE_FINISHED;
}

static bool done_spin_ready(const void *word)
{
	return done_is_finished(word);
}

bool done_wait(uint32_t *word, uint64_t deadline_ns)
{
	static __thread struct spin spin;
	struct timespec at = {
		.tv_sec = (time_t)(deadline_ns / NSEC_PER_SEC),
		.tv_nsec = (long)(deadline_ns % NSEC_PER_SEC),
	};

	/* As long as nobody has announced that they sleep, whoever finishes it wakes nobody. */
	if (done_is_finished(word) || spin_wait(&spin, done_spin_ready, word, deadline_ns))
		return true;
	while (done_announce(word)) {
		/* With a bit set, the kernel takes the time as a time of CLOCK_MONOTONIC. Otherwise
		 * it would take it as an interval, which would start again with each spurious
		 * wake-up. */
		long err = syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, DONE_WAITED,
				   deadline_ns == UINT64_MAX ? NULL : &at, NULL,
				   FUTEX_BITSET_MATCH_ANY);

		if (err && errno == ETIMEDOUT)
			return done_is_finished(word);
	}
	return true;
}
