/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk.c - checks what the kernel's own block layer does on the disks below the target: its
 * scheduler, its merging, and whether it counts their cache as volatile. A disk that is made of
 * others, or is reached over several paths, has queues below its own.
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "device/device.h"
#include "device/gather.h"
#include "doctor/target.h"

void doctor_active_scheduler(const char *line, char *name, size_t size)
{
	const char *open = strchr(line, '['), *end = open ? strchr(open, ']') : NULL;

	name[0] = '\0';
	if (end)
		snprintf(name, size, "%.*s", (int)(end - open - 1), open + 1);
}

static bool disk_schedules(const struct doctor_disk_queue *q)
{
	return q->scheduler[0] && strcmp(q->scheduler, "none") != 0;
}

/* Returns true if there is nothing to judge, and says so under CHECK. */
static bool disk_beside(struct doctor_report *r, const struct doctor_disk *f, const char *check)
{
	if (f->ng)
		doctor_add(r, check, DOCTOR_OK,
			   "the kernel's does not matter: passthrough goes "
			   "around it");
	else if (!f->nr_queues)
		doctor_add(r, check, DOCTOR_OK, "no block device is below that could be looked at");
	return f->ng || !f->nr_queues;
}

void doctor_judge_scheduler(struct doctor_report *r, const struct doctor_disk *f)
{
	if (disk_beside(r, f, "scheduler"))
		return;
	for (size_t i = 0; i < f->nr_queues; i++) {
		const struct doctor_disk_queue *q = &f->queues[i];

		if (!disk_schedules(q))
			continue;
		doctor_remedy(doctor_add(r, "scheduler", DOCTOR_NOTE,
					 "the kernel's %s on %s puts weir's order into another one",
					 q->scheduler, q->name),
			      "echo none > /sys/block/%s/queue/scheduler", q->name);
		return;
	}
	doctor_add(r, "scheduler", DOCTOR_OK, "the kernel has none on %s: weir's decides",
		   f->queues[0].name);
}

void doctor_judge_nomerges(struct doctor_report *r, const struct doctor_disk *f)
{
	if (disk_beside(r, f, "nomerges"))
		return;
	for (size_t i = 0; i < f->nr_queues; i++) {
		const struct doctor_disk_queue *q = &f->queues[i];

		if (q->nomerges)
			continue;
		doctor_remedy(doctor_add(r, "nomerges", DOCTOR_NOTE,
					 "the kernel looks for merges on %s again, after weir did, "
					 "and takes time for it",
					 q->name),
			      "echo 2 > /sys/block/%s/queue/nomerges, if nothing but weir uses it",
			      q->name);
		return;
	}
	doctor_add(r, "nomerges", DOCTOR_OK, "the kernel leaves the merging on %s to weir",
		   f->queues[0].name);
}

void doctor_judge_cache(struct doctor_report *r, const struct doctor_disk *f)
{
	bool known = false;

	for (size_t i = 0; i < f->nr_queues; i++) {
		known |= f->queues[i].cache[0] != '\0';
		if (strcmp(f->queues[i].cache, "write back"))
			continue;
		doctor_add(r, "write_cache", DOCTOR_OK,
			   "volatile on %s: what is to be durable waits for a flush",
			   f->queues[i].name);
		return;
	}
	if (known)
		doctor_add(r, "write_cache", DOCTOR_OK,
			   "none that is volatile, as the kernel knows it: flushes cost nothing");
	else
		doctor_add(r, "write_cache", DOCTOR_OK,
			   "not known: what is to be durable waits for a flush");
}

static void disk_add(struct doctor_disk *f, const char *root, const char *name)
{
	struct doctor_disk_queue *q = &f->queues[f->nr_queues];
	char path[PATH_MAX], line[256];

	for (size_t i = 0; i < f->nr_queues; i++)
		if (!strcmp(f->queues[i].name, name))
			return;
	if (f->nr_queues == DISK_QUEUES_MAX)
		return;
	f->nr_queues++;
	snprintf(q->name, sizeof(q->name), "%s", name);
	snprintf(path, sizeof(path), "/sys/block/%s/queue/scheduler", name);
	gather_line(root, path, line, sizeof(line));
	doctor_active_scheduler(line, q->scheduler, sizeof(q->scheduler));
	snprintf(path, sizeof(path), "/sys/block/%s/queue/nomerges", name);
	q->nomerges = gather_number(root, path);
	snprintf(path, sizeof(path), "/sys/block/%s/queue/write_cache", name);
	gather_line(root, path, q->cache, sizeof(q->cache));
}

/* Returns true if NAME is a path to the NVMe namespace DISK (nvme0n1). */
static bool disk_is_path(const char *name, const char *disk)
{
	char ng[PLACE_NAME];

	if (strncmp(disk, "nvme", 4))
		return false;
	snprintf(ng, sizeof(ng), "ng%.*s", PLACE_NAME - 3, disk + 4);
	return device_is_ng_name(ng) && device_is_nvme_path(name, disk + 4);
}

static void disk_add_paths(struct doctor_disk *f, const char *root, const char *disk)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/block", root);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (disk_is_path(entry->d_name, disk))
			disk_add(f, root, entry->d_name);
	if (dir)
		closedir(dir);
}

/* Adds the devices of which a device-mapper or md device is made. The folder of a partition is
 * inside that of its disk. */
static void disk_add_slaves(struct doctor_disk *f, const char *root, const char *name)
{
	char path[PATH_MAX], disk[PLACE_NAME];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/block/%s/slaves", root, name);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.') {
			snprintf(path, sizeof(path), "/sys/block/%s/slaves/%s/dev", name,
				 entry->d_name);
			if (device_disk_of(root, gather_dev(root, path), disk))
				disk_add(f, root, disk);
		}
	if (dir)
		closedir(dir);
}

void doctor_check_disk(struct doctor_report *r, const struct doctor_target *t)
{
	struct doctor_disk f = { .ng = t->at.ng };

	if (t->at.disk[0]) {
		disk_add(&f, t->root, t->at.disk);
		disk_add_paths(&f, t->root, t->at.disk);
	}
	/* The list grows during the loop, because devices may be stacked. */
	for (size_t i = 0; i < f.nr_queues; i++)
		disk_add_slaves(&f, t->root, f.queues[i].name);
	doctor_judge_scheduler(r, &f);
	doctor_judge_nomerges(r, &f);
	doctor_judge_cache(r, &f);
}
