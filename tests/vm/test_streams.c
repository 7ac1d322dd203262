/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's streams on the placement ids of a drive with FDP: what a stream writes is in the
 * reclaim units of its own id, byte by byte, and nothing else is; streams and ids survive.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <weir/fdp.h>
#include <weir/tenant.h>

#include "vm.h"

#define HANDLES 8u /* of the drive that run.py makes */
#define UNIT_BYTES (8ull << 20)
#define BLOCK 4096u /* the store's */
#define VALUE_MAX (512u << 10)

static struct weir_store *store;
static char *value, *back;

static int setup(void **state)
{
	(void)state;
	vm_ng();
	value = vm_alloc(VALUE_MAX);
	back = vm_alloc(VALUE_MAX);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	/* After a failure: the next case opens the drive again. */
	weir_store_close(store);
	store = NULL;
	free(value);
	free(back);
	return 0;
}

/* CAPACITY and SEGMENT may be 0: what the store chooses. */
static int try_format(uint32_t placement, uint64_t capacity, uint64_t segment, uint32_t force)
{
	struct weir_store_format_opts opts = WEIR_STORE_FORMAT_INIT;

	opts.placement = placement;
	opts.capacity_bytes = capacity;
	opts.segment_bytes = segment;
	opts.force = force;
	return weir_store_format(vm_ng(), &opts);
}

static void format(uint32_t placement, uint64_t capacity, uint64_t segment)
{
	if (try_format(placement, capacity, segment, 2) < 0)
		fail_msg("%s", weir_error());
}

static int try_open(const char *path, uint32_t placement)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;

	opts.attach = 1;
	opts.placement = placement;
	return weir_store_open(&store, path, &opts);
}

static void open_by(const char *path, uint32_t placement)
{
	if (try_open(path, placement) < 0)
		fail_msg("%s", weir_error());
}

static void open_store(void)
{
	open_by(vm_ng(), WEIR_PLACEMENT_DEFAULT);
}

static void close_store(void)
{
	assert_int_equal(weir_store_close(store), 0);
	store = NULL;
}

static struct weir_store_info info(void)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;

	assert_int_equal(weir_store_info(store, &info), 0);
	return info;
}

static struct weir_store_stats stats(void)
{
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;

	assert_int_equal(weir_store_stats(store, &stats), 0);
	return stats;
}

static struct weir_store_stream stream_info(uint32_t stream)
{
	struct weir_store_stream info = WEIR_STORE_STREAM_INIT;

	assert_int_equal(weir_store_stream(store, stream, &info), 0);
	return info;
}

static uint32_t tenant(unsigned n)
{
	char name[16];
	uint32_t stream;

	snprintf(name, sizeof(name), "tenant %u", n);
	if (weir_store_tenant(store, name, &stream) < 0)
		fail_msg("%s: %s", name, weir_error());
	return stream;
}

static struct weir_op_stats ops(enum weir_op op)
{
	struct weir_queue_stats stats = WEIR_QUEUE_STATS_INIT;

	assert_int_equal(weir_queue_stats(weir_store_queue(store), &stats), 0);
	return stats.op[op];
}

/* The value of KEY, into MEM: whole words. */
static void fill(char *mem, uint64_t key, size_t length)
{
	vm_fill(mem, (length + 7) / 8 * 8, key);
}

static int put(uint32_t stream, uint64_t key, size_t length)
{
	fill(value, key, length);
	return weir_store_put(store, &key, sizeof(key), value, length, WEIR_PUT_STREAM(stream));
}

/* 0: KEY is not there. */
static int got(uint64_t key, size_t length)
{
	size_t found = 0;
	int rc = weir_store_get(store, &key, sizeof(key), back, VALUE_MAX, &found);

	if (rc == -ENOENT)
		return 0;
	if (rc)
		fail_msg("key %u: %s", (unsigned)key, weir_error());
	fill(value, key, length);
	assert_int_equal(found, length);
	assert_memory_equal(back, value, length);
	return 1;
}

/* What the drive says when the store has written all that it had to; the caller frees it. */
static struct weir_fdp *ask(void)
{
	struct weir_queue_stats stats = WEIR_QUEUE_STATS_INIT;
	struct weir_fdp *fdp;

	/* A footer follows a flush in the same turn. */
	for (unsigned quiet = 0; quiet < 3; quiet++) {
		assert_int_equal(weir_store_poll(store), 0);
		weir_queue_stats(weir_store_queue(store), &stats);
		if (stats.in_flight)
			quiet = 0;
	}
	if (weir_fdp_read(&fdp, weir_queue_device(weir_store_queue(store))) < 0)
		fail_msg("%s", weir_error());
	assert_int_equal(fdp->nr_placements, HANDLES);
	return fdp;
}

