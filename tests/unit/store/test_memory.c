/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_memory.c - what an entry of a store takes in memory, all in: at most 48 bytes, at every
 * moment while the store grows.
 *
 * Counted is all that malloc() gave since the store was opened on a queue: the index, the tables of
 * segments, of pinned keys and of keys that left, the buckets of what is under way. Not counted is
 * what belongs to the I/O and does not grow with the entries: the queue, stacks, rings, the pool of
 * buffers (at most 32 MiB), and the footers to be of segments that are not sealed yet.
 *
 * The entries go into the index as recovery does it, without values on the device. With a number as
 * its argument this program prints the figures for so many entries, for `make bench`.
 */
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "rig.h"
#include "store/log/logs.h"
#include "store/store.h"

#define ENTRIES 1000000u
#define BYTES_MAX 48u /* for an entry */
/* A store of 128 GiB has so many values of 128 KiB, in segments of 8 MiB. */
#define CAPACITY (128ull << 30)
#define SEGMENT (8ull << 20)
#define PINNED 1000u
#define STEP 1000u /* entries between two looks */

static struct rig rig = { .engine = "posix" };

struct figures {
	double index; /* bytes for an entry at the end */
	double all;   /* the same, with all that is counted */
	double worst; /* the most that an entry took at any moment from half of the entries on */
};

static size_t allocated(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void hash_of(uint64_t n, uint64_t hash[2])
{
	uint64_t state = n + 1;

	hash[0] = rig_random(&state);
	hash[1] = rig_random(&state);
}

static void add(uint64_t n)
{
	struct index_value value = { .position = n, .checksum = n, .length = 131072 };
	uint64_t hash[2];

	hash_of(n, hash);
	assert_int_equal(index_set(&rig.s->logs->index, hash, &value), 0);
	if (n < PINNED)
		assert_int_equal(logs_hold(rig.s->logs, hash), 0);
}

/* Makes the store in a sparse file: no value is written. rig_make() takes all the space. */
static void make_image(void)
{
	struct weir_store_format_opts opts = WEIR_STORE_FORMAT_OPTS_INIT;
	const char *dir = getenv("TMPDIR");
	int fd;

	snprintf(rig.path, sizeof(rig.path), "%s/weir-memory-XXXXXX", dir ? dir : "/tmp");
	fd = mkstemp(rig.path);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)CAPACITY), 0);
	close(fd);
	opts.segment_bytes = SEGMENT;
	if (weir_store_format(rig.path, &opts))
		fail_msg("format: %s", weir_error());
}

/* Opens a queue on the image, as a store would, and then the store. Returns what malloc() had given
 * in between. */
static size_t open_store(void)
{
	struct weir_device_opts device = WEIR_DEVICE_OPTS_INIT;
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	struct weir_queue_opts queue = WEIR_QUEUE_OPTS_INIT;
	size_t before;

	device.flags = WEIR_DEVICE_LOCK;
	queue.engine = rig.engine;
	assert_int_equal(weir_device_open(&rig.device, rig.path, &device), 0);
	assert_int_equal(weir_queue_open(&rig.queue, rig.device, &queue), 0);
	before = allocated();
	opts.attach = 1;
	if (weir_store_open_queues(&rig.s, &rig.queue, 1, &opts) || !rig.s) {
		print_error("open: %s\n", weir_error());
		abort();
	}
	return before;
}

static void close_store(void)
{
	assert_int_equal(weir_store_close(rig.s), 0);
	assert_int_equal(weir_queue_close(rig.queue), 0);
	weir_device_close(rig.device);
	unlink(rig.path);
}

static struct figures measure(uint64_t entries)
{
	struct figures f = { 0 };
	size_t before;
	uint64_t n;

	make_image();
	before = open_store();
	for (n = 0; n < entries; n++) {
		add(n);
		if ((n + 1) % STEP || n + 1 < entries / 2)
			continue;
		f.all = (double)(allocated() - before) / (double)(n + 1);
		f.worst = f.all > f.worst ? f.all : f.worst;
	}
	f.index = (double)rig.s->logs->index.bytes / (double)entries;
	close_store();
	return f;
}

static void a_million(void **state)
{
	struct figures f;

	(void)state;
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
	print_message("skipped: a sanitizer's malloc does not count\n");
	skip();
#endif
	f = measure(ENTRIES);
	print_message("%.2f bytes an entry, %.2f of them in the index\n", f.all, f.index);
	assert_true(f.index >= sizeof(struct index_entry)); /* it was counted */
	assert_true(f.all >= f.index);
	assert_true(f.all <= BYTES_MAX);
	/* With half as many entries, what a store has anyway counts twice. */
	assert_true(f.worst <= f.index + 2 * (f.all - f.index) + 0.5);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_million),
	};

	if (argc > 1) {
		uint64_t entries = strtoull(argv[1], NULL, 10);
		struct figures f = measure(entries);

		printf("{\"entries\": %llu, \"index\": %.2f, \"all\": %.2f, \"worst\": %.2f}\n",
		       (unsigned long long)entries, f.index, f.all, f.worst);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
