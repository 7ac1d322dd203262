/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cancel.c - weir_io_cancel(), waits with a timeout, and weir_queue_submitter_gone(). An io
 * that waits anywhere in the queue ends without the drive, one that has begun ends as ever, and
 * each ends once, whatever other threads do meanwhile.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/prng.h"
#include "op_stats.h"
#include "rig.h"

#define BLOCK 4096u
#define IOS 16
#define MS NSEC_PER_MSEC
/* A storm: submitters with ios of their own, and one thread that cancels all of them. */
#define THREADS 3
#define STORM_IOS 64
#define STORM_ENDS 4000

static struct weir_io ios[IOS];
static unsigned ends[IOS];
static char memory[IOS * BLOCK] __attribute__((aligned(4096)));

static void on_end(struct weir_io *io)
{
	ends[io - ios]++;
}

/* Prepares read I of its own block, or of N blocks, far from the others. */
static struct weir_io *make(unsigned i, unsigned blocks)
{
	weir_io_read(&ios[i], i * 64ull * BLOCK, memory, blocks * (uint64_t)BLOCK);
	ios[i].end = on_end;
	ends[i] = 0;
	return &ios[i];
}

static void submit(unsigned i, unsigned blocks)
{
	assert_int_equal(weir_queue_submit(rig.q, make(i, blocks)), 0);
}

static void open_with(const char *scheduler, uint32_t depth, uint32_t nr_requests)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	opts.scheduler = scheduler;
	opts.depth = depth;
	opts.nr_requests = nr_requests;
	opts.max_io_bytes = 4 * BLOCK;
	rig_open(&opts, NULL);
	rig.hold = true;
}

/* Cancels io I; it has ended after the next poll, without the drive. */
static void cancel_now(unsigned i)
{
	unsigned commands = rig.nr_log;

	assert_int_equal(weir_io_cancel(rig.q, &ios[i]), 0);
	assert_true(weir_queue_poll(rig.q) >= 0);
	assert_int_equal(ends[i], 1);
	assert_int_equal(ios[i].result, -ECANCELED);
	assert_int_equal(rig.nr_log, commands);
}

static void finish(unsigned n)
{
	rig.hold = false;
	assert_int_equal(weir_queue_wait(rig.q), 0);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(ends[i], 1);
	assert_int_equal(rig.q->lanes[0].tags.nr_free, rig.q->lanes[0].tags.nr);
}

static void on_the_plug(void **state)
{
	char text[128];

	(void)state;
	open_with("none", 4, 4);
	submit(0, 1);
	cancel_now(0);
	assert_non_null(strstr(weir_io_strerror(&ios[0], text, sizeof(text)), "cancelled before"));
	assert_int_equal(weir_io_wait(rig.q, &ios[0], UINT64_MAX), -ECANCELED);
	assert_non_null(strstr(weir_error(), "cancelled before"));
	finish(1);
	assert_int_equal(rig.nr_log, 0);
}

static void with_the_drive(void **state)
{
	(void)state;
	open_with("none", 4, 4);
	submit(0, 1);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	assert_int_equal(weir_io_cancel(rig.q, &ios[0]), 0);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	assert_int_equal(ends[0], 0);
	finish(1);
	assert_int_equal(ios[0].result, 0);
	/* It has ended: nothing happens, and it can be submitted again. */
	assert_int_equal(weir_io_cancel(rig.q, &ios[0]), 0);
	submit(0, 1);
	finish(1);
	assert_int_equal(ios[0].result, 0);
	assert_int_equal(rig.nr_log, 2);
}

/* Those in front and behind keep their order. */
static void waiting_for_a_tag(void **state)
{
	(void)state;
	open_with("none", 2, 2);
	for (unsigned i = 0; i < 6; i++)
		submit(i, 1);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	assert_int_equal(rig.nr_log, 2);
	cancel_now(3);
	finish(6);
	assert_int_equal(rig.nr_log, 5);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(rig.log[i].offset, ios[i < 3 ? i : i + 1].offset);
}

