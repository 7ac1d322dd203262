/* SPDX-License-Identifier: Apache-2.0 */
/*
 * done.h - a word that says whether something has finished, on which any thread can sleep.
 *
 * The word belongs to an io or to an operation of the store. Whoever starts it calls done_begin(),
 * whoever finishes it calls done_finish(). A thread that waits changes the word from "pending" to
 * "waited", so that a system call wakes it, and finishing costs no system call where nobody waits.
 */
#ifndef DONE_H
#define DONE_H

#include <stdbool.h>
#include <stdint.h>

/* The values of the word; memory that is all zero is idle. */
enum done { DONE_IDLE = 0, DONE_PENDING = 1, DONE_WAITED = 2, DONE_FINISHED = 3 };

static inline void done_begin(uint32_t *word)
{
	__atomic_store_n(word, DONE_PENDING, __ATOMIC_RELAXED);
}

/* What was written before done_finish() is visible if this says true. */
static inline bool done_is_finished(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE) == DONE_FINISHED;
}

/* Nothing was ever started. */
static inline bool done_is_idle(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE) == DONE_IDLE;
}

/* Wakes all threads that sleep on WORD. Only its address is used, so its memory may be gone. */
void done_wake(uint32_t *word);

/* Says that it has finished. True: somebody waits, and done_wake() must be called. From here on the
 * memory of WORD may be somebody else's. */
static inline bool done_mark(uint32_t *word)
{
	return __atomic_exchange_n(word, DONE_FINISHED, __ATOMIC_SEQ_CST) == DONE_WAITED;
}

/* As done_mark(), and wakes those who wait. */
static inline void done_finish(uint32_t *word)
{
	if (done_mark(word))
		done_wake(word);
}

/* The caller is going to sleep in a way of its own, and has said elsewhere how it is woken. False:
 * it has finished, so do not sleep. True: done_mark() will return true, and whoever called it finds
 * what the caller said before (the accesses are sequentially consistent). */
bool done_announce(uint32_t *word);

/* Sleeps until it has finished, or until clock_now() has reached DEADLINE_NS (UINT64_MAX: never
 * gives up; 0: only looks). True: it has finished. */
bool done_wait(uint32_t *word, uint64_t deadline_ns);

#endif
