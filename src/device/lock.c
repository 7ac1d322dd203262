/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock.c - reserves a device for one writer or for several readers, and tells who has it.
 *
 * The lock is on the open file description that I/O uses, so a killed process keeps it until its
 * last write has finished. Readers share it. For a writer of a block device, an additional
 * exclusive open keeps mounts and other drivers away. The opening thread owns the device during
 * this time.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/parse.h"
#include "base/waiting.h"
#include "device/claims.h"
#include "device/holders.h"
#include "device/intent.h"
#include "device/place.h"
#include "device/state.h"

#define LOCK_LOCKS "/proc/locks"
#define LOCK_PAUSE_MIN_NS NSEC_PER_MSEC
#define LOCK_PAUSE_MAX_NS (50 * NSEC_PER_MSEC)
/* It is some 30 ms where a processor is free. 22 s were seen once, on a machine with ten times as
 * many threads as processors. */
#define LOCK_DEAD_NS (30 * NSEC_PER_SEC)
/* In a container, /proc/locks does not show the lock of a process that is gone. */
#define LOCK_UNKNOWN_NS (5 * NSEC_PER_SEC)
/* So long a new reader lets a writer that waits go first: several tries of the writer. */
#define LOCK_YIELD_NS (500 * NSEC_PER_MSEC)

/* A wait of this length is told, and again so often. */
#define LOCK_TELL_FIRST_NS NSEC_PER_SEC
#define LOCK_TELL_EVERY_NS (200 * NSEC_PER_MSEC)

/* A wait for the lock. */
struct lock_wait {
	uint64_t began, deadline;
	struct stat at; /* the file whose lock another process has */
	bool claimed;	/* it is no lock, but an exclusive open; the error text is set */
	struct device_holders who;
	int before;	 /* the first holder that was found in an earlier try */
	uint64_t since;	 /* when it was found first */
	uint64_t passes; /* until then it may go by itself, though the time to wait is over */
	uint64_t tell;	 /* when it is told next that this waits */
	bool told;
};

static int lock_take(struct weir_device *dev, struct lock_wait *w)
{
	int mode = device_read_only(dev) ? LOCK_SH : LOCK_EX;

	if (!flock(dev->fd, mode | LOCK_NB))
		return 0;
	if (errno != EWOULDBLOCK)
		return error_sys(-errno, "%s: cannot lock it", dev->path);
	return fstat(dev->fd, &w->at) < 0 ? error_sys(-errno, "%s", dev->path) : -EBUSY;
}

/* Refuses if the file or device PATH, another way to the same blocks, has a lock that excludes this
 * one. */
static int lock_check_path(const struct weir_device *dev, struct lock_wait *w, const char *path)
{
	struct device_holders h;
	struct stat st;

	if (stat(path, &st) < 0)
		return 0;
	device_holders_find(&h, LOCK_LOCKS, &st);
	if (!h.count || (!h.exclusive && device_read_only(dev)))
		return 0;
	w->at = st;
	return -EBUSY;
}

/*
 * Checks the lock of the other name. An NVMe namespace has two names with a lock each, and whoever
 * has the other lock writes to the same blocks. Each process looks after it has taken its own lock,
 * so two processes never both continue.
 */
static int lock_check_other_name(const struct weir_device *dev, struct lock_wait *w)
{
	char path[PLACE_NAME + 8], ng[PLACE_NAME];
	struct device_place place;
	struct stat st;

	if (fstat(dev->fd, &st) < 0)
		return error_sys(-errno, "%s", dev->path);
	device_place_find(&place, &st, "");
	if (place.ng)
		snprintf(path, sizeof(path), "/dev/%s", place.disk);
	else if (place.block && !place.part[0] && device_ng_beside(place.disk, ng))
		snprintf(path, sizeof(path), "/dev/%s", ng);
	else
		return 0;
	return lock_check_path(dev, w, path);
}

/*
 * Checks the locks of the loop devices that lie on this file or device. Their users have locked the
 * file too, see backing.c. But after a process was killed only the lock of the loop device stays
 * until the last write has finished.
 */
static int lock_check_loops(const struct weir_device *dev, struct lock_wait *w,
			    const struct device_claims *claims)
{
	int err = 0;

	for (size_t i = 0; i < claims->loops.count && i < NAMES_MAX && !err; i++)
		err = lock_check_path(dev, w, claims->loops.names[i]);
	return err;
}

/*
 * Checks what the system uses the device for, and keeps the system away from it. The locks come
 * first: if another weir is the user, the error text can name it.
 */
static int lock_claim(struct weir_device *dev, struct lock_wait *w)
{
	struct device_claims claims;
	int err = device_claim_find(dev, &claims);

	if (!err)
		err = lock_check_loops(dev, w, &claims);
	if (err)
		return err;
	err = device_claims_refuse(&claims, dev->path);
	if (!err)
		err = device_claim_take(dev);
	w->claimed = err == -EBUSY;
	return err;
}

/* Tries to take all that the device needs, and keeps nothing if something is missing. -EBUSY comes
 * without an error text, unless w->claimed. */
