/* SPDX-License-Identifier: Apache-2.0 */
/*
 * examine.c - runs the checks, those of the machine first. To add a check, add a line here. One
 * thread.
 */
#include <string.h>

#include "doctor/doctor.h"
#include "doctor/machine.h"
#include "doctor/target.h"

static void examine_machine(struct doctor_report *r, const struct doctor_opts *opts, bool ng)
{
	doctor_check_kernel(r);
	doctor_check_rings(r, opts->root, ng);
	doctor_check_memory(r, opts);
	doctor_check_selinux(r, opts->root);
	doctor_check_poll(r, opts->root);
	doctor_check_cpu(r, opts->root);
}

/* Runs the checks that work even if the target could not be opened, then the others. */
static void examine_target(struct doctor_report *r, const struct doctor_target *t)
{
	doctor_check_access(r, t);
	if (t->at.block || t->at.ng || S_ISREG(t->at.st.st_mode))
		doctor_check_users(r, t);
	if (S_ISREG(t->at.st.st_mode))
		doctor_check_space(r, t);
	if (t->at.disk[0] || t->dev)
		doctor_check_disk(r, t);
	if (!t->dev)
		return;
	doctor_check_direct(r, t);
	doctor_check_fdp(r, t);
	doctor_check_trial(r, t);
}

void doctor_examine(struct doctor_report *r, const struct doctor_opts *opts)
{
	struct doctor_target t;

	memset(r, 0, sizeof(*r));
	if (!opts->path) {
		examine_machine(r, opts, false);
		return;
	}
	doctor_target_find(&t, opts->path, opts->root);
	examine_machine(r, opts, t.at.ng);
	examine_target(r, &t);
	doctor_target_drop(&t);
}