static void in_the_scheduler_of(const char *scheduler)
{
	rig_close();
	rig_init();
	open_with(scheduler, 1, 16);
	for (unsigned i = 0; i < 6; i++)
		submit(i, 1);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	assert_int_equal(rig.nr_log, 1);
	cancel_now(2);
	cancel_now(5);
	/* The request that is left empty takes nothing in. */
	rig.q->merging = SCHED_MERGING_ALL;
	weir_io_read(&ios[6], ios[2].offset + BLOCK, memory, BLOCK);
	ios[6].end = on_end;
	ends[6] = 0;
	assert_int_equal(weir_queue_submit(rig.q, &ios[6]), 0);
	finish(7);
	assert_int_equal(rig.nr_log, 5);
	for (unsigned i = 0; i < 5; i++)
		assert_true(rig.log[i].offset != ios[2].offset &&
			    rig.log[i].offset != ios[5].offset);
}

static void in_the_scheduler(void **state)
{
	const struct weir_named *names;
	size_t n;

	(void)state;
	names = weir_schedulers(&n);
	open_with("none", 1, 1);
	for (size_t i = 0; i < n; i++)
		in_the_scheduler_of(names[i].name);
}

static int64_t learned(const char *name)
{
	char value[32];

	assert_int_equal(weir_queue_get(rig.q, name, value, sizeof(value)), 0);
	return strtoll(value, NULL, 10);
}

/* What the queue shows to threads that own no lane. */
static int64_t shown(const char *name)
{
	return rig.q->tunable[sched_find_tunable(rig.q->sched_ops, name)].value;
}

/* What is learned is shown as it changes, also to who does not run the lane. */
static void read_in(unsigned i, uint64_t ns)
{
	rig.hold = true;
	submit(i, 1);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	rig.now_ns += ns;
	finish(i + 1);
}

static void what_is_learned_is_shown(void **state)
{
	(void)state;
	rig.own_clock = true;
	rig.now_ns = MS;
	open_with("pace", 1, 16);
	read_in(0, MS / 20);
	assert_int_equal(shown("read_lone"), 0);
	assert_int_equal(learned("read_lone"), 50000);
	read_in(1, MS / 50);
	assert_int_equal(shown("read_lone"), 50000);
	rig.now_ns += 100 * MS;
	read_in(2, MS);
	assert_int_equal(shown("read_lone"), 20000);
}

/* pace learns how long reads take alone. What was cancelled took no time of the drive, and what
 * failed at once says nothing of what succeeds. */
static void what_never_succeeded_teaches_nothing(void **state)
{
	(void)state;
	rig.own_clock = true;
	rig.now_ns = MS;
	open_with("pace", 1, 16);
	submit(0, 1);
	submit(1, 1);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	rig.now_ns += MS / 20;
	cancel_now(1);
	finish(2);
	assert_int_equal(learned("read_lone"), 50000);
	rig.hold = true;
	submit(2, 1);
	rig.fail_offset = ios[2].offset;
	rig.fail_error = -EIO;
	assert_int_equal(weir_queue_poll(rig.q), 0);
	rig.now_ns += 1000;
	finish(3);
	assert_int_equal(ios[2].result, -EIO);
	assert_int_equal(learned("read_lone"), 50000);
}

/* An io of several commands ends without the drive only if none of them has begun. */
static void split_ones(void **state)
{
	(void)state;
	open_with("mq-deadline", 1, 8);
	submit(0, 1);
	submit(1, 12); /* three commands, all in the scheduler */
	submit(2, 32); /* eight, for which there are too few tags */
	assert_int_equal(weir_queue_poll(rig.q), 0);
	cancel_now(2);
	rig_complete(1);
	assert_int_equal(rig.nr_log, 2); /* the first part of io 1 */
	assert_int_equal(weir_io_cancel(rig.q, &ios[1]), 0);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	finish(3);
	assert_int_equal(ios[1].result, 0);
	assert_int_equal(rig.nr_log, 4);
}

