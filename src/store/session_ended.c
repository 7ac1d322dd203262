/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_ended.c - hands requests that have ended from the loops of the store to the thread of a
 * session. See session.h.
 */
#include <unistd.h>

#include "base/check.h"
#include "store/session.h"

void session_kick(const struct session *x)
{
	uint64_t one = 1;

	CHECK(write(x->event, &one, sizeof(one)) == sizeof(one));
}

void session_ended(struct session *x, struct slot *slot)
{
	bool first;

	/* The thread may free all of this as soon as it has seen the slot, which needs the lock. */
	pthread_mutex_lock(&x->lock);
	first = !x->ended.count;
	slot_list_add(&x->ended, slot);
	if (first)
		session_kick(x);
	pthread_mutex_unlock(&x->lock);
}

void session_take(struct session *x, struct slot_list *taken)
{
	slot_list_init(taken);
	pthread_mutex_lock(&x->lock);
	slot_list_append(taken, &x->ended);
	pthread_mutex_unlock(&x->lock);
}
