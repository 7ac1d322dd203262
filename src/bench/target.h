/* SPDX-License-Identifier: Apache-2.0 */
/*
 * target.h - the file or device that is measured: opened so that nothing is lost that was there.
 * The caller owns the struct; one thread.
 */
#ifndef BENCH_TARGET_H
#define BENCH_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/device.h>

struct bench_target {
	struct weir_device *dev;
	const char *path; /* the caller's memory */
	bool made;	  /* the file was made, and bench_target_close() removes it */
};

/* What the caller wants to do with it. */
struct bench_target_opts {
	bool writes; /* it will be written to; false: it is opened for reading only */
	bool force;  /* what it contains may be overwritten */
	uint64_t
		bytes; /* the size of a file that does not exist: it is made, and written in full */
	/* Called while a file is written; returns true to stop. May be NULL. */
	bool (*progress)(void *user, uint64_t done, uint64_t total);
	void *user;
};

/*
 * Opens PATH. Returns 0, or -errno with weir_error() set: -EEXIST: it is to be written to, and it
 * contains something (weir_error() says what was found); -EINTR: PROGRESS stopped it, and the file
 * is removed; or what weir_device_open() returns. Blocks.
 */
int bench_target_open(struct bench_target *t, const char *path,
		      const struct bench_target_opts *opts);

/* Returns true if PATH names no file and no device yet, so that bench_target_open() makes it. */
bool bench_target_is_new(const char *path);

/* Closes T, and removes its file if bench_target_open() has made it. A zeroed T is allowed. */
void bench_target_close(struct bench_target *t);

#endif
