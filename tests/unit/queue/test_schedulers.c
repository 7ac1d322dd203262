/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_schedulers.c - the schedulers in a queue, on an engine that moves bytes and on one that
 * moves none, with one thread and with several. Every io ends exactly once, with the right bytes,
 * and commands leave in the scheduler's order. Meant for TSan too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "op_stats.h"
#include "base/clock.h"
#include "rig.h"

#define THREADS 4
#define SLOTS 48u
#define BLOCK 4096u
#define FILE_BYTES (16u << 20)

static const char *const names[] = { "mq-deadline", "kyber", "bfq", "noop",
				     "deadline",    "cfq",   "pace" };
static unsigned rounds;
static struct weir_device *dev;
static struct weir_queue *queue;
static char path[64];

struct slot {
	struct weir_io io;
	unsigned ends; /* atomic */
	char *memory;
};

struct submitter {
	pthread_t thread;
	unsigned number;
	uint64_t seed;
	bool attach, verify;
	struct slot slots[SLOTS];
	/* the round in which the slot's block was last written; 0: never */
	uint32_t written[SLOTS];
};

static struct submitter submitters[THREADS];

static uint64_t pick(struct submitter *s, uint64_t n)
{
	s->seed = s->seed * 6364136223846793005ull + 1442695040888963407ull;
	return (s->seed >> 33) % n;
}

static uint32_t lanes(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 2 : 1;
}

static void on_end(struct weir_io *io)
{
	struct slot *slot = io->user;

	__atomic_fetch_add(&slot->ends, 1, __ATOMIC_RELEASE);
}

/*
 * Returns the offset of a slot: each slot of each submitter has its own blocks, scattered over the
 * file.
 */
static uint64_t slot_offset(const struct submitter *s, unsigned slot)
{
	return ((uint64_t)slot * 37 % SLOTS * THREADS + s->number) * 4 * BLOCK;
}

static uint64_t slot_length(unsigned slot)
{
	return (1 + slot % 4) * BLOCK;
}

static uint32_t stamp(const struct submitter *s, unsigned slot, uint32_t round)
{
	return s->number << 24 | slot << 16 | round;
}

static void prepare(struct submitter *s, unsigned i, uint32_t round)
{
	static const uint16_t prios[] = { WEIR_PRIO_BE(4), WEIR_PRIO_RT(0), WEIR_PRIO_IDLE, 0 };
	struct slot *slot = &s->slots[i];
	uint32_t *words = (uint32_t *)slot->memory;

	if (pick(s, 2)) {
		for (uint64_t w = 0; w < slot_length(i) / 4; w++)
			words[w] = stamp(s, i, round);
		weir_io_write(&slot->io, slot_offset(s, i), slot->memory, slot_length(i));
		s->written[i] = round;
	} else if (pick(s, 8)) {
		memset(slot->memory, 0xee, slot_length(i));
		weir_io_read(&slot->io, slot_offset(s, i), slot->memory, slot_length(i));
	} else {
		weir_io_flush(&slot->io);
	}
	slot->io.flags = pick(s, 3) ? 0 : WEIR_IO_BACKGROUND;
	slot->io.prio = prios[pick(s, 4)];
	slot->io.submitter = s->number;
	slot->io.end = on_end;
	slot->io.user = slot;
}

static void check(struct submitter *s, unsigned i)
{
	const uint32_t *words = (const uint32_t *)s->slots[i].memory;

	assert_int_equal(s->slots[i].io.result, 0);
	if (!s->verify || s->slots[i].io.op != WEIR_OP_READ || !s->written[i])
		return;
	for (uint64_t w = 0; w < slot_length(i) / 4; w++)
		assert_int_equal(words[w], stamp(s, i, s->written[i]));
}

/* Submits each slot again as soon as its io has ended, that many times. */
static void run_slots(struct submitter *s)
{
	uint32_t round[SLOTS] = { 0 };

	for (unsigned left = SLOTS; left;) {
		for (unsigned i = 0; i < SLOTS; i++) {
			if (round[i] > rounds ||
			    __atomic_load_n(&s->slots[i].ends, __ATOMIC_ACQUIRE) != round[i])
				continue;
			if (round[i])
				check(s, i);
			if (round[i]++ == rounds) {
				left--;
				continue;
			}
			prepare(s, i, round[i]);
			assert_int_equal(weir_queue_submit(queue, &s->slots[i].io), 0);
		}
		if (s->attach)
			assert_true(weir_queue_poll(queue) >= 0);
		else
			sched_yield();
	}
}

static void *submitter_main(void *arg)
{
	struct submitter *s = arg;

	if (s->attach)
		assert_int_equal(weir_queue_attach(queue, WEIR_LANE_ANY), 0);
	run_slots(s);
	assert_int_equal(weir_queue_wait(queue), 0);
	for (unsigned i = 0; i < SLOTS; i++)
		assert_int_equal(s->slots[i].ends, rounds);
	if (s->attach)
		assert_int_equal(weir_queue_detach(queue), 0);
	return NULL;
}

