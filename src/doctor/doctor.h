/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor.h - examines a machine and one file or device, and says what will not work, what could
 * work better, and what to do about it.
 *
 * Each check has two halves: it gathers facts (from the kernel, /proc and /sys), and it judges
 * them. The second half is pure, so a test can give it facts that this machine does not have.
 * Nothing is written to a device. It is part of the command, not of the library. One thread; the
 * report belongs to the caller.
 */
#ifndef DOCTOR_H
#define DOCTOR_H

#include <stddef.h>
#include <stdint.h>

enum doctor_verdict {
	DOCTOR_OK,
	DOCTOR_NOTE,	/* works; could be better, or is worth knowing */
	DOCTOR_WARNING, /* works, but may cost data or much time */
	DOCTOR_FAIL,	/* will not work */
};

#define DOCTOR_FINDINGS_MAX 32
#define DOCTOR_WORDS 512

/* The result of one check. */
struct doctor_finding {
	const char *check; /* name of the check, one word; static */
	enum doctor_verdict verdict;
	char what[DOCTOR_WORDS];   /* what was found */
	char remedy[DOCTOR_WORDS]; /* what to do; "" if there is nothing to do */
};

struct doctor_report {
	struct doctor_finding findings[DOCTOR_FINDINGS_MAX];
	size_t count;
};

struct doctor_opts {
	const char *path; /* NULL: the machine only */
	const char *root; /* where /proc and /sys are; "" for those of the machine */
	uint64_t lanes;	  /* number of lanes that will be used, at least 1 */
	/* Bytes that will be registered with each lane; 0: not known. */
	uint64_t memory_bytes;
};

/* Runs all checks of OPTS and fills in R. */
void doctor_examine(struct doctor_report *r, const struct doctor_opts *opts);

/* Returns the worst verdict of R. */
enum doctor_verdict doctor_worst(const struct doctor_report *r);

/* Returns "ok", "note", "warning" or "fail". */
const char *doctor_verdict_name(enum doctor_verdict verdict);

/* Adds a finding of CHECK to R and returns it; never NULL. doctor_remedy() may follow. */
struct doctor_finding *doctor_add(struct doctor_report *r, const char *check,
				  enum doctor_verdict verdict, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Sets what to do about F. */
void doctor_remedy(struct doctor_finding *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Appends text to what F says. */
void doctor_more(struct doctor_finding *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
