/* SPDX-License-Identifier: Apache-2.0 */
/*
 * self.h - what this process may do, from /proc/self. Owns nothing.
 */
#ifndef DOCTOR_SELF_H
#define DOCTOR_SELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SELF_GROUPS_MAX 64

struct doctor_self {
	bool ipc_lock, sys_admin; /* capabilities that are valid for the whole machine */
	bool filtered;		  /* a seccomp filter is active */
	size_t nr_groups;
	int64_t groups[SELF_GROUPS_MAX]; /* the effective group first */
};

/*
 * Reads STATUS (/proc/self/status) and UID_MAP (/proc/self/uid_map). Root of another user namespace
 * has capabilities that are not valid for the machine. Both may be "".
 */
void doctor_self_parse(struct doctor_self *self, const char *status, const char *uid_map);

/* Reads both files below ROOT. */
void doctor_self_gather(struct doctor_self *self, const char *root);

/* Returns true if this process is in group GID. */
bool doctor_self_in_group(const struct doctor_self *self, int64_t gid);

#endif
