/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_placement.c - placement is asked for on a drive that has none: it is refused in words, or
 * done without. tests/vm tests it on a drive that has it.
 */
#include <errno.h>

#include "rig.h"
#include "store/format/super.h"

#define IMAGE (5u << 19)
#define SEGMENT (64u << 10)

static struct rig rig;

static int setup(void **state)
{
	(void)state;
	memset(&rig, 0, sizeof(rig));
	rig.engine = "posix";
	rig.attach = 1;
	rig_make(&rig, IMAGE, SEGMENT, 4096);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_remove(&rig);
	return 0;
}

static void format_refuses(void **state)
{
	struct weir_store_format_opts opts = WEIR_STORE_FORMAT_OPTS_INIT;

	(void)state;
	opts.force = 2;
	opts.placement = WEIR_PLACEMENT_STREAM;
	assert_int_equal(weir_store_format(rig.path, &opts), -EOPNOTSUPP);
	assert_non_null(strstr(weir_error(), "use WEIR_PLACEMENT_NONE"));
	assert_non_null(strstr(weir_error(), "FDP is for NVMe drives"));
	opts.placement = WEIR_PLACEMENT_STREAM + 1;
	assert_int_equal(weir_store_format(rig.path, &opts), -EINVAL);
	assert_non_null(strstr(weir_error(), "no such placement: 3"));
	/* The contents are still there. */
	rig_open(&rig);
}

static int open_with(uint32_t placement)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;

	opts.engine = rig.engine;
	opts.attach = 1;
	opts.placement = placement;
	return weir_store_open(&rig.s, rig.path, &opts);
}

static void check_without(uint32_t asked)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	struct weir_store_stream stream = WEIR_STORE_STREAM_INIT;

	assert_int_equal(weir_store_get_info(rig.s, &info), 0);
	assert_int_equal(info.placement, WEIR_PLACEMENT_NONE);
	assert_int_equal(info.placement_asked, asked);
	/* It says why, if placement was asked for and not forbidden. */
	if (asked == WEIR_PLACEMENT_STREAM)
		assert_non_null(strstr(info.placement_why, "FDP is for NVMe drives"));
	else
		assert_null(info.placement_why);
	assert_int_equal(weir_store_get_stream(rig.s, 0, &stream), 0);
	assert_int_equal(stream.placement, -1);
	assert_int_equal(stream.sharing, 0);
}

static void open_refuses(void **state)
{
	(void)state;
	assert_int_equal(open_with(WEIR_PLACEMENT_STREAM), -EOPNOTSUPP);
	assert_non_null(strstr(weir_error(), "FDP is for NVMe drives"));
	assert_int_equal(open_with(WEIR_PLACEMENT_STREAM + 1), -EINVAL);
	assert_non_null(strstr(weir_error(), "no such placement: 3"));
	assert_int_equal(open_with(WEIR_PLACEMENT_NONE), 0);
	check_without(WEIR_PLACEMENT_NONE);
}

/* Makes a store as if it was formatted on a drive with FDP, with its stream on id 5, and copied to
 * a file. */
static void make_placed(void)
{
	struct disk_super disk;
	struct super super;
	uint32_t version;

	for (uint32_t copy = 0; copy < 2; copy++) {
		uint64_t at = copy ? IMAGE - (64 << 10) : 0;

		rig_peek(&rig, at, &disk, sizeof(disk));
		assert_int_equal(super_decode(&super, &disk, copy + 1, &version), SUPER_VALID);
		super.placement = 1;
		super.stream[0].flags = htole32(DISK_STREAM_PLACED);
		super.stream[0].placement = htole32(5);
		super_encode(&disk, &super, copy + 1);
		rig_poke(&rig, at, &disk, sizeof(disk));
	}
}

/* The copy works, and the id is there when the store is on a drive again. */
static void a_copy_in_a_file(void **state)
{
	struct disk_super disk;
	struct super super;
	uint32_t version;

	(void)state;
	make_placed();
	assert_int_equal(open_with(WEIR_PLACEMENT_STREAM), -EOPNOTSUPP);
	assert_int_equal(open_with(WEIR_PLACEMENT_DEFAULT), 0);
	check_without(WEIR_PLACEMENT_STREAM);
	assert_int_equal(rig_put(&rig, 1, 1, 5000, 0), 0);
	rig_close(&rig);
	rig_open(&rig);
	assert_int_equal(rig_get(&rig, 1, 1, 5000), 1);
	rig_close(&rig);
	rig_peek(&rig, 0, &disk, sizeof(disk));
	assert_int_equal(super_decode(&super, &disk, 1, &version), SUPER_VALID);
	assert_int_equal(super.placement, 1);
	assert_int_equal(le32toh(super.stream[0].flags), DISK_STREAM_PLACED);
	assert_int_equal(le32toh(super.stream[0].placement), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(format_refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(open_refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(a_copy_in_a_file, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
