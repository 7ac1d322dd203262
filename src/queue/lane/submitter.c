/* SPDX-License-Identifier: Apache-2.0 */
/*
 * submitter.c - what is set for single submitters: their weight, and how their ios' priority is
 * changed on the way in.
 *
 * A hash table that is made once, never moves and only gains rows, so that submitters look their
 * policy up without a lock. Weights go to the scheduler on the lanes (control.c). Owns the table;
 * rows change under the queue's lock.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "queue/lane/control.h"

#define SETTINGS_MAX 4096u
#define SLOTS (2 * SETTINGS_MAX)
#define WEIGHT_MAX 1000u

/* Of one submitter. */
struct setting {
	uint32_t used;	    /* atomic: set when submitter is */
	uint32_t submitter; /* never changes then */
	uint32_t policy;    /* atomic: enum weir_queue_policy */
	uint32_t weight;
	uint32_t weight_at; /* generation when it was set; 0: never */
};

struct settings {
	uint32_t nr;
	uint32_t policies; /* atomic: somebody has had one */
	struct setting slot[SLOTS];
};

/* SUBMITTER's row, or the free slot for it. There always is one: half of them stay free. */
static struct setting *find(struct settings *t, uint32_t submitter)
{
	uint32_t at = submitter * 0x9e3779b1u % SLOTS; /* Fibonacci hashing */

	while (__atomic_load_n(&t->slot[at].used, __ATOMIC_ACQUIRE) &&
	       t->slot[at].submitter != submitter)
		at = (at + 1) % SLOTS;
	return &t->slot[at];
}

/* SUBMITTER's row, made if need be; NULL: no memory, or too many. Under the lock. */
static struct setting *row_of(struct weir_queue *q, uint32_t submitter)
{
	struct settings *t = q->settings ? q->settings : calloc(1, sizeof(*t));
	struct setting *row;

	if (!t)
		return NULL;
	__atomic_store_n(&q->settings, t, __ATOMIC_RELEASE);
	row = find(t, submitter);
	if (row->used)
		return row;
	if (t->nr == SETTINGS_MAX)
		return NULL;
	t->nr++;
	row->submitter = submitter;
	__atomic_store_n(&row->used, 1, __ATOMIC_RELEASE);
	return row;
}

static int too_many(void)
{
	return error_set(-ENOSPC, "no room: at most %u submitters can have settings", SETTINGS_MAX);
}

int weir_queue_submitter_set_weight(struct weir_queue *q, uint32_t submitter, uint32_t weight)
{
	const struct sched_ops *ops = __atomic_load_n(&q->sched_ops, __ATOMIC_ACQUIRE);
	struct setting *row;
	int err = queue_check_process(q);

	if (err)
		return err;
	if (!weight || weight > WEIGHT_MAX)
		return error_set(-EINVAL, "weight %u: it goes from 1 to %u", weight, WEIGHT_MAX);
	if (!ops->set_weight)
		return error_set(-EOPNOTSUPP, "%s knows no weights", ops->name);
	pthread_mutex_lock(&q->lock);
	row = row_of(q, submitter);
	if (row) {
		row->weight = weight;
		row->weight_at = q->generation + 1;
		control_changed(q);
	}
	pthread_mutex_unlock(&q->lock);
	return row ? 0 : too_many();
}

int weir_queue_submitter_set_policy(struct weir_queue *q, uint32_t submitter,
				    enum weir_queue_policy policy)
{
	struct setting *row;
	int err = queue_check_process(q);

	if (err)
		return err;
	if ((unsigned)policy > WEIR_QUEUE_POLICY_IDLE)
		return error_set(-EINVAL, "no such priority policy: %u", (unsigned)policy);
	pthread_mutex_lock(&q->lock);
	row = row_of(q, submitter);
	if (row) {
		__atomic_store_n(&row->policy, policy, __ATOMIC_RELAXED);
		__atomic_store_n(&q->settings->policies, 1, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&q->lock);
	return row ? 0 : too_many();
}

void submitter_apply(const struct weir_queue *q, struct sched *s, uint32_t since)
{
	const struct settings *t = q->settings;

	for (uint32_t i = 0; t && s->ops->set_weight && i < SLOTS; i++)
		if (t->slot[i].weight_at > since)
			(void)s->ops->set_weight(s, t->slot[i].submitter, t->slot[i].weight);
}

static uint16_t apply_policy(uint32_t policy, uint16_t prio)
{
	unsigned class = prio >> 13;

	switch (policy) {
	case WEIR_QUEUE_POLICY_PROMOTE_TO_RT:
		return class == 1 ? prio : WEIR_PRIO_RT(4);
	case WEIR_QUEUE_POLICY_RESTRICT_TO_BE:
		return class == 0 || class == 1 ? WEIR_PRIO_BE(0) : prio;
	case WEIR_QUEUE_POLICY_IDLE:
		return WEIR_PRIO_IDLE;
	default:
		return prio;
	}
}

uint16_t submitter_prio(const struct weir_queue *q, uint32_t submitter, uint16_t prio)
{
	struct settings *t = __atomic_load_n(&q->settings, __ATOMIC_ACQUIRE);
	struct setting *row;

	if (t && __atomic_load_n(&t->policies, __ATOMIC_ACQUIRE)) {
		row = find(t, submitter);
		if (__atomic_load_n(&row->used, __ATOMIC_ACQUIRE) && row->submitter == submitter)
			prio = apply_policy(__atomic_load_n(&row->policy, __ATOMIC_RELAXED), prio);
	}
	prio = prio ? prio : WEIR_PRIO_DEFAULT;
	return prio >> 13 ? prio : (uint16_t)(prio | WEIR_PRIO_BE(0));
}

void submitter_destroy(struct weir_queue *q)
{
	free(q->settings);
}