static void split_one_that_waits(void **state)
{
	(void)state;
	open_with("mq-deadline", 1, 8);
	submit(0, 1);
	submit(1, 12);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	cancel_now(1);
	finish(2);
	assert_int_equal(rig.nr_log, 1);
}

/* All parts of an io that waits for more tags have begun since somebody else was cancelled. */
static void a_split_one_that_has_begun_since(void **state)
{
	(void)state;
	open_with("mq-deadline", 4, 3);
	assert_int_equal(weir_queue_attach(rig.q, 0), 0);
	assert_int_equal(weir_queue_set(rig.q, "depth", "1"), 0);
	submit(0, 1);
	submit(1, 16); /* four commands: two have a tag and wait in the scheduler */
	submit(2, 1);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	cancel_now(2);
	assert_int_equal(weir_queue_set(rig.q, "depth", "4"), 0);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	assert_int_equal(rig.nr_log, 3);
	assert_int_equal(weir_io_cancel(rig.q, &ios[1]), 0);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	finish(3);
	assert_int_equal(ios[1].result, 0);
	assert_int_equal(rig.nr_log, 5);
}

/* Ios that the engine has refused wait to be offered again. */
static void refused_ones_of(const char *scheduler)
{
	rig_close();
	rig_init();
	open_with(scheduler, 4, 8);
	rig.refuse_every = 1;
	for (unsigned i = 0; i < 2; i++) {
		submit(i, 1);
		assert_int_equal(weir_queue_poll(rig.q), 0);
	}
	assert_true(rig.offers > 0);
	assert_int_equal(rig.nr_log, 0);
	cancel_now(0);
	rig.refuse_every = 0;
	finish(2);
	assert_int_equal(ios[1].result, 0);
	assert_int_equal(rig.nr_log, 1);
	assert_int_equal(rig.log[0].offset, ios[1].offset);
}

static void refused_ones(void **state)
{
	const struct weir_named *names;
	size_t n;

	(void)state;
	names = weir_schedulers(&n);
	open_with("none", 1, 1);
	for (size_t i = 0; i < n; i++)
		refused_ones_of(names[i].name);
}

/* The engine has one part of a split io and has refused the other: it has begun. */
static void a_refused_part(void **state)
{
	(void)state;
	open_with("none", 4, 4);
	rig.refuse_every = 2;
	submit(0, 8);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	assert_int_equal(rig.nr_log, 1);
	assert_int_equal(weir_io_cancel(rig.q, &ios[0]), 0);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	rig.refuse_every = 0;
	finish(1);
	assert_int_equal(ios[0].result, 0);
	assert_int_equal(rig.nr_log, 2);
}

/* The ios of a merged command that failed go once more: the drive has seen them, so they are not
 * cancelled though the engine refuses them now. */
static void a_refused_retry(void **state)
{
	(void)state;
	rig.nomerges = 0;
	rig.fail_error = -EIO;
	rig.fail_covers = true;
	open_with("mq-deadline", 1, 8);
	rig.q->opts.retry_merged = 1;
	for (unsigned i = 0; i < 2; i++) {
		make(i, 1)->offset = (uint64_t)i * BLOCK;
		ios[i].buf = memory + i * BLOCK;
		assert_int_equal(weir_queue_submit(rig.q, &ios[i]), 0);
	}
	assert_int_equal(weir_queue_poll(rig.q), 0);
	assert_int_equal(rig.nr_log, 1);
	rig.refuse_every = 1;
	rig_complete(1);
	rig.fail_error = 0;
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(weir_io_cancel(rig.q, &ios[i]), 0);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	rig.refuse_every = 0;
	finish(2);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(ios[i].result, 0);
	assert_int_equal(rig.nr_log, 3);
}

