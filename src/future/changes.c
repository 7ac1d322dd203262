/* SPDX-License-Identifier: Apache-2.0 */
/*
 * changes.c - the list of the keys that left a store. See weir/changes.h.
 *
 * The loops of the store add to the list, and with several devices these are several threads; any
 * thread takes. So a lock is held for as long as an entry, or those that are taken, are copied.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <weir/changes.h>

#include "base/check.h"
#include "base/error.h"
#include "base/fork.h"

#define CHANGES_DEFAULT 65536u

struct weir_changes {
	uint32_t process;     /* that opened it */
	pthread_mutex_t lock; /* for all that follows */
	uint32_t max, first, count;
	uint64_t lost;
	struct weir_changes_note notes[]; /* a ring of MAX */
};

static void changes_add(void *user, const struct weir_store_change *change)
{
	struct weir_changes *c = user;

	pthread_mutex_lock(&c->lock);
	if (c->count == c->max) {
		c->lost++;
	} else {
		uint32_t at = (uint32_t)(((uint64_t)c->first + c->count++) % c->max);

		c->notes[at] =
			(struct weir_changes_note){ .hash = { change->hash[0], change->hash[1] },
						    .reason = change->reason };
	}
	pthread_mutex_unlock(&c->lock);
}

int weir_changes_open(struct weir_changes **out, struct weir_store_opts *opts, uint32_t max)
{
	struct weir_changes *c;

	if (!opts || opts->changed)
		return error_set(-EINVAL, opts ? "the options have a function for changes already"
					       : "no options");
	if (!max)
		max = CHANGES_DEFAULT;
	c = calloc(1, sizeof(*c) + (size_t)max * sizeof(*c->notes));
	if (!c)
		return error_set(-ENOMEM, "no memory for a list of %u changes", max);
	CHECK(!pthread_mutex_init(&c->lock, NULL));
	c->process = fork_process();
	c->max = max;
	opts->changed = changes_add;
	opts->changed_user = c;
	*out = c;
	return 0;
}

size_t weir_changes_take(struct weir_changes *c, struct weir_changes_note *notes, size_t n,
			 uint64_t *lost)
{
	size_t taken;

	if (lost)
		*lost = 0;
	/* A thread of the parent may hold the lock for ever. */
	if (fork_inherited(c->process))
		return 0;
	pthread_mutex_lock(&c->lock);
	for (taken = 0; taken < n && c->count; taken++) {
		notes[taken] = c->notes[c->first];
		c->first = (c->first + 1) % c->max;
		c->count--;
	}
	if (lost) {
		*lost = c->lost;
		c->lost = 0;
	}
	pthread_mutex_unlock(&c->lock);
	return taken;
}

void weir_changes_close(struct weir_changes *c)
{
	if (!c)
		return;
	pthread_mutex_destroy(&c->lock);
	free(c);
}
