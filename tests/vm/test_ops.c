/* SPDX-License-Identifier: Apache-2.0 */
/* Each operation on an NVMe drive by passthrough: it does what it should, and nothing else. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "vm.h"

#define DRIVE_BYTES (768ull << 20) /* as run.py makes it */
#define REGION (4 * VM_MIB)
/* The largest length of a command here: the kernel's limit for this drive. */
#define LIMIT weir_device_get_info(v.dev)->max_hw_bytes

static struct vm v;
static unsigned char *model, *back;

/* Makes the first REGION bytes of the drive equal to model. */
static int setup(void **state)
{
	(void)state;
	vm_open_with(&v, vm_ng(), "auto", "none");
	model = vm_alloc(REGION);
	back = vm_alloc(REGION);
	vm_fill(model, REGION, 7);
	vm_write(&v, 0, model, REGION);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vm_close(&v);
	free(model);
	free(back);
	return 0;
}

static void check_region(void)
{
	vm_read(&v, 0, back, REGION);
	assert_memory_equal(back, model, REGION);
}

/* Returns what the kernel says about the block device of this drive, or of its only path. */
static uint64_t sysfs_of(const char *disk, const char *name)
{
	unsigned long long value;
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/block/%s/%s", disk, name);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%llu", &value), 1);
	fclose(f);
	return value;
}

static uint64_t sysfs(const char *name)
{
	return sysfs_of(strrchr(vm_block(), '/') + 1, name);
}

static void facts(void **state)
{
	const struct weir_device_info *info = weir_device_get_info(v.dev);
	struct weir_queue_info qi = WEIR_QUEUE_INFO_INIT;

	(void)state;
	assert_int_equal(info->kind, WEIR_DEVICE_NVME_CHAR);
	assert_true(info->capacity_bytes == DRIVE_BYTES);
	assert_true(info->capacity_bytes == sysfs("size") * 512);
	assert_int_equal(info->logical_block_bytes, sysfs("queue/logical_block_size"));
	assert_int_equal(info->max_segments, sysfs("queue/max_segments"));
	/* Linux 6.1 keeps one segment for itself; then the number of pages limits a command. */
	assert_true(info->max_hw_bytes == sysfs("queue/max_hw_sectors_kb") << 10 ||
		    info->max_hw_bytes == info->max_segments * 4096);
	assert_in_range(info->max_hw_bytes, 508u << 10, 512u << 10);
	/* The head of a multipath device has no requests of its own. */
	assert_int_equal(info->nr_requests, sysfs_of("nvme0c0n1", "queue/nr_requests"));
	assert_int_equal(info->fua, 1);
	assert_int_equal(info->write_cache, 1);
	assert_true(info->discard_max_bytes > 0);
	assert_int_equal(weir_queue_get_info(v.q, &qi), 0);
	assert_string_equal(qi.engine, "uring_cmd");
	assert_non_null(strstr(qi.engine_why, "SINGLE_ISSUER|DEFER_TASKRUN"));
	assert_non_null(strstr(qi.engine_why, "registered file, registered buffers"));
}

static void read_and_write(void **state)
{
	struct weir_io io;

	(void)state;
	check_region();
	vm_fill(model + 3 * v.block, 5 * v.block, 8);
	weir_io_write(&io, 3 * v.block, model + 3 * v.block, 5 * v.block);
	io.flags = WEIR_IO_FUA;
	vm_good(&v, &io);
	check_region();
	/* The last block of the drive. */
	vm_write(&v, DRIVE_BYTES - v.block, model, v.block);
	vm_read(&v, DRIVE_BYTES - v.block, back, v.block);
	assert_memory_equal(back, model, v.block);
}

static void flush(void **state)
{
	struct weir_io io;

	(void)state;
	weir_io_flush(&io);
	vm_good(&v, &io);
	assert_int_equal(vm_op_stats(&v, WEIR_OP_FLUSH).ios, 1);
}

/* Longer than one command of the drive, and not a multiple of it. */
static void write_zeroes(void **state)
{
	const uint64_t at = 3 * v.block, length = 2 * VM_MIB + 5 * v.block;
	struct weir_io io;

	(void)state;
	weir_io_write_zeroes(&io, at, length);
	vm_good(&v, &io);
	memset(model + at, 0, length);
	check_region();
	weir_io_write_zeroes(&io, at + length, v.block);
	io.flags = WEIR_IO_FUA;
	vm_good(&v, &io);
	memset(model + at + length, 0, v.block);
	check_region();
}

/* Discarded blocks may read as anything; their neighbours must not change. */
static void discard(void **state)
{
	const uint64_t at = VM_MIB, length = VM_MIB;
	struct weir_io ios[8];

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		weir_io_discard(&ios[i], at + i * length / 8, length / 8);
		assert_int_equal(weir_queue_submit(v.q, &ios[i]), 0);
	}
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(weir_io_wait(v.q, &ios[i], UINT64_MAX), 0);
	vm_read(&v, 0, back, REGION);
	assert_memory_equal(back, model, at);
	assert_memory_equal(back + at + length, model + at + length, REGION - at - length);
	assert_memory_not_equal(back + at, model + at, length);
	vm_write(&v, at, model + at, length);
	check_region();
}

