/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access.c - checks whether this process may read and write the target. It asks whether it may
 * write, and does not try.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <weir/base.h>

#include "device/gather.h"
#include "doctor/target.h"

/* A device that is not there can be passed in; /dev/shm has files. */
static bool access_is_device_name(const char *path)
{
	return !strncmp(path, "/dev/", 5) && strncmp(path, "/dev/shm/", 9) != 0;
}

static void access_judge_missing(struct doctor_report *r, const struct doctor_access *f)
{
	struct doctor_finding *d =
		doctor_add(r, "access", DOCTOR_FAIL, "%s: %s", f->path, strerror(-f->stat_err));

	if (f->stat_err == -EACCES)
		doctor_remedy(d,
			      "a folder on the way may not be entered by this user: namei -l "
			      "%s shows which",
			      f->path);
	else if (f->stat_err == -ENOENT && access_is_device_name(f->path))
		doctor_remedy(d,
			      "lsblk lists block devices, ls /dev/ng* NVMe namespaces; in a "
			      "container it must be passed in (docker run --device %s)",
			      f->path);
	else if (f->stat_err == -ENOENT && f->no_folder)
		doctor_remedy(d, "is the path right? there is no such folder either: mkdir -p "
				 "makes one");
	else if (f->stat_err == -ENOENT)
		doctor_remedy(d, "is the path right? weir format %s --size 1g makes a file there",
			      f->path);
	else
		doctor_remedy(d, "is the path right?");
}

/* Says what to do if the permission bits do not allow what is wanted (READ, or else write). */
static void access_remedy_bits(struct doctor_finding *d, const struct doctor_access *f)
{
	unsigned group_may = f->mode >> 3 & 6;

	if ((f->ng || f->block) && group_may == 6)
		doctor_remedy(d, "join group %s: usermod -aG %s USER, then log in again", f->group,
			      f->group);
	else if (f->ng || f->block)
		doctor_remedy(d,
			      "give it to a group by a udev rule: SUBSYSTEM==\"%s\", "
			      "KERNEL==\"%s\", GROUP=\"disk\", MODE=\"0660\"",
			      f->ng ? "nvme-generic" : "block", f->name);
	else
		doctor_remedy(d, "run as %s, or let its owner change that: chmod, chown", f->user);
}

static void access_judge_bits(struct doctor_report *r, const struct doctor_access *f,
			      const char *what)
{
	access_remedy_bits(doctor_add(r, "access", DOCTOR_FAIL,
				      "this user may not %s it: it is %s's, group %s, mode %04o",
				      what, f->user, f->group, f->mode & 07777),
			   f);
}

/* Says that read or write is refused with ERR, for another reason than the permission bits. */
static void access_judge_refused(struct doctor_report *r, const struct doctor_access *f,
				 const char *what, int err)
{
	struct doctor_finding *d;

	if (err == -EACCES) {
		access_judge_bits(r, f, what);
		return;
	}
	d = doctor_add(r, "access", DOCTOR_FAIL, "this process may not %s it: %s", what,
		       strerror(-err));
	if (err == -EROFS)
		doctor_remedy(d, "its filesystem is mounted read-only: choose another place, or "
				 "mount -o remount,rw");
	else if (err == -EPERM && (f->block || f->ng))
		doctor_remedy(d,
			      "in a container the device must be allowed: docker run --device "
			      "%s",
			      f->path);
	else if (err == -EPERM)
		doctor_remedy(d, "it may be immutable: lsattr shows it, chattr -i changes it");
	else
		doctor_remedy(d, "choose another place");
}

static void access_judge_open(struct doctor_report *r, const struct doctor_access *f)
{
	struct doctor_finding *d = doctor_add(r, "access", DOCTOR_FAIL, "%s", f->open_words);

	switch (f->open_err) {
	case -EISDIR:
		doctor_remedy(d, "weir format %s%sdemo.img --size 1g makes a file in it", f->path,
			      f->path[strlen(f->path) - 1] == '/' ? "" : "/");
		break;
	case -ENOTSUP: /* also -EOPNOTSUPP: a format that weir does not support */
		doctor_remedy(d, f->ng ? "choose a format without metadata: nvme id-ns -H lists "
					 "them, nvme format changes it and erases everything"
				       : "lsblk lists block devices, ls /dev/ng* NVMe namespaces");
		break;
	case -EACCES:
	case -EPERM:
		if (f->ng)
			doctor_remedy(d, "run as root, or use Linux 6.2 or later");
		else
			doctor_remedy(d,
				      "a security module or a container forbids it: docker run "
				      "--device %s lets a device in",
				      f->path);
		break;
	case -ENXIO:
	case -ENODEV:
		doctor_remedy(d, "there is no device behind this name: is its driver loaded, the "
				 "drive plugged in (dmesg)?");
		break;
	case -EMFILE:
	case -ENFILE:
		doctor_remedy(d, "raise the limit on open files (ulimit -n)");
		break;
	default:
		doctor_remedy(d, "see dmesg for what the kernel says about it");
	}
}

