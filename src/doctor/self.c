/* SPDX-License-Identifier: Apache-2.0 */
/*
 * self.c - reads what /proc says about this process. Owns nothing; any thread.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/gather.h"
#include "doctor/self.h"

#define SELF_STATUS_BYTES 8192
#define SELF_CAP_IPC_LOCK 14
#define SELF_CAP_SYS_ADMIN 21
#define SELF_ALL_USERS 4294967295u

/* Returns the text after NAME at the start of a line of TEXT, or "". */
static const char *self_field(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = text; line && *line;) {
		if (!strncmp(line, name, len))
			return line + len;
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return "";
}

static void self_add_group(struct doctor_self *self, int64_t gid)
{
	if (self->nr_groups < SELF_GROUPS_MAX)
		self->groups[self->nr_groups++] = gid;
}

static void self_groups(struct doctor_self *self, const char *status)
{
	const char *p = self_field(status, "Groups:");
	int64_t effective;
	char *end;

	if (sscanf(self_field(status, "Gid:"), "%*d %" SCNd64, &effective) == 1)
		self_add_group(self, effective);
	while (*p && *p != '\n') {
		int64_t gid = strtoll(p, &end, 10);

		if (end == p)
			return;
		self_add_group(self, gid);
		p = end + strspn(end, " \t");
	}
}

/* Returns true if UID_MAP maps all users to themselves: then this is the machine's first
 * namespace. */
static bool self_is_initial(const char *uid_map)
{
	uint64_t inside, outside, count;

	if (sscanf(uid_map, "%" SCNu64 " %" SCNu64 " %" SCNu64, &inside, &outside, &count) != 3)
		return true;
	return inside == outside && count == SELF_ALL_USERS;
}

void doctor_self_parse(struct doctor_self *self, const char *status, const char *uid_map)
{
	uint64_t caps = strtoull(self_field(status, "CapEff:"), NULL, 16);

	memset(self, 0, sizeof(*self));
	if (!self_is_initial(uid_map))
		caps = 0;
	self->ipc_lock = caps >> SELF_CAP_IPC_LOCK & 1;
	self->sys_admin = caps >> SELF_CAP_SYS_ADMIN & 1;
	self->filtered = strtol(self_field(status, "Seccomp:"), NULL, 10) > 0;
	self_groups(self, status);
}

void doctor_self_gather(struct doctor_self *self, const char *root)
{
	char status[SELF_STATUS_BYTES], uid_map[128];

	gather_text(root, "/proc/self/status", status, sizeof(status));
	gather_text(root, "/proc/self/uid_map", uid_map, sizeof(uid_map));
	doctor_self_parse(self, status, uid_map);
}

bool doctor_self_in_group(const struct doctor_self *self, int64_t gid)
{
	for (size_t i = 0; i < self->nr_groups; i++)
		if (self->groups[i] == gid)
			return true;
	return false;
}
