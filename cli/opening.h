/* SPDX-License-Identifier: Apache-2.0 */
/*
 * opening.h - how subcommands open a store: the options for it that they share, and what they say
 * when it cannot be opened.
 */
#ifndef OPENING_H
#define OPENING_H

#include <weir/store.h>

#include "cli/options.h"

struct opening {
	const char *engine;    /* NULL: auto */
	const char *scheduler; /* NULL: the queue's default */
	unsigned passthrough;  /* engine uring_cmd, whatever auto would be */
	uint64_t timeout_ns;   /* of an NVMe command; 0: the driver's */
	const char *placement; /* none or stream; NULL: as the store was formatted */
};

/* The options that fill in the struct opening at AT in the struct of a command. */
#define OPENING_OPTIONS(at)                                                                        \
	{ .name = "engine",                                                                        \
	  .type = OPT_STRING,                                                                      \
	  .offset = (at) + offsetof(struct opening, engine),                                       \
	  .arg = "NAME",                                                                           \
	  .help = "how bytes move: auto (default), uring, posix,\nuring_cmd (NVMe passthrough);\n" \
		  "`weir info PATH` says what works" },                                            \
		{ .name = "passthrough",                                                           \
		  .type = OPT_FLAG,                                                                \
		  .offset = (at) + offsetof(struct opening, passthrough),                          \
		  .help = "NVMe passthrough: as --engine uring_cmd" },                             \
		{ .name = "timeout",                                                               \
		  .type = OPT_TIME,                                                                \
		  .offset = (at) + offsetof(struct opening, timeout_ns),                           \
		  .arg = "TIME",                                                                   \
		  .help = "passthrough: cancel an NVMe command after this\n(default: what the "    \
			  "driver does)",                                                          \
		  .min = 1000000,                                                                  \
		  .max = 86400 * 1000000000ull },                                                  \
	{                                                                                          \
		.name = "sched", .type = OPT_STRING,                                               \
		.offset = (at) + offsetof(struct opening, scheduler), .arg = "NAME",               \
		.help = "who goes first: `weir sched` lists them;\n"                               \
			"default mq-deadline"                                                      \
	}

/* For commands that write; a string at AT. */
#define PLACEMENT_OPTION(at, text)                                                                 \
	{                                                                                          \
		.name = "placement", .type = OPT_STRING, .offset = (at), .arg = "none|stream",     \
		.help = (text)                                                                     \
	}

/* The option that every command with results for programs has; an unsigned at AT. */
#define JSON_OPTION(at)                                                                            \
	{                                                                                          \
		.name = "json", .type = OPT_FLAG, .offset = (at), .help = "print JSON"             \
	}

enum opening_flags {
	OPENING_READ_ONLY = 1 << 0,
	OPENING_SHARED = 1 << 1, /* several threads will use it: it gets a thread of its own */
};

/* Checks the names in O, and that nothing contradicts anything. 0 or an exit code, with the error
 * printed. */
int opening_check(const struct opening *o);

/* Does O ask for what only NVMe passthrough has? */
int opening_wants_nvme(const struct opening *o);

/*
 * Checks O and opens the store at PATH; the calling thread is its owner, unless
 * OPENING_SHARED. 0 or an exit code, with the error printed.
 */
int opening_store(struct weir_store **s, const char *path, const struct opening *o, int flags);

/*
 * Asks the store at PATH what it is, so that what does not fit is not read or made first. O was
 * checked. Neither locks nor recovers the store. 0 or an exit code, with the error printed.
 */
int opening_ask(struct weir_store_info *info, const char *path, const struct opening *o);

/* Closes S, which was opened from PATH. CODE is returned; 0 becomes a failure, printed, where
 * closing fails. */
int opening_close(struct weir_store *s, const char *path, int code);

#endif
