/* SPDX-License-Identifier: Apache-2.0 */
/*
 * self.h - what this process may do, as the kernel says in /proc/self. Owns nothing.
 */
#ifndef DOCTOR_SELF_H
#define DOCTOR_SELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SELF_GROUPS_MAX 64

struct doctor_self {
	bool ipc_lock, sys_admin; /* capabilities that count for the whole machine */
	bool filtered;		  /* a seccomp filter is in force */
	size_t nr_groups;
	int64_t groups[SELF_GROUPS_MAX]; /* the effective one first */
};

/*
 * Reads STATUS (/proc/self/status) and UID_MAP (/proc/self/uid_map: root of a namespace of its own
 * has capabilities that do not count). Either may be "".
 */
void doctor_self_parse(struct doctor_self *self, const char *status, const char *uid_map);

/* Reads both below ROOT. */
void doctor_self_gather(struct doctor_self *self, const char *root);

/* Is it in group GID? */
bool doctor_self_in_group(const struct doctor_self *self, int64_t gid);

#endif
