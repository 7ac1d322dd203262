/* SPDX-License-Identifier: Apache-2.0 */
/*
 * submitter.c - what is set for single submitters: their weight, and how their ios' priority is
 * changed on the way in.
 *
 * The table is never changed, only replaced by a longer copy, so that submitters read it without
 * a lock; old copies are kept until the queue closes. Weights go to the scheduler on the lanes
 * (control.c). Owns the tables, under the queue's lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "queue/control.h"

#define SETTINGS_MAX 4096u
#define WEIGHT_DEFAULT 100u
#define WEIGHT_MAX 1000u

/* Of one submitter. */
struct setting {
	uint32_t submitter;
	uint32_t weight;
	uint32_t weight_at; /* generation when it was set; 0: never */
	uint32_t policy;    /* enum weir_prio_policy */
};

struct settings {
	struct settings *older;
	uint32_t nr, nr_policies;
	struct setting row[]; /* by submitter */
};

/* The first row that is not before SUBMITTER. */
static uint32_t find(const struct settings *t, uint32_t submitter)
{
	uint32_t low = 0, high = t->nr;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (t->row[middle].submitter < submitter)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* A copy of the table with a row for SUBMITTER, which is to be changed and then published. */
static struct settings *copy_with(const struct settings *old, uint32_t submitter, uint32_t *at)
{
	uint32_t nr = old ? old->nr : 0;
	struct settings *t = malloc(sizeof(*t) + (nr + 1) * sizeof(t->row[0]));

	if (!t)
		return NULL;
	t->nr = nr;
	t->nr_policies = old ? old->nr_policies : 0;
	if (nr)
		memcpy(t->row, old->row, nr * sizeof(t->row[0]));
	*at = find(t, submitter);
	if (*at < nr && t->row[*at].submitter == submitter)
		return t;
	memmove(&t->row[*at + 1], &t->row[*at], (nr - *at) * sizeof(t->row[0]));
	t->row[*at] = (struct setting){ .submitter = submitter, .weight = WEIGHT_DEFAULT };
	t->nr++;
	return t;
}

static void publish(struct weir_queue *q, struct settings *t)
{
	t->older = q->settings;
	__atomic_store_n(&q->settings, t, __ATOMIC_RELEASE);
	control_changed(q);
}

/* Sets one of the two (UINT32_MAX: not this one). */
static int change(struct weir_queue *q, uint32_t submitter, uint32_t weight, uint32_t policy)
{
	struct settings *t = NULL;
	uint32_t at;

	pthread_mutex_lock(&q->lock);
	if (!q->settings || q->settings->nr < SETTINGS_MAX)
		t = copy_with(q->settings, submitter, &at);
	if (t) {
		if (weight != UINT32_MAX) {
			t->row[at].weight = weight;
			t->row[at].weight_at = q->generation + 1;
		}
		if (policy != UINT32_MAX) {
			t->nr_policies += (policy != 0) - (t->row[at].policy != 0);
			t->row[at].policy = policy;
		}
		publish(q, t);
	}
	pthread_mutex_unlock(&q->lock);
	return t ? 0 : error_set(-ENOSPC, "too many submitters have settings of their own");
}

int weir_submitter_set_weight(struct weir_queue *q, uint32_t submitter, uint32_t weight)
{
	const struct sched_ops *ops = __atomic_load_n(&q->sched_ops, __ATOMIC_ACQUIRE);

	if (!weight || weight > WEIGHT_MAX)
		return error_set(-EINVAL, "weight %u: it goes from 1 to %u", weight, WEIGHT_MAX);
	if (!ops->set_weight)
		return error_set(-EOPNOTSUPP, "%s knows no weights", ops->name);
	return change(q, submitter, weight, UINT32_MAX);
}

int weir_submitter_set_policy(struct weir_queue *q, uint32_t submitter,
			      enum weir_prio_policy policy)
{
	if ((unsigned)policy > WEIR_POLICY_IDLE)
		return error_set(-EINVAL, "no such priority policy: %u", (unsigned)policy);
	return change(q, submitter, UINT32_MAX, policy);
}

void submitter_apply(const struct weir_queue *q, struct sched *s, uint32_t since)
{
	const struct settings *t = q->settings;

	for (uint32_t i = 0; t && s->ops->set_weight && i < t->nr; i++)
		if (t->row[i].weight_at > since)
			(void)s->ops->set_weight(s, t->row[i].submitter, t->row[i].weight);
}

static uint16_t apply_policy(uint32_t policy, uint16_t prio)
{
	unsigned class = prio >> 13;

	switch (policy) {
	case WEIR_POLICY_PROMOTE_TO_RT:
		return class == 1 ? prio : WEIR_PRIO_RT(4);
	case WEIR_POLICY_RESTRICT_TO_BE:
		return class == 0 || class == 1 ? WEIR_PRIO_BE(0) : prio;
	case WEIR_POLICY_IDLE:
		return WEIR_PRIO_IDLE;
	default:
		return prio;
	}
}

uint16_t submitter_prio(const struct weir_queue *q, uint32_t submitter, uint16_t prio)
{
	const struct settings *t = __atomic_load_n(&q->settings, __ATOMIC_ACQUIRE);
	uint32_t at;

	if (t && t->nr_policies) {
		at = find(t, submitter);
		if (at < t->nr && t->row[at].submitter == submitter)
			prio = apply_policy(t->row[at].policy, prio);
	}
	prio = prio ? prio : WEIR_PRIO_DEFAULT;
	return prio >> 13 ? prio : (uint16_t)(prio | WEIR_PRIO_BE(0));
}

void submitter_destroy(struct weir_queue *q)
{
	while (q->settings) {
		struct settings *t = q->settings;

		q->settings = t->older;
		free(t);
	}
}
