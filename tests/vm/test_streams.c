/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's streams on the placement ids of a drive with FDP: the data of a stream is in the
 * reclaim units of its own id, byte by byte, and no other data is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "streams.h"

static void check_cut(uint64_t capacity, uint64_t segment, uint64_t is, uint64_t segments)
{
	if (streams_try_format(WEIR_PLACEMENT_STREAM, capacity, segment, 1) < 0)
		fail_msg("%s", weir_error());
	streams_open();
	assert_int_equal(streams_info().segment_bytes, is);
	assert_int_equal(streams_info().segments, segments);
	assert_int_equal(streams_info().placement, WEIR_PLACEMENT_STREAM);
	assert_int_equal(streams_info().placement_asked, WEIR_PLACEMENT_STREAM);
	streams_close();
}

static void segments_are_cut_to_the_unit(void **state)
{
	(void)state;
	check_cut(0, 0, UNIT_BYTES, 95);
	/* With whole units there would be fewer than 64, so 8 segments share one. */
	check_cut(256 << 20, 0, 1 << 20, 255);
	check_cut(0, 4 << 20, 4 << 20, 191);
	assert_int_equal(streams_try_format(WEIR_PLACEMENT_STREAM, 0, 16 << 20, 1), -ENOSPC);
	assert_non_null(strstr(weir_error(), "holds 47 segments of 16MiB"));
	streams_format(WEIR_PLACEMENT_STREAM, 0, 16 << 20);
	streams_open();
	assert_int_equal(streams_info().segment_bytes, 2 * UNIT_BYTES);
	streams_close();
}

/* Puts into STREAM until a segment is opened; returns the number of puts. */
static unsigned fill_segment(uint32_t stream, uint64_t key, size_t length)
{
	unsigned n = 1;

	while (!books_put(stream, key++, length))
		assert_in_range(++n, 2, UNIT_BYTES / length + 1);
	return n;
}

static void each_stream_in_units_of_its_own(void **state)
{
	uint32_t n;

	(void)state;
	streams_format(WEIR_PLACEMENT_STREAM, 0, 0);
	streams_open();
	assert_int_equal(streams_tenant(1), 1);
	assert_int_equal(streams_tenant(2), 2);
	books_begin();
	for (n = 0; n < 3; n++) {
		/* The default id comes last: headers, footers and superblocks go to it. */
		assert_int_equal(streams_one(n).placement, n + 1);
		assert_int_equal(streams_one(n).sharing, 0);
		assert_true(books_put(n, n, 100000));
		books_check();
	}
	for (n = 3; n < 33; n++)
		assert_false(books_put(n % 3, n, 1 + n * 1000));
	books_check();
	/* The next segment begins in a new unit. */
	for (n = 0; n < 3; n++) {
		assert_in_range(fill_segment(n, 100 * (n + 1), 400000), 10, 21);
		assert_int_equal(streams_one(n).segments, 2);
		books_check();
	}
	assert_int_equal(streams_ops(WEIR_OP_PLACEMENT_UPDATE).ios, 6);
	streams_close();
	/* So does the segment that is begun after a restart. */
	streams_open();
	books_begin();
	assert_true(books_put(1, 1000, 5000));
	books_check();
	streams_close();
}

/* Puts many small values in one batch: their footer is large. */
static void put_small(uint32_t stream, uint64_t *key, unsigned n)
{
	struct weir_store_op *op = calloc(n, sizeof(*op));
	uint64_t *keys = calloc(n, sizeof(*keys)),
		 updates = streams_ops(WEIR_OP_PLACEMENT_UPDATE).ios;
	uint64_t written = streams_one(stream).written_bytes;

	assert_non_null(op);
	assert_non_null(keys);
	for (unsigned i = 0; i < n; i++) {
		keys[i] = (*key)++;
		op[i].key = &keys[i];
		op[i].key_len = sizeof(keys[i]);
		op[i].value = streams_value;
		op[i].value_len = 8;
		op[i].stream = (uint16_t)stream;
	}
	assert_int_equal(weir_store_put_many(streams_store, op, n), 0);
	written = streams_one(stream).written_bytes - written;
	assert_true(written >= n * (uint64_t)BLOCK);
	books_add(stream, written, streams_ops(WEIR_OP_PLACEMENT_UPDATE).ios > updates);
	free(keys);
	free(op);
}

/* The last writes of the previous segment do not push the end of the next one out of its unit. */
static void a_full_segment_fits_into_its_unit(void **state)
{
	const size_t length = 32 * BLOCK;
	uint64_t key = 1000000;
	uint32_t n;

	(void)state;
	streams_format(WEIR_PLACEMENT_STREAM, 0, 0);
	streams_open();
	assert_int_equal(streams_tenant(1), 1);
	for (n = 0; n < 9; n++)
		put_small(1, &key, 200);
	books_begin();
	fill_segment(1, 1, length);
	/* With header and footer these are all 2048 blocks of a segment. */
	for (n = 1; n < 62; n++)
		assert_false(books_put(1, 100 + n, length));
	assert_int_equal(streams_one(1).segments, 2);
	books_check();
	assert_int_equal(books_left(2), 2 * BLOCK);
	assert_true(books_put(1, 200, length));
	books_check();
	streams_close();
}

