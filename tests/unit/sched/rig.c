/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rig.c - one scheduler, and requests by number. See rig.h. The rig is global: one test at a time.
 */
#include <string.h>

#include "rig.h"

struct rig rig;

static int rig_id(const struct sched_rq *rq)
{
	return (int)(rq - rig.rq);
}

static void rig_absorbed(const struct sched_rq *into, const struct sched_rq *gone)
{
	assert_int_equal(rig.state[rig_id(into)], RIG_WAITING);
	rig.state[rig_id(gone)] = RIG_MERGED;
	rig.into[rig_id(gone)] = rig_id(into);
	rig.merges++;
}

static bool rig_merge(void *owner, struct sched_rq *into, struct sched_rq *gone,
		      enum sched_merge how)
{
	assert_ptr_equal(owner, &rig);
	assert_true(how == SCHED_MERGE_BACK || how == SCHED_MERGE_DISCARD);
	if (into->nr_sectors + gone->nr_sectors > rig.max_sectors) {
		into->flags |= SCHED_RQ_NOMERGE;
		return false;
	}
	/* A waiting request is counted; one that is just being inserted is not counted yet. */
	if (rig.state[rig_id(gone)] == RIG_WAITING)
		rig.waiting--;
	rig_absorbed(into, gone);
	return true;
}

void rig_reset(void)
{
	memset(&rig, 0, sizeof(rig));
	rig.env = (struct sched_env){ .nr_requests = 256,
				      .depth = 128,
				      .nr_lanes = 1,
				      .nr_ctxs = 130,
				      .max_submitters = 16,
				      .owner = &rig };
	rig.max_sectors = 2560;
	rig.prio = BE(4);
	rig.flags = SCHED_RQ_SYNC;
}

void rig_open(const struct sched_ops *ops)
{
	if (rig.env.merging)
		rig.env.merge = rig_merge;
	assert_int_equal(ops->init(&rig.s, &rig.env), 0);
}

void rig_close(void)
{
	assert_int_equal(rig.s->ops->has_work(rig.s), rig.waiting > 0);
	rig.s->ops->exit(rig.s);
}

struct sched_rq *rig_make(int id, uint8_t op, uint64_t sector, uint32_t nr, uint64_t now)
{
	struct sched_rq *rq = &rig.rq[id];

	assert_int_equal(rig.state[id], RIG_FREE);
	/* Of what is its own a scheduler may rely on priv only; all else is left from earlier
	 * requests. */
	memset(rq, 0xa5, sizeof(*rq));
	rq->priv[0] = rq->priv[1] = NULL;
	rq->sector = sector;
	rq->nr_sectors = nr;
	rq->submitter = rig.submitter;
	rq->ioprio = rig.prio;
	rq->op = op;
	rq->flags = rig.flags;
	rq->ctx = rig.ctx;
	rq->start_ns = now;
	rq->deadline_ns = rig.deadline_ns;
	return rq;
}

static void rig_give(int id, uint64_t now)
{
	struct sched_list list = TAILQ_HEAD_INITIALIZER(list);

	TAILQ_INSERT_TAIL(&list, &rig.rq[id], fifo);
	rig.s->ops->insert(rig.s, &list, now);
	if (rig.state[id] == RIG_MERGED)
		return;
	rig.state[id] = RIG_WAITING;
	rig.waiting++;
}

void rig_insert(int id, uint8_t op, uint64_t sector, uint32_t nr, uint64_t now)
{
	rig_make(id, op, sector, nr, now);
	rig_give(id, now);
}

enum sched_merge rig_submit(int id, uint8_t op, uint64_t sector, uint32_t nr, uint64_t now)
{
	struct sched_rq *rq = rig_make(id, op, sector, nr, now), *into = NULL;
	enum sched_merge how = rig.s->ops->find_merge(rig.s, rq, &into);
	uint64_t old;

	if (!how) {
		rig_give(id, now);
		return how;
	}
	assert_int_equal(rig.state[rig_id(into)], RIG_WAITING);
	old = into->sector;
	rig_absorbed(into, rq);
	sched_grow(into, rq, how);
	if (rig.s->ops->merged)
		rig.s->ops->merged(rig.s, into, how, old);
	return how;
}

int rig_dispatch(uint64_t now)
{
	struct sched_rq *rq = rig.s->ops->dispatch(rig.s, now);

	if (!rq) {
		assert_int_equal(rig.s->ops->has_work(rig.s), rig.waiting > 0);
		return NONE;
	}
	assert_int_equal(rig.state[rig_id(rq)], RIG_WAITING);
	rig.state[rig_id(rq)] = RIG_WITH_DRIVE;
	rig.waiting--;
	assert_true(rq->flags & SCHED_RQ_STARTED);
	rq->io_start_ns = now;
	assert_int_equal(rig.s->ops->has_work(rig.s), rig.waiting > 0);
	return rig_id(rq);
}

void rig_complete(int id, uint64_t now)
{
	assert_int_equal(rig.state[id], RIG_WITH_DRIVE);
	if (rig.s->ops->completed)
		rig.s->ops->completed(rig.s, &rig.rq[id], now);
	if (rig.s->ops->finish)
		rig.s->ops->finish(rig.s, &rig.rq[id]);
	rig.state[id] = RIG_FREE;
}

int rig_serve(uint64_t now)
{
	int id = rig_dispatch(now);

	if (id != NONE)
		rig_complete(id, now);
	return id;
}

void rig_expect(uint64_t now, int n, ...)
{
	va_list ids;

	va_start(ids, n);
	while (n--)
		assert_int_equal(rig_serve(now), va_arg(ids, int));
	va_end(ids);
}

void rig_backlog(int n)
{
	for (int i = 0; i < n; i++) {
		rig_insert(i, R, (uint64_t)i * 8, 8, 0);
		rig_insert(1000 + i, W, (uint64_t)i * 8, 8, 0);
	}
}

void rig_expect_runs(bool writes, int n, const int *runs)
{
	for (int i = 0; i < n; i++) {
		for (int k = 0; k < runs[i]; k++)
			assert_int_equal(rig_serve(1) >= 1000, writes);
		writes = !writes;
	}
}

static unsigned rig_tunable(const char *name)
{
	int i = sched_find_tunable(rig.s->ops, name);

	assert_true(i >= 0);
	return (unsigned)i;
}

uint32_t rig_limit_depth(uint8_t op, uint8_t flags)
{
	struct sched_rq like = {
		.op = op, .flags = flags, .ioprio = rig.prio, .submitter = rig.submitter
	};

	return rig.s->ops->limit_depth(rig.s, &like);
}

void rig_set(const char *name, int64_t value)
{
	assert_int_equal(rig.s->ops->set(rig.s, rig_tunable(name), value), 0);
}

int64_t rig_get(const char *name)
{
	return rig.s->ops->get(rig.s, rig_tunable(name));
}
