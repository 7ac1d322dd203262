/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error.c - keeps the text of the last error of each thread, and the names that texts have for
 * options. Each thread owns its own text. The names belong to the process; any thread sets and
 * reads them.
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

/* As a C program has them. */
static const char *const error_options[ERROR_OPTIONS] = {
	[ERROR_ARENA_BYTES] = "arena_bytes",
	[ERROR_BLOCK_BYTES] = "block_bytes",
	[ERROR_DEGRADED] = "degraded",
	[ERROR_FORCE] = "force",
	[ERROR_FORMAT] = "weir_store_format()",
	[ERROR_FREE_HIGH] = "free_high_percent",
	[ERROR_FREE_LOW] = "free_low_percent",
	[ERROR_LOCK_WAIT] = "lock_wait_ns",
	[ERROR_MAX_VALUE] = "max_value_bytes",
	[ERROR_PLACEMENT_NONE] = "WEIR_PLACEMENT_NONE",
	[ERROR_REWRITE] = "rewrite_percent",
	[ERROR_SALVAGE] = "salvage",
	[ERROR_SEGMENT_BYTES] = "segment_bytes",
	[ERROR_SHARE_BYTES] = "share_bytes_max",
	[ERROR_UNREGISTER] = "weir_queue_unregister()",
	[ERROR_WRITE_BUDGET] = "weir_store_set_write_budget()",
};
/* What the user of this process has instead, or NULL. */
static const char *error_names[ERROR_OPTIONS];

const char *error_name(enum error_option option)
{
	const char *name = __atomic_load_n(&error_names[option], __ATOMIC_ACQUIRE);

	return name ? name : error_options[option];
}

int weir_error_name(const char *option, const char *name)
{
	for (int i = 0; i < ERROR_OPTIONS; i++) {
		if (option && !strcmp(option, error_options[i])) {
			__atomic_store_n(&error_names[i], name, __ATOMIC_RELEASE);
			return 0;
		}
	}
	return error_set(-EINVAL, "no text of an error names the option %s",
			 option ? option : "NULL");
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
