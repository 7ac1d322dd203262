/* SPDX-License-Identifier: Apache-2.0 */
/*
 * target.h - the file or device that the user named, and its checks: their facts, and the judgement
 * of these. Each doctor_judge_X() is pure.
 *
 * A target owns its device, if that could be opened (read-only), from doctor_target_find() to
 * doctor_target_drop(). One thread.
 */
#ifndef DOCTOR_TARGET_H
#define DOCTOR_TARGET_H

#include <stdbool.h>
#include <sys/stat.h>

#include <weir/device.h>

#include "device/claims.h"
#include "device/place.h"
#include "doctor/doctor.h"

struct doctor_target {
	const char *path, *root;
	struct device_place at;
	int stat_err; /* -errno */
	struct weir_device *dev;
	int open_err; /* -errno; then dev is NULL */
	char open_words[DOCTOR_WORDS];
	bool null; /* it is weir's device without storage */
};

/* Finds out what PATH is, and opens it for reading. */
void doctor_target_find(struct doctor_target *t, const char *path, const char *root);
void doctor_target_drop(struct doctor_target *t);

/* access.c: whether this process may read and write it. */
struct doctor_access {
	const char *path;
	char name[PLACE_NAME];			     /* the kernel's name of a device */
	int stat_err, open_err, read_err, write_err; /* -errno */
	bool no_folder;				     /* nor the folder that it would be in */
	const char *open_words;
	bool block, ng;
	bool read_only; /* a block device to which nobody can write */
	/* Within a zone it accepts writes only in order. */
	bool zoned;
	unsigned mode;
	char user[64], group[64];
};
void doctor_judge_access(struct doctor_report *r, const struct doctor_access *f);
void doctor_check_access(struct doctor_report *r, const struct doctor_target *t);

/* users.c: who else uses it. */
struct doctor_users {
	const char *path;
	bool block; /* the target is a device, not a file */
	struct device_claims claims;
	bool claimed;		     /* somebody has an exclusive open of it */
	struct device_names openers; /* processes that have it open */
	unsigned hidden;	     /* processes that could not be checked */
	bool lock_unknown;	     /* it was impossible to find out */
	bool locked;		     /* by another weir */
	bool lock_shared;	     /* only readers have it */
	int lock_pid;		     /* of one of them; 0: unknown */
	char lock_comm[32];
};
void doctor_judge_claims(struct doctor_report *r, const struct doctor_users *f);
void doctor_judge_openers(struct doctor_report *r, const struct doctor_users *f);
void doctor_judge_lock(struct doctor_report *r, const struct doctor_users *f);
void doctor_check_users(struct doctor_report *r, const struct doctor_target *t);

/* openers.c: finds them below t->root. */
void doctor_find_openers(struct doctor_users *f, const struct doctor_target *t);

/* space.c: facts about a file's space. */
struct doctor_space {
	const char *path;
	uint64_t bytes, used;
	uint64_t limit; /* RLIMIT_FSIZE, bytes; UINT64_MAX: none */
};
void doctor_judge_space(struct doctor_report *r, const struct doctor_space *f);
void doctor_check_space(struct doctor_report *r, const struct doctor_target *t);

/* direct.c: direct I/O and its alignment. */
struct doctor_direct {
	bool ng, null;
	bool direct;
	uint32_t offset_align, memory_align;
	char source[64];
};
void doctor_judge_direct(struct doctor_report *r, const struct doctor_direct *f);
void doctor_check_direct(struct doctor_report *r, const struct doctor_target *t);

/* disk.c: what the kernel does on the disks below. */
#define DISK_QUEUES_MAX 16
struct doctor_disk {
	bool ng; /* passthrough does not use the kernel's queue */
	size_t nr_queues;
	struct doctor_disk_queue {
		char name[PLACE_NAME];
		char scheduler[32]; /* "": it has none */
		char cache[32];	    /* the kernel's word for it; "": not known */
		int64_t nomerges;   /* -1: not known */
	} queues[DISK_QUEUES_MAX];
};
void doctor_judge_scheduler(struct doctor_report *r, const struct doctor_disk *f);
void doctor_judge_nomerges(struct doctor_report *r, const struct doctor_disk *f);
void doctor_judge_cache(struct doctor_report *r, const struct doctor_disk *f);
void doctor_check_disk(struct doctor_report *r, const struct doctor_target *t);
/* Gets the name in brackets from a text such as "[none] kyber"; "" if there is none. */
void doctor_active_scheduler(const char *line, char *name, size_t size);

/* fdp.c: Flexible Data Placement. */
struct doctor_fdp {
	bool nvme, ng;
	/* The character device beside the target, if that is a block device. */
	char beside[PLACE_NAME];
	int err; /* -errno of the question */
	char words[DOCTOR_WORDS];
	bool supported, enabled;
	uint32_t placements;
	uint64_t unit_bytes;
};
void doctor_judge_fdp(struct doctor_report *r, const struct doctor_fdp *f);
void doctor_check_fdp(struct doctor_report *r, const struct doctor_target *t);

/* trial.c: which engine works, and whether a read of the first block returns. */
struct doctor_trial {
	bool ng;
	bool empty; /* it has no block to read */
	bool file;
	int engine_err;	 /* -errno: no engine */
	int read_err;	 /* -errno */
	uint16_t status; /* NVMe */
	uint64_t took_ns;
	uint32_t bytes;
	char engine[160]; /* how it was set up, or why there is none */
	char words[DOCTOR_WORDS];
};
void doctor_judge_trial(struct doctor_report *r, const struct doctor_trial *f);
void doctor_check_trial(struct doctor_report *r, const struct doctor_target *t);

#endif
