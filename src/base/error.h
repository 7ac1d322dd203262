/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error.h - sets the text that weir_error() returns.
 */
#ifndef ERROR_H
#define ERROR_H

#include <stdarg.h>

#include <weir/base.h>

#define ERROR_BYTES 512

/*
 * Sets this thread's error text and returns ERR (a negative errno), so that a caller can write
 * `return error_set(-EINVAL, "...")`. The text says what was wrong, where and what to do; it
 * does not repeat the errno's name.
 */
int error_set(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

/*
 * Does what error_set() does, and appends ": " and the words for ERR.
 */
int error_sys(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

/* What texts advise. Its name depends on who reads them: see weir_error_name(). */
enum error_option {
	ERROR_ARENA_BYTES,
	ERROR_BLOCK_BYTES,
	ERROR_DEGRADED,
	ERROR_FORCE,
	ERROR_FORMAT, /* the function that makes a store */
	ERROR_FREE_HIGH,
	ERROR_FREE_LOW,
	ERROR_LOCK_WAIT,
	ERROR_MAX_VALUE,
	ERROR_PLACEMENT_NONE,
	ERROR_REWRITE,
	ERROR_SALVAGE,
	ERROR_SEGMENT_BYTES,
	ERROR_SHARE_BYTES,
	ERROR_UNREGISTER,   /* the function that ends the registration of memory */
	ERROR_WRITE_BUDGET, /* the function that sets it */
	ERROR_OPTIONS
};

/* Returns the name of OPTION for a text. It stays valid. */
const char *error_name(enum error_option option);

/* Refuses a call that a callback may not make: returns -EDEADLK with "a callback cannot WHAT". */
int error_in_callback(const char *what) __attribute__((cold));

/*
 * The scope of a call that may succeed although some of its steps fail, for example if the second
 * engine works and the first does not. The text of such a step must not outlive the call:
 * weir_error() does not change if a call succeeds. error_begin() notes the text. error_end()
 * returns ERR, and
 * - if ERR is no error, restores the noted text;
 * - if ERR is an error and no step has set a text, sets one as error_sys() does.
 */
struct error_scope {
	uint64_t count;
	char text[ERROR_BYTES];
};

void error_begin(struct error_scope *scope);
int error_end(const struct error_scope *scope, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
