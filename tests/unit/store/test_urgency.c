/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_urgency.c - what schedulers are told of the ios of a store: gets are urgent, puts are
 * background ios unless somebody waits for them, and reclaiming is the least urgent.
 */
#include <errno.h>

#include "base/clock.h"
#include "base/nsec.h"
#include "memdisk.h"
#include "queue/lane/state.h"
#include "store/io/urgency.h"
#include "store/log/logs.h"
#include "store/store.h"

#define LENGTH 8192u
#define SEGMENT (64u << 10)
#define SEEN_MAX 8192u

/* A command, as the scheduler knew it. */
struct noticed {
	uint8_t op;
	bool sync, get, header;
	uint16_t prio;
	uint32_t submitter;
	uint64_t deadline_ns;
};

static struct rig rig = { .engine = "posix" };
static struct rig own = { .engine = "posix" }; /* its store opens a queue of its own */
static struct noticed seen[SEEN_MAX];
static unsigned count;
static uint8_t value[LENGTH] __attribute__((aligned(4096)));
static uint8_t buf[LENGTH] __attribute__((aligned(4096)));
static uint64_t key;

static void watch(const struct weir_cmd *cmd, int ended)
{
	const struct request *rq =
		(const void *)((const char *)cmd - offsetof(struct request, cmd));
	const struct layout *l = rig.s ? rig.s->io.lay : NULL;

	if (ended || !l || cmd->op > WEIR_OP_WRITE || count == SEEN_MAX)
		return;
	seen[count++] = (struct noticed){
		.op = cmd->op,
		.sync = rq->rq.flags & SCHED_RQ_SYNC,
		.get = cmd->op == WEIR_OP_READ && cmd->iov[0].iov_base == buf,
		.header = cmd->offset >= l->data_offset &&
			  (cmd->offset - l->data_offset) % l->segment_bytes == 0,
		.prio = rq->rq.ioprio,
		.submitter = rq->rq.submitter,
		.deadline_ns = rq->rq.deadline_ns,
	};
}

static int set_up(void **state)
{
	(void)state;
	memdisk_set_up(&rig, 2u << 20, SEGMENT, 5);
	memset(value, 7, sizeof(value));
	/* The first segment is begun here. */
	assert_int_equal(rig_put(&rig, 0, 1, 100, 0), 0);
	count = 0;
	memdisk.watch = watch;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	memdisk.watch = NULL;
	memdisk_tear_down(&rig);
	return 0;
}

static struct weir_store_op make(uint32_t kind, uint64_t id, uint32_t flags, uint16_t prio,
				 uint32_t submitter)
{
	struct weir_store_op op = WEIR_STORE_OP_INIT;

	key = id;
	op.kind = kind;
	op.key = &key;
	op.key_len = sizeof(key);
	op.flags = flags;
	op.prio = prio;
	op.submitter = submitter;
	op.value = value;
	op.value_len = LENGTH;
	if (kind == WEIR_STORE_GET) {
		op.buf = buf;
		op.capacity = LENGTH;
	}
	return op;
}

/* Leaves in `seen` only what the operations did: no headers and footers of segments. Returns it. */
static const struct noticed *only_one(void)
{
	unsigned i, found = 0;

	for (i = 0; i < count; i++)
		if (!seen[i].header && seen[i].prio != URGENCY_RECLAIM)
			seen[found++] = seen[i];
	assert_int_equal(found, 1);
	count = 1;
	return seen;
}

/* Runs one operation, and returns its io. */
static struct noticed run(uint32_t kind, uint32_t flags, uint16_t prio, uint32_t submitter)
{
	struct weir_store_op op = make(kind, 1, flags, prio, submitter);

	count = 0;
	assert_int_equal(weir_store_run(rig.s, &op, 1), 0);
	return *only_one();
}