/* Ios that share a command are cancelled together, or not at all. */
static void merged_ones(void **state)
{
	(void)state;
	rig.nomerges = 0;
	open_with("mq-deadline", 1, 8);
	submit(0, 1);
	for (unsigned i = 1; i < 3; i++) {
		make(i, 1)->offset = (64ull + i) * BLOCK;
		ios[i].buf = memory + i * BLOCK;
		assert_int_equal(weir_queue_submit(rig.q, &ios[i]), 0);
	}
	assert_int_equal(weir_queue_poll(rig.q), 0);
	assert_int_equal(weir_io_cancel(rig.q, &ios[1]), 0);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	assert_int_equal(ends[1], 0);
	assert_int_equal(weir_io_cancel(rig.q, &ios[2]), 0);
	assert_int_equal(weir_queue_poll(rig.q), 2);
	assert_int_equal(ios[1].result, -ECANCELED);
	assert_int_equal(ios[2].result, -ECANCELED);
	finish(3);
	assert_int_equal(rig.nr_log, 1);
}

/* The queue has a new scheduler, and io I, which had begun before, has ended well. */
static void finish_switched(unsigned n, unsigned i)
{
	finish(n);
	assert_string_equal(rig.q->lanes[0].sched->ops->name, "kyber");
	assert_int_equal(ios[i].result, 0);
}

/* An io that has read something and waits for more tags is held during a switch. It has begun. */
static void held_with_a_part_that_ended(void **state)
{
	(void)state;
	open_with("mq-deadline", 1, 2);
	submit(0, 16); /* four commands; two have a tag */
	assert_int_equal(weir_queue_poll(rig.q), 0);
	rig_complete(1);
	assert_int_equal(weir_queue_set(rig.q, "scheduler", "kyber"), 0);
	assert_int_equal(weir_io_cancel(rig.q, &ios[0]), 0);
	finish_switched(1, 0);
	assert_int_equal(rig.nr_log, 4);
}

/* So has a write that is held while it waits for the flush after its data. */
static void held_with_its_data_written(void **state)
{
	(void)state;
	rig.engine_flags = ENGINE_NO_FUA;
	open_with("mq-deadline", 4, 8);
	for (unsigned i = 0; i < 2; i++) {
		make(i, 1)->op = WEIR_OP_WRITE;
		ios[i].flags = WEIR_IO_FUA;
		assert_int_equal(weir_queue_submit(rig.q, &ios[i]), 0);
	}
	assert_int_equal(weir_queue_poll(rig.q), 0);
	rig_complete(1); /* io 0 waits for the data of io 1, to share its flush */
	assert_int_equal(weir_queue_set(rig.q, "scheduler", "kyber"), 0);
	assert_int_equal(weir_io_cancel(rig.q, &ios[0]), 0);
	finish_switched(2, 0);
	assert_int_equal(rig.log[rig.nr_log - 1].op, WEIR_OP_FLUSH);
}

static void submit_and_cancel(struct weir_task *task)
{
	(void)task;
	rig.now_ns += NSEC_PER_SEC; /* the refused command is offered again */
	submit(1, 1);
	assert_int_equal(weir_io_cancel(rig.q, &ios[0]), 0);
}

/* The last request of a lane that drains is dropped at the end of its turn, when it has looked
 * whether it has drained: nothing else would wake it. */
static void the_last_one_of_a_lane_that_drains(void **state)
{
	struct weir_task task = { .fn = submit_and_cancel };

	(void)state;
	rig.own_clock = true;
	open_with("mq-deadline", 4, 8);
	rig.refuse_every = 1;
	submit(0, 1);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	assert_int_equal(weir_queue_set(rig.q, "scheduler", "kyber"), 0);
	assert_int_equal(weir_queue_post(rig.q, 0, &task), 0);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	assert_int_equal(rig.q->lanes[0].tags.nr_free, rig.q->lanes[0].tags.nr);
	assert_int_equal(rig.q->draining, 0);
	rig.refuse_every = 0;
	finish_switched(2, 1);
	assert_int_equal(ios[0].result, -ECANCELED);
}