/* What is known of the drive's units since begin_books(), by placement id. */
static struct {
	uint64_t left[HANDLES]; /* as it has to be */
	uint64_t host_bytes, written_bytes;
} books;

static void begin_books(void)
{
	struct weir_fdp *fdp = ask();

	for (uint32_t id = 0; id < HANDLES; id++)
		books.left[id] = fdp->placements[id].left_bytes;
	books.host_bytes = fdp->host_bytes;
	books.written_bytes = stats().written_bytes;
	weir_fdp_free(fdp);
}

static uint64_t whole_blocks(uint64_t bytes)
{
	return (bytes + BLOCK - 1) / BLOCK * BLOCK;
}

/* Into the books: BYTES of batches in STREAM, in a new unit or in what is left. */
static void booked(uint32_t stream, uint64_t bytes, bool updated)
{
	int32_t id = stream_info(stream).placement;
	uint64_t left = updated ? UNIT_BYTES : books.left[id < 0 ? 0 : id];

	/* The drive goes on with another unit when one is full. */
	books.left[id < 0 ? 0 : id] = left > bytes ? left - bytes : left - bytes + UNIT_BYTES;
}

/* As put(), and into the books; true if a unit was begun for it. */
static bool put_booked(uint32_t stream, uint64_t key, size_t length)
{
	uint64_t updates = ops(WEIR_OP_PLACEMENT_UPDATE).ios;
	bool updated;

	assert_int_equal(put(stream, key, length), 0);
	updated = ops(WEIR_OP_PLACEMENT_UPDATE).ios > updates;
	booked(stream, BLOCK + whole_blocks(length), updated);
	return updated;
}

/*
 * The drive agrees: nothing went to another id than it should. The default id, 0, has what is in
 * no segment's batches too, and what was not foreseen.
 */
