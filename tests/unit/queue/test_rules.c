/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_rules.c - the rules of weir/queue.h that one thread can see: results of submit, exactly one
 * `end`, limits on tags and bytes, refusals, flushes, callbacks.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "op_stats.h"
#include "base/clock.h"
#include "rig.h"

#define N 64
static char memory[N][4096] __attribute__((aligned(4096)));
static struct weir_io ios[N];
static unsigned ends[N], order[N], nr_ended;

static int setup(void **state)
{
	(void)state;
	rig_init();
	memset(ends, 0, sizeof(ends));
	nr_ended = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig.hold = false;
	rig_close();
	return 0;
}

static void on_end(struct weir_io *io)
{
	unsigned i = (unsigned)(io - ios);

	ends[i]++;
	order[nr_ended++ % N] = i;
}

static void write_one(unsigned i, uint16_t flags)
{
	weir_io_write(&ios[i], (uint64_t)i * 4096, memory[i], 4096);
	ios[i].flags = flags;
	ios[i].end = on_end;
	assert_int_equal(weir_queue_submit(rig.q, &ios[i]), 0);
}

static void check_ended(unsigned from, unsigned to, unsigned times)
{
	for (unsigned i = from; i < to; i++)
		assert_int_equal(ends[i], times);
}

static void refused_submits_end_nothing(void **state)
{
	struct weir_io io;

	(void)state;
	rig_open(NULL, NULL);
#define REFUSED(err, text)                                                                         \
	do {                                                                                       \
		io.end = on_end;                                                                   \
		assert_int_equal(weir_queue_submit(rig.q, &io), err);                              \
		assert_non_null(strstr(weir_error(), text));                                       \
	} while (0)
	weir_io_read(&io, 100, memory, 512);
	REFUSED(-EINVAL, "offset 100");
	weir_io_read(&io, 512, memory, 513);
	REFUSED(-EINVAL, "1 bytes too many");
	weir_io_read(&io, 512, memory, 0);
	REFUSED(-EINVAL, "no length");
	weir_io_read(&io, 1u << 30, memory, 512);
	REFUSED(-ERANGE, "beyond the end");
	weir_io_read(&io, UINT64_MAX - 511, memory, 512);
	REFUSED(-ERANGE, "beyond the end");
	weir_io_read(&io, 0, memory, UINT64_MAX - 511);
	REFUSED(-ERANGE, "beyond the end");
	weir_io_read(&io, 0, NULL, 512);
	REFUSED(-EINVAL, "without a buffer");
	weir_io_read(&io, 0, memory, 512);
	io.op = 99;
	REFUSED(-EINVAL, "operation");
	weir_io_readv(&io, 0, &(struct iovec){ memory, 512 }, 1);
	io.length = 1024;
	REFUSED(-EINVAL, "512 bytes, not 1024");
	/* A caller that ignored the result learns it here. */
	assert_int_equal(weir_io_wait(rig.q, &io, UINT64_MAX), -EINVAL);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(nr_ended, 0);
	assert_int_equal(rig.nr_log, 0);
}

static void each_ends_once_in_any_depth(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	(void)state;
	opts.depth = 3;
	rig_open(&opts, NULL);
	for (unsigned i = 0; i < N; i++)
		write_one(i, 0);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	check_ended(0, N, 1);
	assert_int_equal(rig.max_in_flight, 3);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(order[i], i); /* ios that wait for a tag are served in order */
}

static void nothing_moves_before_it_is_polled(void **state)
{
	(void)state;
	rig_open(NULL, NULL);
	write_one(0, 0);
	assert_int_equal(rig.nr_log, 0);
	assert_int_equal(weir_queue_poll(rig.q), 1);
	check_ended(0, 1, 1);
	for (unsigned i = 1; i <= 32; i++)
		write_one(i, 0);
	assert_int_equal(rig.nr_log, 33); /* 32 are collected */
}

static void nowait_ends_with_eagain(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	(void)state;
	opts.depth = 2;
	rig.hold = true;
	rig_open(&opts, NULL);
	for (unsigned i = 0; i < 4; i++)
		write_one(i, WEIR_IO_NOWAIT);
	assert_int_equal(weir_queue_poll(rig.q), 2);
	assert_int_equal(ios[2].result, -EAGAIN);
	assert_int_equal(ios[3].result, -EAGAIN);
	rig_complete(2);
	check_ended(0, 4, 1);
	assert_int_equal(ios[0].result, 0);
	assert_int_equal(rig.nr_log, 2);
}

