/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel.c - checks whether the kernel is new enough, and what it lacks. Distributions put new
 * features into older kernels, so no version fails because of its number; other checks try what
 * matters. Faults cannot be tried without harm, so they are judged by the release only.
 */
#include <stdio.h>
#include <sys/utsname.h>

#include "doctor/machine.h"

static const struct kernel_step {
	unsigned major, minor;
	enum doctor_verdict verdict; /* the verdict for older kernels */
	const char *lacks;
} kernel_steps[] = {
	/* The oldest comes first, because the first missing one says most. */
	{ 5, 13, DOCTOR_WARNING, "the posix engine works, io_uring needs 5.13" },
	{ 5, 19, DOCTOR_NOTE, "registered memory and NVMe passthrough need 5.19" },
	{ 6, 1, DOCTOR_NOTE,
	  "registered memory with passthrough, and completions without interruptions "
	  "(DEFER_TASKRUN), need 6.1" },
	{ 6, 2, DOCTOR_NOTE, "NVMe passthrough takes CAP_SYS_ADMIN before 6.2" },
};

void doctor_judge_kernel(struct doctor_report *r, const char *release)
{
	unsigned major, minor;

	if (sscanf(release, "%u.%u", &major, &minor) != 2) {
		doctor_add(r, "kernel", DOCTOR_NOTE,
			   "\"%s\" has no version number that could be judged", release);
		return;
	}
	for (size_t i = 0; i < sizeof(kernel_steps) / sizeof(kernel_steps[0]); i++) {
		const struct kernel_step *step = &kernel_steps[i];

		if (major > step->major || (major == step->major && minor >= step->minor))
			continue;
		doctor_remedy(doctor_add(r, "kernel", step->verdict, "Linux %s: %s", release,
					 step->lacks),
			      "use Linux 6.2 or later");
		return;
	}
	doctor_add(r, "kernel", DOCTOR_OK, "Linux %s", release);
}

/* These are the faults in docs/nvme.md. Only faults that were seen are called faults. */
static const struct kernel_fault {
	unsigned from[2], before[2];
	const char *what, *remedy;
} kernel_faults[] = {
	{ { 5, 19 },
	  { 6, 2 },
	  "passthrough makes no use of registered memory of more than 127 pages (seen on 6.1)",
	  "register pieces of at most 127 pages, or use a later kernel" },
	{ { 6, 2 },
	  { 6, 12 },
	  "passthrough may lose commands that wait for a tag or a reset (seen on 6.12, not on 6.1, "
	  "not tried between); weir avoids it, fio and others do not",
	  "do not trust what other programs read and write by io_uring_cmd" },
	{ { 6, 12 },
	  { 6, 13 },
	  "passthrough loses commands that wait for a tag or a reset (seen); weir avoids it, fio "
	  "and "
	  "others do not",
	  "do not trust what other programs read and write by io_uring_cmd" },
	{ { 6, 13 },
	  { 6, 14 },
	  "passthrough may lose commands that wait for a tag or a reset (seen on 6.12, said to be "
	  "mended in about 6.14); weir avoids it, fio and others do not",
	  "do not trust what other programs read and write by io_uring_cmd" },
};

static bool kernel_before(const unsigned is[2], const unsigned than[2])
{
	return is[0] < than[0] || (is[0] == than[0] && is[1] < than[1]);
}

void doctor_judge_kernel_faults(struct doctor_report *r, const char *release)
{
	unsigned is[2];

	if (sscanf(release, "%u.%u", &is[0], &is[1]) != 2)
		return;
	for (size_t i = 0; i < sizeof(kernel_faults) / sizeof(kernel_faults[0]); i++) {
		const struct kernel_fault *fault = &kernel_faults[i];

		if (!kernel_before(is, fault->from) && kernel_before(is, fault->before))
			doctor_remedy(doctor_add(r, "faults", DOCTOR_NOTE, "Linux %s: %s", release,
						 fault->what),
				      "%s", fault->remedy);
	}
}

void doctor_check_kernel(struct doctor_report *r)
{
	struct utsname name = { 0 };

	uname(&name);
	doctor_judge_kernel(r, name.release);
	doctor_judge_kernel_faults(r, name.release);
}
