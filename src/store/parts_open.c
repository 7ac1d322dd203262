/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts_open.c - opens a store on one device or on several.
 *
 * First the superblocks of all devices are read, and nothing is written before they are known to be
 * the devices of one store. Then all are recovered. It runs on the opening thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/opts.h"
#include "queue/loop.h"
#include "store/answer.h"
#include "store/learned.h"
#include "store/open.h"
#include "store/parts.h"
#include "store/parts_recover.h"
#include "store/paths.h"

/* What is known while a store is being opened. */
struct parts_opening {
	struct weir_store_opts opts;
	struct paths paths;
	struct weir_queue **queues; /* NULL: the paths count */
	uint32_t given;		    /* devices that the caller named */
	struct store_parts *parts;
	struct weir_store *found[WEIR_DEVICES_MAX];
	struct superio_found supers[WEIR_DEVICES_MAX];
	struct {
		uint64_t epoch, revision;
	} age[WEIR_DEVICES_MAX]; /* of the superblocks, as they were found */
	uint32_t count;		 /* devices that were found */
	uint32_t lost;		 /* devices that could not be opened */
	char why[PARTS_WHY_BYTES];
};

/* Notes why a device cannot be used. Returns 0 if the store may be opened without it. */
static int parts_lose(struct parts_opening *o, int err)
{
	if (!o->opts.degraded)
		return err;
	o->lost++;
	snprintf(o->why, sizeof(o->why), "%s", weir_error());
	return 0;
}

/* Opens device N of those that the caller named, and reads its superblock. */
static int parts_load(struct parts_opening *o, uint32_t n)
{
	struct weir_store *s;
	int err = store_new(&s, &o->opts);

	if (err)
		return err;
	if (o->queues)
		err = store_open_queue(s, o->queues[n], &o->opts);
	else
		err = store_open_own(s, o->paths.path[n], &o->opts);
	if (!err)
		err = store_load(s, &o->opts, &o->supers[o->count]);
	if (!err) {
		learned_begin(s, &o->opts);
		o->age[o->count].epoch = s->io.super.epoch;
		o->age[o->count].revision = s->io.super.revision;
		o->found[o->count++] = s;
		return 0;
	}
	store_release(s);
	return o->given > 1 ? parts_lose(o, err) : err;
}

static int parts_load_all(struct parts_opening *o)
{
	int err = 0;

	for (uint32_t n = 0; n < o->given && !err; n++)
		err = parts_load(o, n);
	if (!err && !o->count)
		err = error_set(-ENODEV, "no device of the store can be used: %s", o->why);
	return err;
}

static const char *parts_path(const struct weir_store *s)
{
	return weir_device_path(s->io.dev);
}

/* Puts S where its superblock says that it belongs. */
static int parts_place(struct store_parts *parts, struct weir_store *s)
{
	uint32_t n = s->io.super.device_index;
	const struct weir_store *other = parts->part[n] ? parts->part[n] : parts->first;
	int err = 0;

	if (other != s)
		err = parts_check_other(parts_path(s), &s->io.super, parts_path(other),
					&other->io.super);
	if (err)
		return err;
	parts->part[n] = s;
	s->parts = parts;
	return 0;
}

/* Writes the numbers of the missing devices to BUF. */
static const char *parts_list_missing(const struct store_parts *parts, char *buf, size_t size)
{
	size_t at = 0;

	/* WEIR_DEVICES_MAX numbers fit. */
	at = (size_t)snprintf(buf, size, "%s", parts->missing > 1 ? "s" : "");
	for (uint32_t n = 0; n < parts->count; n++)
		if (!parts->part[n])
			at += (size_t)snprintf(buf + at, size - at, "%s%u",
					       buf[0] && at > 1 ? ", " : " ", n + 1);
	return buf;
}