static char large[5 * 65536 + 4096] __attribute__((aligned(4096)));

/* Ends a read of LENGTH bytes to the address SKIP in `large`, which must not wait. */
static int read_nowait(size_t skip, uint64_t length, uint16_t flags)
{
	static struct weir_io io;
	char words[160];

	weir_io_read(&io, 0, large + skip, length);
	io.flags = WEIR_IO_NOWAIT | flags;
	assert_int_equal(weir_queue_submit(rig.q, &io), 0);
	assert_true(weir_queue_poll(rig.q) >= 0);
	while (io_priv(&io)->state != DONE_FINISHED)
		rig_complete(1);
	assert_int_equal(io_priv(&io)->failed_offset * !!io.result, 0);
	weir_io_strerror(&io, words, sizeof(words));
	assert_int_equal(!!strstr(words, "nr_requests"), io.result == -EMSGSIZE);
	return io.result;
}

/* Four tags, and 64 KiB a command. */
static void nowait_takes_all_its_tags_at_once(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	(void)state;
	opts.depth = 4;
	rig.hold = true;
	rig_open(&opts, NULL);
	assert_int_equal(read_nowait(0, 4ul * 65536, 0), 0);
	assert_int_equal(rig.nr_log, 4);
	assert_int_equal(read_nowait(1, 4ul * 65536, 0), 0);
	assert_int_equal(rig.nr_log, 8);
	write_one(0, 0);
	weir_queue_poll(rig.q);
	/* One tag is in use: -EAGAIN, and no part of it is submitted. */
	assert_int_equal(read_nowait(0, 4ul * 65536, 0), -EAGAIN);
	assert_int_equal(rig.nr_log, 9);
	rig_complete(1);
	assert_int_equal(read_nowait(0, 4ul * 65536, 0), 0);
	rig.hold = false;
}

/* There are never so many tags: another try is useless, and the error differs. */
static void nowait_that_can_never_be(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	(void)state;
	opts.depth = 4;
	rig.info.write_cache = 1;
	rig_open(&opts, NULL);
	assert_int_equal(read_nowait(0, 4ul * 65536 + 4096, 0), -EMSGSIZE);
	assert_int_equal(read_nowait(0, sizeof(large), WEIR_IO_PREFLUSH), -EMSGSIZE);
	assert_int_equal(rig.nr_log, 0);
	write_one(0, 0);
	weir_queue_poll(rig.q);
	assert_int_equal(read_nowait(0, sizeof(large), 0), -EMSGSIZE);
	/* The size that io.h guarantees to fit. */
	assert_int_equal(read_nowait(1, 65536, 0), 0);
}

static void bytes_in_flight_are_limited(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	(void)state;
	/* more is dispatched while the sum is below: 4096, 8192, and one that exceeds it */
	opts.depth_bytes = 10000;
	rig_open(&opts, NULL);
	for (unsigned i = 0; i < N; i++)
		write_one(i, 0);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	check_ended(0, N, 1);
	assert_int_equal(rig.max_in_flight_bytes, 3 * 4096);
	assert_int_equal(weir_queue_set_depth_bytes(rig.q, 1), 0);
	rig.max_in_flight_bytes = 0;
	for (unsigned i = 0; i < N; i++)
		write_one(i, 0);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(rig.max_in_flight_bytes, 4096);
	assert_int_equal(weir_queue_set_depth_bytes(rig.q, 0), -EINVAL);
}

static void depth_changes_while_it_runs(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	(void)state;
	opts.depth = 8;
	rig.hold = true;
	rig_open(&opts, NULL);
	assert_int_equal(weir_queue_set_depth(rig.q, 1), 0);
	for (unsigned i = 0; i < 8; i++)
		write_one(i, 0);
	weir_queue_poll(rig.q);
	assert_int_equal(rig.nr_log, 1);
	assert_int_equal(weir_queue_set_depth(rig.q, 5), 0);
	weir_queue_poll(rig.q);
	assert_int_equal(rig.nr_log, 5);
	assert_int_equal(weir_queue_set_depth(rig.q, 9), -EINVAL);
	assert_int_equal(weir_queue_set_depth(rig.q, 0), -EINVAL);
	rig_complete(8);
	check_ended(0, 8, 1);
}

static struct sched_ops limited;

