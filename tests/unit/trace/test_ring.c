/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ring.c - records on their way to a file that is slow (a pipe that nobody reads), that fails,
 * and that is fast.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "trace/ring.h"

#define CHUNKS 16u

static struct ring ring;
static int ends[2];

static void fill(struct ring_lane *l, uint64_t first, uint64_t n)
{
	for (uint64_t i = first; i < first + n; i++) {
		struct trace_record *r = ring_record(l);

		*r = (struct trace_record){ .at = i + 10, .queued = i, .kind = TRACE_COMPLETED };
	}
}

static void read_all(void *to, size_t length)
{
	for (char *at = to; length;) {
		ssize_t n = read(ends[0], at, length);

		assert_true(n > 0);
		at += n;
		length -= (size_t)n;
	}
}

/* Reads chunks until N records came; they have the numbers from FIRST on. */
static void *read_records(void *arg)
{
	struct ring_chunk *chunk = calloc(1, sizeof(*chunk));
	uint64_t n = *(uint64_t *)arg, seen = 0;

	assert_non_null(chunk);
	while (seen < n) {
		size_t head = offsetof(struct ring_chunk, record);

		read_all(chunk, head);
		assert_true(chunk->count && chunk->count <= RING_RECORDS);
		read_all(chunk->record, chunk->count * sizeof(*chunk->record));
		assert_int_equal(chunk->first_queued, seen);
		for (uint32_t i = 0; i < chunk->count; i++)
			assert_int_equal(chunk->record[i].queued, seen++);
	}
	free(chunk);
	return NULL;
}

static void begin(struct ring_lane *l, bool lossless)
{
	assert_int_equal(pipe(ends), 0);
	/* No chunk fits into the pipe. */
	assert_true(fcntl(ends[1], F_SETPIPE_SZ, 4096) >= 4096);
	memset(&ring, 0, sizeof(ring));
	assert_int_equal(ring_init(&ring, ends[1], CHUNKS * sizeof(struct ring_chunk)), 0);
	assert_int_equal(ring_lane_init(l, &ring, 7, lossless), 0);
}

static void end(struct ring_lane *l)
{
	ring_lane_destroy(l);
	ring_destroy(&ring);
	close(ends[1]);
}

static void finish(struct ring_lane *l, uint64_t kept)
{
	pthread_t reader;

	ring_lane_flush(l);
	assert_int_equal(pthread_create(&reader, NULL, read_records, &kept), 0);
	assert_int_equal(ring_finish(&ring), 0);
	pthread_join(reader, NULL);
	end(l);
	close(ends[0]);
}

/* Nobody reads, so no chunk comes back: the lane goes on, and what it cannot keep is counted. */
static void a_lane_does_not_wait_for_the_disk(void **state)
{
	const uint64_t room = (uint64_t)(CHUNKS + 2) * RING_RECORDS, more = 100000;
	struct ring_lane l;

	(void)state;
	begin(&l, false);
	fill(&l, 0, room + more);
	finish(&l, room);
	assert_int_equal(ring.lost, more);
}

static void a_lossless_lane_waits(void **state)
{
	uint64_t n = (uint64_t)(CHUNKS + 2) * RING_RECORDS * 3 + 17;
	struct ring_lane l;
	pthread_t reader;

	(void)state;
	begin(&l, true);
	assert_int_equal(pthread_create(&reader, NULL, read_records, &n), 0);
	fill(&l, 0, n);
	ring_lane_flush(&l);
	assert_int_equal(ring_finish(&ring), 0);
	pthread_join(reader, NULL);
	assert_int_equal(ring.lost, 0);
	end(&l);
	close(ends[0]);
}

/* The file fails: what follows is dropped, and the end says why. */
static void an_error_is_told_at_the_end(void **state)
{
	struct ring_lane l;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	begin(&l, true);
	close(ends[0]);
	fill(&l, 0, 40 * RING_RECORDS);
	ring_lane_flush(&l);
	assert_int_equal(ring_finish(&ring), -EPIPE);
	assert_int_equal(ring.lost, 40 * RING_RECORDS);
	end(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lane_does_not_wait_for_the_disk),
		cmocka_unit_test(a_lossless_lane_waits),
		cmocka_unit_test(an_error_is_told_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