static void pieces(void **state)
{
	struct iovec iov[4];
	struct weir_io io;
	uint64_t requests;

	(void)state;
	/* Backwards in memory, so that no two pieces are contiguous. */
	for (unsigned i = 0; i < 4; i++)
		iov[i] = (struct iovec){ back + (3 - i) * 16384, 8192 };
	requests = vm_stats(&v).requests;
	weir_io_readv(&io, 4096, iov, 4);
	vm_good(&v, &io);
	assert_int_equal(vm_stats(&v).requests, requests + 1);
	assert_int_equal(vm_stats(&v).bounced, 0);
	for (unsigned i = 0; i < 4; i++)
		assert_memory_equal(iov[i].iov_base, model + 4096 + i * 8192, 8192);
	for (unsigned i = 0; i < 4; i++)
		vm_fill(iov[i].iov_base, 8192, 100 + i);
	weir_io_writev(&io, 65536, iov, 4);
	vm_good(&v, &io);
	for (unsigned i = 0; i < 4; i++)
		vm_fill(model + 65536 + i * 8192, 8192, 100 + i);
	check_region();
}

/* As many pieces as a command may have, each followed by a gap. */
static void many_pieces_with_gaps(void **state)
{
	const unsigned most = weir_device_get_info(v.dev)->max_segments;
	struct iovec iov[128];
	struct weir_io io;
	uint64_t at = 4096;

	(void)state;
	for (unsigned i = 0; i < most; i++)
		iov[i] = (struct iovec){ back + (i * 37 % most) * 8192, v.block };
	weir_io_readv(&io, at, iov, most);
	vm_good(&v, &io);
	for (unsigned i = 0; i < most; i++)
		assert_memory_equal(iov[i].iov_base, model + at + i * v.block, v.block);
	for (unsigned i = 0; i < most; i++)
		vm_fill(iov[i].iov_base, v.block, 1000 + i);
	weir_io_writev(&io, at, iov, most);
	vm_good(&v, &io);
	for (unsigned i = 0; i < most; i++)
		vm_fill(model + at + i * v.block, v.block, 1000 + i);
	check_region();
	assert_int_equal(vm_stats(&v).bounced, 0);
}

/* One piece more than a command may have, and then as many again. */
static void more_pieces_than_a_command_has(void **state)
{
	const unsigned most = weir_device_get_info(v.dev)->max_segments;
	uint64_t requests = vm_stats(&v).requests;
	struct iovec iov[256];
	struct weir_io io;

	(void)state;
	assert_in_range(most, 127, 128);
	for (unsigned i = 0; i < 256; i++)
		iov[i] = (struct iovec){ back + (i * 37 % 256) * 8192, v.block };
	weir_io_readv(&io, 0, iov, most + 1);
	vm_good(&v, &io);
	assert_int_equal(vm_stats(&v).requests, requests + 2);
	weir_io_readv(&io, 0, iov, 2 * most);
	vm_good(&v, &io);
	assert_int_equal(vm_stats(&v).requests, requests + 4);
	for (unsigned i = 0; i < 2 * most; i++)
		assert_memory_equal(iov[i].iov_base, model + i * v.block, v.block);
}

static void split_at_the_limit(void **state)
{
	struct weir_queue_stats before = vm_stats(&v), after;

	(void)state;
	vm_read(&v, 0, back, LIMIT);
	after = vm_stats(&v);
	assert_int_equal(after.requests - before.requests, 1);
	before = after;
	vm_read(&v, v.block, back, LIMIT + v.block);
	assert_memory_equal(back, model + v.block, LIMIT + v.block);
	after = vm_stats(&v);
	assert_int_equal(after.requests - before.requests, 2);
	assert_int_equal(after.splits - before.splits, 1);
	before = after;
	vm_read(&v, 0, back, REGION);
	after = vm_stats(&v);
	assert_int_equal(after.requests - before.requests, (REGION + LIMIT - 1) / LIMIT);
}

/* Returns memory whose physical pages are scattered, so that no two of them are one segment. */
static char *scattered(size_t bytes)
{
	char *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t pages = bytes / 4096;

	assert_ptr_not_equal(mem, MAP_FAILED);
	madvise(mem, bytes, MADV_NOHUGEPAGE);
	/* An order other than the physical one. */
	for (size_t i = 0; i < pages; i++)
		mem[i * 7919 % pages * 4096] = 1;
	return mem;
}

