/* SPDX-License-Identifier: Apache-2.0 */
/*
 * submitter.c - what programs set for single submitters: weight and priority policy, and
 * that they are gone. Owns nothing; any thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/container.h"
#include "base/error.h"
#include "queue/lane/lane.h"
#include "queue/switch.h"

#define WEIGHT_MAX 1000u

int weir_queue_submitter_set_weight(struct weir_queue *q, uint32_t submitter, uint32_t weight)
{
	const struct sched_ops *ops = __atomic_load_n(&q->sched_ops, __ATOMIC_ACQUIRE);
	int err = queue_check_process(q);

	if (err)
		return err;
	if (!weight || weight > WEIGHT_MAX)
		return error_set(-EINVAL, "weight %u: it goes from 1 to %u", weight, WEIGHT_MAX);
	if (!ops->set_weight)
		return sched_no_weights(ops, -EOPNOTSUPP);
	pthread_mutex_lock(&q->lock);
	err = settings_set_weight(q, submitter, weight);
	if (!err)
		control_changed(q);
	pthread_mutex_unlock(&q->lock);
	return err ? err : switch_scheduler(q, NULL);
}

int weir_queue_submitter_set_group(struct weir_queue *q, uint32_t submitter, uint32_t group)
{
	int err = queue_check_process(q);

	if (err)
		return err;
	pthread_mutex_lock(&q->lock);
	err = settings_set_group(q, submitter, group);
	pthread_mutex_unlock(&q->lock);
	return err ? err : switch_scheduler(q, NULL);
}

int weir_queue_submitter_set_policy(struct weir_queue *q, uint32_t submitter,
				    enum weir_queue_policy policy)
{
	int err = queue_check_process(q);

	if (err)
		return err;
	if ((unsigned)policy > WEIR_QUEUE_POLICY_IDLE)
		return error_set(-EINVAL, "no such priority policy: %u", (unsigned)policy);
	pthread_mutex_lock(&q->lock);
	err = settings_set_policy(q, submitter, policy);
	pthread_mutex_unlock(&q->lock);
	return err;
}

/* Tells one lane, on its owner's loop. The scheduler of a member of a group knows its number from
 * before it was one, if at all; the group goes on. */
struct gone {
	struct weir_task task;
	struct lane *lane;
	uint32_t submitter;
};

static void submitter_gone_run(struct weir_task *task)
{
	struct gone *gone = container_of(task, struct gone, task);
	struct sched *s = gone->lane->sched;

	if (s->ops->submitter_gone)
		s->ops->submitter_gone(s, gone->submitter);
	admit_forget(gone->lane, gone->submitter);
	free(gone);
}

static int submitter_gone_tell(struct lane *lane, uint32_t submitter)
{
	struct gone *gone = calloc(1, sizeof(*gone));

	if (!gone)
		return error_sys(-ENOMEM, "submitter %u is gone", submitter);
	gone->task.fn = submitter_gone_run;
	gone->lane = lane;
	gone->submitter = submitter;
	stage_task(lane, &gone->task);
	return 0;
}

int weir_queue_submitter_gone(struct weir_queue *q, uint32_t submitter)
{
	int err = queue_check_process(q);

	/* A lane without an owner has nothing of a submitter's that takes room for long. */
	for (uint32_t i = 0; i < q->nr_lanes && !err; i++)
		if (__atomic_load_n(&q->lanes[i].owner.owned, __ATOMIC_ACQUIRE))
			err = submitter_gone_tell(&q->lanes[i], submitter);
	return err;
}
