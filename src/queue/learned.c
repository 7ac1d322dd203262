/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learned.c - programs keep what the schedulers of a queue have learned, and give it back later.
 * lane/learned.c is the lanes' part. Any thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "queue/lane/lane.h"
#include "queue/learned_text.h"
#include "queue/switch.h"

/* Fills in T for the scheduler of Q, with memory for its lanes. Returns 0 or -errno with words. */
static int learned_begin(struct weir_queue *q, struct learned_text *t)
{
	*t = (struct learned_text){
		.ops = __atomic_load_n(&q->sched_ops, __ATOMIC_ACQUIRE),
		.device = q->dev,
		.lanes = q->opts.lanes,
		.wall_ns = clock_wall(),
	};
	if (!t->ops->save)
		return error_set(-EOPNOTSUPP, "the scheduler %s learns nothing that could be kept",
				 t->ops->name);
	t->lane = calloc(t->lanes, sizeof(*t->lane));
	return t->lane ? 0 : error_sys(-ENOMEM, "cannot keep what the scheduler has learned");
}

/* Returns true if what the lanes of T have learned is what the queue was given: a state that
 * nothing was added to gets no younger. */
static bool learned_is_given(const struct weir_queue *q, const struct learned_text *t)
{
	if (!q->given || q->given_ops != t->ops)
		return false;
	for (uint32_t i = 0; i < t->lanes; i++) {
		const struct learned *is = &t->lane[i], *was = &q->given[i];

		if (is->nr && (is->nr != was->nr || !t->ops->same(is->value, was->value)))
			return false;
	}
	return true;
}

/* Copies what the lanes have shown: the home, if there is one, stands for the first lane. Returns
 * false if that is nothing. */
static bool learned_collect(struct weir_queue *q, struct learned_text *t)
{
	bool some = false;

	CHECK(t->lane && t->lanes <= q->nr_lanes);
	pthread_mutex_lock(&q->lock);
	for (uint32_t i = 0; i < (q->home ? 1 : t->lanes) && q->sched_ops == t->ops; i++) {
		t->lane[i] = (q->home ? q->home : &q->lanes[i])->change.learned;
		some |= t->lane[i].nr > 0;
	}
	t->saved_ns = learned_is_given(q, t) ? q->given_saved_ns : t->wall_ns;
	pthread_mutex_unlock(&q->lock);
	return some;
}

/* Copies WHOLE, of LENGTH bytes, to TEXT. */
static int learned_give(const char *whole, size_t length, char *text, size_t size)
{
	CHECK(whole);
	if (length >= size)
		return error_set(-ENOSPC, "the learned state has %zu bytes: %zu are not enough",
				 length, size);
	memcpy(text, whole, length + 1);
	return 0;
}

int weir_queue_save_state(struct weir_queue *q, char *text, size_t size, size_t *length)
{
	struct learned_text t;
	char *whole = NULL;
	size_t bytes = 0;
	int err = queue_check_process(q);

	if (!err)
		err = learned_begin(q, &t);
	if (err)
		return err;
	switch_apply_own(q);
	if (learned_collect(q, &t))
		err = learned_text_write(&t, &whole, &bytes);
	else
		err = error_set(-ENODATA, "%s has learned nothing yet", t.ops->name);
	if (!err) {
		if (length)
			*length = bytes;
		err = learned_give(whole, bytes, text, size);
		free(whole);
	}
	free(t.lane);
	return err;
}

/* Gives the lanes of T to those of Q. */
static int learned_set(struct weir_queue *q, struct learned_text *t)
{
	int err = 0;

	pthread_mutex_lock(&q->lock);
	if ((q->next_ops && !q->next_keeps) || q->sched_ops != t->ops) {
		err = error_set(-EBUSY, "a switch of the scheduler is under way");
	} else {
		free(q->given);
		q->given = t->lane;
		t->lane = NULL;
		q->given_ops = t->ops;
		q->given_saved_ns = t->saved_ns;
		q->given_at = q->generation + 1;
		control_changed(q);
	}
	pthread_mutex_unlock(&q->lock);
	return err;
}

int weir_queue_load_state(struct weir_queue *q, const char *text, size_t length)
{
	struct learned_text t;
	int err = queue_check_process(q);

	if (!err)
		err = learned_begin(q, &t);
	if (err)
		return err;
	err = learned_text_read(&t, text, length);
	if (!err)
		err = learned_set(q, &t);
	free(t.lane);
	if (!err)
		switch_apply_own(q);
	return err;
}
