/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge.c - makes one command of several ios or requests that lie side by side.
 *
 * An io is tried with the batch that it came with (the plug), then with the requests that wait in
 * the scheduler, and only then gets a tag of its own. Schedulers find the candidates; the lane
 * decides which may really become one command: limits of the device, placement, and registered
 * memory count. Pieces of memory that continue one another become one piece, so that a run of ios
 * in one registered buffer is still a registered command.
 *
 * Owns nothing; the lane's owner.
 */
#include "queue/lane/merge.h"

#include <string.h>

#include "base/check.h"
#include "queue/lane/admit.h"
#include "queue/lane/queue.h"
#include "queue/lane/registered.h"
#include "queue/lane/split.h"
#include "queue/lane/tracing.h"
#include "sched/merge.h"

/* So many requests of the batch are looked at, from the last one back. blk-mq looks at the last
 * request of a task's plug, and at eight of a staging queue. */
#define MERGE_LOOK_OWN 1u
#define MERGE_LOOK_STAGED 8u
/* A saved command pays for so much memory that is not used as registered any more. The kernel
 * takes its pages one by one then: about 16 of them, at some 30 to 60 ns each. */
#define MERGE_LOSES_BYTES (64u << 10)

/* An io or a request that is to be added to a request. */
struct addition {
	uint64_t offset, length;
	struct weir_io *first, *last;
	uint32_t nr_ios;
	const struct iovec *iov; /* or, for discards, NULL: the ranges below */
	uint32_t iovcnt;
	const struct cmd_range *ranges;
	uint16_t placement;
	bool registered;
	int16_t buf_index;
	uint64_t submit_ns;
};

static struct request *merge_request_of(struct sched_rq *rq)
{
	return (struct request *)rq;
}

static bool merge_continues(const struct iovec *a, const struct iovec *b)
{
	return (char *)a->iov_base + a->iov_len == b->iov_base;
}

/* Returns true if the pieces of memory continue one another where the two meet. */
static bool merge_meets(const struct request *rq, const struct addition *add, enum sched_merge how)
{
	if (how == SCHED_MERGE_FRONT)
		return merge_continues(&add->iov[add->iovcnt - 1], &rq->cmd.iov[0]);
	return merge_continues(&rq->cmd.iov[rq->cmd.iovcnt - 1], &add->iov[0]);
}

/* Returns true if the command would stay a registered one. */
static bool merge_stays_registered(const struct request *rq, const struct addition *add,
				   enum sched_merge how)
{
	return rq->cmd.buf_index >= 0 && rq->cmd.buf_index == add->buf_index &&
	       merge_meets(rq, add, how);
}

/* Returns true if registration allows the merge: registered memory and other memory stay apart,
 * and a registered command stays one unless it is short. */
static bool merge_registration_fits(const struct request *rq, const struct addition *add,
				    enum sched_merge how)
{
	uint64_t lost = 0;

	if (rq->registered != add->registered)
		return false;
	if (rq->cmd.buf_index >= 0)
		lost += rq->cmd.length;
	if (add->buf_index >= 0)
		lost += add->length;
	return !lost || merge_stays_registered(rq, add, how) || lost <= MERGE_LOSES_BYTES;
}

static uint32_t merge_nr_ranges(uint32_t iovcnt)
{
	return iovcnt ? iovcnt : 1;
}

/* Returns true if INTO and ADD may be one command. A request that is full is not tried again. */
static bool merge_fits(const struct lane *lane, struct request *into, const struct addition *add,
		       enum sched_merge how)
{
	uint64_t longest;
	bool room;

	if (into->cancelled || into->cmd.placement != add->placement || into->bounce)
		return false;
	if (into->cmd.op != WEIR_OP_DISCARD && !merge_registration_fits(into, add, how))
		return false;
	longest = split_longest(lane, into->first);
	room = into->cmd.length + add->length <= longest;
	if (how == SCHED_MERGE_DISCARD)
		room = room && merge_nr_ranges(into->cmd.iovcnt) + merge_nr_ranges(add->iovcnt) <=
				       lane->q->max_discard_ranges;
	else if (add->iov)
		room = room && into->cmd.iovcnt + add->iovcnt - merge_meets(into, add, how) <=
				       lane->q->max_segments;
	if (!room)
		into->rq.flags |= SCHED_RQ_NOMERGE;
	return room;
}

/* Puts the pieces of ADD before or behind those of RQ. Two pieces that continue one another
 * become one. */
