/* SPDX-License-Identifier: Apache-2.0 */
/* bench_device.h - the file or device of a bench, and the options about it. One thread. */
#ifndef CLI_BENCH_DEVICE_H
#define CLI_BENCH_DEVICE_H

#include "base/nsec.h"
#include "bench/target.h"
#include "cli/bench.h"
#include "cli/opening.h"
#include "cli/options.h"

#define BENCH_LEAST (1ull << 20) /* bytes of --size, and of what jobs of ours run on */
#define BENCH_COMPARED "none,mq-deadline,kyber,bfq,pace"

struct bench_device_args {
	const char *compare, *engine, *series;
	uint64_t size, time_ns, rounds, depth, depth_bytes;
	unsigned force, json;
	struct tracing tracing;
};

#define BENCH_DEVICE_DEFAULTS                                                                      \
	{                                                                                          \
		.compare = BENCH_COMPARED, .size = 1ull << 30, .time_ns = 40 * NSEC_PER_SEC,       \
		.rounds = 3                                                                        \
	}

/* The size of a PATH that does not exist, a uint64_t at offset AT; at least LEAST. */
#define BENCH_SIZE_OPTION(at, least)                                                               \
	{                                                                                          \
		.name = "size", .type = OPT_SIZE, .offset = (at), .arg = "SIZE", .min = (least),   \
		.max = 1ull << 50,                                                                 \
		.help = "the size of PATH if it does not exist: it is made,\n"                     \
			"and removed at the end (default 1GiB)"                                    \
	}

/* The flag at offset AT that lets a bench overwrite. */
#define BENCH_FORCE_OPTION(at)                                                                     \
	{                                                                                          \
		.name = "force", .letter = 'f', .type = OPT_FLAG, .offset = (at),                  \
		.help = "overwrite what PATH contains"                                             \
	}

/* The table of windows, for benches whose jobs run under one scheduler at a time. */
#define BENCH_SERIES_OPTION(at)                                                                    \
	{                                                                                          \
		.name = "series", .type = OPT_STRING, .file = OPT_WRITES_MORE,                     \
		.offset = (at) + offsetof(struct bench_device_args, series), .arg = "FILE",        \
		.help = "write what each job did in each window of the first\n"                    \
			"round, as CSV; for one scheduler"                                         \
	}

/* Options for the member struct bench_device_args AT in the struct of a command's arguments. */
#define BENCH_DEVICE_OPTIONS(at) BENCH_DEVICE_OPTIONS_OF(at, "40s", "3")

/* The same where --time and --rounds have the defaults TIME_TEXT and ROUNDS_TEXT. */
#define BENCH_DEVICE_OPTIONS_OF(at, time_text, rounds_text)                                        \
	{ .name = "compare",                                                                       \
	  .letter = 'c',                                                                           \
	  .type = OPT_STRING,                                                                      \
	  .offset = (at) + offsetof(struct bench_device_args, compare),                            \
	  .arg = "NAME,...",                                                                       \
	  .help = "the schedulers, or all (default none,mq-deadline,\nkyber,bfq,pace)" },          \
		{ .name = "time",                                                                  \
		  .letter = 't',                                                                   \
		  .type = OPT_TIME,                                                                \
		  .offset = (at) + offsetof(struct bench_device_args, time_ns),                    \
		  .arg = "TIME",                                                                   \
		  .min = NSEC_PER_MSEC,                                                            \
		  .max = 86400 * NSEC_PER_SEC,                                                     \
		  .help = "how long all of it takes, about (default " time_text ")" },             \
		{ .name = "rounds",                                                                \
		  .type = OPT_NUMBER,                                                              \
		  .offset = (at) + offsetof(struct bench_device_args, rounds),                     \
		  .arg = "N",                                                                      \
		  .min = 1,                                                                        \
		  .max = BENCH_ROUNDS_MAX,                                                         \
		  .help = "measure each so often, in turn (default " rounds_text ")" },            \
		BENCH_SIZE_OPTION((at) + offsetof(struct bench_device_args, size), BENCH_LEAST),   \
		BENCH_FORCE_OPTION((at) + offsetof(struct bench_device_args, force)),              \
		{ .name = "engine",                                                                \
		  .type = OPT_STRING,                                                              \
		  .offset = (at) + offsetof(struct bench_device_args, engine),                     \
		  .arg = "NAME",                                                                   \
		  .help = "how to do I/O: auto (default), uring, posix,\nuring_cmd, null" },       \
		{ .name = "depth",                                                                 \
		  .type = OPT_NUMBER,                                                              \
		  .offset = (at) + offsetof(struct bench_device_args, depth),                      \
		  .arg = "N",                                                                      \
		  .min = 1,                                                                        \
		  .max = 4096,                                                                     \
		  .help = "requests in the drive at the same time (default\n128)" },               \
		{ .name = "depth-bytes",                                                           \
		  .type = OPT_SIZE,                                                                \
		  .offset = (at) + offsetof(struct bench_device_args, depth_bytes),                \
		  .arg = "SIZE",                                                                   \
		  .min = 1,                                                                        \
		  .max = UINT64_MAX,                                                               \
		  .help = "bytes in the drive at the same time (default 8m;\nfio has no such "     \
			  "limit)" },                                                              \
		TRACING_OPTIONS((at) + offsetof(struct bench_device_args, tracing)),               \
		JSON_OPTION((at) + offsetof(struct bench_device_args, json))

/*
 * Checks what can be said of ARGS before anything is looked for or opened; bench_device_open() does
 * so too. Returns 0, or an exit code after the error was printed.
 */
int bench_device_check(const struct bench_device_args *args);

/*
 * Opens PATH for a bench that writes to it (WRITES) or only reads. Returns 0, or an exit code after
 * the error was printed. The caller calls bench_device_close(), and then tracing_end(): the trace
 * that ARGS name is open.
 */
int bench_device_open(struct bench_target *t, const char *path, bool writes,
		      const struct bench_device_args *args);

/* Closes T, and removes its file if it was made. */
void bench_device_close(struct bench_target *t);

/*
 * Checks that what is open has LEAST bytes, and as many as the least --size. Returns 0, or an exit
 * code after the error was printed.
 */
int bench_device_least(const struct bench_target *t, uint64_t least);

/* The file or device below the store of a bench. */
struct bench_store_file {
	const char *path; /* the caller's memory; NULL: nothing is to be removed */
};

/*
 * Formats a store on PATH, which gets BYTES if it does not exist, in blocks of 512 bytes
 * where the device permits, and segments of SEGMENT_BYTES (0: the default). FORCE: what PATH
 * contains may be overwritten. Returns 0, or an exit code after the error was printed. The caller
 * calls bench_store_remove() in any case.
 */
int bench_store_make(struct bench_store_file *file, const char *path, uint64_t bytes,
		     uint64_t segment_bytes, unsigned force);
/* Removes the file if bench_store_make() has made it. */
void bench_store_remove(struct bench_store_file *file);

/* Returns {"path": ..., "kind": ..., "bytes": ..., "direct": ..., "made": ...}. */
json_t *bench_device_json(const struct bench_target *t);
/* Writes the same as words into BUF: "/mnt/x (file, 1 GiB)". */
const char *bench_device_text(const struct bench_target *t, char *buf, size_t size);

#endif