/* Counts the missing devices. Returns 0 if there are none or the store may be opened without. */
static int parts_check_missing(struct parts_opening *o)
{
	struct store_parts *parts = o->parts;
	char numbers[64], uuid[PARTS_UUID_BYTES];

	parts->missing = parts->count - o->count;
	for (uint32_t n = 0; n < parts->count; n++)
		if (!parts->part[n] && parts->missing == 1 && o->lost)
			memcpy(parts->why[n], o->why, sizeof(o->why));
	if (!parts->missing || o->opts.degraded)
		return 0;
	return error_set(-ENODEV,
			 "store %s has %u devices, and device%s%s not among those named: name all "
			 "(DEVICE,DEVICE), or open with %s to go without the keys that lie "
			 "there",
			 parts_uuid(parts->first->io.super.uuid, uuid), parts->count,
			 parts_list_missing(parts, numbers, sizeof(numbers)),
			 parts->missing > 1 ? " are" : " is", error_name(ERROR_DEGRADED));
}

/* Makes the table of parts from the devices that were found. */
static int parts_make(struct parts_opening *o)
{
	struct weir_store *first = o->found[0];
	int err = 0;

	if (first->io.super.device_count > WEIR_DEVICES_MAX)
		return error_set(-EPROTONOSUPPORT,
				 "%s: one of %u devices of a store, and this weir knows at most %u",
				 parts_path(first), first->io.super.device_count, WEIR_DEVICES_MAX);
	o->parts = calloc(1, sizeof(*o->parts));
	if (!o->parts)
		return error_sys(-ENOMEM, "cannot open a store");
	o->parts->epoll = -1;
	o->parts->count = first->io.super.device_count;
	o->parts->first = first;
	for (uint32_t n = 0; n < o->count && !err; n++)
		err = parts_place(o->parts, o->found[n]);
	return err ? err : parts_check_missing(o);
}

/* Refuses queues of which some have an owner and others make the caller their owner: the caller
 * could sleep in one of two ways only. */
static int parts_check_owners(const struct parts_opening *o)
{
	for (uint32_t n = 1; n < o->count; n++)
		if (loop_is_mine(o->found[n]->io.q) != loop_is_mine(o->found[0]->io.q))
			return error_set(-EINVAL,
					 "%s and %s: one has an owner and the other has none: open "
					 "all queues with workers, or all without",
					 parts_path(o->found[0]), parts_path(o->found[n]));
	return 0;
}

/* Goes on without device N of those that were found, if that is allowed: its recovery failed. */
static int parts_give_up(struct parts_opening *o, uint32_t n, const struct parts_recovery *recovery)
{
	struct weir_store *s = o->found[n];
	uint32_t index = s->io.super.device_index;
	int err = parts_lose(o, error_set(recovery->err, "%s", recovery->why));

	if (err)
		return err;
	memcpy(o->parts->why[index], o->why, sizeof(o->why));
	o->parts->part[index] = NULL;
	o->parts->missing++;
	o->found[n] = NULL;
	store_release(s);
	return 0;
}

/* Looks at what became of a step of ALL. Returns 0 if it goes on. */
static int parts_judge(struct parts_opening *o, struct parts_recovery *all)
{
	int err = 0;

	if (!o->opts.degraded || !o->parts)
		return parts_recover_error(all, o->count);
	for (uint32_t n = 0; n < o->count && !err; n++) {
		if (all[n].s && all[n].err) {
			err = parts_give_up(o, n, &all[n]);
			all[n].s = NULL;
		}
	}
	return err;
}

/* Recovers all devices at once. No device is written to before everything was read from all. */
static int parts_recover_each(struct parts_opening *o)
{
	struct parts_recovery all[WEIR_DEVICES_MAX] = { 0 };
	int err;

	for (uint32_t n = 0; n < o->count; n++)
		all[n] = (struct parts_recovery){ .s = o->found[n],
						  .opts = &o->opts,
						  .supers = &o->supers[n] };
	parts_recover_begin(all, o->count);
	err = parts_judge(o, all);
	if (err) {
		parts_recover_drop(all, o->count);
		return err;
	}
	parts_recover_finish(all, o->count);
	return parts_judge(o, all);
}

/* Returns true if device N of those that were found was there later than device OTHER. Each life
 * has an epoch, so a device that was missing has a lower one. In one life, the highest revision is
 * the latest. */