/* If a unit holds several segments, they fill it to its end, one after another. */
static void short_segments_share_a_unit(void **state)
{
	uint64_t key;

	(void)state;
	streams_format(WEIR_PLACEMENT_STREAM, 0, UNIT_BYTES / 8);
	streams_open();
	assert_int_equal(streams_tenant(1), 1);
	books_begin();
	for (key = 0; key < 47; key++)
		assert_false(books_put(1, key, 200000));
	assert_int_equal(streams_one(1).segments, 10);
	books_check();
	assert_int_equal(streams_ops(WEIR_OP_PLACEMENT_UPDATE).ios, 0);
	streams_close();
}

static void more_streams_than_ids(void **state)
{
	uint32_t n;

	(void)state;
	streams_format(WEIR_PLACEMENT_STREAM, 0, 0);
	streams_open();
	for (n = 1; n < HANDLES; n++)
		assert_int_equal(streams_tenant(n), n);
	books_begin();
	for (n = 0; n < HANDLES; n++) {
		streams_check_id(n, (int32_t)((n + 1) % HANDLES), 0);
		if (n != 3)
			assert_true(books_put(n, n, 5000));
	}
	/* Stream 3 has written nothing: its id is the least filled. */
	assert_int_equal(streams_tenant(8), 8);
	streams_check_id(3, 4, 1);
	streams_check_id(8, 4, 1);
	/* A segment never closes a unit in which another stream's segment is. */
	assert_false(books_put(8, 20, 100000));
	assert_false(books_put(3, 21, 200000));
	assert_false(books_put(8, 22, 300000));
	books_check();
	assert_int_equal(streams_tenant(9), 9);
	streams_check_id(9, 1, 1);
	streams_check_id(0, 1, 1);
	assert_int_equal(streams_tenant(10), 10);
	/* There are no more streams than segments / 8. */
	assert_in_range(streams_tenant(11), 0, 10);
	streams_close();
	streams_open();
	for (n = 0; n < HANDLES; n++)
		assert_int_equal(streams_one(n).placement, (n + 1) % HANDLES);
	streams_check_id(8, 4, 1);
	streams_check_id(9, 1, 1);
	streams_close();
}

static void put_into_three(bool placed)
{
	books_begin();
	for (uint32_t n = 0; n < 3; n++) {
		assert_int_equal(streams_tenant(n + 1), n + 1);
		assert_int_equal(streams_one(n).placement, placed ? (int32_t)n + 1 : -1);
		assert_int_equal(books_put(n, n, 50000), placed);
	}
	books_check();
}

static void without_placement_all_is_in_one(void **state)
{
	(void)state;
	streams_format(WEIR_PLACEMENT_NONE, 0, UNIT_BYTES);
	streams_open();
	assert_int_equal(streams_info().placement, WEIR_PLACEMENT_NONE);
	assert_int_equal(streams_info().placement_asked, WEIR_PLACEMENT_NONE);
	put_into_three(false);
	streams_close();
	/* One session may have it, whatever was chosen when the store was made. */
	streams_open_by(vm_ng(), WEIR_PLACEMENT_STREAM);
	assert_int_equal(streams_info().placement, WEIR_PLACEMENT_STREAM);
	assert_int_equal(streams_info().placement_asked, WEIR_PLACEMENT_NONE);
	put_into_three(true);
	streams_close();
	streams_format(WEIR_PLACEMENT_STREAM, 0, 0);
	streams_open_by(vm_ng(), WEIR_PLACEMENT_NONE);
	assert_int_equal(streams_info().placement, WEIR_PLACEMENT_NONE);
	assert_int_equal(streams_info().placement_asked, WEIR_PLACEMENT_STREAM);
	put_into_three(false);
	streams_close();
}

static void by_the_block_device_it_works_without(void **state)
{
	uint32_t n;

	(void)state;
	streams_format(WEIR_PLACEMENT_STREAM, 0, 0);
	streams_open();
	put_into_three(true);
	streams_close();
	assert_int_equal(streams_try_open(vm_block(), WEIR_PLACEMENT_STREAM), -EOPNOTSUPP);
	assert_non_null(strstr(weir_error(), "use the character device (/dev/ng0n1 for"));
	streams_open_by(vm_block(), WEIR_PLACEMENT_DEFAULT);
	assert_int_equal(streams_info().placement, WEIR_PLACEMENT_NONE);
	assert_int_equal(streams_info().placement_asked, WEIR_PLACEMENT_STREAM);
	books_begin();
	for (n = 0; n < 3; n++) {
		assert_int_equal(streams_one(n).placement, -1);
		assert_false(books_put(n, 10 + n, 50000));
	}
	/* A stream that is made now gets its id if ids are available. */
	assert_int_equal(streams_tenant(4), 4);
	books_check();
	streams_close();
	streams_open();
	books_begin();
	for (n = 0; n < 5; n++) {
		streams_check_id(n, (int32_t)n + 1, 0);
		assert_true(books_put(n, 20 + n, 50000));
	}
	books_check();
	for (n = 0; n < 3; n++)
		assert_true(streams_got(n, 50000) && streams_got(10 + n, 50000) &&
			    streams_got(20 + n, 50000));
	streams_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, streams_setup, streams_teardown)
		T(segments_are_cut_to_the_unit),
		T(each_stream_in_units_of_its_own),
		T(a_full_segment_fits_into_its_unit),
		T(short_segments_share_a_unit),
		T(more_streams_than_ids),
		T(without_placement_all_is_in_one),
		T(by_the_block_device_it_works_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
