/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selinux.c - checks whether SELinux may refuse passthrough commands of this process.
 */
#include <string.h>

#include "device/gather.h"
#include "doctor/machine.h"

void doctor_judge_selinux(struct doctor_report *r, const struct doctor_selinux *f)
{
	const char *context = *f->context ? f->context : "unknown";

	if (f->enforce < 0)
		doctor_add(r, "selinux", DOCTOR_OK, "not in use");
	else if (!f->enforce)
		doctor_add(r, "selinux", DOCTOR_OK, "permissive: it logs and refuses nothing");
	else if (strstr(f->context, ":unconfined_t"))
		doctor_add(r, "selinux", DOCTOR_OK, "enforcing, this process is unconfined (%s)",
			   context);
	else
		doctor_remedy(doctor_add(r, "selinux", DOCTOR_NOTE,
					 "enforcing, this process is %s: rings, and commands that "
					 "pass through them, need its policy's permission "
					 "(class io_uring, cmd)",
					 context),
			      "where something is refused (EACCES): ausearch -m avc -ts recent | "
			      "audit2allow");
}

bool doctor_selinux_enforces(const char *root)
{
	return gather_number(root, "/sys/fs/selinux/enforce") == 1;
}

void doctor_check_selinux(struct doctor_report *r, const char *root)
{
	struct doctor_selinux f;

	f.enforce = gather_number(root, "/sys/fs/selinux/enforce");
	gather_line(root, "/proc/self/attr/current", f.context, sizeof(f.context));
	doctor_judge_selinux(r, &f);
}