static int limited_init(struct sched **s, const struct sched_env *env)
{
	int err = sched_none.init(s, env);

	if (!err)
		(*s)->ops = &limited;
	return err;
}

static uint32_t half_for_background(struct sched *s, const struct sched_rq *like)
{
	return like->flags & SCHED_RQ_SYNC ? s->env.nr_requests : s->env.nr_requests / 2;
}

static void a_limit_on_one_kind_delays_no_other(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	(void)state;
	limited = sched_none;
	limited.init = limited_init;
	limited.limit_depth = half_for_background;
	opts.depth = 8;
	rig.hold = true;
	rig_open(&opts, &limited);
	for (unsigned i = 0; i < 8; i++)
		write_one(i, WEIR_IO_BACKGROUND);
	write_one(8, 0);
	weir_io_read(&ios[9], 0, memory[9], 4096);
	ios[9].end = on_end;
	assert_int_equal(weir_queue_submit(rig.q, &ios[9]), 0);
	weir_queue_poll(rig.q);
	/* Four of the background writes, and both synchronous ones. */
	rig.hold = false;
	assert_int_equal(rig.nr_log, 6);
	assert_int_equal(rig.log[5].op, WEIR_OP_READ);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	check_ended(0, 10, 1);
	assert_int_equal(order[9], 7);
}

static void refused_commands_go_first_next_time(void **state)
{
	(void)state;
	rig.refuse_every = 3;
	rig_open(NULL, NULL);
	for (unsigned i = 0; i < N; i++)
		write_one(i, 0);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	check_ended(0, N, 1);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(rig.log[i].offset, i * 4096u);
}

static void a_lone_refusal_is_offered_again_after_3_ms(void **state)
{
	(void)state;
	rig.refuse_every = 1;
	rig_open(NULL, NULL);
	write_one(0, 0);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	rig.refuse_every = 0;
	assert_int_equal(weir_queue_wait(rig.q), 0);
	check_ended(0, 1, 1);
	assert_true(rig.offer_ns[rig.offers - 1] - rig.offer_ns[0] >= DISPATCH_RERUN_NS);
}

static void flushes_share(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	(void)state;
	opts.depth_bytes = 1;
	rig.hold = true;
	rig_open(&opts, NULL);
	write_one(0, WEIR_IO_FUA);
	write_one(1, 0);
	for (unsigned i = 2; i < 8; i++) {
		weir_io_flush(&ios[i]);
		ios[i].end = on_end;
		assert_int_equal(weir_queue_submit(rig.q, &ios[i]), 0);
		if (i == 2)
			weir_queue_poll(rig.q);
	}
	weir_queue_poll(rig.q);
	/* The write waits for room in bytes, a flush does not. */
	assert_int_equal(rig.nr_log, 2);
	assert_int_equal(rig.log[0].op, WEIR_OP_FLUSH);
	assert_true(rig.log[1].fua);
	rig_complete(2);
	check_ended(2, 3, 1);
	check_ended(3, 8, 0);
	/* The other five came while it ran and share one flush; then all is done. */
	rig_complete(2);
	check_ended(0, 8, 1);
	assert_int_equal(rig.nr_log, 4);
}

static void a_failed_flush_fails_all_that_share_it(void **state)
{
	(void)state;
	rig.hold = true;
	rig.fail_error = -EIO;
	rig_open(NULL, NULL);
	for (unsigned i = 0; i < 3; i++) {
		weir_io_flush(&ios[i]);
		ios[i].end = on_end;
		assert_int_equal(weir_queue_submit(rig.q, &ios[i]), 0);
		weir_queue_poll(rig.q);
	}
	rig_complete(2);
	check_ended(0, 3, 1);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(ios[i].result, -EIO);
}

static unsigned chain_left;

static void on_end_again(struct weir_io *io)
{
	/* A callback may use its io again ... */
	if (chain_left && chain_left--)
		assert_int_equal(weir_queue_submit(rig.q, io), 0);
}

static void on_end_free(struct weir_io *io)
{
	nr_ended++;
	free(io);
}

