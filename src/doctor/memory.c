/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory.c - checks how much memory may be registered with rings. Without CAP_IPC_LOCK it counts
 * against RLIMIT_MEMLOCK, once for each ring with which it is registered; each lane has one ring.
 */
#include <inttypes.h>
#include <sys/resource.h>

#include "base/parse.h"
#include "doctor/machine.h"

/* A limit below this is a default that nobody chose for storage. */
#define MEMORY_SMALL (64ull << 20)

static void memory_raise(struct doctor_finding *d, uint64_t bytes)
{
	doctor_remedy(d,
		      "ulimit -l %" PRIu64 " (KiB; LimitMEMLOCK= in a systemd unit, memlock in "
		      "/etc/security/limits.conf, docker run --ulimit memlock=), or give the "
		      "program CAP_IPC_LOCK",
		      (bytes + 1023) / 1024);
}

/* Judges the limit if the user has said how much will be registered. */
static void memory_judge_need(struct doctor_report *r, const struct doctor_memory *f)
{
	char limit[32], bytes[32], need_words[32];
	struct doctor_finding *d;
	uint64_t need;

	if (__builtin_mul_overflow(f->lanes, f->bytes, &need))
		need = UINT64_MAX;
	format_size(f->limit, limit, sizeof(limit));
	format_size(f->bytes, bytes, sizeof(bytes));
	format_size(need, need_words, sizeof(need_words));
	d = doctor_add(r, "memlock", need > f->limit ? DOCTOR_FAIL : DOCTOR_OK,
		       "the limit is %s; %s registered with %" PRIu64 " lane%s takes %s", limit,
		       bytes, f->lanes, f->lanes == 1 ? "" : "s", need_words);
	if (need > f->limit)
		memory_raise(d, need);
}

void doctor_judge_memory(struct doctor_report *r, const struct doctor_memory *f)
{
	char limit[32], each[32];
	struct doctor_finding *d;

	if (f->ipc_lock) {
		doctor_add(r, "memlock", DOCTOR_OK,
			   "no limit on registered memory: this process has CAP_IPC_LOCK");
	} else if (f->limit == UINT64_MAX) {
		doctor_add(r, "memlock", DOCTOR_OK, "no limit on registered memory");
	} else if (f->bytes) {
		memory_judge_need(r, f);
	} else {
		d = doctor_add(r, "memlock", f->limit < MEMORY_SMALL ? DOCTOR_NOTE : DOCTOR_OK,
			       "at most %s of registered memory; each lane is charged for all of "
			       "it, so %s with %" PRIu64 " lane%s",
			       format_size(f->limit, limit, sizeof(limit)),
			       format_size(f->limit / f->lanes, each, sizeof(each)), f->lanes,
			       f->lanes == 1 ? "" : "s");
		if (f->limit < MEMORY_SMALL)
			doctor_remedy(d, "if memory is to be registered, say how much: weir doctor "
					 "--memory 1g --lanes 4");
	}
}

void doctor_check_memory(struct doctor_report *r, const struct doctor_opts *opts)
{
	struct doctor_memory f = { .lanes = opts->lanes, .bytes = opts->memory_bytes };
	struct rlimit limit = { .rlim_cur = RLIM_INFINITY };
	struct doctor_self self;

	doctor_self_gather(&self, opts->root);
	getrlimit(RLIMIT_MEMLOCK, &limit);
	f.limit = limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
	f.ipc_lock = self.ipc_lock;
	doctor_judge_memory(r, &f);
}
