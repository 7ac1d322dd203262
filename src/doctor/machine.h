/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.h - the checks of a machine: the facts that each rests on, and what they mean. Each
 * doctor_judge_X() is pure. Owns nothing.
 */
#ifndef DOCTOR_MACHINE_H
#define DOCTOR_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "doctor/doctor.h"
#include "doctor/self.h"
#include "engine/look.h"

/* kernel.c: is it new enough? RELEASE is as uname says it. */
void doctor_judge_kernel(struct doctor_report *r, const char *release);
/* What is known to go wrong there; says nothing where nothing is. */
void doctor_judge_kernel_faults(struct doctor_report *r, const char *release);
void doctor_check_kernel(struct doctor_report *r);

/* ring.c: rings, plain and big, and how they are set up. */
struct doctor_rings {
	struct uring_look plain, big;
	int64_t disabled; /* kernel.io_uring_disabled; -1: the kernel has no such thing */
	int64_t group;	  /* kernel.io_uring_group; -1: none */
	bool needed;	  /* the target can be reached by passthrough only */
	bool enforcing;	  /* SELinux */
	struct doctor_self self;
};
void doctor_judge_io_uring(struct doctor_report *r, const struct doctor_rings *f);
void doctor_judge_passthrough(struct doctor_report *r, const struct doctor_rings *f);
void doctor_judge_setup(struct doctor_report *r, const struct doctor_rings *f);
void doctor_check_rings(struct doctor_report *r, const char *root, bool needed);

/* memory.c: how much memory may be registered. */
struct doctor_memory {
	uint64_t limit; /* RLIMIT_MEMLOCK, bytes; UINT64_MAX: none */
	bool ipc_lock;	/* CAP_IPC_LOCK */
	uint64_t lanes, bytes;
};
void doctor_judge_memory(struct doctor_report *r, const struct doctor_memory *f);
void doctor_check_memory(struct doctor_report *r, const struct doctor_opts *opts);

/* selinux.c */
struct doctor_selinux {
	int64_t enforce;   /* 1, 0; -1: there is none */
	char context[128]; /* of this process */
};
void doctor_judge_selinux(struct doctor_report *r, const struct doctor_selinux *f);
void doctor_check_selinux(struct doctor_report *r, const char *root);
/* Is it there, and does it enforce? */
bool doctor_selinux_enforces(const char *root);

/* poll.c: queues that the NVMe driver sets aside for polling. */
void doctor_judge_poll(struct doctor_report *r, int64_t poll_queues);
void doctor_check_poll(struct doctor_report *r, const char *root);

/* cpu.c: what decides how fast the CPUs run. */
#define DOCTOR_GOVERNORS_MAX 8
struct doctor_cpu {
	size_t nr_governors; /* different ones */
	struct {
		char name[32];
		uint32_t cpus;
	} governors[DOCTOR_GOVERNORS_MAX];
};
void doctor_judge_cpu(struct doctor_report *r, const struct doctor_cpu *f);
void doctor_check_cpu(struct doctor_report *r, const char *root);

#endif