static void check_books(void)
{
	struct weir_fdp *fdp = ask();
	uint64_t written = stats().written_bytes - books.written_bytes;

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

static void check_cut(uint64_t capacity, uint64_t segment, uint64_t is, uint64_t segments)
{
	if (try_format(WEIR_PLACEMENT_STREAM, capacity, segment, 1) < 0)
		fail_msg("%s", weir_error());
	open_store();
	assert_int_equal(info().segment_bytes, is);
	assert_int_equal(info().segments, segments);
	assert_int_equal(info().placement, WEIR_PLACEMENT_STREAM);
	assert_int_equal(info().placement_asked, WEIR_PLACEMENT_STREAM);
	close_store();
}

static void segments_are_cut_to_the_unit(void **state)
{
	(void)state;
	check_cut(0, 0, UNIT_BYTES, 95);
	/* With whole units there would be fewer than 64: 8 segments share one. */
	check_cut(256 << 20, 0, 1 << 20, 255);
	check_cut(0, 4 << 20, 4 << 20, 191);
	assert_int_equal(try_format(WEIR_PLACEMENT_STREAM, 0, 16 << 20, 1), -ENOSPC);
	assert_non_null(strstr(weir_error(), "holds 47 segments of 16 MiB"));
	format(WEIR_PLACEMENT_STREAM, 0, 16 << 20);
	open_store();
	assert_int_equal(info().segment_bytes, 2 * UNIT_BYTES);
	close_store();
}

/* Puts into STREAM until a segment is opened; how many it took. */
static unsigned fill_segment(uint32_t stream, uint64_t key, size_t length)
{
	unsigned n = 1;

	while (!put_booked(stream, key++, length))
		assert_in_range(++n, 2, UNIT_BYTES / length + 1);
	return n;
}

static void each_stream_in_units_of_its_own(void **state)
{
	uint32_t n;

	(void)state;
	format(WEIR_PLACEMENT_STREAM, 0, 0);
	open_store();
	assert_int_equal(tenant(1), 1);
	assert_int_equal(tenant(2), 2);
	begin_books();
	for (n = 0; n < 3; n++) {
		/* The default id comes last: it has the headers, footers and superblocks. */
		assert_int_equal(stream_info(n).placement, n + 1);
		assert_int_equal(stream_info(n).sharing, 0);
		assert_true(put_booked(n, n, 100000));
		check_books();
	}
	for (n = 3; n < 33; n++)
		assert_false(put_booked(n % 3, n, 1 + n * 1000));
	check_books();
	/* The next segment begins in a unit of its own. */
	for (n = 0; n < 3; n++) {
		assert_in_range(fill_segment(n, 100 * (n + 1), 400000), 10, 21);
		assert_int_equal(stream_info(n).segments, 2);
		check_books();
	}
	assert_int_equal(ops(WEIR_OP_PLACEMENT_UPDATE).ios, 6);
	close_store();
	/* As does the one that is begun after a restart. */
	open_store();
	begin_books();
	assert_true(put_booked(1, 1000, 5000));
	check_books();
	close_store();
}

/* Many small values in one batch: their footer is large. */
static void put_small(uint32_t stream, uint64_t *key, unsigned n)
{
	struct weir_store_op *op = calloc(n, sizeof(*op));
	uint64_t *keys = calloc(n, sizeof(*keys)), updates = ops(WEIR_OP_PLACEMENT_UPDATE).ios;
	uint64_t written = stream_info(stream).written_bytes;

	assert_non_null(op);
	assert_non_null(keys);
	for (unsigned i = 0; i < n; i++) {
		keys[i] = (*key)++;
		op[i].key = &keys[i];
		op[i].key_len = sizeof(keys[i]);
		op[i].value = value;
		op[i].value_len = 8;
		op[i].flags = WEIR_PUT_STREAM(stream);
	}
	assert_int_equal(weir_store_put_many(store, op, n), 0);
	written = stream_info(stream).written_bytes - written;
	assert_true(written >= n * (uint64_t)BLOCK);
	booked(stream, written, ops(WEIR_OP_PLACEMENT_UPDATE).ios > updates);
	free(keys);
	free(op);
}

/* What the segment before left to be written does not push the end of the next out of its unit. */
static void a_full_segment_fits_into_its_unit(void **state)
{
	const size_t length = 32 * BLOCK;
	uint64_t key = 1000000;
	uint32_t n;

	(void)state;
	format(WEIR_PLACEMENT_STREAM, 0, 0);
	open_store();
	assert_int_equal(tenant(1), 1);
	for (n = 0; n < 9; n++)
		put_small(1, &key, 200);
	begin_books();
	fill_segment(1, 1, length);
	/* With header and footer these are all 2048 blocks of a segment. */
	for (n = 1; n < 62; n++)
		assert_false(put_booked(1, 100 + n, length));
	assert_int_equal(stream_info(1).segments, 2);
	check_books();
	assert_int_equal(books.left[2], 2 * BLOCK);
	assert_true(put_booked(1, 200, length));
	check_books();
	close_store();
}

/* Where a unit holds several segments it is filled to its end, by one after another. */
static void short_segments_share_a_unit(void **state)
{
	uint64_t key;

	(void)state;
	format(WEIR_PLACEMENT_STREAM, 0, UNIT_BYTES / 8);
	open_store();
	assert_int_equal(tenant(1), 1);
	begin_books();
	for (key = 0; key < 47; key++)
		assert_false(put_booked(1, key, 200000));
	assert_int_equal(stream_info(1).segments, 10);
	check_books();
	assert_int_equal(ops(WEIR_OP_PLACEMENT_UPDATE).ios, 0);
	close_store();
}

static void check_shared(uint32_t stream, int32_t id, uint32_t sharing)
{
	assert_int_equal(stream_info(stream).placement, id);
	assert_int_equal(stream_info(stream).sharing, sharing);
}

static void more_streams_than_ids(void **state)
{
	uint32_t n;

	(void)state;
	format(WEIR_PLACEMENT_STREAM, 0, 0);
	open_store();
	for (n = 1; n < HANDLES; n++)
		assert_int_equal(tenant(n), n);
	begin_books();
	for (n = 0; n < HANDLES; n++) {
		check_shared(n, (int32_t)((n + 1) % HANDLES), 0);
		if (n != 3)
			assert_true(put_booked(n, n, 5000));
	}
	/* Stream 3 has written nothing: its id is the least filled. */
	assert_int_equal(tenant(8), 8);
	check_shared(3, 4, 1);
	check_shared(8, 4, 1);
	/* Nobody's segment closes a unit that another's is in. */
	assert_false(put_booked(8, 20, 100000));
	assert_false(put_booked(3, 21, 200000));
	assert_false(put_booked(8, 22, 300000));
	check_books();
	assert_int_equal(tenant(9), 9);
	check_shared(9, 1, 1);
	check_shared(0, 1, 1);
	assert_int_equal(tenant(10), 10);
	/* There are no more streams than segments / 8. */
	assert_in_range(tenant(11), 0, 10);
	close_store();
	open_store();
	for (n = 0; n < HANDLES; n++)
		assert_int_equal(stream_info(n).placement, (n + 1) % HANDLES);
	check_shared(8, 4, 1);
	check_shared(9, 1, 1);
	close_store();
}

static void put_into_three(bool placed)
{
	begin_books();
	for (uint32_t n = 0; n < 3; n++) {
		assert_int_equal(tenant(n + 1), n + 1);
		assert_int_equal(stream_info(n).placement, placed ? (int32_t)n + 1 : -1);
		assert_int_equal(put_booked(n, n, 50000), placed);
	}
	check_books();
}

static void without_placement_all_is_in_one(void **state)
{
	(void)state;
	format(WEIR_PLACEMENT_NONE, 0, UNIT_BYTES);
	open_store();
	assert_int_equal(info().placement, WEIR_PLACEMENT_NONE);
	assert_int_equal(info().placement_asked, WEIR_PLACEMENT_NONE);
	put_into_three(false);
	close_store();
	/* One session may have it, whatever was meant when the store was made. */
	open_by(vm_ng(), WEIR_PLACEMENT_STREAM);
	assert_int_equal(info().placement, WEIR_PLACEMENT_STREAM);
	assert_int_equal(info().placement_asked, WEIR_PLACEMENT_NONE);
	put_into_three(true);
	close_store();
	format(WEIR_PLACEMENT_STREAM, 0, 0);
	open_by(vm_ng(), WEIR_PLACEMENT_NONE);
	assert_int_equal(info().placement, WEIR_PLACEMENT_NONE);
	assert_int_equal(info().placement_asked, WEIR_PLACEMENT_STREAM);
	put_into_three(false);
	close_store();
}

static void by_the_block_device_it_works_without(void **state)
{
	uint32_t n;

	(void)state;
	format(WEIR_PLACEMENT_STREAM, 0, 0);
	open_store();
	put_into_three(true);
	close_store();
	assert_int_equal(try_open(vm_block(), WEIR_PLACEMENT_STREAM), -EOPNOTSUPP);
	assert_non_null(strstr(weir_error(), "use the character device (/dev/ng0n1 for"));
	open_by(vm_block(), WEIR_PLACEMENT_DEFAULT);
	assert_int_equal(info().placement, WEIR_PLACEMENT_NONE);
	assert_int_equal(info().placement_asked, WEIR_PLACEMENT_STREAM);
	begin_books();
	for (n = 0; n < 3; n++) {
		assert_int_equal(stream_info(n).placement, -1);
		assert_false(put_booked(n, 10 + n, 50000));
	}
	/* A stream that is made now gets its id when there are any. */
	assert_int_equal(tenant(4), 4);
	check_books();
	close_store();
	open_store();
	begin_books();
	for (n = 0; n < 5; n++) {
		check_shared(n, (int32_t)n + 1, 0);
		assert_true(put_booked(n, 20 + n, 50000));
	}
	check_books();
	for (n = 0; n < 3; n++)
		assert_true(got(n, 50000) && got(10 + n, 50000) && got(20 + n, 50000));
	close_store();
}

#define KILLS 6u
#define TOGETHER 4u	 /* puts */
#define BATCHES_MAX 150u /* in a life: so the store does not come round */

static size_t length_of(uint64_t key)
{
	return 1 + key * 7919 % 40000;
}

static uint64_t key_of(uint32_t life, uint64_t n)
{
	return (uint64_t)life << 32 | n;
}

/* Puts all that there may be into one stream after another, and tells what is acknowledged. */
static void child(uint32_t life, int fd)
{
	struct weir_store_op op[TOGETHER];
	uint64_t key[TOGETHER], done;
	uint32_t stream;

	/* Who is new in this life. */
	if (try_open(vm_ng(), WEIR_PLACEMENT_DEFAULT) || tenant(life + 1) != life + 1)
		_exit(1);
	for (done = 0; done < (uint64_t)BATCHES_MAX * TOGETHER; done += TOGETHER) {
		memset(op, 0, sizeof(op));
		for (uint32_t i = 0; i < TOGETHER; i++) {
			key[i] = key_of(life, done + i);
			stream = (uint32_t)(done + i) * 5 / 3 % (life + 2);
			op[i].key = &key[i];
			op[i].key_len = sizeof(key[i]);
			op[i].value = value + (size_t)i * (VALUE_MAX / TOGETHER);
			op[i].value_len = length_of(key[i]);
			op[i].flags = WEIR_PUT_STREAM(stream);
			fill(value + (size_t)i * (VALUE_MAX / TOGETHER), key[i], length_of(key[i]));
		}
		if (weir_store_put_many(store, op, TOGETHER) ||
		    write(fd, &done, sizeof(done)) != sizeof(done))
			_exit(2);
	}
	pause();
}

static void pause_ms(unsigned ms)
{
	struct timespec time = { .tv_nsec = (long)ms * 1000000 };

	nanosleep(&time, NULL);
}

/* A life that ends by SIGKILL after about MS; how many puts of it were acknowledged. */
static uint64_t live(uint32_t life, unsigned ms)
{
	int pipes[2], status;
	uint64_t done;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		child(life, pipes[1]);
	close(pipes[1]);
	/* The first acknowledgement says that it is at work. */
	assert_int_equal(read(pipes[0], &done, sizeof(done)), sizeof(done));
	pause_ms(ms);
	kill(pid, SIGKILL);
	while (read(pipes[0], &done, sizeof(done)) == sizeof(done))
		;
	close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	return done + TOGETHER;
}

static void check_life(uint32_t life, uint64_t acked)
{
	for (uint64_t n = 0; n < acked; n++)
		if (!got(key_of(life, n), length_of(key_of(life, n))))
			fail_msg("life %u lost put %u of %u", life, (unsigned)n, (unsigned)acked);
	/* What was under way is whole or not there. */
	for (uint64_t n = acked; n < acked + TOGETHER; n++)
		got(key_of(life, n), length_of(key_of(life, n)));
}

static int check_stream(const struct weir_store_entry *e, void *user)
{
	uint64_t key;
	uint32_t life, stream;

	(void)user;
	memcpy(&key, e->key, sizeof(key));
	life = (uint32_t)(key >> 32);
	stream = (uint32_t)key * 5 / 3 % (life + 2);
	assert_int_equal(e->stream, stream);
	return 0;
}

static void killed_and_recovered(void **state)
{
	uint64_t random = 3, acked[KILLS];
	uint32_t life, n;

	(void)state;
	format(WEIR_PLACEMENT_STREAM, 0, 0);
	for (life = 0; life < KILLS; life++) {
		acked[life] = live(life, 1 + (unsigned)vm_random(&random, 120));
		open_store();
		assert_int_equal(info().tenants, life + 1);
		for (n = 0; n <= life; n++) {
			assert_int_equal(tenant(n + 1), n + 1);
			check_shared(n + 1, (int32_t)(n + 2) % (int32_t)HANDLES, 0);
		}
		check_life(life, acked[life]);
		close_store();
	}
	open_store();
	for (life = 0; life < KILLS; life++)
		check_life(life, acked[life]);
	assert_int_equal(weir_store_list(store, check_stream, NULL), 0);
	assert_int_equal(stats().evicted_segments, 0);
	close_store();
}

#define ROUND 16u /* segments of the store that comes round */

/* What there is of KEYS keys; those that are there check. */
static unsigned count(uint64_t keys, size_t length)
{
	unsigned n = 0;

	for (uint64_t key = 0; key < keys; key++)
		n += (unsigned)got(key, length);
	return n;
}

static void what_is_reclaimed_is_discarded(void **state)
{
	const size_t length = 500000;
	uint64_t key, evicted, there;
	unsigned flags[2];

	(void)state;
	format(WEIR_PLACEMENT_STREAM, (ROUND << 23) + (128 << 10), UNIT_BYTES);
	open_store();
	assert_int_equal(info().segments, ROUND);
	assert_int_equal(tenant(1), 1);
	flags[0] = 0;
	flags[1] = 1;
	begin_books();
	for (key = 0; key < ROUND * 16 * 5 / 2; key++)
		put_booked(flags[key / 40 % 2], key, length);
	check_books();
	evicted = stats().evicted_segments;
	assert_true(evicted > ROUND);
	assert_int_equal(ops(WEIR_OP_DISCARD).ios, evicted);
	assert_int_equal(ops(WEIR_OP_DISCARD).errors, 0);
	assert_int_equal(ops(WEIR_OP_DISCARD).bytes, evicted * (UNIT_BYTES - BLOCK));
	there = stats().entries;
	assert_int_equal(count(key, length), there);
	close_store();
	open_store();
	/* All but the header was discarded. */
	assert_int_equal(stats().recovered_bad_headers, 0);
	assert_int_equal(stats().entries, there);
	assert_int_equal(count(key, length), there);
	close_store();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(segments_are_cut_to_the_unit),
		T(each_stream_in_units_of_its_own),
		T(a_full_segment_fits_into_its_unit),
		T(short_segments_share_a_unit),
		T(more_streams_than_ids),
		T(without_placement_all_is_in_one),
		T(by_the_block_device_it_works_without),
		T(killed_and_recovered),
		T(what_is_reclaimed_is_discarded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
