/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error.h - sets the text that weir_error() returns.
 */
#ifndef ERROR_H
#define ERROR_H

#include <stdarg.h>

#include <weir/base.h>

/*
 * Sets this thread's error text and returns ERR (a negative errno), so that a caller can write
 * `return error_set(-EINVAL, "...")`. The text says what was wrong, where and what to do; it
 * does not repeat the errno's name.
 */
int error_set(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

/*
 * As error_set(), with ": " and the words for ERR at the end.
 */
int error_sys(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

#endif
