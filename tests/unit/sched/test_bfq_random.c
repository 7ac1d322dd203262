/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_bfq_random.c - what bfq counts is counted again after each of many random events: which
 * queues are busy, of which class and weight; the contents of the trees; the place of every queue.
 * Virtual time never runs backwards.
 */
#include <errno.h>
#include <string.h>

#include "sched/bfq/bfq.h"

#include "rig.h"

#define STEPS 20000
#define LIVE 200
#define SUBMITTERS 24

static uint64_t seed;
static int with_drive[LIVE], nr_with_drive;

static uint64_t pick(uint64_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) * n >> 31;
}

static struct bfq *bfq(void)
{
	return (struct bfq *)rig.s;
}

/* The state, counted again. */
static struct count {
	uint32_t waiting, in_drive, busy, class[BFQ_CLASSES], raised, by_weight[2 * BFQ_LEVELS];
	uint32_t pooled_queues, in_service;
} count;

static void count_queue(const struct bfq_queue *q)
{
	unsigned n = 0;

	count.waiting += q->waiting;
	count.in_drive += q->in_drive;
	assert_true(q->tags == q->waiting + q->in_drive);
	assert_true(!q->next == !q->waiting);
	for (const struct sched_rq *rq = TAILQ_FIRST(&q->fifo); rq; rq = TAILQ_NEXT(rq, fifo))
		n++;
	assert_int_equal(n, q->waiting);
	/* A busy queue has requests or is in service. */
	assert_int_equal(q->busy, q->waiting || q == bfq()->in_service);
	if (q == bfq()->in_service)
		assert_int_equal(q->entity.place, BFQ_SERVED);
	else if (q->busy)
		assert_int_equal(q->entity.place, BFQ_ACTIVE);
	else
		assert_true(q->entity.place == BFQ_RESTING || q->entity.place == BFQ_NOWHERE);
	if (!q->busy)
		return;
	count.busy++;
	count.class[q->entity.class]++;
	count.raised += q->raise > 1;
	count.by_weight[q->weight_index]++;
}

/* Every pooled queue is in the hash; the others are in no list. */
static void count_all(void)
{
	struct bfq *d = bfq();
	const struct bfq_queue *q;

	memset(&count, 0, sizeof(count));
	for (unsigned b = 0; b < BFQ_BUCKETS; b++) {
		LIST_FOREACH(q, &d->bucket[b], hash) {
			assert_int_equal(q->quiet, !q->busy && !q->tags);
			count_queue(q);
		}
	}
	count_queue(&d->common);
	for (unsigned i = 0; i < BFQ_SLOTS; i++)
		count_queue(&d->async[i]);
}

static void same(void)
{
	struct bfq *d = bfq();

	count_all();
	assert_int_equal(d->waiting, count.waiting);
	assert_int_equal(d->in_drive, count.in_drive);
	assert_int_equal(d->busy, count.busy);
	assert_memory_equal(d->busy_class, count.class, sizeof(count.class));
	assert_memory_equal(d->by_weight, count.by_weight, sizeof(count.by_weight));
	assert_int_equal(d->busy_raised, count.raised);
	for (unsigned i = 0; i < 2 * BFQ_LEVELS; i++)
		assert_int_equal(d->weights_used >> i & 1, count.by_weight[i] > 0);
}

/* Returns the weight in the root's tree of CLASS, of all entities that are in a tree. */
static uint64_t weight_in(const struct bfq_entity *e, int class)
{
	bool there = e->parent == &bfq()->root && e->class == class && e->place != BFQ_NOWHERE;

	return there ? e->weight : 0;
}

static uint64_t root_weights(int class)
{
	const struct bfq *d = bfq();
	uint64_t sum = weight_in(&d->common.entity, class);
	const struct bfq_queue *q;
	const struct bfq_group *g;

	for (unsigned i = 0; i < BFQ_SLOTS; i++)
		sum += weight_in(&d->async[i].entity, class);
	for (unsigned b = 0; b < BFQ_BUCKETS; b++) {
		LIST_FOREACH(q, &d->bucket[b], hash)
			sum += weight_in(&q->entity, class);
		LIST_FOREACH(g, &d->group_bucket[b], hash)
			sum += weight_in(&g->entity, class);
	}
	return sum;
}

static struct bfq *checked; /* set by trees() before */

/* A group and its queues are in the same bucket. */
static void groups(void)
{
	const struct bfq_group *g;
	const struct bfq_queue *q;

	for (unsigned b = 0; b < BFQ_BUCKETS; b++) {
		LIST_FOREACH(g, &bfq()->group_bucket[b], hash) {
			uint32_t queues = 0, busy = 0;

			LIST_FOREACH(q, &bfq()->bucket[b], hash) {
				queues += q->entity.parent == g;
				busy += q->entity.parent == g && q->busy;
			}
			assert_int_equal(g->queues, queues);
			assert_int_equal(g->busy, busy);
		}
	}
}

