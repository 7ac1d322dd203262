/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor.h - looks at a machine and at one file or device, and says what will not work, what
 * could work better, and what to do about it.
 *
 * Each check is two halves: gathering facts (from the kernel, /proc and /sys), and a judgement of
 * them that is pure, so that it can be shown facts which this machine does not have. Nothing is
 * written to a device. Part of the command, not of the library. One thread; the report is the
 * caller's.
 */
#ifndef DOCTOR_H
#define DOCTOR_H

#include <stddef.h>
#include <stdint.h>

enum doctor_verdict {
	DOCTOR_OK,
	DOCTOR_NOTE,	/* works; could work better, or is worth knowing */
	DOCTOR_WARNING, /* works, but it may cost data or much time */
	DOCTOR_FAIL,	/* will not work */
};

#define DOCTOR_FINDINGS_MAX 32
#define DOCTOR_WORDS 512

/* The outcome of one check. */
struct doctor_finding {
	const char *check; /* its name, one word; static */
	enum doctor_verdict verdict;
	char what[DOCTOR_WORDS];   /* what was found */
	char remedy[DOCTOR_WORDS]; /* what to do; "" where nothing is to be done */
};

struct doctor_report {
	struct doctor_finding findings[DOCTOR_FINDINGS_MAX];
	size_t count;
};

struct doctor_opts {
	const char *path;      /* NULL: the machine only */
	const char *root;      /* where /proc and /sys are; "" for the machine's own */
	uint64_t lanes;	       /* that will be used, at least 1 */
	uint64_t memory_bytes; /* that will be registered with each lane; 0: not said */
};

/* Runs all checks of OPTS and fills in R. */
void doctor_examine(struct doctor_report *r, const struct doctor_opts *opts);

/* The worst verdict of R. */
enum doctor_verdict doctor_worst(const struct doctor_report *r);

/* "ok", "note", "warning" or "fail". */
const char *doctor_verdict_name(enum doctor_verdict verdict);

/* Adds what CHECK found to R. What is returned is never NULL; doctor_remedy() may follow. */
struct doctor_finding *doctor_add(struct doctor_report *r, const char *check,
				  enum doctor_verdict verdict, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Says what to do about F. */
void doctor_remedy(struct doctor_finding *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Puts more behind what F says. */
void doctor_more(struct doctor_finding *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