static void a_flush(void **state)
{
	(void)state;
	open_with("none", 4, 4);
	weir_io_flush(&ios[0]);
	ios[0].end = on_end;
	ends[0] = 0;
	assert_int_equal(weir_queue_submit(rig.q, &ios[0]), 0);
	assert_int_equal(weir_io_cancel(rig.q, &ios[0]), 0);
	finish(1);
	assert_int_equal(ios[0].result, 0);
	assert_int_equal(rig.nr_log, 1);
}

/* The tags of cancelled ios go to those that wait, though nothing is with the drive then that
 * would end and wake the lane. */
static void its_tag_is_free_again(void **state)
{
	(void)state;
	open_with("mq-deadline", 1, 8);
	assert_int_equal(weir_queue_attach(rig.q, 0), 0);
	assert_int_equal(weir_queue_set(rig.q, "async_depth", "1"), 0);
	submit(0, 1);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	for (unsigned i = 1; i < 3; i++) {
		make(i, 1)->op = WEIR_OP_WRITE;
		ios[i].flags = WEIR_IO_BACKGROUND;
		assert_int_equal(weir_queue_submit(rig.q, &ios[i]), 0);
	}
	assert_int_equal(weir_queue_poll(rig.q), 0);
	assert_int_equal(rig.q->lanes[0].waiting.nr, 1);
	cancel_now(1);
	rig_complete(1);
	assert_int_equal(ends[0], 1);
	assert_int_equal(rig.nr_log, 2);
	finish(3);
	assert_int_equal(ios[2].result, 0);
}

static void never_submitted(void **state)
{
	(void)state;
	open_with("none", 1, 1);
	make(0, 1);
	assert_int_equal(weir_io_cancel(rig.q, &ios[0]), -EINVAL);
	assert_non_null(strstr(weir_error(), "never submitted"));
}

static void *wait_elsewhere(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)weir_io_wait(rig.q, &ios[0], 20 * MS);
}

