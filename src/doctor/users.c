/* SPDX-License-Identifier: Apache-2.0 */
/*
 * users.c - checks who else uses the target: what the system uses it for, processes that have it
 * open, and weir's own lock. Two writers that do not know of each other destroy the data.
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/nsec.h"
#include "device/device.h"
#include "device/gather.h"
#include "device/holders.h"
#include "doctor/target.h"

/* So often, and with such pauses, a list that does not show who has the lock is read again. */
#define LOCK_LOOKS 20u
#define LOCK_LOOK_EVERY_NS (5 * NSEC_PER_MSEC)

/* Appends BEFORE and the names to what D says. */
static void users_list(struct doctor_finding *d, const char *before, const struct device_names *n)
{
	char text[DOCTOR_WORDS];

	if (n->count)
		doctor_more(d, "%s%s %s", d->what[0] ? "; " : "", before,
			    device_names_list(n, text, sizeof(text)));
}

/* Reports an exclusive open that no list explains. */
static void users_judge_claimed(struct doctor_report *r, const struct doctor_users *f)
{
	if (f->locked)
		doctor_remedy(doctor_add(r, "claims", DOCTOR_FAIL,
					 "somebody has it exclusively: see lock"),
			      "end the other one, or wait");
	else if (f->openers.count)
		doctor_remedy(doctor_add(r, "claims", DOCTOR_FAIL,
					 "somebody has it exclusively, probably one of those "
					 "that openers names"),
			      "end that one, or wait");
	else
		doctor_remedy(doctor_add(r, "claims", DOCTOR_FAIL,
					 "somebody has it exclusively who cannot be seen from here "
					 "(another mount namespace, a container, the kernel)"),
			      "look with lsblk and findmnt on the host; do not write to it "
			      "before it is known");
}

/* Reports loop devices. A loop device that nothing uses does not disturb others, but its data would
 * be destroyed. */
static void users_judge_loops(struct doctor_report *r, const struct doctor_users *f)
{
	struct doctor_finding *d = doctor_add(r, "claims", DOCTOR_WARNING, "%s", "");

	users_list(d, "below", &f->claims.loops);
	doctor_remedy(d, "what is written there is lost if weir writes to %s: losetup -d first",
		      f->path);
}

void doctor_judge_claims(struct doctor_report *r, const struct doctor_users *f)
{
	const struct device_claims *c = &f->claims;
	struct doctor_finding *d;

	if (c->mounts.count || c->swaps.count || c->holders.count) {
		d = doctor_add(r, "claims", DOCTOR_FAIL, "%s", "");
		users_list(d, "mounted on", &c->mounts);
		users_list(d, "swap on", &c->swaps);
		users_list(d, "part of", &c->holders);
		users_list(d, "below", &c->loops);
		doctor_remedy(d,
			      "weir would destroy what is there, and does not write to %s: "
			      "choose another, or give it up first (umount, swapoff, losetup -d; "
			      "lsblk shows the rest)",
			      f->path);
	} else if (f->claimed) {
		users_judge_claimed(r, f);
	} else if (c->loops.count) {
		users_judge_loops(r, f);
	} else {
		doctor_add(r, "claims", DOCTOR_OK, "%s",
			   f->block ? "not mounted, no swap, no part of another device"
				    : "not mounted, no swap, no loop device");
	}
}

void doctor_judge_openers(struct doctor_report *r, const struct doctor_users *f)
{
	struct doctor_finding *d;

	d = doctor_add(r, "openers",
		       f->openers.count ? DOCTOR_WARNING
		       : f->hidden	? DOCTOR_NOTE
					: DOCTOR_OK,
		       "%s", "");
	users_list(d, "open in", &f->openers);
	if (!f->openers.count)
		doctor_more(d, "no process that can be looked at has it open");
	if (f->hidden)
		doctor_more(d, "; %u could not be looked at", f->hidden);
	if (f->openers.count)
		doctor_remedy(d, "make sure that they do not write to it while weir does");
	else if (f->hidden)
		doctor_remedy(d, "as root all of them can");
}

void doctor_judge_lock(struct doctor_report *r, const struct doctor_users *f)
{
	struct doctor_finding *d;

	if (!f->locked && f->lock_unknown) {
		d = doctor_add(r, "lock", DOCTOR_NOTE,
			       "whether another weir has it open cannot be told");
		doctor_remedy(d, "it can where this user may read it");
		return;
	}
	if (!f->locked) {
		doctor_add(r, "lock", DOCTOR_OK, "free: no other weir has it open");
		return;
	}
	d = doctor_add(r, "lock", f->lock_shared ? DOCTOR_WARNING : DOCTOR_FAIL, "%s by ",
		       f->lock_shared ? "shared" : "taken");
	if (f->lock_pid)
		doctor_more(d, "pid %d%s%s%s", f->lock_pid, f->lock_comm[0] ? " (" : "",
			    f->lock_comm, f->lock_comm[0] ? ")" : "");
	else
		doctor_more(d, "a process that cannot be seen from here, as another container's");
	if (f->lock_shared)
		doctor_remedy(d, "readers share a store, and a writer needs it alone: wait for "
				 "them (--wait 10s)");
	else
		doctor_remedy(d, "one process at a time writes to a store: end the other one, or "
				 "wait for it (--wait 10s)");
}

/*
 * Finds the processes that have the lock. /proc/locks does not show processes of other containers,
 * so a shared lock is taken too, and released at once: a process that wants the lock in these
 * microseconds finds it free when it tries again (device/lock.c), unless the list names this
 * process to it. The lock may also be taken after the list was read: as long as somebody has it and
 * the list does not say who, the list is read again.
 */
static void users_find_holders(struct doctor_users *f, struct device_holders *h, const char *locks,
			       const struct doctor_target *t)
{
	const struct timespec pause = { .tv_nsec = LOCK_LOOK_EVERY_NS };

	for (unsigned looks = 0; looks < LOCK_LOOKS; looks++) {
		device_holders_find(h, locks, &t->at.st);
		f->locked = h->count > 0;
		if (f->locked || !t->dev)
			return;
		if (!flock(device_fd(t->dev), LOCK_SH | LOCK_NB)) {
			flock(device_fd(t->dev), LOCK_UN);
			return;
		}
		f->locked = errno == EWOULDBLOCK;
		if (!f->locked)
			return;
		nanosleep(&pause, NULL);
	}
}

/* Finds out whether weir's lock is taken, and by whom. */
static void users_find_lock(struct doctor_users *f, const struct doctor_target *t)
{
	struct device_holders h;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/proc/locks", t->root);
	users_find_holders(f, &h, path, t);
	f->lock_shared = h.count && !h.exclusive;
	f->lock_pid = h.count ? h.pids[0] : 0;
	f->lock_unknown = !t->dev && access(path, R_OK) < 0;
	snprintf(path, sizeof(path), "/proc/%d/comm", f->lock_pid);
	gather_line(t->root, path, f->lock_comm, sizeof(f->lock_comm));
}

void doctor_check_users(struct doctor_report *r, const struct doctor_target *t)
{
	struct doctor_users f = { .path = t->path, .block = t->at.block || t->at.ng };

	device_find_claims(&f.claims, &t->at);
	f.claimed = device_is_claimed(&t->at, t->path);
	doctor_find_openers(&f, t);
	users_find_lock(&f, t);
	doctor_judge_claims(r, &f);
	doctor_judge_openers(r, &f);
	doctor_judge_lock(r, &f);
}
