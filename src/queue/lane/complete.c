/* SPDX-License-Identifier: Apache-2.0 */
/*
 * complete.c - an engine completes commands into complete_cmd(), which tells the scheduler, ends
 * the parts of ios, and gives the tag back. Nothing is called back here. Owns nothing; the lane's
 * owner.
 */
#include "queue/lane/complete.h"

#include <errno.h>

#include "base/check.h"
#include "base/container.h"
#include "device/device.h"
#include "queue/lane/admit.h"
#include "queue/lane/dispatch.h"
#include "queue/lane/flush_steps.h"
#include "queue/lane/part.h"
#include "queue/lane/queue.h"
#include "queue/lane/retry.h"
#include "queue/lane/tracing.h"

/* Replaces the error of a removed device by -ENODEV: kernels and engines each have another word
 * for it, and it is no error of the drive's. */
static void complete_find_removed(const struct lane *lane, struct weir_cmd *cmd)
{
	if (!cmd->result || !device_is_removed(lane->q->dev))
		return;
	cmd->result = -ENODEV;
	cmd->status = 0;
}

static void complete_tag(struct lane *lane, struct request *rq)
{
	rq->cmd.buf_index = -1; /* registered.c: it uses no buffer any more */
	admit_put(lane, rq);
}

static void complete_request(struct lane *lane, struct request *rq, int result, uint16_t status)
{
	struct weir_io *io = rq->first;

	for (uint32_t n = rq->nr_ios; n; n--) {
		struct weir_io *next = io_priv(io)->next;

		part_ended(lane, io, rq, result, status);
		io = next;
	}
	if (!retry_next(lane, rq))
		complete_tag(lane, rq);
}

/* Notes whether RQ, a read that has ended, kept the latency that the scheduler aims at. */
static void complete_judge(struct lane *lane, const struct request *rq)
{
	struct sched *s = lane->sched;
	struct lane_stats *stats = lane->stats;
	uint64_t target = s->ops->read_target(s);

	__atomic_store_n(&stats->read_target_ns, target, __ATOMIC_RELAXED);
	if (!target)
		return;
	/* The two times were read by different threads, so the difference may be negative. */
	if (lane->now > rq->submit_ns && lane->now - rq->submit_ns > target)
		hist_add(&stats->reads_over_target, 1);
	else
		hist_add(&stats->reads_in_target, 1);
}

void complete_cmd(void *owner, struct weir_cmd *cmd)
{
	struct lane *lane = owner;
	struct request *rq = container_of(cmd, struct request, cmd);
	struct sched *s = lane->sched;

	CHECK(lane_is_mine(lane));
	CHECK(rq->state == REQUEST_OUT); /* an engine completes each command once */
	rq->state = REQUEST_TAKEN;
	dispatch_ended(lane, cmd);
	if (cmd->op == WEIR_OP_FLUSH)
		flush_steps_landed(lane);
	if (cmd->resubmits)
		hist_add(&lane->stats->resubmits, cmd->resubmits);
	hist_record(&lane->stats->op[cmd->op].device,
		    lane->now > rq->rq.io_start_ns ? lane->now - rq->rq.io_start_ns : 0);
	if (cmd->op == WEIR_OP_READ && s->ops->read_target)
		complete_judge(lane, rq);
	if (cmd->result)
		rq->rq.flags |= SCHED_RQ_UNTIMED;
	if (rq->scheduled) {
		if (s->ops->completed)
			s->ops->completed(s, &rq->rq, lane->now);
		if (s->ops->finish)
			s->ops->finish(s, &rq->rq);
	}
	complete_find_removed(lane, cmd);
	tracing_completed(lane, rq);
	if (!cmd->result || !retry_begin(lane, rq))
		complete_request(lane, rq, cmd->result, cmd->status);
	else if (!retry_next(lane, rq))
		complete_tag(lane, rq);
}
