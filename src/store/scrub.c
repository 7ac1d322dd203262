/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scrub.c - reads the values of a running store, so that damage is found before somebody needs
 * them.
 *
 * A pass lists the store and reads each value at low priority. The checksum is computed on the
 * thread that scrubs, not on the loop. A value that does not verify twice is dropped with a
 * tombstone, so that no older version comes back. A read error says nothing about the bytes: the
 * entry stays. This file owns struct store_scrub.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <weir/scrub.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/nsec.h"
#include "base/opts.h"
#include "base/thread.h"
#include "queue/loop.h"
#include "store/parts.h"
#include "store/scrub.h"
#include "store/scrub_step.h"

#define SCRUB_STOPPED 1			  /* the store is being closed */
#define SCRUB_TRIES 3u			  /* a value is read so often in all */
#define SCRUB_PASS_NS (10 * NSEC_PER_SEC) /* passes of the thread begin at most so often */
/* While programs use the store, a scrub reads at most so much a second. A drive of 8 TB is read in
 * 23 days even if that is always so. */
#define SCRUB_BUSY_BYTES (4ull << 20)
#define SCRUB_BUSY_PART 4u /* ... or this part of its rate */

/* One pass; owned by the thread that makes it. */
struct scrub_pass {
	struct weir_store *s;
	bool background; /* it is the store's own thread */
	uint64_t bytes_per_second, start_ns;
	struct weir_scrub_result done;
	uint64_t total_bytes;
	const struct weir_scrub_opts *opts;
	struct weir_store *part; /* that the step's key belongs to */
	struct scrub_step step;
	bool stopped;
};

static bool scrub_never(const void *user)
{
	(void)user;
	return false;
}

static void scrub_run_loop(struct weir_store *s, bool (*done)(const void *user), const void *user,
			   uint64_t deadline)
{
	if (s->parts)
		parts_wait_until(s->parts, done, user, deadline);
	else
		loop_run_until(s->io.q, done, user, deadline);
}

/* Sleeps until UNTIL, of clock_now(). Returns true if the store is being closed. */
static bool scrub_sleep(struct scrub_pass *p, uint64_t until)
{
	struct store_scrub *scrub = &p->s->scrub;
	struct timespec ts = { .tv_sec = (time_t)(until / NSEC_PER_SEC),
			       .tv_nsec = (long)(until % NSEC_PER_SEC) };
	bool stop;

	if (loop_is_mine(p->s->io.q)) {
		if (until > clock_now())
			scrub_run_loop(p->s, scrub_never, NULL, until);
		return false;
	}
	pthread_mutex_lock(&scrub->lock);
	while (!(p->background && scrub->stop) && clock_now() < until)
		if (pthread_cond_timedwait(&scrub->wake, &scrub->lock, &ts) == ETIMEDOUT)
			break;
	stop = p->background && scrub->stop;
	pthread_mutex_unlock(&scrub->lock);
	return stop;
}

static bool scrub_verifies(const struct scrub_pass *p)
{
	const struct scrub_step *step = &p->step;

	return checksum_data(&p->part->io.key, CHECKSUM_PAYLOAD, step->place, step->buf,
			     step->value.length) == step->value.checksum;
}

/* Makes room for the value that was found. Returns 0 or -ENOMEM. */
static int scrub_grow(struct scrub_pass *p)
{
	const struct layout *l = p->part->io.lay;
	size_t bytes = (size_t)layout_blocks(l, p->step.value.length) << l->block_shift;
	void *buf;

	if (posix_memalign(&buf, 65536, bytes))
		return -ENOMEM;
	free(p->step.buf);
	p->step.buf = buf;
	p->step.room = bytes;
	return 0;
}

static int scrub_read(struct scrub_pass *p)
{
	int err = scrub_step_read(p->part, &p->step);

	while (err == -EMSGSIZE) {
		err = scrub_grow(p);
		if (!err)
			err = scrub_step_read(p->part, &p->step);
	}
	return err;
}

