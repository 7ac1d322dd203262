/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random extents, written by one engine and read by another: passthrough on the character device,
 * io_uring and blocking calls on its block device, with and without registered buffers, and below
 * each scheduler.
 */
#include <stdlib.h>
#include <string.h>

#include "vm.h"

/* The number of extents, unless an argument gives another one. */
#define EXTENTS 10000u
#define BATCH 32u
/* the part of the drive for one extent of a batch: extents do not overlap */
#define SLOT (1u << 20)
#define EXTENT_BYTES (64u << 10)
#define BYTES (BATCH * SLOT)

enum way { CMD, CMD_FIXED, URING, POSIX, WAYS };

static unsigned extents = EXTENTS;
static struct vm ways[WAYS];
static char *model, *out, *in;
static uint64_t seed;

static void way_open(enum way way, const char *scheduler)
{
	static const char *const engines[WAYS] = { "uring_cmd", "uring_cmd", "uring", "posix" };

	vm_open_with(&ways[way], way <= CMD_FIXED ? vm_ng() : vm_block(), engines[way], scheduler);
}

static void prepare(void)
{
	seed = 42;
	model = vm_alloc(BYTES);
	out = vm_alloc(BATCH * EXTENT_BYTES);
	in = vm_alloc(BATCH * EXTENT_BYTES);
	memset(model, 0, BYTES);
}

static void finish(void)
{
	free(model);
	free(out);
	free(in);
}

/* Chooses a size, mostly small, and any block of its slot. */
static void choose(uint64_t *offset, uint64_t *length, unsigned slot, uint32_t block)
{
	uint64_t most = vm_random(&seed, 8) ? 16384 : EXTENT_BYTES;

	*length = (1 + vm_random(&seed, most / block)) * block;
	*offset = slot * SLOT + vm_random(&seed, (SLOT - *length) / block + 1) * block;
}

/* Waits for all of IOS, which V got. */
static void end_all(struct vm *v, struct weir_io *ios)
{
	char words[256];

	assert_int_equal(weir_queue_wait(v->q), 0);
	for (unsigned i = 0; i < BATCH; i++)
		if (ios[i].result)
			fail_msg("%s", weir_io_strerror(&ios[i], words, sizeof(words)));
}

static void round_trip(struct vm *writer, struct vm *reader)
{
	struct weir_io ios[BATCH];
	uint64_t offset, length;

	for (unsigned i = 0; i < BATCH; i++) {
		choose(&offset, &length, i, writer->block);
		vm_fill(out + i * EXTENT_BYTES, length, vm_random(&seed, UINT32_MAX));
		memcpy(model + offset, out + i * EXTENT_BYTES, length);
		weir_io_write(&ios[i], offset, out + i * EXTENT_BYTES, length);
		if (!vm_random(&seed, 16))
			ios[i].flags = WEIR_IO_FUA;
		assert_int_equal(weir_queue_submit(writer->q, &ios[i]), 0);
	}
	end_all(writer, ios);
	memset(in, 0xee, BATCH * EXTENT_BYTES);
	for (unsigned i = 0; i < BATCH; i++) {
		/* The same extent, so no other write can have made these bytes. */
		weir_io_read(&ios[i], ios[i].offset, in + i * EXTENT_BYTES, ios[i].length);
		assert_int_equal(weir_queue_submit(reader->q, &ios[i]), 0);
	}
	end_all(reader, ios);
	for (unsigned i = 0; i < BATCH; i++)
		assert_memory_equal(in + i * EXTENT_BYTES, model + ios[i].offset, ios[i].length);
}

static void check_all(struct vm *v)
{
	char *all = vm_alloc(BYTES);

	vm_read(v, 0, all, BYTES);
	assert_memory_equal(all, model, BYTES);
	free(all);
}

static void engines_agree(void **state)
{
	unsigned done = 0;

	(void)state;
	prepare();
	for (enum way way = CMD; way < WAYS; way++)
		way_open(way, "none");
	vm_write(&ways[CMD], 0, model, BYTES);
	assert_int_equal(weir_queue_register(ways[CMD_FIXED].q, out, (size_t)BATCH * EXTENT_BYTES),
			 0);
	assert_int_equal(weir_queue_register(ways[CMD_FIXED].q, in, (size_t)BATCH * EXTENT_BYTES),
			 0);
	for (unsigned turn = 0; done < extents; turn++, done += BATCH) {
		unsigned writer = turn % WAYS, reader = (writer + 1 + turn / WAYS % 3) % WAYS;

		round_trip(&ways[writer], &ways[reader]);
	}
	for (enum way way = CMD; way < WAYS; way++)
		check_all(&ways[way]);
	/* Linux 6.1 supports none on a buffer of many pages. */
	if (vm_linux(6, 2))
		assert_true(vm_stats(&ways[CMD_FIXED]).registered >= extents / WAYS);
	assert_int_equal(vm_stats(&ways[CMD_FIXED]).register_failures, 0);
	assert_int_equal(vm_stats(&ways[CMD]).registered, 0);
	for (enum way way = CMD; way < WAYS; way++) {
		if (way != CMD_FIXED || vm_linux(6, 2))
			assert_int_equal(vm_stats(&ways[way]).resubmits, 0);
		vm_close(&ways[way]);
	}
	finish();
}

/* Schedulers order the ios to the drive, and lose none. */
static void scheduled(const char *scheduler)
{
	print_message("# %s\n", scheduler);
	prepare();
	way_open(CMD, scheduler);
	way_open(POSIX, "none");
	vm_write(&ways[CMD], 0, model, BYTES);
	for (unsigned done = 0; done < extents / 10; done += BATCH)
		round_trip(&ways[CMD], &ways[done & BATCH ? CMD : POSIX]);
	check_all(&ways[CMD]);
	check_all(&ways[POSIX]);
	vm_close(&ways[CMD]);
	vm_close(&ways[POSIX]);
	finish();
}

static void below_each_scheduler(void **state)
{
	size_t count;
	const struct weir_named *table = weir_schedulers(&count);

	(void)state;
	assert_true(count > 2);
	for (size_t i = 0; i < count; i++)
		scheduled(table[i].name);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(engines_agree),
		cmocka_unit_test(below_each_scheduler),
	};

	if (argc > 1)
		extents = (unsigned)strtoul(argv[1], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
