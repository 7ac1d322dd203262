/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error.c - keeps the text of the last error of each thread. Each thread owns its own text.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/visible.h"

static _Thread_local char error_text[ERROR_BYTES] = "no error";
/* How often the text was set. */
static _Thread_local uint64_t error_count;

const char *weir_error(void)
{
	return error_text;
}

/* The arguments may include weir_error() itself, so the new text is made in another buffer. */
static void error_vset(const char *words, const char *fmt, va_list args)
{
	char text[ERROR_BYTES];
	int saved = errno;
	int len = vsnprintf(text, sizeof(text), fmt, args);

	if (len < 0)
		text[0] = '\0';
	else if (words && (size_t)len < sizeof(text))
		snprintf(text + len, sizeof(text) - (size_t)len, ": %s", words);
	/* The text contains names and words from the user. Invisible characters in them are often
	 * the mistake, so they are spelled out. */
	(void)visible(error_text, sizeof(error_text), text);
	error_count++;
	errno = saved;
}

int error_set(int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	error_vset(NULL, fmt, args);
	va_end(args);
	return err;
}

int error_sys(int err, const char *fmt, ...)
{
	char words[128];
	va_list args;

	va_start(args, fmt);
	error_vset(strerror_r(-err, words, sizeof(words)), fmt, args);
	va_end(args);
	return err;
}

int error_in_callback(const char *what)
{
	return error_set(-EDEADLK, "a callback cannot %s", what);
}

void error_begin(struct error_scope *scope)
{
	scope->count = error_count;
	memcpy(scope->text, error_text, sizeof(scope->text));
}

int error_end(const struct error_scope *scope, int err, const char *fmt, ...)
{
	char words[128];
	va_list args;

	if (error_count == scope->count) {
		if (err >= 0)
			return err;
		va_start(args, fmt);
		error_vset(strerror_r(-err, words, sizeof(words)), fmt, args);
		va_end(args);
	} else if (err >= 0) {
		memcpy(error_text, scope->text, sizeof(error_text));
		error_count = scope->count;
	}
	return err;
}
