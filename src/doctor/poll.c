/* SPDX-License-Identifier: Apache-2.0 */
/*
 * poll.c - checks the queues that the NVMe driver reserves for programs that poll. weir waits for
 * interrupts.
 */
#include <inttypes.h>

#include "device/gather.h"
#include "doctor/machine.h"

void doctor_judge_poll(struct doctor_report *r, int64_t poll_queues)
{
	if (poll_queues < 0)
		doctor_add(r, "poll_queues", DOCTOR_OK, "no NVMe driver is loaded");
	else if (!poll_queues)
		doctor_add(r, "poll_queues", DOCTOR_OK, "none, and weir needs none");
	else
		doctor_remedy(doctor_add(r, "poll_queues", DOCTOR_NOTE,
					 "%" PRId64 " queue%s of each NVMe drive can be polled "
					 "only, which weir does not do",
					 poll_queues, poll_queues == 1 ? "" : "s"),
			      "nvme.poll_queues=0 on the kernel's command line gives them back");
}

void doctor_check_poll(struct doctor_report *r, const char *root)
{
	doctor_judge_poll(r, gather_number(root, "/sys/module/nvme/parameters/poll_queues"));
}