static int lock_try(struct weir_device *dev, struct lock_wait *w)
{
	int err = lock_take(dev, w);

	if (err)
		return err;
	err = lock_check_other_name(dev, w);
	if (!err)
		err = device_backing_lock(dev, &w->at);
	if (!err)
		err = lock_claim(dev, w);
	if (err)
		device_unlock(dev);
	return err;
}

/*
 * Returns true if another try is worth it although the time to wait is over. The kernel closes the
 * rings of a killed process some time after it is gone, and they keep its lock; a program that
 * starts right afterwards must wait for that. The lock may also become free between the try and the
 * question who has it, so the time counts from each new answer.
 */
static bool lock_may_pass(struct lock_wait *w, uint64_t now)
{
	int first;

	if (w->claimed)
		return false;
	device_holders_find(&w->who, LOCK_LOCKS, &w->at);
	first = w->who.count ? w->who.pids[0] : 0;
	if (!w->since || first != w->before)
		w->since = now;
	w->before = first;
	w->passes = w->since + (w->who.count ? LOCK_DEAD_NS : LOCK_UNKNOWN_NS);
	return device_holders_are_gone(&w->who) && now < w->passes;
}

/* Sleeps for a part of the time that was waited so far. Many processes may wait for one lock: each
 * sleeps a little longer or shorter, so that they do not all try at once. */
static void lock_pause(const struct lock_wait *w, uint64_t now)
{
	uint64_t ns = (now - w->began) / 8;
	struct timespec pause;

	if (ns < LOCK_PAUSE_MIN_NS)
		ns = LOCK_PAUSE_MIN_NS;
	if (ns > LOCK_PAUSE_MAX_NS)
		ns = LOCK_PAUSE_MAX_NS;
	ns = ns / 2 + (now ^ (uint64_t)getpid() * 7919) % ns;
	if (now < w->deadline && ns > w->deadline - now)
		ns = w->deadline - now;
	pause = (struct timespec){ .tv_nsec = (long)ns };
	nanosleep(&pause, NULL);
}

static int lock_busy(const struct weir_device *dev, const struct lock_wait *w)
{
	const char *reading = w->who.count && !w->who.exclusive ? ", which only reads it" : "";
	char who[HOLDERS_BYTES], time[32];

	if (w->claimed)
		return -EBUSY;
	device_holders_text(&w->who, who, sizeof(who));
	if (dev->lock_wait_ns)
		return error_set(-EBUSY, "%s: still in use by %s%s after %s", dev->path, who,
				 reading, format_time(dev->lock_wait_ns, time, sizeof(time)));
	return error_set(-EBUSY, "%s: in use by %s%s; %s waits for it", dev->path, who, reading,
			 error_name(ERROR_LOCK_WAIT));
}

/* Readers that overlap would keep a writer out for ever, so each new one stays back a while. It
 * does not wait for the writer to come: another reader may have the device for long. */
static void lock_yield(const struct weir_device *dev, struct lock_wait *w)
{
	uint64_t now = w->began;

	w->deadline = clock_deadline(now, LOCK_YIELD_NS);
	for (; now < w->deadline && device_intent_is_set(dev); now = clock_now())
		lock_pause(w, now);
	w->began = now;
}

/* Tells who is waited for, if it is time to. */
static void lock_tell(const struct weir_device *dev, struct lock_wait *w, uint64_t now)
{
	uint64_t end = now < w->deadline ? w->deadline : w->passes;
	char who[HOLDERS_BYTES], text[HOLDERS_BYTES + 128];

	if (now < w->tell || now >= end || !waiting_is_heard())
		return;
	w->tell = now + LOCK_TELL_EVERY_NS;
	w->told = true;
	device_holders_find(&w->who, LOCK_LOCKS, &w->at);
	device_holders_text(&w->who, who, sizeof(who));
	snprintf(text, sizeof(text), "waits %llu s more for %s%s%s",
		 (unsigned long long)((end - now + NSEC_PER_SEC - 1) / NSEC_PER_SEC),
		 w->claimed ? "who else uses " : who, w->claimed ? "" : ", which has ", dev->path);
	waiting_tell(text);
}

static int lock_wait(struct weir_device *dev, struct lock_wait *w)
{
	int err;

	w->deadline = clock_deadline(w->began, dev->lock_wait_ns);
	w->tell = w->began + LOCK_TELL_FIRST_NS;
	while ((err = lock_try(dev, w)) == -EBUSY) {
		uint64_t now = clock_now();

		if (now >= w->deadline && !lock_may_pass(w, now))
			return lock_busy(dev, w);
		lock_tell(dev, w, now);
		if (!device_read_only(dev) && dev->lock_wait_ns)
			device_intent_set(dev);
		w->claimed = false;
		lock_pause(w, now);
	}
	return err;
}

int device_lock(struct weir_device *dev)
{
	struct lock_wait w = { .began = clock_now() };
	int err;

	if (dev->fd < 0)
		return 0;
	if (device_read_only(dev))
		lock_yield(dev, &w);
	err = lock_wait(dev, &w);
	if (w.told)
		waiting_tell(NULL);
	if (!device_read_only(dev) && dev->lock_wait_ns)
		device_intent_clear(dev);
	return err;
}

void device_unlock(struct weir_device *dev)
{
	flock(dev->fd, LOCK_UN);
	device_backing_unlock(dev);
}
