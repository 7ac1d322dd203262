/* SPDX-License-Identifier: Apache-2.0 */
/*
 * close.c - closes a store.
 *
 * Closing is an operation like others. When nothing else is under way, the open segments are
 * sealed, so that the next recovery reads footers and walks nothing. This file runs on the thread
 * that closes; turn.c does the work on the loop.
 */
#include <errno.h>
#include <stdio.h>

#include "base/error.h"
#include "base/fork.h"
#include "queue/loop.h"
#include "store/answer.h"
#include "store/open.h"
#include "store/parts.h"

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

/* Frees the store in a child of fork(), part by part. */
static int close_leave_all(struct weir_store *s)
{
	struct store_parts *parts = s->parts;
	struct weir_store *part;
	uint32_t n;
	int err = 0;

	answer_leave(s);
	if (!parts)
		return store_leave(s);
	for (n = 0; n < parts->count && !err; n++) {
		part = parts->part[n];
		parts->part[n] = NULL;
		err = part ? store_leave(part) : 0;
	}
	if (!err)
		parts_free(parts);
	return err;
}

/* Has the loop of S finish with it. */
static int close_finish(struct weir_store *s)
{
	struct inner_op inner = { close_run };
	int err = wait_inner(s, &inner);

	if (err == -ENOSPC)
		return error_set(err, "%s: the store had stopped writing: " WORDS_FULL,
				 weir_device_path(s->io.dev));
	return err ? error_sys(err, "%s: the store had stopped writing",
			       weir_device_path(s->io.dev))
		   : 0;
}

/* Closes each part. One that fails does not keep the others from being sealed. The loops of all run
 * until the last part has finished, so nothing is freed before. */
static int close_parts(struct store_parts *parts)
{
	struct weir_store *part;
	int err = 0, first = 0;
	char words[512] = "";
	uint32_t n;

	PARTS_FOREACH(parts->first, part, n)
	{
		err = close_finish(part);
		if (err && !first)
			snprintf(words, sizeof(words), "%s", weir_error());
		first = first ? first : err;
	}
	for (n = 0; n < parts->count; n++)
		if (parts->part[n])
			store_release(parts->part[n]);
	parts_free(parts);
	return first ? error_set(first, "%s", words) : 0;
}

int weir_store_close(struct weir_store *s)
{
	int err;

	if (!s)
		return 0;
	if (fork_inherited(s->owner.process))
		return close_leave_all(s);
	err = wait_allowed(s);
	if (err)
		return err;
	answer_stop(s);
	scrub_stop(s);
	if (s->parts)
		return close_parts(s->parts);
	err = close_finish(s);
	store_release(s);
	return err;
}
