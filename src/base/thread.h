/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread.h - starts the threads of the library, so that they do not disturb the program.
 */
#ifndef THREAD_H
#define THREAD_H

#include <pthread.h>
#include <stdint.h>

/* The kernel keeps 15 characters of a thread's name. */
#define THREAD_NAME_BYTES 16

/*
 * Starts a thread of the library that runs FN(ARG) and has the name NAME ("weir-lane0", at most 15
 * characters). The thread
 * - blocks every signal, so that the program's signals go to the program's own threads;
 * - may run on the CPUs of the process's main thread (those that `taskset -p PID` shows), not only
 *   on those of the thread that opened a queue;
 * - has a stack of the program's default size, but at least 256 KiB.
 * All of this is true when the function returns. The caller joins *THREAD. Returns 0 or -errno,
 * without an error text. Any thread.
 */
int thread_start(pthread_t *thread, const char *name, void *(*fn)(void *arg), void *arg);

/* A number that no other running thread has, for checks on hot paths: pthread_self() is a call of
 * another library. Never 0. */
static inline uintptr_t thread_number(void)
{
#if defined(__x86_64__)
	uintptr_t self;

	__asm__("mov %%fs:0, %0" : "=r"(self)); /* the thread pointer, which the ABI puts there */
	return self;
#elif defined(__aarch64__)
	uintptr_t self;

	__asm__("mrs %0, tpidr_el0" : "=r"(self));
	return self;
#else
	return (uintptr_t)pthread_self();
#endif
}

#endif
