/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring.c - checks whether this process may use io_uring, also with the big entries of passthrough,
 * and how good the set-up is. If a ring is refused, it looks for reasons in the order in which the
 * kernel checks them.
 */
#include <errno.h>
#include <inttypes.h>

#include "device/gather.h"
#include "doctor/machine.h"

#define RING_ONLY_POSIX "; only the posix engine works"

/* Returns true if only one group may use io_uring and this process is not in it. */
static bool ring_not_in_group(const struct doctor_rings *f)
{
	return f->disabled == 1 && !f->self.sys_admin && !doctor_self_in_group(&f->self, f->group);
}

static void ring_switched_off(struct doctor_report *r, const struct doctor_rings *f)
{
	struct doctor_finding *d = doctor_add(
		r, "io_uring", DOCTOR_FAIL,
		"switched off for %s: kernel.io_uring_disabled is %" PRId64 RING_ONLY_POSIX,
		f->disabled > 1 ? "everybody" : "this user", f->disabled);

	if (f->disabled > 1)
		doctor_remedy(d,
			      "sysctl kernel.io_uring_disabled=0, and in /etc/sysctl.d for good");
	else if (f->group >= 0)
		doctor_remedy(d,
			      "run as a member of group %" PRId64
			      " (kernel.io_uring_group), or sysctl kernel.io_uring_disabled=0",
			      f->group);
	else
		doctor_remedy(d, "sysctl kernel.io_uring_group=GID for a group that may, or sysctl "
				 "kernel.io_uring_disabled=0");
}

static void ring_not_permitted(struct doctor_report *r, const struct doctor_rings *f)
{
	struct doctor_finding *d;

	if (f->disabled > 1 || ring_not_in_group(f)) {
		ring_switched_off(r, f);
	} else if (f->self.filtered) {
		d = doctor_add(r, "io_uring", DOCTOR_FAIL,
			       "a seccomp filter refuses it (EPERM), as containers do by "
			       "default" RING_ONLY_POSIX);
		doctor_remedy(d, "let io_uring_setup, io_uring_enter and io_uring_register "
				 "through: docker run --security-opt seccomp=PROFILE.json");
	} else {
		d = doctor_add(r, "io_uring", DOCTOR_FAIL,
			       "refused (EPERM), and neither kernel.io_uring_disabled nor a "
			       "seccomp filter of this process says why" RING_ONLY_POSIX);
		doctor_remedy(d, "ask who runs this machine; a security module may log the reason "
				 "(journalctl -k, ausearch -m avc)");
	}
}

static void ring_denied(struct doctor_report *r, const struct doctor_rings *f)
{
	if (f->enforcing)
		doctor_remedy(doctor_add(r, "io_uring", DOCTOR_FAIL,
					 "SELinux refuses it (EACCES)" RING_ONLY_POSIX),
			      "ausearch -m avc -ts recent shows what was denied; audit2allow "
			      "makes a policy of it");
	else
		doctor_remedy(doctor_add(r, "io_uring", DOCTOR_FAIL,
					 "a security module refuses it (EACCES)" RING_ONLY_POSIX),
			      "look for the reason in the kernel's log (journalctl -k)");
}

static void ring_not_there(struct doctor_report *r, const struct doctor_rings *f)
{
	if (f->self.filtered)
		doctor_remedy(doctor_add(r, "io_uring", DOCTOR_FAIL,
					 "not there (ENOSYS): a seccomp filter hides it, or the "
					 "kernel was built without it" RING_ONLY_POSIX),
			      "let io_uring_setup, io_uring_enter and io_uring_register through "
			      "the filter: docker run --security-opt seccomp=PROFILE.json");
	else
		doctor_remedy(doctor_add(r, "io_uring", DOCTOR_FAIL,
					 "the kernel has none (ENOSYS)" RING_ONLY_POSIX),
			      "use a kernel of 5.13 or later that was built with CONFIG_IO_URING");
}

