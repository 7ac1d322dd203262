/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A drive that fails where faults.conf says so: the error reaches its io, in the drive's own
 * words; errors for which the drive permits it are tried again; and all other ios succeed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/nvme_status.h"
#include "vm.h"

#define MIB(n) ((uint64_t)(n)*VM_MIB)
#define LENGTH 65536u

static struct vm v;
static char *buf;

static int setup(void **state)
{
	(void)state;
	vm_open_with(&v, vm_ng(), "uring_cmd", "none");
	buf = vm_alloc(VM_MIB);
	vm_fill(buf, VM_MIB, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vm_close(&v);
	free(buf);
	return 0;
}

static void check_fails(struct weir_io *io, int err, const char *words)
{
	char said[256];

	assert_int_equal(vm_run(&v, io), err);
	weir_io_strerror(io, said, sizeof(said));
	if (!strstr(said, words))
		fail_msg("'%s' does not say '%s'", said, words);
	assert_int_equal(vm_op_stats(&v, io->op).errors, 1);
}

/* The status never said "do not retry", so each command was tried again exactly this often. */
static void check_retries(uint64_t count)
{
	assert_int_equal(vm_stats(&v).resubmits, count);
}

static void fails_for_good(void **state)
{
	struct weir_io io;

	(void)state;
	weir_io_read(&io, MIB(64), buf, LENGTH);
	check_fails(&io, -EIO, "read at 0x4000000+65536: Unrecovered Read Error (SCT 0x2 SC 0x81)");
	check_retries(NVME_STATUS_RETRIES);
	weir_io_write(&io, MIB(65), buf, LENGTH);
	check_fails(&io, -EIO, "write at 0x4100000+65536: Write Fault (SCT 0x2 SC 0x80)");
	check_retries(2 * NVME_STATUS_RETRIES);
	/* The ios beside them succeed. */
	vm_write(&v, MIB(64) + LENGTH, buf, LENGTH);
	vm_read(&v, MIB(65), buf, LENGTH);
	check_retries(2 * NVME_STATUS_RETRIES);
}

static void a_part_fails(void **state)
{
	struct weir_io io, others[16];
	char *beside = vm_alloc(VM_MIB);

	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		weir_io_write(&others[i], MIB(70) + i * LENGTH, buf + i * LENGTH, LENGTH);
		assert_int_equal(weir_queue_submit(v.q, &others[i]), 0);
	}
	weir_io_read(&io, MIB(64) - VM_MIB / 2, beside, VM_MIB);
	check_fails(&io, -EIO, "(its part at 0x4000000): Unrecovered Read Error");
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(weir_io_wait(v.q, &others[i], UINT64_MAX), 0);
	vm_read(&v, MIB(70), beside, VM_MIB);
	assert_memory_equal(beside, buf, VM_MIB);
	free(beside);
}

static void fails_once(void **state)
{
	struct weir_io io;

	(void)state;
	vm_read(&v, MIB(66), buf, LENGTH);
	check_retries(1);
	vm_fill(buf, LENGTH, 2);
	vm_write(&v, MIB(67), buf, LENGTH);
	check_retries(2);
	memset(buf + LENGTH, 0, LENGTH);
	vm_read(&v, MIB(67), buf + LENGTH, LENGTH);
	assert_memory_equal(buf, buf + LENGTH, LENGTH);
	weir_io_flush(&io);
	vm_good(&v, &io);
	check_retries(3);
	vm_good(&v, &io);
	check_retries(3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(fails_for_good),
		T(a_part_fails),
		T(fails_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