static void make_submitters(unsigned n, bool attach, bool verify)
{
	memset(submitters, 0, sizeof(submitters));
	for (unsigned t = 0; t < n; t++) {
		submitters[t] = (struct submitter){
			.number = t, .seed = t + 1, .attach = attach, .verify = verify
		};
		for (unsigned i = 0; i < SLOTS; i++) {
			submitters[t].slots[i].memory = aligned_alloc(BLOCK, slot_length(i));
			assert_non_null(submitters[t].slots[i].memory);
		}
	}
}

static struct weir_task looks[2];
static unsigned looked; /* atomic */

/* Runs on the lane's owner: a worker may be in its scheduler at any time, even if no io is left. */
static void look(struct weir_task *task)
{
	const struct lane *lane = task->user;

	assert_false(lane->sched->ops->has_work(lane->sched));
	__atomic_fetch_add(&looked, 1, __ATOMIC_RELEASE);
}

static void check_schedulers(void)
{
	looked = 0;
	for (uint32_t i = 0; i < queue->nr_lanes; i++) {
		looks[i] = (struct weir_task){ .fn = look, .user = &queue->lanes[i] };
		if (queue->opts.workers)
			assert_int_equal(weir_queue_post(queue, i, &looks[i]), 0);
		else
			look(&looks[i]);
	}
	while (__atomic_load_n(&looked, __ATOMIC_ACQUIRE) != queue->nr_lanes)
		sched_yield();
}

static void run_submitters(unsigned n)
{
	struct weir_queue_stats stats = WEIR_QUEUE_STATS_INIT;
	uint64_t ios = 0;

	for (unsigned t = 0; t < n; t++)
		assert_int_equal(
			pthread_create(&submitters[t].thread, NULL, submitter_main, &submitters[t]),
			0);
	for (unsigned t = 0; t < n; t++)
		pthread_join(submitters[t].thread, NULL);
	assert_int_equal(weir_queue_get_stats(queue, &stats), 0);
	for (enum weir_op op = 0; op < WEIR_OP_COUNT; op++)
		ios += op_stats(queue, op).ios;
	assert_int_equal(ios, (uint64_t)n * SLOTS * rounds);
	assert_int_equal(stats.in_flight, 0);
	check_schedulers();
	for (unsigned t = 0; t < n; t++)
		for (unsigned i = 0; i < SLOTS; i++)
			free(submitters[t].slots[i].memory);
}

/* cfq leaves the drive idle for 8 ms wherever a submitter may send more: that takes time. */
static unsigned rounds_for(const char *name)
{
	return strcmp(name, "cfq") ? 60 : 2;
}

static void run_everywhere(const char *target, const char *engine, bool verify)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	struct weir_device_opts create = WEIR_DEVICE_OPTS_INIT;

	create.flags = verify ? WEIR_DEVICE_CREATE : 0;
	create.create_bytes = FILE_BYTES;
	assert_int_equal(weir_device_open(&dev, target, verify ? &create : NULL), 0);
	for (unsigned i = 0; i < 2 * sizeof(names) / sizeof(names[0]); i++) {
		bool workers = i % 2;

		opts.engine = engine;
		opts.scheduler = names[i / 2];
		rounds = rounds_for(names[i / 2]);
		opts.depth = 8;
		opts.nr_requests = 32;	       /* fewer than ios: some wait for a tag */
		opts.max_io_bytes = 2 * BLOCK; /* some are split */
		opts.lanes = workers ? lanes() : 1;
		opts.workers = workers;
		opts.ctx_by = WEIR_QUEUE_CTX_BY_THREAD;
		make_submitters(workers ? THREADS : 1, !workers, verify);
		assert_int_equal(weir_queue_open(&queue, dev, &opts), 0);
		run_submitters(workers ? THREADS : 1);
		assert_int_equal(weir_queue_close(queue), 0);
	}
	weir_device_close(dev);
}

static void on_the_null_engine(void **state)
{
	(void)state;
	run_everywhere("null:1g", "null", false);
}

static void on_a_file(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/tmp/weir-schedulers-%d.img", (int)getpid());
	run_everywhere(path, "posix", true);
	unlink(path);
}

static void two_owners_share_a_home(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	(void)state;
	assert_int_equal(weir_device_open(&dev, "null:1g", NULL), 0);
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		opts.scheduler = names[i];
		rounds = rounds_for(names[i]);
		opts.lanes = lanes();
		make_submitters(lanes(), false, false);
		opts.workers = 1;
		opts.depth = 2;
		assert_int_equal(weir_queue_open(&queue, dev, &opts), 0);
		run_submitters(lanes());
		/*
		 * mq-deadline: all went through its home lane; kyber: each went through its own
		 * lane.
		 */
		if (lanes() == 2 && !i)
			assert_int_equal(queue->lanes[1].stats->requests, 0);
		assert_int_equal(weir_queue_close(queue), 0);
	}
	weir_device_close(dev);
}

