/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts_recover.c - recovers the devices of a store at once. See parts_recover.h.
 *
 * A recovery waits for its device most of the time, so each device has a thread while a step lasts.
 * There are two steps, and a thread writes to its device only after all threads have read theirs:
 * the opening thread looks at the results in between. The loop of a store that the opening thread
 * owns is handed to the thread of the step and back. A queue of the program's own whose loop is the
 * opening thread's is not handed over, because it may end ios of the program; its device is
 * recovered on the opening thread.
 */
#include "store/parts_recover.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/thread.h"
#include "queue/loop.h"

static int step_begin(struct parts_recovery *r)
{
	return store_recover_begin(r->s, r->opts, r->supers, &r->recovery);
}

static int step_finish(struct parts_recovery *r)
{
	struct recover *recovery = r->recovery;

	r->recovery = NULL;
	return recover_finish(recovery);
}

/* Runs the step of R on the calling thread, and keeps the words of an error. */
static void recovery_run(struct parts_recovery *r)
{
	r->err = r->attaches ? weir_queue_attach(r->s->io.q, 0) : 0;
	if (!r->err) {
		r->err = r->step(r);
		if (r->attaches)
			weir_queue_detach(r->s->io.q);
	}
	if (r->err)
		snprintf(r->why, sizeof(r->why), "%s", weir_error());
}

static void *recovery_thread(void *arg)
{
	recovery_run(arg);
	return NULL;
}

/* Starts a thread for the step of R. If there cannot be one, the opening thread runs it. */
static void recovery_start(struct parts_recovery *r)
{
	bool mine = loop_is_mine(r->s->io.q);

	if (mine && !r->s->owner.own)
		return;
	r->attaches = mine && !weir_queue_detach(r->s->io.q);
	r->runs = !thread_start(&r->thread, "weir-recover", recovery_thread, r);
}

/* Gives the loop back to the opening thread. */
static void recovery_take_back(struct parts_recovery *r)
{
	int err = weir_queue_attach(r->s->io.q, 0);

	r->attaches = false;
	r->s->owner.detach = !err;
	if (!err || r->err)
		return;
	r->err = err;
	snprintf(r->why, sizeof(r->why), "%s", weir_error());
}

/* Runs STEP for each device of ALL that is not left out, and returns when all have ended. */
static void recovery_run_all(struct parts_recovery *all, uint32_t count,
			     int (*step)(struct parts_recovery *r))
{
	for (uint32_t n = 0; n < count; n++) {
		all[n].step = step;
		if (all[n].s && count > 1)
			recovery_start(&all[n]);
	}
	for (uint32_t n = 0; n < count; n++)
		if (all[n].s && !all[n].runs)
			recovery_run(&all[n]);
	for (uint32_t n = 0; n < count; n++) {
		if (all[n].runs)
			pthread_join(all[n].thread, NULL);
		all[n].runs = false;
		if (all[n].s && all[n].attaches)
			recovery_take_back(&all[n]);
	}
}

void parts_recover_begin(struct parts_recovery *all, uint32_t count)
{
	recovery_run_all(all, count, step_begin);
}

/* Has all devices begin the same epoch, so that one that was missing is known by a lower one. */
static void recovery_level(struct parts_recovery *all, uint32_t count)
{
	uint64_t highest = 0;

	for (uint32_t n = 0; n < count; n++) {
		uint64_t epoch = all[n].recovery ? recover_epoch(all[n].recovery) : 0;

		/* A forged image has the highest number; that concerns its device only. */
		if (epoch > highest && epoch < UINT64_MAX)
			highest = epoch;
	}
	for (uint32_t n = 0; n < count; n++)
		if (all[n].recovery)
			recover_set_epoch_floor(all[n].recovery, highest);
}

void parts_recover_finish(struct parts_recovery *all, uint32_t count)
{
	recovery_level(all, count);
	recovery_run_all(all, count, step_finish);
	parts_recover_drop(all, count);
}

void parts_recover_drop(struct parts_recovery *all, uint32_t count)
{
	for (uint32_t n = 0; n < count; n++) {
		recover_drop(all[n].recovery);
		all[n].recovery = NULL;
	}
}

int parts_recover_error(const struct parts_recovery *all, uint32_t count)
{
	char words[ERROR_BYTES] = "";
	size_t at = 0, room = sizeof(words) - sizeof("; and 99 more devices");
	unsigned more = 0;
	int err = 0;

	for (uint32_t n = 0; n < count; n++) {
		if (!all[n].s || !all[n].err)
			continue;
		if (!err || at + strlen(all[n].why) + 2 < room)
			at += (size_t)snprintf(words + at, sizeof(words) - at, "%s%s",
					       err ? "; " : "", all[n].why);
		else
			more++;
		err = err ? err : all[n].err;
	}
	CHECK(at < sizeof(words));
	if (!more)
		return err ? error_set(err, "%s", words) : 0;
	return error_set(err, "%s; and %u more device%s", words, more, more > 1 ? "s" : "");
}