/* The defaults, and what the program asks for. */
static void by_kind(void **state)
{
	struct noticed one;

	(void)state;
	one = run(WEIR_STORE_PUT, 0, 0, 3);
	assert_int_equal(one.op, WEIR_OP_WRITE);
	assert_false(one.sync);
	assert_int_equal(one.prio, WEIR_PRIO_DEFAULT);
	assert_int_equal(one.submitter, 3);
	one = run(WEIR_STORE_GET, 0, 0, 4);
	assert_true(one.get && one.sync);
	assert_int_equal(one.prio, WEIR_PRIO_BE(0));
	assert_int_equal(one.submitter, 4);
	assert_int_equal(run(WEIR_STORE_GET, 0, WEIR_PRIO_RT(2), 0).prio, WEIR_PRIO_RT(2));
	assert_int_equal(run(WEIR_STORE_GET, 0, WEIR_PRIO_IDLE, 0).prio, WEIR_PRIO_IDLE);
	one = run(WEIR_STORE_PUT, WEIR_PUT_FOREGROUND, WEIR_PRIO_BE(2), 0);
	assert_true(one.sync);
	assert_int_equal(one.prio, WEIR_PRIO_BE(2));
	assert_false(run(WEIR_STORE_PUT, WEIR_PUT_DURABLE, 0, 0).sync);
	assert_false(run(WEIR_STORE_DELETE, 0, 0, 0).sync);
	(void)run(WEIR_STORE_PUT, 0, 0, 0);
	assert_true(run(WEIR_STORE_DELETE, WEIR_PUT_FOREGROUND, 0, 0).sync);
}

/* A level without a class is one of the class BE, also where writes are compared. */
static void level_alone(void **state)
{
	struct noticed one;

	(void)state;
	one = run(WEIR_STORE_PUT, 0, 6, 0);
	assert_int_equal(one.prio, WEIR_PRIO_BE(6));
}

/* Puts that share a write: it has the highest priority of them, wherever that stands. */
static void one_write(void **state)
{
	static uint64_t keys[3] = { 11, 12, 13 };
	static const uint16_t prio[3] = { WEIR_PRIO_IDLE, WEIR_PRIO_BE(1), 0 };
	struct weir_store_op ops[3];

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 3; i++) {
			ops[i] = make(WEIR_STORE_PUT, 0, 0, prio[i], 20 + i);
			ops[i].key = &keys[i];
			ops[i].value_len = 100;
		}
		ops[2].flags = round ? WEIR_PUT_FOREGROUND : 0;
		count = 0;
		assert_int_equal(weir_store_run(rig.s, ops, 3), 0);
		assert_int_equal(only_one()->prio, WEIR_PRIO_BE(1));
		assert_int_equal(only_one()->submitter, 21);
		assert_int_equal(only_one()->sync, round);
	}
}

/* Ios have the deadlines of their operations; a write of many has the earliest. */
static void deadlines(void **state)
{
	static uint64_t keys[3] = { 21, 22, 23 };
	const uint64_t soon = clock_now() + 100 * NSEC_PER_SEC;
	const uint64_t deadline[3] = { 0, soon + 1, soon };
	struct weir_store_op ops[3], get;

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 3; i++) {
			ops[i] = make(WEIR_STORE_PUT, 0, 0, 0, 0);
			ops[i].key = &keys[i];
			ops[i].value_len = 100;
			ops[i].deadline_ns = deadline[i];
			ops[i].flags = i < round ? WEIR_PUT_FOREGROUND : 0;
		}
		if (round == 2)
			ops[2].flags = WEIR_PUT_FOREGROUND;
		count = 0;
		assert_int_equal(weir_store_run(rig.s, ops, 3), 0);
		/* those of puts that nobody waits for do not count */
		assert_int_equal(only_one()->deadline_ns, round == 2 ? soon : 0);
	}
	assert_int_equal(run(WEIR_STORE_PUT, 0, 0, 0).deadline_ns, 0);
	assert_int_equal(run(WEIR_STORE_GET, 0, 0, 0).deadline_ns, 0);
	get = make(WEIR_STORE_GET, 1, 0, 0, 0);
	get.deadline_ns = soon;
	count = 0;
	assert_int_equal(weir_store_run(rig.s, &get, 1), 0);
	assert_int_equal(only_one()->deadline_ns, soon);
}

/* In a full store: footers, what is read to reclaim, and free marks, are the least urgent. What is
 * read for a program is a get. */
