/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.h - the checks of a machine: their facts, and the judgement of these. Each
 * doctor_judge_X() is pure. Owns nothing.
 */
#ifndef DOCTOR_MACHINE_H
#define DOCTOR_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "doctor/doctor.h"
#include "doctor/self.h"
#include "engine/look.h"

/* kernel.c: judges whether the kernel is new enough. RELEASE is the text of uname. */
void doctor_judge_kernel(struct doctor_report *r, const char *release);
/* kernel.c: names the known faults of this release; says nothing if there are none. */
void doctor_judge_kernel_faults(struct doctor_report *r, const char *release);
void doctor_check_kernel(struct doctor_report *r);

/* ring.c: facts about plain and big rings, and how they are set up. */
struct doctor_rings {
	struct uring_look plain, big;
	int64_t disabled; /* kernel.io_uring_disabled; -1: the kernel does not have it */
	int64_t group;	  /* kernel.io_uring_group; -1: none */
	/* The target can only be reached by passthrough. */
	bool needed;
	bool enforcing; /* SELinux enforces its rules */
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

/* selinux.c: facts about SELinux. */
struct doctor_selinux {
	int64_t enforce;   /* 1, 0; -1: there is no SELinux */
	char context[128]; /* of this process */
};
void doctor_judge_selinux(struct doctor_report *r, const struct doctor_selinux *f);
void doctor_check_selinux(struct doctor_report *r, const char *root);
/* Returns true if SELinux is there and enforces its rules. */
bool doctor_selinux_enforces(const char *root);

/* poll.c: judges the queues that the NVMe driver reserves for polling. */
void doctor_judge_poll(struct doctor_report *r, int64_t poll_queues);
void doctor_check_poll(struct doctor_report *r, const char *root);

/* cpu.c: what decides the speed of the CPUs. */
#define DOCTOR_GOVERNORS_MAX 8
struct doctor_cpu {
	size_t nr_governors; /* number of different governors */
	struct {
		char name[32];
		uint32_t cpus;
	} governors[DOCTOR_GOVERNORS_MAX];
};
void doctor_judge_cpu(struct doctor_report *r, const struct doctor_cpu *f);
void doctor_check_cpu(struct doctor_report *r, const char *root);

#endif