/* The engine refuses each third command: the queue offers it again, and none is lost. */
static void refused_commands_are_offered_again(void **state)
{
	static struct weir_io ios[200];

	(void)state;
	for (unsigned n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
		static char memory[BLOCK] __attribute__((aligned(BLOCK)));

		rig_init();
		rig.refuse_every = 3;
		rig_open(&(struct weir_queue_opts){ .size = sizeof(struct weir_queue_opts),
						    .depth = 4,
						    .nr_requests = 16 },
			 sched_find(names[n]));
		for (unsigned i = 0; i < 200; i++) {
			if (i % 3)
				weir_io_read(&ios[i], i * 7 % 200 * BLOCK, memory, BLOCK);
			else
				weir_io_write(&ios[i], i * 7 % 200 * BLOCK, memory, BLOCK);
			assert_int_equal(weir_queue_submit(rig.q, &ios[i]), 0);
		}
		assert_int_equal(weir_queue_wait(rig.q), 0);
		assert_int_equal(rig.nr_log, 200);
		for (unsigned i = 0; i < 200; i++)
			assert_int_equal(ios[i].result, 0);
		rig_close();
	}
}

/* Sixteen ios are there before the first one leaves: mq-deadline sorts them, reads first. */
static void the_order_is_the_schedulers(void **state)
{
	static char memory[BLOCK] __attribute__((aligned(BLOCK)));
	static struct weir_io ios[17];

	(void)state;
	rig_init();
	rig.hold = true;
	rig_open(&(struct weir_queue_opts){ .size = sizeof(struct weir_queue_opts),
					    .depth = 1,
					    .nr_requests = 32 },
		 sched_find("mq-deadline"));
	weir_io_write(&ios[16], 0, memory, BLOCK);
	assert_int_equal(weir_queue_submit(rig.q, &ios[16]), 0);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	for (unsigned i = 0; i < 16; i++) {
		/* Not adjacent, backwards, and alternating. */
		if (i % 2)
			weir_io_read(&ios[i], (16 - i) * 16 * BLOCK, memory, BLOCK);
		else
			weir_io_write(&ios[i], (16 - i) * 16 * BLOCK, memory, BLOCK);
		assert_int_equal(weir_queue_submit(rig.q, &ios[i]), 0);
	}
	for (unsigned i = 0; i < 17; i++)
		rig_complete(1);
	/* The batch of writes that had begun continues; then the reads. */
	for (unsigned i = 1; i < 17; i++) {
		assert_int_equal(rig.log[i].op, i <= 8 ? WEIR_OP_WRITE : WEIR_OP_READ);
		if (i != 1 && i != 9)
			assert_true(rig.log[i].offset > rig.log[i - 1].offset);
	}
	rig_close();
}

static struct weir_io low, high;

/*
 * A class waits while a higher one has a request in the drive; after the ageing time it is served
 * even if no event happens.
 */
static void a_lower_class_ages_while_nothing_happens(void **state)
{
	static char memory[BLOCK] __attribute__((aligned(BLOCK)));
	int aging = sched_find_tunable(&sched_mq_deadline, "prio_aging_expire");
	struct lane *lane;

	(void)state;
	rig_init();
	rig.hold = true;
	rig_open(NULL, &sched_mq_deadline);
	weir_io_read(&high, 0, memory, BLOCK);
	high.prio = WEIR_PRIO_RT(0);
	weir_io_read(&low, 65536, memory, BLOCK);
	low.prio = WEIR_PRIO_IDLE;
	lane = &rig.q->lanes[0];
	assert_int_equal(weir_queue_attach(rig.q, 0), 0);
	lane->sched->ops->set(lane->sched, (unsigned)aging, 30);
	assert_int_equal(weir_queue_submit(rig.q, &high), 0);
	assert_int_equal(weir_queue_submit(rig.q, &low), 0);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	assert_int_equal(rig.nr_log, 1);
	/* No command completes; the queue wakes up by itself. */
	assert_int_equal(weir_queue_poll_wait(rig.q, 2000 * NSEC_PER_MSEC), 0);
	for (int turns = 0; rig.nr_log == 1 && turns < 100; turns++)
		assert_int_equal(weir_queue_poll_wait(rig.q, 20 * NSEC_PER_MSEC), 0);
	assert_int_equal(rig.nr_log, 2);
	rig_complete(2);
	rig_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_the_null_engine),
		cmocka_unit_test(on_a_file),
		cmocka_unit_test(two_owners_share_a_home),
		cmocka_unit_test(refused_commands_are_offered_again),
		cmocka_unit_test(the_order_is_the_schedulers),
		cmocka_unit_test(a_lower_class_ages_while_nothing_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
