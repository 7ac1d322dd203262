/* SPDX-License-Identifier: Apache-2.0 */
/*
 * close.c - how a store ends.
 *
 * Closing is an operation like others: once nothing but it is under way, the open segment is
 * sealed, so that the next recovery reads a footer and walks nothing. The loop's thread, except
 * where it says otherwise.
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
 * In a child of fork(): what the loop of another thread may have been changing, or what is under
 * way, is left as it is, and known to a list, so that it is no leak.
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
