/* SPDX-License-Identifier: Apache-2.0 */
/*
 * opening.h - opens stores for subcommands: their common options, and the messages if a store
 * cannot be opened.
 */
#ifndef OPENING_H
#define OPENING_H

#include <weir/store.h>

#include "base/nsec.h"
#include "cli/options.h"
#include "cli/tracing.h"

struct opening {
	const char *engine;	 /* name of the engine; NULL: auto */
	const char *scheduler;	 /* name of the scheduler; NULL: the queue's default */
	unsigned passthrough;	 /* use the engine uring_cmd, whichever engine auto would take */
	uint64_t timeout_ns;	 /* timeout of an NVMe command; 0: the driver's timeout */
	const char *engine_opts; /* options that only this engine has; NULL: none */
	const char *placement;	 /* "none" or "stream"; NULL: as the store was formatted */
	uint64_t wait_ns;	 /* how long to wait while another process has the store */
	unsigned salvage;	 /* put segments that cannot be read out of use */
	unsigned degraded;	 /* open without devices that are missing */
	uint64_t max_put_bytes;	 /* of puts that are being written; 0: the store's default */
	struct tracing tracing;	 /* of the store's ios */
};

/* Options for the member struct opening AT in the struct of a command's arguments. */
#define OPENING_OPTIONS(at)                                                                        \
	{ .name = "engine",                                                                        \
	  .type = OPT_STRING,                                                                      \
	  .offset = (at) + offsetof(struct opening, engine),                                       \
	  .arg = "NAME",                                                                           \
	  .help = "how to do I/O: auto (default), uring, posix,\nuring_cmd (NVMe passthrough);\n"  \
		  "`weir info PATH` shows which ones work" },                                      \
		{ .name = "passthrough",                                                           \
		  .type = OPT_FLAG,                                                                \
		  .offset = (at) + offsetof(struct opening, passthrough),                          \
		  .help = "use NVMe passthrough: same as --engine uring_cmd" },                    \
		{ .name = "engine-opts",                                                           \
		  .type = OPT_STRING,                                                              \
		  .offset = (at) + offsetof(struct opening, engine_opts),                          \
		  .arg = "K=V,...",                                                                \
		  .help = "options of the engine: threads=8 (posix),\ntimeout=2s (uring_cmd)" },   \
		{ .name = "timeout",                                                               \
		  .type = OPT_TIME,                                                                \
		  .offset = (at) + offsetof(struct opening, timeout_ns),                           \
		  .arg = "TIME",                                                                   \
		  .help = "same as --engine-opts timeout=TIME: cancel an\nNVMe command after "     \
			  "this time (default: the\ndriver's timeout)",                            \
		  .min = NSEC_PER_MSEC,                                                            \
		  .max = 86400 * NSEC_PER_SEC },                                                   \
		{ .name = "wait",                                                                  \
		  .type = OPT_TIME,                                                                \
		  .offset = (at) + offsetof(struct opening, wait_ns),                              \
		  .arg = "TIME",                                                                   \
		  .help = "wait so long while another process has the\nstore (default: 0)" },      \
		{ .name = "salvage",                                                               \
		  .type = OPT_FLAG,                                                                \
		  .offset = (at) + offsetof(struct opening, salvage),                              \
		  .help = "give up segments that cannot be read, with\nwhat they hold, so that "   \
			  "the store opens" },                                                     \
		{ .name = "degraded",                                                              \
		  .type = OPT_FLAG,                                                                \
		  .offset = (at) + offsetof(struct opening, degraded),                             \
		  .help = "open a store on several devices without some\nof them, and without "    \
			  "the "                                                                   \
			  "keys that lie there" },                                                 \
		TRACING_OPTIONS((at) + offsetof(struct opening, tracing)),                         \
	{                                                                                          \
		.name = "sched", .type = OPT_STRING,                                               \
		.offset = (at) + offsetof(struct opening, scheduler), .arg = "NAME",               \
		.help = "the I/O scheduler; `weir sched` lists them\n"                             \
			"(default kyber; mq-deadline on a hard disk)"                              \
	}