static void callbacks_may_submit_and_free(void **state)
{
	(void)state;
	rig_open(NULL, NULL);
	weir_io_read(&ios[0], 0, memory[0], 4096);
	ios[0].end = on_end_again;
	chain_left = 1000;
	assert_int_equal(weir_queue_submit(rig.q, &ios[0]), 0);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(chain_left, 0);
	assert_int_equal(rig.nr_log, 1001);
	for (unsigned i = 0; i < 100; i++) {
		struct weir_io *io = malloc(sizeof(*io));

		assert_non_null(io);
		weir_io_read(io, 0, memory[0], 4096);
		io->end = on_end_free;
		assert_int_equal(weir_queue_submit(rig.q, io), 0);
	}
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(nr_ended, 100);
}

static void on_end_misbehave(struct weir_io *io)
{
	(void)io;
	assert_int_equal(weir_queue_poll(rig.q), -EDEADLK);
	assert_int_equal(weir_queue_poll_wait(rig.q, 1), -EDEADLK);
	assert_int_equal(weir_queue_wait(rig.q), -EDEADLK);
	assert_int_equal(weir_io_wait(rig.q, &ios[1], UINT64_MAX), -EDEADLK);
	assert_int_equal(weir_queue_attach(rig.q, 0), -EDEADLK);
	assert_int_equal(weir_queue_detach(rig.q), -EDEADLK);
	assert_int_equal(weir_queue_close(rig.q), -EDEADLK);
	nr_ended++;
}

static void callbacks_may_not_wait(void **state)
{
	(void)state;
	rig_open(NULL, NULL);
	weir_io_read(&ios[0], 0, memory[0], 4096);
	ios[0].end = on_end_misbehave;
	assert_int_equal(weir_queue_submit(rig.q, &ios[0]), 0);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(nr_ended, 1);
}

static struct weir_queue *other;

/* The thread owns a lane of the other queue, or could become the owner of one. */
static void on_end_wait_for_other(struct weir_io *io)
{
	(void)io;
	assert_int_equal(weir_queue_poll(other), -EDEADLK);
	assert_int_equal(weir_queue_poll_wait(other, 1), -EDEADLK);
	assert_int_equal(weir_queue_wait(other), -EDEADLK);
	assert_int_equal(weir_io_wait(other, &ios[1], UINT64_MAX), -EDEADLK);
	nr_ended++;
}

static void callbacks_may_not_wait_for_another_queue(void **state)
{
	(void)state;
	rig_open(NULL, NULL);
	assert_int_equal(weir_queue_open(&other, rig.dev, NULL), 0);
	weir_io_read(&ios[1], 0, memory[1], 4096);
	for (unsigned i = 0; i < 2; i++) {
		weir_io_read(&ios[0], 0, memory[0], 4096);
		ios[0].end = on_end_wait_for_other;
		assert_int_equal(weir_queue_submit(rig.q, &ios[0]), 0);
		assert_int_equal(weir_queue_wait(rig.q), 0);
		assert_int_equal(nr_ended, i + 1);
		if (!i)
			assert_int_equal(weir_queue_submit(other, &ios[1]), 0);
	}
	assert_int_equal(weir_io_wait(other, &ios[1], UINT64_MAX), 0);
	assert_int_equal(weir_queue_close(other), 0);
}

static int fd_in_callback;

static void on_end_ask_for_fd(struct weir_io *io)
{
	(void)io;
	fd_in_callback = weir_queue_fd(rig.q);
}

/* A callback may ask for the descriptor, which fires for what comes after it. */
static void callbacks_may_ask_for_the_descriptor(void **state)
{
	struct pollfd watch = { .events = POLLIN };

	(void)state;
	rig_open(NULL, NULL);
	weir_io_read(&ios[0], 0, memory[0], 4096);
	ios[0].end = on_end_ask_for_fd;
	assert_int_equal(weir_queue_submit(rig.q, &ios[0]), 0);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	watch.fd = fd_in_callback;
	assert_true(watch.fd >= 0);
	assert_int_equal(poll(&watch, 1, 0), 0);
	lane_wake(&rig.q->lanes[0]);
	assert_int_equal(poll(&watch, 1, 10000), 1);
}

static struct weir_task tasks[3];
static unsigned task_order[3], nr_tasks;

static void on_task(struct weir_task *task)
{
	task_order[nr_tasks++] = (unsigned)(task - tasks);
	if (task == &tasks[0])
		assert_int_equal(weir_queue_post(rig.q, 0, &tasks[2]), 0);
	assert_int_equal(weir_queue_poll(rig.q), -EDEADLK);
}

