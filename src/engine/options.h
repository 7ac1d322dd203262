/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - options that only some engines have, given as text: "threads=8", "timeout=2s".
 *
 * An engine lists its options in a table (engine_ops.options), so that a misspelt one can be
 * refused before the engine is opened, with the ones that there are.
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
	uint32_t timeout_ms; /* uring_cmd: of one command */
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
	size_t offset;	   /* of its value in struct engine_tuning */
	uint64_t min, max; /* of a time: ns */
};

/*
 * Parses TEXT (NULL or "": no options) for the engine OPS into TUNING, which is cleared first. A
 * key that comes twice has its last value. -EINVAL with words: an unknown key, no value, or one out
 * of range. Any thread.
 */
int engine_options_parse(const struct engine_ops *ops, const char *text,
			 struct engine_tuning *tuning);

#endif