static bool parts_is_later(const struct parts_opening *o, uint32_t n, uint32_t other)
{
	if (o->age[n].epoch != o->age[other].epoch)
		return o->age[n].epoch > o->age[other].epoch;
	return o->age[n].revision > o->age[other].revision;
}

/* Returns the device that was there last, of those that are left. */
static struct weir_store *parts_newest(const struct parts_opening *o)
{
	uint32_t newest = UINT32_MAX;

	for (uint32_t n = 0; n < o->count; n++)
		if (o->found[n] && (newest == UINT32_MAX || parts_is_later(o, n, newest)))
			newest = n;
	return newest == UINT32_MAX ? NULL : o->found[newest];
}

static int parts_recover_all(struct parts_opening *o)
{
	int err = parts_recover_each(o);

	if (err || !o->parts)
		return err;
	o->parts->first = NULL;
	for (uint32_t n = o->parts->count; n-- > 0;)
		if (o->parts->part[n])
			o->parts->first = o->parts->part[n];
	if (!o->parts->first)
		return error_set(-ENODEV, "no device of the store can be used: %s", o->why);
	return parts_equal_make(o->parts, parts_newest(o),
				o->opts.free_low_percent || o->opts.free_high_percent);
}

static int parts_open(struct parts_opening *o)
{
	int err = parts_load_all(o);

	if (!err && (o->given > 1 || o->found[0]->io.super.device_count > 1))
		err = parts_make(o);
	if (!err && o->parts)
		err = parts_check_owners(o);
	return err ? err : parts_recover_all(o);
}

static int parts_end(struct weir_store **result, struct parts_opening *o, int err)
{
	struct weir_store *s;

	if (!err) {
		s = o->parts ? o->parts->first : o->found[0];
		err = scrub_start(s, &o->opts);
		if (!err) {
			err = answer_start(s, &o->opts);
			if (err)
				scrub_stop(s);
		}
		if (!err)
			*result = s;
	}
	if (!err)
		return 0;
	for (uint32_t n = 0; n < o->count; n++)
		if (o->found[n])
			store_release(o->found[n]);
	parts_free(o->parts);
	return err;
}

static int parts_begin(struct parts_opening *o, const struct weir_store_opts *opts)
{
	int err;

	memset(o, 0, sizeof(*o));
	o->opts = (struct weir_store_opts)WEIR_STORE_OPTS_INIT;
	err = opts_copy(&o->opts, sizeof(o->opts), opts, opts ? opts->size : 0);
	return err ? err : wait_allowed(NULL);
}

static int parts_open_paths(struct weir_store **result, const char *path,
			    const struct weir_store_opts *opts)
{
	struct parts_opening o;
	int err = parts_begin(&o, opts);

	if (!err)
		err = paths_split(&o.paths, path);
	o.given = o.paths.count;
	if (!err)
		err = parts_open(&o);
	err = parts_end(result, &o, err);
	paths_free(&o.paths);
	return err;
}

int weir_store_open(struct weir_store **result, const char *path,
		    const struct weir_store_opts *opts)
{
	struct error_scope scope;

	error_begin(&scope);
	return error_end(&scope, parts_open_paths(result, path, opts), "%s", path);
}

static int parts_open_queues(struct weir_store **result, struct weir_queue **queues, uint32_t n,
			     const struct weir_store_opts *opts)
{
	struct parts_opening o;
	int err = parts_begin(&o, opts);

	if (!err && (!n || n > WEIR_DEVICES_MAX))
		err = error_set(-EINVAL, "a store on %u devices: it has 1 to %u", n,
				WEIR_DEVICES_MAX);
	o.queues = queues;
	o.given = n;
	if (!err)
		err = parts_open(&o);
	return parts_end(result, &o, err);
}

int weir_store_open_queues(struct weir_store **result, struct weir_queue **queues, uint32_t n,
			   const struct weir_store_opts *opts)
{
	struct error_scope scope;

	error_begin(&scope);
	return error_end(&scope, parts_open_queues(result, queues, n, opts), "opening a store");
}
