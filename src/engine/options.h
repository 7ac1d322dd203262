/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - options that only some engines have, given as text: "threads=8", "timeout=2s".
 *
 * An engine lists its options in a table (engine_ops.options). So a misspelt option is refused
 * before the engine is opened, and the error lists those that exist.
 */
#ifndef ENGINE_OPTIONS_H
#define ENGINE_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

struct engine_ops;

/* The values of all engines' options. 0: the engine's default. */
struct engine_tuning {
	uint32_t threads;    /* posix: size of the pool, for each lane */
	uint64_t latency_ns; /* null: a command completes after this time */
	uint32_t timeout_ms; /* uring_cmd: limit for one command */
};

enum engine_option_kind {
	ENGINE_OPTION_NUMBER = 0,  /* a uint32_t */
	ENGINE_OPTION_TIME_NS = 1, /* a uint64_t */
	ENGINE_OPTION_TIME_MS = 2, /* a uint32_t: whole ms, never less than what was asked for */
};

/* An option of an engine. A table of them ends with a key of NULL. */
struct engine_option {
	const char *key;
	enum engine_option_kind kind;
	size_t offset;	   /* offset of its value in struct engine_tuning */
	uint64_t min, max; /* times are in ns */
};

/*
 * Parses TEXT (NULL or "": no options) for the engine OPS into TUNING, which is cleared first. If a
 * key comes twice, its last value counts. Returns -EINVAL with an error text for an unknown key, a
 * missing value, or a value out of range. Any thread.
 */
int engine_options_parse(const struct engine_ops *ops, const char *text,
			 struct engine_tuning *tuning);

#endif