/* Memory at any address, also for the largest commands. */
static void memory_that_is_not_aligned(void **state)
{
	const unsigned shifts[] = { 1, 4, 512, 2048 };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		char *crooked = scattered(2 * VM_MIB + 4096);
		uint64_t bounced = vm_stats(&v).bounced;

		vm_read(&v, 4096, crooked + shifts[i], 2 * VM_MIB);
		if (shifts[i] < 4)
			assert_true(vm_stats(&v).bounced > bounced);
		bounced = vm_stats(&v).bounced;
		assert_memory_equal(crooked + shifts[i], model + 4096, 2 * VM_MIB);
		vm_fill(model, VM_MIB, 20 + i);
		memcpy(crooked + shifts[i], model, VM_MIB);
		vm_write(&v, 0, crooked + shifts[i], VM_MIB);
		if (shifts[i] < 4)
			assert_true(vm_stats(&v).bounced > bounced);
		check_region();
		munmap(crooked, 2 * VM_MIB + 4096);
	}
}

static void refused(struct weir_io *io, int err, const char *words)
{
	assert_int_equal(weir_queue_submit(v.q, io), err);
	if (!strstr(weir_error(), words))
		fail_msg("'%s' does not say '%s'", weir_error(), words);
}

static void refused_before_it_is_submitted(void **state)
{
	uint64_t requests = vm_stats(&v).requests;
	struct weir_io io;

	(void)state;
	weir_io_read(&io, 100, back, v.block);
	refused(&io, -EINVAL, "100 bytes too many");
	weir_io_write(&io, 0, back, v.block + 511);
	refused(&io, -EINVAL, "511 bytes too many");
	weir_io_write(&io, DRIVE_BYTES - v.block, back, 2 * v.block);
	refused(&io, -ERANGE, "beyond the end");
	assert_int_equal(vm_stats(&v).requests, requests);
}

static void one_batch_one_submission(void **state)
{
	struct weir_queue_stats before = vm_stats(&v), after;
	struct weir_io ios[64];

	(void)state;
	for (unsigned i = 0; i < 64; i++) {
		weir_io_read(&ios[i], i * 8192, back + i * 8192, 8192);
		ios[i].flags = WEIR_IO_NOMERGE;
		assert_int_equal(weir_queue_submit(v.q, &ios[i]), 0);
	}
	assert_int_equal(weir_queue_wait(v.q), 0);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(ios[i].result, 0);
	assert_memory_equal(back, model, 64 * 8192);
	after = vm_stats(&v);
	assert_int_equal(after.requests - before.requests, 64);
	assert_true(after.batches - before.batches <= 4);
}

/* Adjacent on the drive, apart in memory: fewer commands, each of several pieces. */
static void merged(void **state)
{
	uint64_t requests = vm_stats(&v).requests;
	struct weir_io ios[64];

	(void)state;
	for (unsigned i = 0; i < 64; i++) {
		weir_io_read(&ios[i], i * 8192, back + (63 - i) * 16384, 8192);
		assert_int_equal(weir_queue_submit(v.q, &ios[i]), 0);
	}
	assert_int_equal(weir_queue_wait(v.q), 0);
	for (unsigned i = 0; i < 64; i++) {
		assert_int_equal(ios[i].result, 0);
		assert_memory_equal(back + (63 - i) * 16384, model + i * 8192, 8192);
	}
	assert_true(vm_stats(&v).requests - requests <= 8);
	for (unsigned i = 0; i < 64; i++) {
		vm_fill(back + (63 - i) * 16384, 8192, 2000 + i);
		vm_fill(model + i * 8192, 8192, 2000 + i);
		weir_io_write(&ios[i], i * 8192, back + (63 - i) * 16384, 8192);
		assert_int_equal(weir_queue_submit(v.q, &ios[i]), 0);
	}
	assert_int_equal(weir_queue_wait(v.q), 0);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(ios[i].result, 0);
	check_region();
	assert_true(vm_stats(&v).requests - requests <= 32);
}

/* Adjacent on the drive and in registered memory: one piece, and a registered command. */
static void merged_in_registered_memory(void **state)
{
	struct weir_queue_stats before, after;
	struct weir_io ios[64];

	(void)state;
	assert_int_equal(weir_queue_register(v.q, back, REGION), 0);
	before = vm_stats(&v);
	for (unsigned i = 0; i < 64; i++) {
		weir_io_read(&ios[i], i * 8192, back + i * 8192, 8192);
		assert_int_equal(weir_queue_submit(v.q, &ios[i]), 0);
	}
	assert_int_equal(weir_queue_wait(v.q), 0);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(ios[i].result, 0);
	assert_memory_equal(back, model, 64 * 8192);
	after = vm_stats(&v);
	assert_true(after.requests - before.requests <= 8);
	assert_int_equal(after.registered - before.registered, after.requests - before.requests);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(facts),
		T(read_and_write),
		T(flush),
		T(write_zeroes),
		T(discard),
		T(pieces),
		T(many_pieces_with_gaps),
		T(more_pieces_than_a_command_has),
		T(split_at_the_limit),
		T(memory_that_is_not_aligned),
		T(refused_before_it_is_submitted),
		T(one_batch_one_submission),
		T(merged),
		T(merged_in_registered_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
