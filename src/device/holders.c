/* SPDX-License-Identifier: Apache-2.0 */
/*
 * holders.c - finds the processes that have a device's lock, and names them. Owns nothing; any
 * thread.
 */
#include "device/holders.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "device/sysfs.h"

#define HOLDERS_SHOWN 4u

/* Notes the process that has a lock on the file ST, if LINE of /proc/locks shows one that is held,
 * not waited for. */
static void holders_line(struct device_holders *h, const char *line, const struct stat *st)
{
	unsigned maj, min;
	char mode[8];
	uintmax_t ino;
	int pid;

	if (sscanf(line, "%*[0-9]: FLOCK %*s %7s %d %x:%x:%ju", mode, &pid, &maj, &min, &ino) != 5)
		return;
	if (maj != major(st->st_dev) || min != minor(st->st_dev) || ino != st->st_ino || pid <= 0)
		return;
	if (h->count < HOLDERS_MAX)
		h->pids[h->count] = pid;
	h->count++;
	if (!strcmp(mode, "WRITE"))
		h->exclusive = true;
}

void device_holders_find(struct device_holders *h, const char *locks, const struct stat *st)
{
	char line[256];
	FILE *f = fopen(locks, "re");

	memset(h, 0, sizeof(*h));
	while (f && fgets(line, sizeof(line), f))
		holders_line(h, line, st);
	if (f)
		fclose(f);
}

/* A process that has ended keeps its number until its parent has waited for it. */
static bool holders_is_zombie(int pid)
{
	char dir[32], line[128], *state;

	snprintf(dir, sizeof(dir), "/proc/%d", pid);
	if (sysfs_read_line(dir, "stat", line, sizeof(line)) < 0)
		return false;
	state = strrchr(line, ')'); /* "42 (weir) Z ...": the name may have brackets, too */
	return state && (!strncmp(state, ") Z", 3) || !strncmp(state, ") X", 3));
}

static bool holders_is_gone(int pid)
{
	return (kill(pid, 0) && errno == ESRCH) || holders_is_zombie(pid);
}

bool device_holders_are_gone(const struct device_holders *h)
{
	for (unsigned i = 0; i < h->count && i < HOLDERS_MAX; i++)
		if (!holders_is_gone(h->pids[i]))
			return false;
	return true;
}

/* Appends "pid 42 (weir)" to TEXT. Returns the length of it all. */
static size_t holders_add(char *text, size_t size, size_t used, int pid)
{
	char dir[32], comm[32];
	int n;

	snprintf(dir, sizeof(dir), "/proc/%d", pid);
	if (pid == getpid())
		n = snprintf(text + used, size - used, "this process (pid %d) already", pid);
	else if (holders_is_gone(pid))
		n = snprintf(text + used, size - used, "pid %d (ended)", pid);
	else if (!sysfs_read_line(dir, "comm", comm, sizeof(comm)))
		n = snprintf(text + used, size - used, "pid %d (%s)", pid, comm);
	else
		n = snprintf(text + used, size - used, "pid %d", pid);
	return used + (size_t)n < size ? used + (size_t)n : size - 1;
}

const char *device_holders_text(const struct device_holders *h, char *text, size_t size)
{
	unsigned shown = h->count < HOLDERS_SHOWN ? h->count : HOLDERS_SHOWN;
	size_t used = 0;

	if (!h->count)
		snprintf(text, size, "another process");
	for (unsigned i = 0; i < shown; i++) {
		if (i)
			used += (size_t)snprintf(text + used, size - used, ", ");
		used = holders_add(text, size, used, h->pids[i]);
	}
	if (h->count > shown)
		snprintf(text + used, size - used, " and %u more", h->count - shown);
	return text;
}