static void reclaiming(void **state)
{
	unsigned reads = 0, gets = 0, marks = 0, i, id;

	(void)state;
	for (id = 0; id < 600 && count < SEEN_MAX - 64; id++) {
		struct weir_store_op op = make(WEIR_STORE_PUT, id, 0, 0, 0);

		assert_int_equal(weir_store_run(rig.s, &op, 1), 0);
		/* What was read is written again. */
		op = make(WEIR_STORE_GET, id & ~1u, 0, 0, 0);
		assert_int_equal(weir_store_run(rig.s, &op, 1), 0);
	}
	for (i = 0; i < count; i++) {
		const struct noticed *one = &seen[i];

		if (one->get) {
			assert_int_equal(one->prio, URGENCY_GET);
			gets++;
		} else if (one->op == WEIR_OP_READ) {
			assert_int_equal(one->prio, URGENCY_RECLAIM);
			reads++;
		} else if (!one->header) {
			assert_false(one->sync);
		} else if (one->prio == URGENCY_RECLAIM) {
			assert_false(one->sync);
			marks++;
		}
	}
	assert_int_equal(gets, id);
	assert_true(reads > 20 && marks > 20);
	assert_true(rig.s->logs->survivors > 20);
}

/* Puts until segments were begun, and asserts what the scheduler knew of the headers. */
static void headers_are(bool sync, uint16_t prio)
{
	unsigned headers = 0;

	count = 0;
	for (unsigned id = 0; id < 40; id++) {
		struct weir_store_op op = make(WEIR_STORE_PUT, id, 0, 0, 0);

		assert_int_equal(weir_store_run(rig.s, &op, 1), 0);
	}
	for (unsigned i = 0; i < count; i++)
		if (seen[i].op == WEIR_OP_WRITE && seen[i].header &&
		    seen[i].prio != URGENCY_RECLAIM) {
			assert_int_equal(seen[i].sync, sync);
			assert_int_equal(seen[i].prio, prio);
			headers++;
		}
	assert_true(headers > 2);
}

/*
 * Puts wait for the write that begins a segment. bfq keeps the drive free after a synchronous io,
 * and injects the puts meanwhile, so gets would wait: for bfq it is an urgent background io.
 */
static void beginning_a_segment(void **state)
{
	(void)state;
	headers_are(true, WEIR_PRIO_DEFAULT);
	assert_int_equal(weir_queue_set(rig.queue, "scheduler", "bfq"), 0);
	headers_are(false, URGENCY_GET);
	assert_int_equal(weir_queue_set(rig.queue, "scheduler", "pace"), 0);
	headers_are(true, WEIR_PRIO_DEFAULT);
}

static int64_t low_latency(void)
{
	char text[32];

	assert_int_equal(weir_queue_get(weir_store_queue(own.s), "low_latency", text, sizeof(text)),
			 0);
	return atoi(text);
}

/*
 * bfq raises a queue of the usual priority that was quiet: in a store that is the queue of its own
 * writes of headers and footers. So on the queue that a store opens it raises nobody, unless the
 * program asks for that; also after a switch.
 */
static void nobody_is_raised(void **state)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;

	(void)state;
	opts.engine = "posix";
	opts.scheduler = "bfq";
	opts.attach = 1;
	rig_make(&own, 2u << 20, SEGMENT, 4096);
	assert_int_equal(weir_store_open(&own.s, own.path, &opts), 0);
	assert_int_equal(low_latency(), 0);
	assert_int_equal(weir_queue_set(weir_store_queue(own.s), "scheduler", "none"), 0);
	assert_int_equal(weir_queue_set(weir_store_queue(own.s), "scheduler", "bfq"), 0);
	assert_int_equal(low_latency(), 0);
	assert_int_equal(weir_queue_set(weir_store_queue(own.s), "low_latency", "1"), 0);
	assert_int_equal(low_latency(), 1);
	rig_remove(&own);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(by_kind),	  TEST(level_alone),	     TEST(one_write),
		TEST(reclaiming), TEST(beginning_a_segment), TEST(nobody_is_raised),
		TEST(deadlines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