static void tasks_run_once_in_order(void **state)
{
	(void)state;
	rig_open(NULL, NULL);
	nr_tasks = 0;
	for (int i = 0; i < 3; i++)
		tasks[i].fn = on_task;
	assert_int_equal(weir_queue_post(rig.q, 0, &tasks[0]), 0);
	assert_int_equal(weir_queue_post(rig.q, 0, &tasks[1]), 0);
	assert_int_equal(weir_queue_post(rig.q, 7, &tasks[2]), -EINVAL);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(nr_tasks, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(task_order[i], i);
}

static void registered_ranges_are_found(void **state)
{
	struct weir_queue_stats stats = WEIR_QUEUE_STATS_INIT;
	struct iovec two[2] = { { memory[4], 4096 }, { memory[6], 4096 } };

	(void)state;
	rig_open(NULL, NULL);
	/* Not in order, so that sorting is needed. */
	assert_int_equal(weir_queue_register(rig.q, memory[8], 4 * 4096), 0);
	assert_int_equal(weir_queue_register(rig.q, memory[2], 5 * 4096), 0);
	assert_int_equal(weir_queue_register(rig.q, NULL, 4096), -EINVAL);
	assert_int_equal(weir_queue_register(rig.q, memory[40], 13), -ENOMEM);
	for (unsigned i = 0; i < 16; i++)
		write_one(i, 0);
	weir_io_writev(&ios[16], 0, two, 2);
	ios[16].end = on_end;
	assert_int_equal(weir_queue_submit(rig.q, &ios[16]), 0);
	/* It begins inside a range and ends behind it. */
	weir_io_write(&ios[17], 0, memory[6] + 512, 4096);
	ios[17].end = on_end;
	assert_int_equal(weir_queue_submit(rig.q, &ios[17]), 0);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(rig.log[i].buf_index,
				 i >= 2 && i < 7 ? 1 : (i >= 8 && i < 12 ? 0 : -1));
	assert_int_equal(rig.log[16].buf_index, -1);
	assert_int_equal(rig.log[17].buf_index, -1);
	assert_int_equal(weir_queue_get_stats(rig.q, &stats), 0);
	assert_int_equal(stats.registered, 9);
	assert_int_equal(stats.register_failures, 1);
}

static void statistics_add_up(void **state)
{
	struct weir_queue_stats stats = WEIR_QUEUE_STATS_INIT;

	(void)state;
	rig.fail_error = -EIO;
	rig.fail_offset = 4096;
	rig_open(NULL, NULL);
	for (unsigned i = 0; i < 10; i++)
		write_one(i, 0);
	weir_io_read(&ios[20], 0, memory[20], 4096);
	assert_int_equal(weir_queue_submit(rig.q, &ios[20]), 0);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(weir_queue_get_stats(rig.q, &stats), 0);
	assert_int_equal(op_stats(rig.q, WEIR_OP_WRITE).ios, 10);
	assert_int_equal(op_stats(rig.q, WEIR_OP_WRITE).errors, 1);
	assert_int_equal(op_stats(rig.q, WEIR_OP_WRITE).bytes, 9 * 4096);
	assert_int_equal(op_stats(rig.q, WEIR_OP_WRITE).wait.count, 10);
	assert_int_equal(op_stats(rig.q, WEIR_OP_WRITE).device.count, 10);
	assert_int_equal(op_stats(rig.q, WEIR_OP_READ).ios, 1);
	assert_int_equal(stats.requests, 11);
	assert_int_equal(stats.in_flight, 0);
	assert_int_equal(stats.in_flight_bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(refused_submits_end_nothing),
		T(each_ends_once_in_any_depth),
		T(nothing_moves_before_it_is_polled),
		T(nowait_ends_with_eagain),
		T(nowait_takes_all_its_tags_at_once),
		T(nowait_that_can_never_be),
		T(bytes_in_flight_are_limited),
		T(depth_changes_while_it_runs),
		T(a_limit_on_one_kind_delays_no_other),
		T(refused_commands_go_first_next_time),
		T(a_lone_refusal_is_offered_again_after_3_ms),
		T(flushes_share),
		T(a_failed_flush_fails_all_that_share_it),
		T(callbacks_may_submit_and_free),
		T(callbacks_may_not_wait),
		T(callbacks_may_not_wait_for_another_queue),
		T(callbacks_may_ask_for_the_descriptor),
		T(tasks_run_once_in_order),
		T(registered_ranges_are_found),
		T(statistics_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