static void merge_add_memory(struct request *rq, const struct addition *add, enum sched_merge how)
{
	bool registered = merge_stays_registered(rq, add, how), one = merge_meets(rq, add, how);
	struct iovec *iov = rq->pieces;

	if (rq->cmd.iov == &rq->one)
		iov[0] = rq->one;
	rq->cmd.iov = iov;
	if (how == SCHED_MERGE_FRONT) {
		memmove(iov + add->iovcnt - one, iov, rq->cmd.iovcnt * sizeof(*iov));
		if (one) {
			iov[add->iovcnt - 1].iov_base = add->iov[add->iovcnt - 1].iov_base;
			iov[add->iovcnt - 1].iov_len += add->iov[add->iovcnt - 1].iov_len;
		}
		memcpy(iov, add->iov, (add->iovcnt - one) * sizeof(*iov));
	} else {
		if (one)
			iov[rq->cmd.iovcnt - 1].iov_len += add->iov[0].iov_len;
		memcpy(iov + rq->cmd.iovcnt, add->iov + one, (add->iovcnt - one) * sizeof(*iov));
	}
	rq->cmd.iovcnt += add->iovcnt - one;
	if (!registered)
		rq->cmd.buf_index = -1;
}

/* Adds discards, which need not touch: the command has a list of ranges. */
static void merge_add_ranges(struct request *rq, const struct addition *add)
{
	if (!rq->cmd.iovcnt) {
		rq->ranges[0] = (struct cmd_range){ rq->cmd.offset, rq->cmd.length };
		rq->cmd.ranges = rq->ranges;
		rq->cmd.iovcnt = 1;
	}
	if (!add->ranges) {
		rq->ranges[rq->cmd.iovcnt++] = (struct cmd_range){ add->offset, add->length };
		return;
	}
	memcpy(rq->ranges + rq->cmd.iovcnt, add->ranges, add->iovcnt * sizeof(*add->ranges));
	rq->cmd.iovcnt += add->iovcnt;
}

static void merge_add_ios(struct request *rq, const struct addition *add, enum sched_merge how)
{
	if (how == SCHED_MERGE_FRONT) {
		io_priv(add->last)->next = rq->first;
		rq->first = add->first;
	} else {
		io_priv(rq->last)->next = add->first;
		rq->last = add->last;
	}
	CHECK(rq->nr_ios);
	CHECK(add->nr_ios);
	rq->nr_ios += add->nr_ios;
}

static void merge_apply(struct request *rq, const struct addition *add, enum sched_merge how)
{
	CHECK(rq->state == REQUEST_TAKEN);
	CHECK(!rq->bounce);
	if (how == SCHED_MERGE_DISCARD)
		merge_add_ranges(rq, add);
	else if (add->iov)
		merge_add_memory(rq, add, how);
	merge_add_ios(rq, add, how);
	if (how == SCHED_MERGE_FRONT)
		rq->cmd.offset = add->offset;
	rq->cmd.length += add->length;
	if (add->submit_ns < rq->submit_ns)
		rq->submit_ns = add->submit_ns;
}

bool merge_requests(void *owner, struct sched_rq *into, struct sched_rq *gone, enum sched_merge how)
{
	struct lane *lane = owner;
	struct request *a = merge_request_of(into), *b = merge_request_of(gone);
	struct addition add = {
		.offset = b->cmd.offset,
		.length = b->cmd.length,
		.first = b->first,
		.last = b->last,
		.nr_ios = b->nr_ios,
		.iovcnt = b->cmd.iovcnt,
		.placement = b->cmd.placement,
		.registered = b->registered,
		.buf_index = b->cmd.buf_index,
		.submit_ns = b->submit_ns,
	};

	CHECK(a != b);
	CHECK(a->cmd.op == b->cmd.op);
	CHECK(b->state == REQUEST_TAKEN);
	if (b->cmd.op == WEIR_OP_DISCARD)
		add.ranges = b->cmd.ranges;
	else
		add.iov = b->cmd.iov;
	if (b->cancelled || b->bounce || !merge_fits(lane, a, &add, how))
		return false;
	tracing_joined(lane, a, b, how);
	merge_apply(a, &add, how);
	hist_add(&lane->stats->request_merges, 1);
	admit_put(lane, b);
	return true;
}

/* Finds the request of the plug that RQ can merge with. The scheduler does not know these yet. */
static enum sched_merge merge_find_in_plug(const struct lane *lane, const struct sched_rq *rq,
					   struct sched_list *plug, struct sched_rq **into)
{
	uint32_t looks = rq->ctx < lane->q->nr_ctxs ? MERGE_LOOK_STAGED : MERGE_LOOK_OWN;
	enum sched_merge how;

	for (*into = TAILQ_LAST(plug, sched_list); *into && looks; looks--) {
		if (merge_touches(*into, rq) && (how = merge_side(&lane->sched->env, *into, rq)))
			return how;
		*into = TAILQ_PREV(*into, sched_list, fifo);
	}
	return SCHED_MERGE_NONE;
}

