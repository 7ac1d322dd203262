/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A namespace that is formatted again, as by `nvme format`: weir uses its new block size, and
 * refuses blocks with metadata. Runs last: the contents of the drive are lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <libnvme.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vm.h"

#define FORMAT_MS 60000u

static uint32_t nsid;
static int fd;

static int setup(void **state)
{
	(void)state;
	fd = open(vm_ng(), O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(nvme_get_nsid(fd, &nsid), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return close(fd);
}

/* Returns the number of the drive's format with blocks of 2^SHIFT bytes and METADATA. */
static uint8_t find_format(unsigned shift, unsigned metadata)
{
	struct nvme_id_ns ns;

	assert_int_equal(nvme_identify_ns(fd, nsid, &ns), 0);
	for (uint8_t i = 0; i <= ns.nlbaf; i++)
		if (ns.lbaf[i].ds == shift && ns.lbaf[i].ms == metadata)
			return i;
	fail_msg("no format of 2^%u bytes with %u of metadata", shift, metadata);
	return 0;
}

static void format(unsigned shift, unsigned metadata)
{
	struct nvme_format_nvm_args args = {
		.args_size = sizeof(args),
		.fd = fd,
		.nsid = nsid,
		.lbaf = find_format(shift, metadata),
		.timeout = FORMAT_MS,
	};

	assert_int_equal(nvme_format_nvm(&args), 0);
}

static void check_blocks(uint32_t block)
{
	char *buf = vm_alloc(2 * VM_MIB);
	struct vm v;

	vm_open_with(&v, vm_ng(), "uring_cmd", "none");
	assert_int_equal(v.block, block);
	vm_fill(buf, VM_MIB, block);
	vm_write(&v, 5 * block, buf, VM_MIB);
	vm_read(&v, 5 * block, buf + VM_MIB, VM_MIB);
	assert_memory_equal(buf, buf + VM_MIB, VM_MIB);
	vm_close(&v);
	free(buf);
}

static void the_blocks_of_now(void **state)
{
	(void)state;
	format(9, 0);
	check_blocks(512);
	format(12, 0);
	check_blocks(4096);
}

static void check_refused(unsigned metadata, const char *words)
{
	struct weir_device *dev;

	format(12, metadata);
	assert_int_equal(weir_device_open(&dev, vm_ng(), NULL), -EOPNOTSUPP);
	if (!strstr(weir_error(), words))
		fail_msg("'%s' does not say '%s'", weir_error(), words);
}

static void metadata_is_refused(void **state)
{
	(void)state;
	check_refused(8, "/dev/ng0n1: its blocks have 8 bytes of metadata each: format it with an "
			 "LBA format that has none");
	check_refused(64, "64 bytes of metadata");
	format(12, 0);
	check_blocks(4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_blocks_of_now),
		cmocka_unit_test(metadata_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