static void scrub_add(uint64_t *count, uint64_t n)
{
	__atomic_fetch_add(count, n, __ATOMIC_RELAXED);
}

static void scrub_damaged(struct scrub_pass *p)
{
	struct scrub_counts *counts = &p->s->scrub.counts;

	p->done.damaged++;
	scrub_add(&counts->damaged, 1);
	if (scrub_step_drop(p->part, &p->step))
		return;
	p->done.dropped++;
	scrub_add(&counts->dropped, 1);
}

/* What the reads of one value have brought. */
struct scrub_reads {
	unsigned failed, bad; /* BAD of them, of the same record, did not verify */
	bool good;
	struct index_value value;
};

static void scrub_judge(const struct scrub_pass *p, struct scrub_reads *reads)
{
	const struct index_value *value = &p->step.value;
	bool same = value->position == reads->value.position &&
		    value->checksum == reads->value.checksum;

	reads->good = scrub_verifies(p);
	reads->bad = reads->bad && same ? reads->bad + 1 : 1;
	reads->value = *value;
}

/* Reads the value of the step's key by new commands until it verifies, or two of them have failed
 * or have brought other bytes: see read.c. Returns 0, -ENOENT or -ENOMEM. */
static int scrub_try(struct scrub_pass *p, struct scrub_reads *reads)
{
	int err;

	for (unsigned n = 0; n < SCRUB_TRIES && !reads->good; n++) {
		if (reads->failed == 2 || reads->bad == 2)
			break;
		err = scrub_read(p);
		if (err == -ENOENT || err == -ENOMEM)
			return err;
		if (err)
			reads->failed++;
		else
			scrub_judge(p, reads);
	}
	return 0;
}

/* Reads and verifies the value of the step's key. Returns 0 or -ENOMEM. */
static int scrub_value(struct scrub_pass *p)
{
	struct scrub_counts *counts = &p->s->scrub.counts;
	struct scrub_reads reads = { .good = false };
	int err = scrub_try(p, &reads);

	if (err)
		return err == -ENOMEM ? err : 0;
	if (!reads.good && reads.bad < 2) {
		p->done.read_errors++;
		scrub_add(&counts->read_errors, 1);
		return 0;
	}
	p->done.values++;
	p->done.bytes += p->step.value.length;
	scrub_add(&counts->bytes, p->step.value.length);
	if (!reads.good)
		scrub_damaged(p);
	return 0;
}

/* Returns how long BYTES take at a rate; 0: as long as they like. */
static uint64_t scrub_time(uint64_t bytes, uint64_t bytes_per_second)
{
	if (!bytes_per_second)
		return 0;
	return (uint64_t)((double)bytes / (double)bytes_per_second * (double)NSEC_PER_SEC);
}

/* Returns how long to wait after the last value because programs use the store. It is never longer
 * than a read at the lowest rate, so a scrub goes on in a store that is always busy. */
static uint64_t scrub_give_way(struct scrub_pass *p)
{
	uint64_t rate = p->bytes_per_second / SCRUB_BUSY_PART;

	if (!p->step.busy)
		return 0;
	p->done.slowed++;
	scrub_add(&p->s->scrub.counts.slowed, 1);
	if (!p->bytes_per_second || rate > SCRUB_BUSY_BYTES)
		rate = SCRUB_BUSY_BYTES;
	return scrub_time(p->step.value.length, rate ? rate : 1);
}

/* Waits as the rate asks for, and longer while programs use the store; that time is not caught up
 * on. Returns SCRUB_STOPPED if the store is being closed. */
static int scrub_pace(struct scrub_pass *p)
{
	uint64_t extra = scrub_give_way(p), until = clock_now() + extra, due;

	p->start_ns += extra;
	due = p->start_ns + scrub_time(p->done.bytes, p->bytes_per_second);
	p->stopped = scrub_sleep(p, due > until || !extra ? due : until);
	return p->stopped ? SCRUB_STOPPED : 0;
}