/* Merges INTO, which has grown, with another request of the plug if they touch now. */
static void merge_close_gap(struct lane *lane, struct sched_rq *into, struct sched_list *plug)
{
	struct sched_rq *other = TAILQ_LAST(plug, sched_list);

	for (uint32_t looks = 0; other && looks < MERGE_LOOK_STAGED; looks++) {
		enum sched_merge how = merge_side(&lane->sched->env, into, other);

		if (how && merge_requests(lane, into, other, how)) {
			TAILQ_REMOVE(plug, other, fifo);
			sched_grow(into, other, how);
			return;
		}
		other = TAILQ_PREV(other, sched_list, fifo);
	}
}

static void merge_count(struct lane_stats *stats, enum sched_merge how)
{
	hist_add(how == SCHED_MERGE_BACK    ? &stats->back_merges
		 : how == SCHED_MERGE_FRONT ? &stats->front_merges
					    : &stats->discard_merges,
		 1);
}

/* Merges IO into INTO, a request of the plug or of the scheduler. */
static bool merge_into(struct lane *lane, struct weir_io *io, const struct sched_rq *rq,
		       struct sched_rq *into, enum sched_merge how)
{
	struct iovec whole = { io->buf, io->length };
	struct addition add = {
		.offset = io->offset,
		.length = io->length,
		.first = io,
		.last = io,
		.nr_ios = 1,
		.placement = io->placement,
		.buf_index = -1,
		.submit_ns = io_priv(io)->start_ns,
	};

	if (io->op != WEIR_OP_DISCARD) {
		add.iov = io->iovcnt ? io->iov : &whole;
		add.iovcnt = io->iovcnt ? io->iovcnt : 1;
	}
	if (add.iovcnt == 1 && lane->registered.nr)
		add.buf_index = registered_find(lane, add.iov->iov_base, add.iov->iov_len);
	add.registered = add.buf_index >= 0;
	if (!merge_fits(lane, merge_request_of(into), &add, how))
		return false;
	io_priv(io)->next = NULL;
	io_priv(io)->cursor = io->length;
	merge_apply(merge_request_of(into), &add, how);
	tracing_merged(lane, merge_request_of(into), io, how);
	sched_grow(into, rq, how);
	merge_count(lane->stats, how);
	return true;
}

static bool merge_may(const struct lane *lane, const struct weir_io *io)
{
	if (lane->sched->env.merging == SCHED_MERGING_OFF)
		return false;
	if (io->op != WEIR_OP_READ && io->op != WEIR_OP_WRITE && io->op != WEIR_OP_DISCARD)
		return false;
	return !(io->flags & (WEIR_IO_NOMERGE | WEIR_IO_FUA | WEIR_IO_PREFLUSH));
}

/* Returns true if requests wait in the scheduler with which an io could merge. */
static bool merge_scheduler_may_have(const struct lane *lane)
{
	return lane->sched->ops->find_merge && lane->sched->ops->has_work(lane->sched);
}

/* Merges IO into a request of the scheduler, which finds it and is told that it grew. */
static bool merge_scheduled(struct lane *lane, struct weir_io *io, const struct sched_rq *rq)
{
	struct sched *s = lane->sched;
	struct sched_rq *into;
	uint64_t old_sector;
	enum sched_merge how;

	if (!merge_scheduler_may_have(lane))
		return false;
	how = s->ops->find_merge(s, rq, &into);
	if (!how)
		return false;
	old_sector = into->sector;
	if (!merge_into(lane, io, rq, into, how))
		return false;
	if (s->ops->merged)
		s->ops->merged(s, into, how, old_sector);
	return true;
}

bool merge_io(struct lane *lane, struct weir_io *io, struct sched_list *plug)
{
	struct sched_rq rq, *into;
	enum sched_merge how;

	if (!merge_may(lane, io) || (TAILQ_EMPTY(plug) && !merge_scheduler_may_have(lane)))
		return false;
	rq.op = io->op;
	rq.flags = split_flags(io);
	rq.ioprio = io_priv(io)->prio;
	rq.submitter = io_priv(io)->account;
	rq.ctx = io_priv(io)->ctx;
	rq.sector = io->offset >> SCHED_SECTOR_SHIFT;
	rq.nr_sectors = (uint32_t)(io->length >> SCHED_SECTOR_SHIFT);
	rq.start_ns = lane->now;
	rq.deadline_ns = split_deadline(lane, io);
	how = merge_find_in_plug(lane, &rq, plug, &into);
	if (!how)
		return split_whole(lane, io) && merge_scheduled(lane, io, &rq);
	if (!split_whole(lane, io) || !merge_into(lane, io, &rq, into, how))
		return false;
	if (how != SCHED_MERGE_DISCARD)
		merge_close_gap(lane, into, plug);
	return true;
}
