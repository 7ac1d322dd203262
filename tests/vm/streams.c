/* SPDX-License-Identifier: Apache-2.0 */
/*
 * streams.c - a store with streams on the drive, and accounts of the bytes in the drive's units.
 * Used by one thread.
 */
#include "streams.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/fdp.h>

struct weir_store *streams_store;
char *streams_value;
static char *back;

int streams_setup(void **state)
{
	(void)state;
	vm_ng();
	streams_value = vm_alloc(VALUE_MAX);
	back = vm_alloc(VALUE_MAX);
	return 0;
}

int streams_teardown(void **state)
{
	(void)state;
	/* After a failure the next case opens the drive again. */
	weir_store_close(streams_store);
	streams_store = NULL;
	free(streams_value);
	free(back);
	return 0;
}

int streams_try_format(uint32_t placement, uint64_t capacity, uint64_t segment, uint32_t force)
{
	struct weir_store_format_opts opts = WEIR_STORE_FORMAT_OPTS_INIT;

	opts.placement = placement;
	opts.capacity_bytes = capacity;
	opts.segment_bytes = segment;
	opts.force = force;
	return weir_store_format(vm_ng(), &opts);
}

void streams_format(uint32_t placement, uint64_t capacity, uint64_t segment)
{
	if (streams_try_format(placement, capacity, segment, 2) < 0)
		fail_msg("%s", weir_error());
}

int streams_try_open(const char *path, uint32_t placement)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;

	opts.attach = 1;
	opts.placement = placement;
	return weir_store_open(&streams_store, path, &opts);
}

void streams_open_by(const char *path, uint32_t placement)
{
	if (streams_try_open(path, placement) < 0)
		fail_msg("%s", weir_error());
}

void streams_open(void)
{
	streams_open_by(vm_ng(), WEIR_PLACEMENT_DEFAULT);
}

void streams_close(void)
{
	assert_int_equal(weir_store_close(streams_store), 0);
	streams_store = NULL;
}

struct weir_store_info streams_info(void)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;

	assert_int_equal(weir_store_get_info(streams_store, &info), 0);
	return info;
}

struct weir_store_stats streams_stats(void)
{
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;

	assert_int_equal(weir_store_get_stats(streams_store, &stats), 0);
	return stats;
}

struct weir_store_stream streams_one(uint32_t stream)
{
	struct weir_store_stream info = WEIR_STORE_STREAM_INIT;

	assert_int_equal(weir_store_get_stream(streams_store, stream, &info), 0);
	return info;
}

uint32_t streams_tenant(unsigned n)
{
	char name[16];
	uint32_t stream;

	snprintf(name, sizeof(name), "tenant %u", n);
	if (weir_store_add_tenant(streams_store, name, &stream) < 0)
		fail_msg("%s: %s", name, weir_error());
	return stream;
}

struct weir_op_stats streams_ops(enum weir_op op)
{
	struct weir_op_stats stats = WEIR_OP_STATS_INIT;

	assert_int_equal(weir_queue_get_op_stats(weir_store_queue(streams_store), op, &stats), 0);
	return stats;
}

void streams_fill(char *mem, uint64_t key, size_t length)
{
	vm_fill(mem, (length + 7) / 8 * 8, key);
}

int streams_put(uint32_t stream, uint64_t key, size_t length)
{
	streams_fill(streams_value, key, length);
	return weir_store_run(streams_store,
			      &(struct weir_store_op){ .kind = WEIR_STORE_PUT,
						       .stream = (uint16_t)stream,
						       .key = &key,
						       .key_len = sizeof(key),
						       .value = streams_value,
						       .value_len = length },
			      1);
}

int streams_got(uint64_t key, size_t length)
{
	size_t found = 0;
	int err = weir_store_get(streams_store, &key, sizeof(key), back, VALUE_MAX, &found);

	if (err == -ENOENT)
		return 0;
	if (err)
		fail_msg("key %u: %s", (unsigned)key, weir_error());
	streams_fill(streams_value, key, length);
	assert_int_equal(found, length);
	assert_memory_equal(back, streams_value, length);
	return 1;
}

/* Returns the drive's FDP data after the store has written everything; the caller frees it. */
static struct weir_fdp *ask(void)
{
	struct weir_queue_stats stats = WEIR_QUEUE_STATS_INIT;
	struct weir_fdp *fdp;

	/* A footer is written in the same pass as the flush before it. */
	for (unsigned quiet = 0; quiet < 3; quiet++) {
		assert_int_equal(weir_store_poll(streams_store), 0);
		weir_queue_get_stats(weir_store_queue(streams_store), &stats);
		if (stats.in_flight)
			quiet = 0;
	}
	if (weir_fdp_read(&fdp, weir_queue_device(weir_store_queue(streams_store))) < 0)
		fail_msg("%s", weir_error());
	assert_int_equal(fdp->nr_placements, HANDLES);
	return fdp;
}

/* The expected state of the drive's units since books_begin(), by placement id. */
static struct {
	uint64_t left[HANDLES]; /* the expected value */
	uint64_t host_bytes, written_bytes;
} books;

void books_begin(void)
{
	struct weir_fdp *fdp = ask();

	for (uint32_t id = 0; id < HANDLES; id++)
		books.left[id] = fdp->placements[id].left_bytes;
	books.host_bytes = fdp->host_bytes;
	books.written_bytes = streams_stats().written_bytes;
	weir_fdp_free(fdp);
}

static uint64_t whole_blocks(uint64_t bytes)
{
	return (bytes + BLOCK - 1) / BLOCK * BLOCK;
}

void books_add(uint32_t stream, uint64_t bytes, bool updated)
{
	int32_t id = streams_one(stream).placement;
	uint64_t left = updated ? UNIT_BYTES : books.left[id < 0 ? 0 : id];

	/* The drive continues with another unit when one is full. */
	books.left[id < 0 ? 0 : id] = left > bytes ? left - bytes : left - bytes + UNIT_BYTES;
}

bool books_put(uint32_t stream, uint64_t key, size_t length)
{
	uint64_t updates = streams_ops(WEIR_OP_PLACEMENT_UPDATE).ios;
	bool updated;

	assert_int_equal(streams_put(stream, key, length), 0);
	updated = streams_ops(WEIR_OP_PLACEMENT_UPDATE).ios > updates;
	books_add(stream, BLOCK + whole_blocks(length), updated);
	return updated;
}

void books_check(void)
{
	struct weir_fdp *fdp = ask();
	uint64_t written = streams_stats().written_bytes - books.written_bytes;

	for (uint32_t id = 1; id < HANDLES; id++)
		if (fdp->placements[id].left_bytes != books.left[id])
			fail_msg("placement %u: %u blocks are left, not %u", id,
				 (unsigned)(fdp->placements[id].left_bytes / BLOCK),
				 (unsigned)(books.left[id] / BLOCK));
	assert_int_equal(fdp->host_bytes - books.host_bytes, written);
	assert_true(fdp->media_bytes >= fdp->host_bytes);
	books.left[0] = fdp->placements[0].left_bytes;
	weir_fdp_free(fdp);
}

void streams_check_id(uint32_t stream, int32_t id, uint32_t sharing)
{
	assert_int_equal(streams_one(stream).placement, id);
	assert_int_equal(streams_one(stream).sharing, sharing);
}

uint64_t books_left(uint32_t id)
{
	return books.left[id];
}
