/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel.c - is the kernel new enough, and what does it lack? Distributions carry features back to
 * older kernels, so no version fails by its number: what matters is tried elsewhere.
 */
#include <stdio.h>
#include <sys/utsname.h>

#include "doctor/machine.h"

static const struct kernel_step {
	unsigned major, minor;
	enum doctor_verdict verdict; /* of what is older */
	const char *lacks;
} kernel_steps[] = {
	/* Oldest first: the first one that is missing says most. */
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

void doctor_check_kernel(struct doctor_report *r)
{
	struct utsname name = { 0 };

	uname(&name);
	doctor_judge_kernel(r, name.release);
}