static int scrub_entry(const struct weir_store_entry *entry, void *user)
{
	struct scrub_pass *p = user;
	int err;

	p->step.key = entry->key;
	p->step.key_len = entry->key_len;
	checksum_identity(&p->s->io.key, entry->key, entry->key_len, p->step.hash);
	p->part = parts_of_hash(p->s, p->step.hash);
	err = p->part ? scrub_value(p) : 0;
	if (err)
		return error_sys(err, "%s: cannot scrub the store", weir_device_path(p->s->io.dev));
	if (p->opts && p->opts->progress)
		p->opts->progress(p->opts->user, p->done.bytes, p->total_bytes);
	return scrub_pace(p);
}

static int scrub_pass(struct scrub_pass *p)
{
	struct list_result listing;
	int err;

	p->start_ns = clock_now();
	err = list_all(p->s, NULL, scrub_entry, p, &listing);
	p->done.hidden = listing.counts.hidden + listing.counts.unread;
	free(p->step.buf);
	p->step.buf = NULL;
	p->step.room = 0;
	if (!err)
		scrub_add(&p->s->scrub.counts.passes, 1);
	return err;
}

int weir_store_scrub(struct weir_store *s, const struct weir_scrub_opts *opts,
		     struct weir_scrub_result *result)
{
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;
	struct weir_scrub_opts all = WEIR_SCRUB_OPTS_INIT;
	struct scrub_pass p = { .s = s, .opts = &all };
	int err = opts_copy(&all, sizeof(all), opts, opts ? opts->size : 0);

	if (!err)
		err = weir_store_get_stats(s, &stats);
	if (err)
		return err;
	p.bytes_per_second = all.bytes_per_second;
	p.total_bytes = stats.live_bytes;
	p.done.size = sizeof(p.done);
	err = scrub_pass(&p);
	return err || !result ? err : opts_give(result, result->size, &p.done, sizeof(p.done));
}

static int scrub_note_ended(struct weir_store *s, void *user)
{
	(void)user;
	s->scrub.ended = true;
	return 0;
}

static void *scrub_thread(void *arg)
{
	struct weir_store *s = arg;
	struct scrub_pass p = { .s = s,
				.background = true,
				.bytes_per_second = s->scrub.bytes_per_second };

	/* A pass that failed is tried again; what it could not read is counted. */
	while (!p.stopped) {
		scrub_pass(&p);
		p.done.bytes = 0;
		if (!p.stopped)
			p.stopped = scrub_sleep(&p, p.start_ns + SCRUB_PASS_NS);
	}
	wait_call(s, scrub_note_ended, NULL);
	return NULL;
}

int scrub_start(struct weir_store *s, const struct weir_store_opts *opts)
{
	struct store_scrub *scrub = &s->scrub;
	pthread_condattr_t attr;
	int err;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&scrub->lock, NULL);
	pthread_cond_init(&scrub->wake, &attr);
	pthread_condattr_destroy(&attr);
	if (!opts->scrub_bytes_per_second || opts->read_only)
		return 0;
	scrub->bytes_per_second = opts->scrub_bytes_per_second;
	err = thread_start(&scrub->thread, "weir-scrub", scrub_thread, s);
	if (err)
		return error_sys(err, "%s: cannot start the thread that scrubs",
				 weir_device_path(s->io.dev));
	scrub->started = true;
	return 0;
}

static bool scrub_has_ended(const void *user)
{
	const struct weir_store *s = user;

	return s->scrub.ended;
}

void scrub_stop(struct weir_store *s)
{
	struct store_scrub *scrub = &s->scrub;

	if (!scrub->started)
		return;
	pthread_mutex_lock(&scrub->lock);
	scrub->stop = true;
	pthread_cond_signal(&scrub->wake);
	pthread_mutex_unlock(&scrub->lock);
	if (loop_is_mine(s->io.q))
		scrub_run_loop(s, scrub_has_ended, s, UINT64_MAX);
	pthread_join(scrub->thread, NULL);
	CHECK(scrub->ended);
	scrub->started = false;
}