/* The root's trees: weights add up, and time does not run backwards. */
static void trees(void)
{
	static uint64_t last[BFQ_CLASSES];
	struct bfq *d = bfq();

	for (int i = 0; i < BFQ_CLASSES; i++) {
		const struct bfq_tree *t = &d->root.tree[i];

		assert_int_equal(t->weights, root_weights(i));
		assert_true(checked != d || (int64_t)(t->vtime - last[i]) >= 0);
		last[i] = t->vtime;
	}
	checked = d;
}

static void insert_any(uint64_t now)
{
	static const uint16_t prios[] = { BE(4), BE(4), BE(4), BE(0), BE(7), RT(0), IDLE };
	int id = (int)pick(LIVE);

	if (rig.state[id] != RIG_FREE)
		return;
	rig.prio = prios[pick(7)];
	rig.submitter = (uint32_t)pick(SUBMITTERS);
	rig.flags = pick(3) ? SCHED_RQ_SYNC : 0;
	rig_insert(id, pick(2) ? R : W, pick(1 << 20), 8u << pick(6), now);
}

static void complete_any(uint64_t now)
{
	int at = nr_with_drive ? (int)pick((uint64_t)nr_with_drive) : NONE;

	if (at == NONE)
		return;
	rig_complete(with_drive[at], now);
	with_drive[at] = with_drive[--nr_with_drive];
}

static void set_any(void)
{
	static const char *const names[] = { "slice_idle", "strict_guarantees", "low_latency",
					     "max_budget", "timeout_sync" };
	static const int64_t values[][3] = {
		{ 0, 8, 50 }, { 0, 0, 1 }, { 0, 1, 1 }, { 0, 64, 4096 }, { 1, 20, 125 }
	};
	unsigned n = (unsigned)pick(5);
	int err;

	rig_set(names[n], values[n][pick(3)]);
	if (pick(2)) {
		err = rig.s->ops->set_weight(rig.s, (uint32_t)pick(SUBMITTERS),
					     1 + (uint32_t)pick(1000));
		assert_true(!err || err == -ENOSPC);
	} else {
		rig.s->ops->submitter_gone(rig.s, (uint32_t)pick(SUBMITTERS));
	}
}

static uint64_t step(uint64_t now)
{
	static const uint64_t leaps[] = { 0, 1000, 100000, 1 * MS, 10 * MS, 3000 * MS };
	uint64_t what = pick(100), next;
	int id;

	now += leaps[pick(pick(20) ? 5 : 6)];
	if (what < 45) {
		insert_any(now);
	} else if (what < 70 && nr_with_drive < LIVE) {
		id = rig_dispatch(now);
		next = rig.s->ops->next_wakeup(rig.s);
		if (id != NONE)
			with_drive[nr_with_drive++] = id;
		else if (rig.waiting)
			assert_true(next == SCHED_NEVER ? nr_with_drive > 0 : next > now);
	} else if (what < 98) {
		complete_any(now);
	} else {
		set_any();
	}
	return now;
}

static void run(bool rotational, uint64_t first_seed)
{
	uint64_t now = 1;

	seed = first_seed;
	rig_reset();
	rig.env.rotational = rotational;
	rig_open(&sched_bfq);
	nr_with_drive = 0;
	checked = NULL;
	for (int i = 0; i < STEPS; i++) {
		now = step(now);
		if (i % 4 == 0) {
			same();
			trees();
			groups();
		}
	}
	while (rig.waiting || nr_with_drive) {
		int id = rig_dispatch(now);

		if (id != NONE)
			with_drive[nr_with_drive++] = id;
		else if (nr_with_drive)
			complete_any(now);
		else
			now = rig.s->ops->next_wakeup(rig.s);
		assert_true(now != SCHED_NEVER);
	}
	same();
	/* Nothing remains of a submitter with a queue or a weight after it has left. */
	for (uint32_t s = 0; s < SUBMITTERS; s++)
		rig.s->ops->submitter_gone(rig.s, s);
	for (unsigned b = 0; b < BFQ_BUCKETS; b++)
		assert_true(LIST_EMPTY(&bfq()->bucket[b]));
	assert_int_equal(bfq()->nr_groups, 0);
	rig_close();
}

static void flash(void **state)
{
	(void)state;
	for (uint64_t i = 1; i < 4; i++)
		run(false, i);
}

static void disk(void **state)
{
	(void)state;
	for (uint64_t i = 4; i < 7; i++)
		run(true, i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flash),
		cmocka_unit_test(disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