static void a_wait_times_out(void **state)
{
	uint64_t start = clock_now();
	pthread_t thread;
	void *result;

	(void)state;
	open_with("none", 1, 1);
	submit(0, 1);
	assert_int_equal(weir_io_wait(rig.q, &ios[0], 20 * MS), -ETIMEDOUT);
	assert_true(clock_now() - start >= 20 * MS);
	assert_non_null(strstr(weir_error(), "within 20"));
	assert_int_equal(weir_io_wait(rig.q, &ios[0], 0), -ETIMEDOUT);
	start = clock_now();
	assert_int_equal(pthread_create(&thread, NULL, wait_elsewhere, NULL), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_int_equal((intptr_t)result, -ETIMEDOUT);
	assert_true(clock_now() - start >= 20 * MS);
	/* It goes on. */
	assert_int_equal(ends[0], 0);
	rig.hold = false;
	assert_int_equal(weir_io_wait(rig.q, &ios[0], UINT64_MAX), 0);
	assert_int_equal(ends[0], 1);
}

/* A program that never sleeps in a wait gets on, too. */
static void a_wait_of_no_time(void **state)
{
	unsigned waits = 0;
	int err;

	(void)state;
	open_with("none", 1, 1);
	rig.hold = false;
	submit(0, 1);
	do
		err = weir_io_wait(rig.q, &ios[0], 0);
	while (err == -ETIMEDOUT && ++waits < 10);
	assert_int_equal(err, 0);
	assert_int_equal(ends[0], 1);
}

static uint32_t gone[4], nr_gone;

static void gone_here(struct sched *s, uint32_t submitter)
{
	(void)s;
	assert_true(nr_gone < 4);
	gone[nr_gone++] = submitter;
}

static void a_submitter_goes(void **state)
{
	struct sched_ops ops = *sched_find("bfq");

	(void)state;
	nr_gone = 0;
	ops.submitter_gone = gone_here;
	open_with("bfq", 4, 16);
	rig.hold = false;
	assert_int_equal(weir_queue_attach(rig.q, 0), 0);
	rig.q->lanes[0].sched->ops = &ops;
	make(0, 1)->submitter = 42;
	assert_int_equal(weir_queue_submit(rig.q, &ios[0]), 0);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(weir_queue_submitter_gone(rig.q, 42), 0);
	assert_int_equal(nr_gone, 0); /* on the lane's next turn */
	assert_true(weir_queue_poll(rig.q) >= 0);
	assert_int_equal(nr_gone, 1);
	assert_int_equal(gone[0], 42);
	/* The scheduler's own is called for one that never was, too. */
	rig.q->lanes[0].sched->ops = sched_find("bfq");
	assert_int_equal(weir_queue_submitter_gone(rig.q, 42), 0);
	assert_int_equal(weir_queue_submitter_gone(rig.q, 7), 0);
	assert_true(weir_queue_poll(rig.q) >= 0);
}

/* The storm. */

static struct storm_io {
	struct weir_io io; /* first */
	unsigned submits, ends;
	bool bad;
} storm_ios[THREADS][STORM_IOS];
static struct weir_queue *storm_queue;
static uint32_t storm_over;
static char storm_memory[8 * BLOCK] __attribute__((aligned(4096)));

static void storm_end(struct weir_io *io)
{
	struct storm_io *s = (struct storm_io *)io;

	s->ends++;
	s->bad |= io->result && io->result != -ECANCELED &&
		  !(io->result == -EAGAIN && (io->flags & WEIR_IO_NOWAIT)) &&
		  !(io->result == -EMSGSIZE && (io->flags & WEIR_IO_NOWAIT));
}

static bool storm_mixed; /* ios of all kinds, while the scheduler is switched */

static void storm_mix(struct weir_io *io, struct prng *prng)
{
	static const uint16_t flags[] = { 0,
					  0,
					  0,
					  WEIR_IO_FUA,
					  WEIR_IO_PREFLUSH,
					  WEIR_IO_PREFLUSH | WEIR_IO_FUA,
					  WEIR_IO_NOWAIT,
					  WEIR_IO_BACKGROUND };

	if (prng_below(prng, 2))
		io->op = WEIR_OP_WRITE;
	io->flags = flags[prng_below(prng, 8)];
	if (!prng_below(prng, 20))
		weir_io_flush(io);
	io->prio = WEIR_PRIO_BE(prng_below(prng, 8));
}

/* Submits its ios again and again, and waits for each; each must have ended once. */
static void *storm_submitter(void *arg)
{
	struct storm_io *mine = arg;
	struct prng prng = { 0 };
	unsigned n = 0;

	prng_seed(&prng, (uint64_t)(mine - storm_ios[0]) + 1);
	while (n < STORM_ENDS / THREADS) {
		for (unsigned i = 0; i < STORM_IOS; i++) {
			weir_io_read(&mine[i].io, prng_below(&prng, 4096) * BLOCK, storm_memory,
				     (1 + prng_below(&prng, 8)) * BLOCK);
			if (storm_mixed)
				storm_mix(&mine[i].io, &prng);
			mine[i].io.submitter = (uint32_t)prng_below(&prng, 5);
			mine[i].io.end = storm_end;
			mine[i].submits++;
			if (weir_queue_submit(storm_queue, &mine[i].io))
				mine[i].bad = true;
			/* Its own, too: some of them at once. */
			if (!prng_below(&prng, 3))
				weir_io_cancel(storm_queue, &mine[i].io);
		}
		/* On a fast machine these are cancelled before a worker has seen them. */
		for (unsigned i = 0; i < STORM_IOS; i++, n++)
			if (i % 2)
				weir_io_cancel(storm_queue, &mine[i].io);
		for (unsigned i = 0; i < STORM_IOS; i++)
			weir_io_wait(storm_queue, &mine[i].io, UINT64_MAX);
		/* `end` may still run after a wait on another thread. */
		weir_queue_wait(storm_queue);
	}
	return NULL;
}

static void *storm_tags(void *arg)
{
	static const char *const names[] = { "none", "mq-deadline", "kyber", "bfq", "cfq", "pace" };
	const uint32_t nr = sizeof(names) / sizeof(names[0]);

	(void)arg;
	for (uint32_t n = 0; !__atomic_load_n(&storm_over, __ATOMIC_RELAXED); n++) {
		weir_queue_set(storm_queue, "nr_requests", n % 2 ? "8" : "32");
		weir_queue_submitter_gone(storm_queue, n % 5);
		if (storm_mixed && !(n % 4))
			weir_queue_set(storm_queue, "scheduler", names[n / 4 % nr]);
		usleep(500);
	}
	return NULL;
}

static void storm_with(const char *scheduler)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	struct weir_device *dev = NULL;
	pthread_t threads[THREADS], tags;
	uint64_t ended = 0;

	memset(storm_ios, 0, sizeof(storm_ios));
	storm_over = 0;
	assert_int_equal(weir_device_open(&dev, "null", NULL), 0);
	opts.scheduler = scheduler;
	opts.engine = "null";
	opts.engine_opts = "latency=50us";
	opts.workers = 1;
	opts.lanes = storm_mixed && sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 2 : 1;
	opts.depth = 4;
	opts.nr_requests = 32;
	opts.max_io_bytes = 4 * BLOCK;
	assert_int_equal(weir_queue_open(&storm_queue, dev, &opts), 0);
	assert_int_equal(pthread_create(&tags, NULL, storm_tags, NULL), 0);
	for (unsigned t = 0; t < THREADS; t++)
		assert_int_equal(pthread_create(&threads[t], NULL, storm_submitter, storm_ios[t]),
				 0);
	for (unsigned t = 0; t < THREADS; t++)
		pthread_join(threads[t], NULL);
	__atomic_store_n(&storm_over, 1, __ATOMIC_RELAXED);
	pthread_join(tags, NULL);
	for (unsigned t = 0; t < THREADS; t++)
		for (unsigned i = 0; i < STORM_IOS; i++) {
			assert_int_equal(storm_ios[t][i].ends, storm_ios[t][i].submits);
			assert_false(storm_ios[t][i].bad);
			ended += storm_ios[t][i].ends;
		}
	if (!storm_mixed) {
		assert_int_equal(op_stats(storm_queue, WEIR_OP_READ).ios, ended);
		/* Both happened. */
		assert_in_range(op_stats(storm_queue, WEIR_OP_READ).errors, 1, ended - 1);
	}
	assert_int_equal(weir_queue_close(storm_queue), 0);
	weir_device_close(dev);
}

static void storm(void **state)
{
	static const char *const names[] = { "none", "mq-deadline", "kyber", "bfq", "cfq", "pace" };

	(void)state;
	open_with("none", 1, 1);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		storm_with(names[i]);
}

static void storm_of_all_kinds(void **state)
{
	storm_mixed = true;
	storm(state);
	storm_mixed = false;
}

static int setup(void **state)
{
	(void)state;
	rig_init();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig.hold = false;
	rig_close();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(on_the_plug),
		T(with_the_drive),
		T(waiting_for_a_tag),
		T(in_the_scheduler),
		T(what_never_succeeded_teaches_nothing),
		T(what_is_learned_is_shown),
		T(split_ones),
		T(split_one_that_waits),
		T(merged_ones),
		T(never_submitted),
		T(a_wait_times_out),
		T(a_submitter_goes),
		T(storm),
		T(held_with_a_part_that_ended),
		T(held_with_its_data_written),
		T(a_flush),
		T(its_tag_is_free_again),
		T(a_split_one_that_has_begun_since),
		T(refused_ones),
		T(a_refused_part),
		T(a_refused_retry),
		T(the_last_one_of_a_lane_that_drains),
		T(a_wait_of_no_time),
		T(storm_of_all_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
