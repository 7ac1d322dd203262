/* SPDX-License-Identifier: Apache-2.0 */
/*
 * close.c - how a store stops writing, and how it ends.
 *
 * Closing is an operation like others: once nothing but it is under way, the open segment is
 * sealed, so that the next recovery reads a footer and walks nothing. The loop's thread, except
 * where it says otherwise.
 */
#include <errno.h>

#include "base/error.h"
#include "base/fork.h"
#include "queue/loop.h"
#include "store/impl.h"
#include "store/open.h"

void store_break(struct weir_store *s, int result)
{
	if (s->broken)
		return;
	if (loop_device_is_removed(s->q))
		result = -ENODEV;
	s->broken = result == -ENODEV ? result : -EROFS;
	s->first_error = result;
	/* What waits for a footer or for space would wait for ever. */
	logs_publish(s);
	logs_kick(s);
}

static bool log_busy(const struct log *l)
{
	return l->admit_posted || l->seal.seg || segment_beginning(l) || l->reclaim.seg ||
	       !STAILQ_EMPTY(&l->batches) || (!l->s->broken && !TAILQ_EMPTY(&l->sealing));
}

/* Is anything of the store's own under way? */
static bool store_busy(const struct weir_store *s)
{
	const struct log *l;
	uint32_t i;

	if (s->ios || s->flusher.busy)
		return true;
	LOGS_FOREACH(s, l, i)
	if (log_busy(l))
		return true;
	return false;
}

static void close_done(struct weir_task *task)
{
	struct weir_store *s = container_of(task, struct weir_store, closed);

	/* What a callback submitted meanwhile came first, and may not have ended yet. */
	if (s->ops > 1 || store_busy(s)) {
		s->closed.fn = NULL;
		return;
	}
	/* The last thing that the loop does for this store. */
	op_end(s, s->closing, s->first_error);
}

void close_check(struct weir_store *s)
{
	struct log *l;
	uint32_t i;

	/* The closing itself is one of the operations. */
	if (!s->closing || s->closed.fn || s->ops > 1)
		return;
	LOGS_FOREACH(s, l, i)
	if (l->open && !s->broken)
		seal_close(l, l->open);
	if (store_busy(s))
		return;
	s->closed.fn = close_done;
	weir_queue_post(s->q, 0, &s->closed);
}

/*
 * In a child of fork(): what the loop of another thread may have been changing, or what is under
 * way, is left as it is, and known to a list, so that it is no leak.
 */
static int store_leave(struct weir_store *s)
{
	static struct weir_store *kept;
	bool settled = loop_is_mine(s->q) && !s->ops && !store_busy(s);
	struct weir_device *dev = s->own ? s->dev : NULL;
	int err = s->own ? weir_queue_close(s->q) : 0;

	if (err)
		return err;
	weir_device_close(dev);
	if (settled) {
		store_free(s);
		return 0;
	}
	s->next_kept = kept;
	kept = s;
	return 0;
}

int weir_store_close(struct weir_store *s)
{
	struct weir_store_op op = { .kind = OP_CLOSE };
	int err;

	if (!s)
		return 0;
	if (fork_inherited(s->process))
		return store_leave(s);
	err = wait_allowed(s);
	if (!err)
		err = op_post(s, &op);
	if (err)
		return err;
	err = wait_op(s, &op);
	if (err)
		error_sys(err, "%s: the store had stopped writing", weir_device_path(s->dev));
	store_release(s);
	return err;
}
