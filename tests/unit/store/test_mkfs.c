/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_mkfs.c - a format that loses power leaves the old store whole, no store, or the new one
 * whole, and never a mixture.
 *
 * The writes and flushes of a real format are noted where they are given to the system, and images
 * are made of them: all that was flushed, and any part of the rest.
 */
#include <errno.h>
#include <liburing.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "rig.h"

#define IMAGE (2u << 20)
#define SEGMENT (64u << 10)
#define BLOCK 4096u
#define KEYS 20u
#define VALUE 3000u
#define COMMANDS 200u
#define SUBSETS 4u

static struct rig rig = { .attach = 1, .engine = "posix" };
static uint8_t before[IMAGE], durable[IMAGE], image[IMAGE];

/* The commands of the format. A flush has no bytes. */
static struct {
	uint64_t offset, length;
	uint8_t *bytes;
} command[COMMANDS];
static unsigned commands;
static bool notes;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void note(uint64_t offset, const struct iovec *iov, int count)
{
	uint64_t length = 0, at = 0;
	uint8_t *bytes = NULL; /* a flush */

	for (int n = 0; n < count; n++)
		length += iov[n].iov_len;
	if (length) {
		bytes = malloc(length);
		assert_non_null(bytes);
	}
	for (int n = 0; bytes && n < count; n++) {
		memcpy(bytes + at, iov[n].iov_base, iov[n].iov_len);
		at += iov[n].iov_len;
	}
	pthread_mutex_lock(&lock);
	assert_true(commands < COMMANDS);
	command[commands].offset = offset;
	command[commands].length = length;
	command[commands++].bytes = bytes;
	pthread_mutex_unlock(&lock);
}

/* These replace the functions of the libraries. */
int io_uring_setup(unsigned entries, struct io_uring_params *params)
{
	(void)entries;
	(void)params;
	return -ENOSYS;
}

ssize_t pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
	if (notes)
		note((uint64_t)offset, iov, count);
	return syscall(SYS_pwritev2, fd, iov, count, offset, 0, flags);
}

int fdatasync(int fd)
{
	if (notes)
		note(0, NULL, 0);
	return (int)syscall(SYS_fdatasync, fd);
}

static void format(void)
{
	struct weir_store_format_opts opts = WEIR_STORE_FORMAT_OPTS_INIT;

	opts.segment_bytes = SEGMENT;
	opts.block_bytes = BLOCK;
	opts.force = 2;
	notes = true;
	if (weir_store_format(rig.path, &opts))
		fail_msg("format: %s", weir_error());
	notes = false;
}

static void note_kind(void *user, const struct weir_finding *f)
{
	*(uint32_t *)user |= 1u << f->kind;
}

/* Looks at the image. Returns the entries of the store, or -1 if there is none. */
static int look(unsigned at)
{
	struct weir_check_opts opts = WEIR_CHECK_OPTS_INIT;
	struct weir_check_result result = WEIR_CHECK_RESULT_INIT;
	uint32_t kinds = 0;
	int err;

	rig_poke(&rig, 0, image, IMAGE);
	opts.engine = "posix";
	opts.found = note_kind;
	opts.user = &kinds;
	err = weir_store_check(rig.path, &opts, &result);
	if (err == -EMEDIUMTYPE)
		return -1;
	if (err)
		fail_msg("command %u: %s", at, weir_error());
	/* One of the superblock copies may be missing. */
	if (kinds & ~(1u << WEIR_FINDING_SUPERBLOCK))
		fail_msg("command %u: a mixture of two stores: findings 0x%x", at, kinds);
	assert_true(!result.entries || result.entries == KEYS);
	return (int)result.entries;
}

static void apply(uint8_t *to, unsigned n)
{
	assert_true(command[n].offset + command[n].length <= IMAGE);
	memcpy(to + command[n].offset, command[n].bytes, command[n].length);
}

/* The power goes after command AT - 1, and the writes from FROM on were not flushed. Counts what is
 * found in SEEN: no store, the new one, the old one. */
static void cut(unsigned from, unsigned at, unsigned seen[3])
{
	static uint64_t random = 5;

	for (unsigned subset = 0; subset < SUBSETS + 2 + (at - from); subset++) {
		uint64_t keeps = rig_random(&random);
		int entries;

		memcpy(image, durable, IMAGE);
		for (unsigned n = from; n < at; n++) {
			bool kept = subset == 0		   ? false
				    : subset == 1	   ? true
				    : subset < SUBSETS + 2 ? keeps >> (n % 64) & 1
							   : n != from + subset - SUBSETS - 2;

			if (kept)
				apply(image, n);
		}
		entries = look(at);
		seen[entries < 0 ? 0 : entries ? 2 : 1]++;
	}
}

static void power_cuts(void **state)
{
	unsigned from = 0, seen[3] = { 0 };

	(void)state;
	format();
	assert_true(commands > IMAGE / SEGMENT && commands < COMMANDS);
	memcpy(durable, before, IMAGE);
	for (unsigned at = 0; at <= commands; at++) {
		/* Of the headers, which come together, a few will do. */
		if (at < from + 4 || at == commands || !command[at].bytes)
			cut(from, at, seen);
		if (at == commands || command[at].bytes)
			continue;
		for (; from < at; from++)
			apply(durable, from);
		from = at + 1;
	}
	assert_true(seen[0] && seen[1] && seen[2]);
	/* When the format has ended, the new store is on the medium. */
	memcpy(image, durable, IMAGE);
	assert_int_equal(look(commands), 0);
}

static int set_up(void **state)
{
	(void)state;
	rig_make(&rig, IMAGE, SEGMENT, BLOCK);
	rig_open(&rig);
	for (uint64_t n = 0; n < KEYS; n++)
		assert_int_equal(rig_put(&rig, n, 1, VALUE, 0), 0);
	rig_close(&rig);
	rig_peek(&rig, 0, before, IMAGE);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (unsigned n = 0; n < commands; n++)
		free(command[n].bytes);
	rig_remove(&rig);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(power_cuts, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
