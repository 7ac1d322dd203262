/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings.c - what is set for single submitters: their weight, and how their ios' priority is
 * changed on the way in.
 *
 * A hash table that is made once, never moves and only gains rows, so that submitters look their
 * policy up without a lock. Weights go to the scheduler on the lanes (control.c). Owns the table;
 * rows change under the queue's lock.
 */
#include "queue/lane/settings.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "queue/lane/queue.h"

#define SETTINGS_MAX 4096u
#define SETTINGS_SLOTS (2 * SETTINGS_MAX)
/* What who has none set has in schedulers that know weights (weir/queue.h). */
#define SETTINGS_WEIGHT 100u

/* The settings of one submitter. */
struct setting {
	uint32_t used;	    /* atomic: set when submitter is */
	uint32_t submitter; /* never changes then */
	uint32_t policy;    /* atomic: enum weir_queue_policy */
	uint32_t weight;    /* atomic; 0: never set */
	uint32_t weight_at; /* generation when it was set; 0: never */
	uint32_t group;	    /* atomic */
	uint32_t grouped;   /* atomic: it has one */
};

struct settings {
	uint32_t nr;
	uint32_t policies;  /* atomic: somebody has had one */
	uint32_t groups;    /* atomic: somebody has had one */
	uint32_t nr_unlike; /* rows with another weight than others, or a group */
	struct setting slot[SETTINGS_SLOTS];
};

/* Returns SUBMITTER's row, or the free slot for it. There always is one: half of the slots stay
 * free. */
static struct setting *settings_find(struct settings *t, uint32_t submitter)
{
	uint32_t at = submitter * 0x9e3779b1u % SETTINGS_SLOTS; /* Fibonacci hashing */

	while (__atomic_load_n(&t->slot[at].used, __ATOMIC_ACQUIRE) &&
	       t->slot[at].submitter != submitter)
		at = (at + 1) % SETTINGS_SLOTS;
	return &t->slot[at];
}

/* Returns SUBMITTER's row, and makes it if there is none; NULL: no memory, or too many rows.
 * Under the lock. */
static struct setting *settings_row(struct weir_queue *q, uint32_t submitter)
{
	struct settings *t = q->settings ? q->settings : calloc(1, sizeof(*t));
	struct setting *row;

	if (!t)
		return NULL;
	__atomic_store_n(&q->settings, t, __ATOMIC_RELEASE);
	row = settings_find(t, submitter);
	if (row->used)
		return row;
	if (t->nr == SETTINGS_MAX)
		return NULL;
	t->nr++;
	row->submitter = submitter;
	__atomic_store_n(&row->used, 1, __ATOMIC_RELEASE);
	return row;
}

static int settings_none(const struct weir_queue *q)
{
	if (!q->settings)
		return error_sys(-ENOMEM, "cannot keep a submitter's settings");
	return error_set(-ENOSPC, "no room: at most %u submitters can have settings", SETTINGS_MAX);
}

/* Returns 1 if ROW says that its submitter is not like those without a row, else 0. */
static uint32_t setting_unlike(const struct setting *row)
{
	return row->grouped || (row->weight && row->weight != SETTINGS_WEIGHT);
}

bool settings_unlike(const struct weir_queue *q)
{
	return q->settings && q->settings->nr_unlike;
}

int settings_set_weight(struct weir_queue *q, uint32_t submitter, uint32_t weight)
{
	struct setting *row = settings_row(q, submitter);

	if (!row)
		return settings_none(q);
	q->settings->nr_unlike -= setting_unlike(row);
	__atomic_store_n(&row->weight, weight, __ATOMIC_RELAXED);
	q->settings->nr_unlike += setting_unlike(row);
	row->weight_at = q->generation + 1;
	return 0;
}

int settings_set_policy(struct weir_queue *q, uint32_t submitter, uint32_t policy)
{
	struct setting *row = settings_row(q, submitter);

	if (!row)
		return settings_none(q);
	__atomic_store_n(&row->policy, policy, __ATOMIC_RELAXED);
	__atomic_store_n(&q->settings->policies, 1, __ATOMIC_RELEASE);
	return 0;
}

/* Returns true if SUBMITTER has a row. Under the lock. */
static bool settings_has(const struct weir_queue *q, uint32_t submitter)
{
	return q->settings && settings_find(q->settings, submitter)->used;
}

int settings_set_group(struct weir_queue *q, uint32_t submitter, uint32_t group)
{
	struct setting *row;

	/* Who has no settings is in no group already, and needs no row. */
	if (group == submitter && !settings_has(q, submitter))
		return 0;
	row = settings_row(q, submitter);
	if (!row)
		return settings_none(q);
	q->settings->nr_unlike -= setting_unlike(row);
	__atomic_store_n(&row->group, group, __ATOMIC_RELAXED);
	__atomic_store_n(&row->grouped, group != submitter, __ATOMIC_RELEASE);
	q->settings->nr_unlike += setting_unlike(row);
	__atomic_store_n(&q->settings->groups, 1, __ATOMIC_RELEASE);
	return 0;
}

/* As settings_find(), for readers without the lock; NULL: there is no row. */
static struct setting *settings_look(struct settings *t, uint32_t submitter)
{
	struct setting *row = settings_find(t, submitter);

	if (!__atomic_load_n(&row->used, __ATOMIC_ACQUIRE) || row->submitter != submitter)
		return NULL;
	return row;
}

uint32_t settings_group_of(struct settings *t, uint32_t submitter)
{
	struct setting *row;

	if (!__atomic_load_n(&t->groups, __ATOMIC_ACQUIRE))
		return submitter;
	row = settings_look(t, submitter);
	if (!row || !__atomic_load_n(&row->grouped, __ATOMIC_ACQUIRE))
		return submitter;
	return __atomic_load_n(&row->group, __ATOMIC_RELAXED);
}

uint32_t settings_weight_of(const struct weir_queue *q, uint32_t submitter)
{
	struct settings *t = __atomic_load_n(&q->settings, __ATOMIC_ACQUIRE);
	struct setting *row = t ? settings_look(t, submitter) : NULL;

	return row ? __atomic_load_n(&row->weight, __ATOMIC_RELAXED) : 0;
}

void settings_apply(const struct weir_queue *q, struct sched *s, uint32_t since)
{
	const struct settings *t = q->settings;

	for (uint32_t i = 0; t && s->ops->set_weight && i < SETTINGS_SLOTS; i++)
		if (t->slot[i].weight_at > since)
			(void)s->ops->set_weight(s, t->slot[i].submitter, t->slot[i].weight);
}

static uint16_t settings_apply_policy(uint32_t policy, uint16_t prio)
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

uint16_t settings_prio_set(struct settings *t, uint32_t submitter, uint16_t prio)
{
	struct setting *row;

	if (!__atomic_load_n(&t->policies, __ATOMIC_ACQUIRE))
		return prio;
	row = settings_look(t, submitter);
	if (!row)
		return prio;
	return settings_apply_policy(__atomic_load_n(&row->policy, __ATOMIC_RELAXED), prio);
}

void settings_destroy(struct weir_queue *q)
{
	free(q->settings);
}
