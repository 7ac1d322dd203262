/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_checks.c - a store ends the program if one of its own rules is broken, before wrong bytes
 * reach the drive.
 */
#include <pthread.h>

#include "rig.h"
#include "../death.h"
#include "base/done.h"
#include "store/store.h"

static struct rig rig = { .engine = "posix", .attach = 1 };

static int set_up(void **state)
{
	(void)state;
	rig_make(&rig, 24 << 20, 256 << 10, 4096);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_remove(&rig);
	return 0;
}

/* Opens the store in the child that will die, and returns its segments. */
static struct segments *opened(void)
{
	rig_open(&rig);
	if (rig_put(&rig, 1, 1, 5000, 0))
		_exit(1);
	return logs_segments(rig.s->logs);
}

static void free_twice(void *arg)
{
	struct segments *all = opened();

	(void)arg;
	segment_free(all, TAILQ_FIRST(&all->free));
}

static void free_in_use(void *arg)
{
	struct segments *all = opened();

	(void)arg;
	for (uint32_t n = 0; n < all->count; n++)
		if (all->all[n].state == SEGMENT_OPEN)
			segment_free(all, &all->all[n]);
}

static void a_segment_is_freed_once(void **state)
{
	(void)state;
	death_expect(free_twice, NULL, "segment.c");
	death_expect(free_twice, NULL, "segment_become: CHECK(segment_before[state]");
	death_expect(free_in_use, NULL, "segment_become: CHECK(segment_before[state]");
}

static void free_count_is_wrong(void *arg)
{
	struct segments *all = opened();

	(void)arg;
	all->free_count = 1;
	segment_take(all, logs_of_stream(rig.s->logs, 0), false);
}

static void unpin_twice(void *arg)
{
	struct segments *all = opened();

	(void)arg;
	segment_pin(&all->all[0]);
	segment_unpin(&all->all[0]);
	segment_unpin(&all->all[0]);
}

static void too_few_bytes(void *arg)
{
	struct segments *all = opened();

	(void)arg;
	for (uint32_t n = 0; n < all->count; n++)
		if (all->all[n].live_bytes)
			segment_remove_live(rig.s->io.lay, &all->all[n],
					    all->all[n].live_bytes + 1);
}

static void counts_hold(void **state)
{
	(void)state;
	death_expect(free_count_is_wrong, NULL, "segment_take: CHECK(");
	death_expect(unpin_twice, NULL, "segment_unpin: CHECK(seg->readers > 0)");
	death_expect(too_few_bytes, NULL, "segment_remove_live: CHECK(seg->live_bytes >= length)");
}

static void *end_flush(void *arg)
{
	struct weir_io *io = arg;

	io->end(io);
	return NULL;
}

static void never_told(struct flush_waiter *w, int result)
{
	(void)w;
	(void)result;
}

/* Completes a flush of the store on a thread that does not own its loop. */
static void wrong_thread(void *arg)
{
	struct flush_waiter w = { 0 };
	pthread_t thread;

	(void)arg;
	opened();
	flush_wait(&rig.s->io, &w, never_told);
	store_turn(&rig.s->io);
	pthread_create(&thread, NULL, end_flush, &rig.s->io.flusher.sio.io);
	pthread_join(thread, NULL);
}

static void the_loop_has_one_owner(void **state)
{
	(void)state;
	death_expect(wrong_thread, NULL, "io_check_owner: CHECK(loop_is_mine(io->q))");
}

static void end_twice(void *arg)
{
	struct weir_store_op op = { .kind = WEIR_STORE_SYNC };

	(void)arg;
	opened();
	done_begin(&op_priv(&op)->state);
	op_begin(&rig.s->io, &op);
	op_end(&rig.s->io, &op, 0);
	rig.s->io.ops++;
	op_end(&rig.s->io, &op, 0);
}

static void an_operation_ends_once(void **state)
{
	(void)state;
	death_expect(end_twice, NULL, "op_end: CHECK(");
}

static void wait_twice(void *arg)
{
	struct flush_waiter w = { 0 };

	(void)arg;
	opened();
	flush_wait(&rig.s->io, &w, never_told);
	flush_wait(&rig.s->io, &w, never_told);
}

static void never_done(struct sio *sio, int result)
{
	(void)sio;
	(void)result;
}

static void submit_twice(void *arg)
{
	struct sio sio = { .busy = false };

	(void)arg;
	opened();
	weir_io_flush(&sio.io);
	sio_submit(&rig.s->io, &sio, never_done);
	sio_submit(&rig.s->io, &sio, never_done);
}

static void lists_hold_each_once(void **state)
{
	(void)state;
	death_expect(wait_twice, NULL, "flush_wait: CHECK(");
	death_expect(submit_twice, NULL, "sio_submit: CHECK(");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_segment_is_freed_once), TEST(counts_hold),
		TEST(the_loop_has_one_owner),  TEST(an_operation_ends_once),
		TEST(lists_hold_each_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