/* The options of commands on a store that nobody may have open; AT as above. */
#define CLOSED_OPTIONS(at)                                                                         \
	{ .name = "engine",                                                                        \
	  .type = OPT_STRING,                                                                      \
	  .offset = (at) + offsetof(struct opening, engine),                                       \
	  .arg = "NAME",                                                                           \
	  .help = "how to do I/O: auto (default), uring, posix,\nuring_cmd (NVMe passthrough)" },  \
		{ .name = "engine-opts",                                                           \
		  .type = OPT_STRING,                                                              \
		  .offset = (at) + offsetof(struct opening, engine_opts),                          \
		  .arg = "K=V,...",                                                                \
		  .help = "options of the engine: threads=8 (posix),\ntimeout=2s (uring_cmd)" },   \
		TRACING_OPTIONS((at) + offsetof(struct opening, tracing)),                         \
	{                                                                                          \
		.name = "wait", .type = OPT_TIME,                                                  \
		.offset = (at) + offsetof(struct opening, wait_ns), .arg = "TIME",                 \
		.help = "wait so long while another process has the\nstore (default: 0)"           \
	}

/* An option for commands that write; AT is a string. */
#define PLACEMENT_OPTION(at, text)                                                                 \
	{                                                                                          \
		.name = "placement", .type = OPT_STRING, .offset = (at), .arg = "none|stream",     \
		.help = (text)                                                                     \
	}

/* An option for commands that put many values; AT is that of a struct opening. */
#define PUT_ROOM_OPTION(at)                                                                        \
	{                                                                                          \
		.name = "max-put-bytes", .type = OPT_SIZE,                                         \
		.offset = (at) + offsetof(struct opening, max_put_bytes), .arg = "SIZE",           \
		.help = "let puts of at most SIZE be written at a time;\nothers wait for that "    \
			"(default 64MiB)",                                                         \
		.min = 4096, .max = 1ull << 40                                                     \
	}

/* The option of each command that has results for programs; AT is an unsigned. */
#define JSON_OPTION(at)                                                                            \
	{                                                                                          \
		.name = "json", .type = OPT_FLAG, .offset = (at), .help = "print JSON"             \
	}

enum opening_flags {
	OPENING_READ_ONLY = 1 << 0,
	/* several threads will use the store, so it gets a thread of its own */
	OPENING_SHARED = 1 << 1,
	/* the store will be open for a while, so other processes may look at it */
	OPENING_LONG = 1 << 2,
};

/*
 * Checks the names in O, and that no option contradicts another. Returns 0, or an exit code after
 * the error was printed.
 */
int opening_check(const struct opening *o);

/* Checks that NAME, the value of OPTION ("sched"), is a scheduler. Returns as above. */
int opening_check_scheduler(const char *option, const char *name);

/* Returns true if O contains an option that only NVMe passthrough supports. */
int opening_wants_nvme(const struct opening *o);

/*
 * Checks O and opens the store at PATH. The calling thread becomes its owner, unless
 * OPENING_SHARED is set. Returns 0, or an exit code after the error was printed.
 */
int opening_store(struct weir_store **s, const char *path, const struct opening *o, int flags);

/* Prints a note if STATS say that the store at PATH is damaged. */
void opening_note_damage(const struct weir_store_stats *stats, const char *path);

/* Opens the store at PATH in the same way. O was checked. Returns 0, or -errno with weir_error()
 * set; nothing is printed. */
int opening_try(struct weir_store **s, const char *path, const struct opening *o, int flags);

/* Reads the properties of the store at PATH from its superblock, and locks nothing. O was checked.
 * Returns 0, or -errno with weir_error() set. */
int opening_look(struct weir_store_info *info, const char *path, const struct opening *o);

/* Reads the properties of the store at PATH from its superblock. Another process may have it; only
 * if there is no store yet, that process is waited for, as O says. O was checked.
 * Returns 0, or -errno with weir_error() set. */
int opening_peek(struct weir_store_info *info, const char *path, const struct opening *o);

/*
 * Reads the properties of the store at PATH, so that a command does not first read or make values
 * that do not fit. The caller has checked O. The store is neither locked nor recovered. Returns 0,
 * or an exit code after the error was printed.
 */
int opening_ask(struct weir_store_info *info, const char *path, const struct opening *o);

/*
 * Closes S, which was opened from PATH. Returns EXIT_CODE, but if that is 0, and closing or an
 * operation that was under way fails, it prints the error and returns REPORT_FAILED. It does so
 * with another EXIT_CODE too if acknowledged puts are at risk.
 */
int opening_close(struct weir_store *s, const char *path, int exit_code);

#endif
