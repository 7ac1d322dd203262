/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h - assertions that stay in release builds.
 *
 * The code is correct only as long as rules of ownership and order are kept. A broken rule ends the
 * program at the place where it was broken, before wrong data reaches a drive. A check costs one
 * compare and one branch that the processor predicts.
 */
#ifndef CHECK_H
#define CHECK_H

/* Prints "file:line: function: CHECK(what) failed" to standard error and calls abort(). */
_Noreturn void check_failed(const char *file, int line, const char *function, const char *what)
	__attribute__((cold, noinline));

/* Ends the program if COND is false. COND is evaluated in every build, whatever NDEBUG says. */
#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (__builtin_expect(!(cond), 0))                                                  \
			check_failed(__FILE__, __LINE__, __func__, #cond);                         \
	} while (0)

#endif
