/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identify replies: sizes, formats, limits; and replies that cannot be true.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <weir/base.h>

#include "device/nvme_facts.h"

static struct nvme_id_ctrl ctrl;
static struct nvme_id_ns ns;
static struct nvme_facts facts;

static int setup(void **state)
{
	(void)state;
	memset(&ctrl, 0, sizeof(ctrl));
	memset(&ns, 0, sizeof(ns));
	ns.nsze = 1000;
	ns.nlbaf = 63;
	ns.lbaf[0].ds = 9;
	ns.lbaf[1].ds = 12;
	ns.lbaf[17].ds = 13;
	ns.lbaf[2].ds = 9;
	ns.lbaf[2].ms = 8;
	return 0;
}

static int read_facts(void)
{
	memset(&facts, 0xee, sizeof(facts));
	return nvme_facts(&facts, &ns, &ctrl, "/dev/ng0n1");
}

static void check_refused(int err, const char *words)
{
	assert_int_equal(read_facts(), err);
	if (!strstr(weir_error(), words) || !strstr(weir_error(), "/dev/ng0n1: "))
		fail_msg("'%s' does not say '%s'", weir_error(), words);
}

static void formats(void **state)
{
	(void)state;
	assert_int_equal(read_facts(), 0);
	assert_int_equal(facts.block, 512);
	assert_int_equal(facts.bytes, 512000);
	ns.flbas = 1;
	assert_int_equal(read_facts(), 0);
	assert_int_equal(facts.block, 4096);
	assert_int_equal(facts.bytes, 4096000);
	/* Format 17: its higher bits are apart from the lower ones, with the bit for the place of
	 * metadata between them. */
	ns.flbas = 1 << 5 | 1 << 4 | 1;
	assert_int_equal(read_facts(), 0);
	assert_int_equal(facts.block, 8192);
}

static void formats_that_are_refused(void **state)
{
	(void)state;
	ns.flbas = 2;
	check_refused(-EOPNOTSUPP, "8 bytes of metadata");
	ns.flbas = 3;
	check_refused(-EOPNOTSUPP, "2^0 bytes");
	ns.lbaf[3].ds = 8;
	check_refused(-EOPNOTSUPP, "2^8 bytes");
	ns.lbaf[3].ds = 17;
	check_refused(-EOPNOTSUPP, "2^17 bytes");
	ns.lbaf[3].ds = 255;
	check_refused(-EOPNOTSUPP, "2^255 bytes");
	ns.lbaf[3].ds = 16;
	assert_int_equal(read_facts(), 0);
	assert_int_equal(facts.block, 65536);
}

static void sizes_that_cannot_be(void **state)
{
	(void)state;
	ns.nsze = 0;
	check_refused(-EINVAL, "no blocks");
	ns.nsze = UINT64_MAX;
	check_refused(-EINVAL, "blocks of 512 bytes");
	ns.nsze = (UINT64_MAX >> 9) / 2 + 1;
	check_refused(-EINVAL, "blocks of 512 bytes");
	ns.nsze--;
	assert_int_equal(read_facts(), 0);
	assert_int_equal(facts.bytes, INT64_MAX & ~511LL);
}

static void largest_transfer_of_the_drive(void **state)
{
	(void)state;
	assert_int_equal(read_facts(), 0);
	assert_true(facts.mdts_bytes == UINT64_MAX);
	ctrl.mdts = 1;
	assert_int_equal(read_facts(), 0);
	assert_int_equal(facts.mdts_bytes, 8192);
	ctrl.mdts = 7;
	assert_int_equal(read_facts(), 0);
	assert_int_equal(facts.mdts_bytes, 512 << 10);
	ctrl.mdts = 255;
	assert_int_equal(read_facts(), 0);
	assert_true(facts.mdts_bytes == UINT64_MAX);
}

static void check_max(uint64_t mdts, uint64_t hw, uint64_t segments, uint32_t block, uint64_t bytes,
		      const char *name)
{
	const char *said;

	assert_int_equal(nvme_transfer_max(mdts, hw, segments, block, &said), bytes);
	assert_string_equal(said, name);
}

static void the_smallest_limit_counts(void **state)
{
	(void)state;
	check_max(UINT64_MAX, 1 << 20, 1000, 512, 1 << 20, "max_hw_sectors_kb");
	check_max(1 << 19, 1 << 20, 1000, 512, 1 << 19, "identify (MDTS)");
	check_max(1 << 19, 1 << 20, 33, 512, 33 * 4096, "max_segments");
	check_max(UINT64_MAX, UINT64_MAX, UINT64_MAX, 512, 65536 * 512, "the command's length");
	check_max(UINT64_MAX, UINT64_MAX, UINT64_MAX, 4096, 65536ull * 4096,
		  "the command's length");
	check_max(UINT64_MAX, 130 << 10, 1000, 4096, 128 << 10, "max_hw_sectors_kb");
	check_max(4096, 1 << 20, 1000, 65536, 65536, "identify (MDTS)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(formats, setup),
		cmocka_unit_test_setup(formats_that_are_refused, setup),
		cmocka_unit_test_setup(sizes_that_cannot_be, setup),
		cmocka_unit_test_setup(largest_transfer_of_the_drive, setup),
		cmocka_unit_test_setup(the_smallest_limit_counts, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
