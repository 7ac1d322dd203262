/* SPDX-License-Identifier: Apache-2.0 */
/*
 * close.c - closes a store.
 *
 * Closing is an operation like others. When nothing else is under way, the open segments are
 * sealed, so that the next recovery reads footers and walks nothing. This file runs on the thread
 * that closes; turn.c does the work on the loop.
 */
#include <errno.h>

#include "base/error.h"
#include "base/fork.h"
#include "queue/loop.h"
#include "store/store.h"
#include "store/open.h"

static void close_run(struct weir_store *s, struct weir_store_op *op)
{
	store_close_when_idle(s, op);
}

/*
 * Frees a store in a child of fork(). If the loop of another thread may have been changing it, or
 * anything was under way, it is left as it is; a list keeps it, so that it is no leak.
 */
static int store_leave(struct weir_store *s)
{
	static struct weir_store *kept;
	bool settled = loop_is_mine(s->io.q) && !s->io.ops && !store_busy(s);
	struct weir_device *dev = s->owner.own ? s->io.dev : NULL;
	int err = s->owner.own ? weir_queue_close(s->io.q) : 0;

	if (err)
		return err;
	weir_device_close(dev);
	if (settled) {
		store_free(s);
		return 0;
	}
	s->owner.next_kept = kept;
	kept = s;
	return 0;
}

int weir_store_close(struct weir_store *s)
{
	struct inner_op inner = { close_run };
	int err;

	if (!s)
		return 0;
	if (fork_inherited(s->owner.process))
		return store_leave(s);
	err = wait_allowed(s);
	if (err)
		return err;
	err = wait_inner(s, &inner);
	if (err)
		error_sys(err, "%s: the store had stopped writing", weir_device_path(s->io.dev));
	store_release(s);
	return err;
}
