/* SPDX-License-Identifier: Apache-2.0 */
/*
 * close.c - closes a store.
 *
 * Closing is an operation like others. When nothing else is under way, the open segments are
 * sealed, so that the next recovery reads footers and walks nothing. This file runs on the thread
 * that closes; turn.c does the work on the loop. When that has finished, the loop leaves the store
 * alone, so the report is read from it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/opts.h"
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

/* Adds what was dropped of S, with which the loop has finished, to REPORT. */
static void close_report(struct weir_store *s, struct weir_close_report *report)
{
	struct log_pins held;

	logs_count_pins(s->logs, &held);
	report->pins += held.pinned;
	report->leases += logs_count_leases(s->logs, clock_now());
	report->failed_ops += s->io.counts.failed - s->closing.failed;
	report->at_risk += s->io.counts.at_risk;
	report->failed_devices += s->io.broken || s->io.failing.row;
	if (!report->words[0])
		snprintf(report->words, sizeof(report->words), "%s%s%s",
			 s->io.failing.ios ? weir_device_path(s->io.dev) : "",
			 s->io.failing.ios ? ": " : "", s->io.failing.first);
}

/* Sets the words for ERR, with which S ended; OWN is what was dropped of it. */
static int close_failed(struct weir_store *s, int err, const struct weir_close_report *own)
{
	const bool known = s->io.failing.ios;
	char dropped[96] = "";

	if (own->failed_ops || own->at_risk)
		snprintf(dropped, sizeof(dropped), "; operations that failed: %llu, at risk: %llu",
			 (unsigned long long)own->failed_ops, (unsigned long long)own->at_risk);
	return error_set(err, "%s: the store had stopped writing: %s%s%s%s",
			 weir_device_path(s->io.dev), err == -ENOSPC ? WORDS_FULL : strerror(-err),
			 known ? "; the first io that failed: " : "", s->io.failing.first, dropped);
}

/* Has the loop of S finish with it. */
static int close_finish(struct weir_store *s, struct weir_close_report *report)
{
	struct weir_close_report own = WEIR_CLOSE_REPORT_INIT;
	struct inner_op inner = { close_run };
	int err = wait_inner(s, &inner);

	close_report(s, &own);
	close_report(s, report);
	return err ? close_failed(s, err, &own) : 0;
}

/* Waits until no operation is under way on any device. Callbacks on one may submit operations for
 * another, which was idle before: all were idle at one moment if none has begun an operation since
 * it was last. */
static void close_wait_quiet(struct store_parts *parts)
{
	uint64_t begun[WEIR_DEVICES_MAX] = { 0 };
	struct weir_store *part;
	bool changed;
	int err = 0;
	uint32_t n;

	do {
		changed = false;
		PARTS_FOREACH(parts->first, part, n)
		{
			struct quiet_question ask = { { store_quiet_when_idle }, 0 };

			err = err ? err : wait_inner(part, &ask.inner);
			changed |= ask.begun != begun[n] + 1;
			begun[n] = ask.begun;
		}
	} while (changed && !err);
}

/* Closes each part. One that fails does not keep the others from being sealed. The loops of all run
 * until the last part has finished, so nothing is freed before. */
static int close_parts(struct store_parts *parts, struct weir_close_report *report)
{
	struct weir_store *part;
	int err = 0, first = 0;
	char words[ERROR_BYTES] = "";
	uint32_t n;

	report->missing_devices = parts->missing;
	close_wait_quiet(parts);
	PARTS_FOREACH(parts->first, part, n)
	{
		err = close_finish(part, report);
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

/* Closes S; REPORT says nothing yet. */
static int close_store(struct weir_store *s, struct weir_close_report *report)
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
		return close_parts(s->parts, report);
	err = close_finish(s, report);
	store_release(s);
	return err;
}

int weir_store_close(struct weir_store *s)
{
	struct weir_close_report report = WEIR_CLOSE_REPORT_INIT;

	return close_store(s, &report);
}

int weir_store_close_report(struct weir_store *s, struct weir_close_report *report)
{
	struct weir_close_report full = WEIR_CLOSE_REPORT_INIT;
	int err = opts_give(report, OPTS_SIZE(report), &full, sizeof(full));

	if (err)
		return err;
	err = close_store(s, &full);
	opts_give(report, report->size, &full, sizeof(full));
	return err;
}