/* Reports a refusal for another reason; the engine has words for it. */
static void ring_refused(struct doctor_report *r, const struct doctor_rings *f)
{
	struct doctor_finding *d =
		doctor_add(r, "io_uring", DOCTOR_FAIL, "%s" RING_ONLY_POSIX, f->plain.why);

	switch (f->plain.err) {
	case -ENOMEM:
		doctor_remedy(d, "raise the limit on locked memory (ulimit -l), or free some");
		break;
	case -EMFILE:
	case -ENFILE:
		doctor_remedy(d, "raise the limit on open files (ulimit -n)");
		break;
	default:
		doctor_remedy(d, "use Linux 6.2 or later");
	}
}

void doctor_judge_io_uring(struct doctor_report *r, const struct doctor_rings *f)
{
	switch (f->plain.err) {
	case 0:
		doctor_add(r, "io_uring", DOCTOR_OK,
			   f->disabled == 1
				   ? "allowed for this process (kernel.io_uring_disabled is 1)"
				   : "allowed");
		break;
	case -EPERM:
		ring_not_permitted(r, f);
		break;
	case -EACCES:
		ring_denied(r, f);
		break;
	case -ENOSYS:
		ring_not_there(r, f);
		break;
	default:
		ring_refused(r, f);
	}
}

void doctor_judge_passthrough(struct doctor_report *r, const struct doctor_rings *f)
{
	enum doctor_verdict bad = f->needed ? DOCTOR_FAIL : DOCTOR_NOTE;
	struct doctor_finding *d;

	if (f->plain.err) {
		d = doctor_add(r, "passthrough", bad, "no: it needs io_uring");
		doctor_remedy(d, "see io_uring%s", f->needed ? "; or use the block device" : "");
	} else if (f->big.err) {
		d = doctor_add(r, "passthrough", bad, "no big rings (SQE128, CQE32): %s",
			       f->big.why);
		doctor_remedy(d, f->needed ? "use Linux 6.2 or later, or the block device"
					   : "use Linux 6.2 or later if an NVMe drive is to be "
					     "driven as /dev/ng0n1");
	} else if (!f->big.registered_buffers) {
		d = doctor_add(r, "passthrough", DOCTOR_NOTE,
			       "big rings (SQE128, CQE32) work, without registered memory");
		doctor_remedy(d, "use Linux 6.2 or later");
	} else {
		doctor_add(r, "passthrough", DOCTOR_OK,
			   "big rings (SQE128, CQE32) work, with registered memory");
	}
}

void doctor_judge_setup(struct doctor_report *r, const struct doctor_rings *f)
{
	const struct uring_look *look = &f->plain;

	if (look->err)
		doctor_remedy(doctor_add(r, "setup", DOCTOR_NOTE, "no ring to set up"),
			      "see io_uring");
	else if (!look->deferred || !look->registered_buffers)
		doctor_remedy(doctor_add(r, "setup", DOCTOR_NOTE, "%s%s", look->rung,
					 look->registered_buffers ? ", which is not the best"
								  : ", without registered memory"),
			      "use Linux 6.1 or later, which has SINGLE_ISSUER and DEFER_TASKRUN");
	else
		doctor_add(r, "setup", DOCTOR_OK, "%s", look->rung);
}

void doctor_check_rings(struct doctor_report *r, const char *root, bool needed)
{
	struct doctor_rings f = { .needed = needed };

	uring_look(&f.plain, false);
	uring_look(&f.big, true);
	f.disabled = gather_number(root, "/proc/sys/kernel/io_uring_disabled");
	f.group = gather_number(root, "/proc/sys/kernel/io_uring_group");
	f.enforcing = doctor_selinux_enforces(root);
	doctor_self_gather(&f.self, root);
	doctor_judge_io_uring(r, &f);
	doctor_judge_passthrough(r, &f);
	doctor_judge_setup(r, &f);
}
