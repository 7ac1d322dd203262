/* SPDX-License-Identifier: Apache-2.0 */
/*
 * users.c - who else uses the target: what the system has made of it, processes that have it open,
 * and weir's own lock. Two writers that do not know of each other destroy what is stored.
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "device/device.h"
#include "doctor/gather.h"
#include "doctor/target.h"

void doctor_name(struct doctor_names *n, const char *fmt, ...)
{
	va_list args;

	if (n->count < USERS_NAMES_MAX) {
		va_start(args, fmt);
		vsnprintf(n->names[n->count], USERS_NAME, fmt, args);
		va_end(args);
	}
	n->count++;
}

/* Puts "a, b and 3 more" behind what D says. */
static void users_list(struct doctor_finding *d, const char *before, const struct doctor_names *n)
{
	size_t shown = n->count < USERS_NAMES_MAX ? n->count : USERS_NAMES_MAX;

	if (!n->count)
		return;
	doctor_more(d, "%s%s", d->what[0] ? "; " : "", before);
	for (size_t i = 0; i < shown; i++)
		doctor_more(d, "%s%s", i ? ", " : " ", n->names[i]);
	if (n->count > shown)
		doctor_more(d, " and %zu more", n->count - shown);
}

/* It is taken, and no list says what for. */
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

void doctor_judge_claims(struct doctor_report *r, const struct doctor_users *f)
{
	struct doctor_finding *d;

	if (!f->mounts.count && !f->swaps.count && !f->holders.count && !f->claimed) {
		doctor_add(r, "claims", DOCTOR_OK, "%s",
			   f->block ? "not mounted, no swap, no part of another device"
				    : "no swap, no loop device");
		return;
	}
	if (!f->mounts.count && !f->swaps.count && !f->holders.count) {
		users_judge_claimed(r, f);
		return;
	}
	/* A file under a loop device is in nobody's way but in that of its data. */
	d = doctor_add(r, "claims", f->block || f->swaps.count ? DOCTOR_FAIL : DOCTOR_WARNING, "%s",
		       "");
	users_list(d, "mounted on", &f->mounts);
	users_list(d, "swap on", &f->swaps);
	users_list(d, f->block ? "part of" : "below", &f->holders);
	doctor_remedy(d,
		      "what is there would be lost if weir wrote to %s: choose another, or "
		      "give it up first (umount, swapoff, %s)",
		      f->path, f->block ? "lsblk shows the rest" : "losetup -d");
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
	d = doctor_add(r, "lock", DOCTOR_FAIL, "taken by ");
	if (f->lock_pid)
		doctor_more(d, "pid %d%s%s%s", f->lock_pid, f->lock_comm[0] ? " (" : "",
			    f->lock_comm, f->lock_comm[0] ? ")" : "");
	else
		doctor_more(d, "a process that cannot be seen from here, as another container's");
	doctor_remedy(d, "one process at a time has a store open: end the other one, or wait");
}

/*
 * A shared lock, given back at once: /proc/locks shows no process of other containers. Who takes
 * the lock at this very moment tries again, see device/lock.c.
 */
static void users_find_lock(struct doctor_users *f, const struct doctor_target *t)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/proc/locks", t->root);
	f->lock_pid = device_lock_holder(path, &t->st);
	f->locked = f->lock_pid > 0;
	f->lock_unknown = !t->dev && access(path, R_OK) < 0;
	if (t->dev && !flock(device_fd(t->dev), LOCK_SH | LOCK_NB))
		flock(device_fd(t->dev), LOCK_UN);
	else if (t->dev && errno == EWOULDBLOCK)
		f->locked = true;
	snprintf(path, sizeof(path), "/proc/%d/comm", f->lock_pid);
	gather_line(t->root, path, f->lock_comm, sizeof(f->lock_comm));
}

void doctor_check_users(struct doctor_report *r, const struct doctor_target *t)
{
	struct doctor_users f = { .path = t->path, .block = t->block || t->ng };

	doctor_find_claims(&f, t);
	doctor_find_openers(&f, t);
	users_find_lock(&f, t);
	doctor_judge_claims(r, &f);
	doctor_judge_openers(r, &f);
	doctor_judge_lock(r, &f);
}