void doctor_judge_access(struct doctor_report *r, const struct doctor_access *f)
{
	if (f->stat_err)
		access_judge_missing(r, f);
	else if (f->zoned)
		doctor_remedy(doctor_add(r, "access", DOCTOR_FAIL,
					 "a zoned device: it takes writes only in sequence within "
					 "each zone, and weir writes anywhere"),
			      "choose one that is not zoned: lsblk -o NAME,ZONED");
	else if (f->open_err && f->read_err)
		access_judge_refused(r, f, f->write_err ? "read or write" : "read", f->read_err);
	else if (f->open_err)
		access_judge_open(r, f);
	else if (f->read_only)
		doctor_remedy(doctor_add(r, "access", DOCTOR_FAIL,
					 "the device takes no writes: it is set to read-only"),
			      "blockdev --setrw %s, unless there is a reason for it", f->path);
	else if (f->write_err)
		access_judge_refused(r, f, "write", f->write_err);
	else
		doctor_add(r, "access", DOCTOR_OK, "this user may read and write it");
}

static void access_owner(struct doctor_access *f, const struct stat *st)
{
	const struct passwd *user = getpwuid(st->st_uid);
	const struct group *group = getgrgid(st->st_gid);

	snprintf(f->user, sizeof(f->user), "%u", st->st_uid);
	snprintf(f->group, sizeof(f->group), "%u", st->st_gid);
	if (user)
		snprintf(f->user, sizeof(f->user), "%s", user->pw_name);
	if (group)
		snprintf(f->group, sizeof(f->group), "%s", group->gr_name);
}

/* Says whether the folder is there in which PATH is, or would be. */
static bool access_has_folder(const char *path)
{
	char copy[PATH_MAX];

	return snprintf(copy, sizeof(copy), "%s", path) < (int)sizeof(copy) &&
	       !access(dirname(copy), F_OK);
}

void doctor_check_access(struct doctor_report *r, const struct doctor_target *t)
{
	struct doctor_access f = {
		.path = t->path,
		.stat_err = t->stat_err,
		.no_folder = t->stat_err && !access_has_folder(t->path),
		.open_err = t->open_err,
		.open_words = t->open_words,
		.block = t->at.block,
		.ng = t->at.ng,
		.mode = t->at.st.st_mode,
	};
	const char *disk = t->at.part[0] ? t->at.part : t->at.disk;
	char ro[PATH_MAX], zoned[32];

	if (t->null) {
		doctor_add(r, "access", DOCTOR_OK, "no storage: a device for measuring weir");
		return;
	}
	if (t->at.ng)
		snprintf(f.name, sizeof(f.name), "ng%.*s", PLACE_NAME - 3, disk + 4);
	else
		snprintf(f.name, sizeof(f.name), "%s", disk);
	if (!t->stat_err)
		access_owner(&f, &t->at.st);
	if (faccessat(AT_FDCWD, t->path, R_OK, AT_EACCESS) < 0)
		f.read_err = -errno;
	if (faccessat(AT_FDCWD, t->path, W_OK, AT_EACCESS) < 0)
		f.write_err = -errno;
	snprintf(ro, sizeof(ro), "/sys/block/%s/%s%sro", t->at.disk, t->at.part,
		 t->at.part[0] ? "/" : "");
	f.read_only = (t->at.block || t->at.ng) && gather_number(t->root, ro) == 1;
	snprintf(ro, sizeof(ro), "/sys/block/%s/queue/zoned", t->at.disk);
	f.zoned = (t->at.block || t->at.ng) && !gather_line(t->root, ro, zoned, sizeof(zoned)) &&
		  !strcmp(zoned, "host-managed");
	doctor_judge_access(r, &f);
}
