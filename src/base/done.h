/* SPDX-License-Identifier: Apache-2.0 */
/*
 * done.h - a word that says whether something has finished, and on which any thread can sleep.
 *
 * The word belongs to an io or to an operation of the store. Whoever starts that calls
 * done_begin(), and whoever finishes it calls done_finish(). A thread that waits changes the word
 * from "pending" to "waited"; then a system call will wake it. If nobody waits, finishing needs no
 * system call.
 */
#ifndef DONE_H
#define DONE_H

#include <stdbool.h>
#include <stdint.h>

/* The values of the word. Memory that is all zeroes is idle. */
enum done { DONE_IDLE = 0, DONE_PENDING = 1, DONE_WAITED = 2, DONE_FINISHED = 3 };

static inline void done_begin(uint32_t *word)
{
	__atomic_store_n(word, DONE_PENDING, __ATOMIC_RELAXED);
}

/* Returns true if it has finished. Then everything that was written before done_finish() is
 * visible. */
static inline bool done_is_finished(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE) == DONE_FINISHED;
}

/* Returns true if nothing was ever started. */
static inline bool done_is_idle(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE) == DONE_IDLE;
}

/* Wakes all threads that sleep on WORD. Only its address is used, so its memory may be gone. */
void done_wake(uint32_t *word);

/* Marks it as finished. Returns true if somebody waits; then done_wake() must be called. From here
 * on the memory of WORD may belong to somebody else. */
static inline bool done_mark(uint32_t *word)
{
	return __atomic_exchange_n(word, DONE_FINISHED, __ATOMIC_SEQ_CST) == DONE_WAITED;
}

/* Does what done_mark() does, and wakes those who wait. */
static inline void done_finish(uint32_t *word)
{
	if (done_mark(word))
		done_wake(word);
}

/* Announces that the caller will sleep in its own way; before, the caller has noted elsewhere how
 * to wake it. Returns false if it has finished: then do not sleep. After true, done_mark() will
 * return true, and its caller finds the note (the accesses are sequentially consistent). */
bool done_announce(uint32_t *word);

/* Sleeps until it has finished, or until clock_now() has reached DEADLINE_NS (UINT64_MAX: no limit;
 * 0: it does not sleep). Returns true if it has finished. */
bool done_wait(uint32_t *word, uint64_t deadline_ns);

#endif
