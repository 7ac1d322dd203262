/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rig.h - what the tests of the doctor share: a look into a report, a tree of files that stands
 * for /proc and /sys, and examinations by a child that may do less than the test.
 */
#ifndef DOCTOR_RIG_H
#define DOCTOR_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "doctor/doctor.h"

#define RIG_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * R has CHECK with VERDICT, WHAT in its words and REMEDY in its remedy (NULL: anything), and a
 * remedy only where not all is well.
 */
void rig_expect(const struct doctor_report *r, const char *check, enum doctor_verdict verdict,
		const char *what, const char *remedy);
/* As rig_expect(), and that is all that is in R, which is emptied. */
void rig_only(struct doctor_report *r, const char *check, enum doctor_verdict verdict,
	      const char *what, const char *remedy);
/* The finding of CHECK in R, or NULL. */
const struct doctor_finding *rig_find(const struct doctor_report *r, const char *check);

/* Makes an empty tree, and removes it with all that is in it. For setup and teardown. */
int rig_make(void **state);
int rig_remove(void **state);
/* Where it is. */
const char *rig_root(void);
/* Its NAME; good until the next call but three. */
const char *rig_path(const char *name);
/* Makes a file, and the folders that lead to it; the text as printf does. */
void rig_file(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Makes a symbolic link to WHERE, and the folders that lead to it. */
void rig_link(const char *name, const char *where);

/* What a child finds that ran PREPARE first; that may end the child with _exit(77): cannot be. */
const struct doctor_report *rig_examine_as(void (*prepare)(void), const struct doctor_opts *opts);

#endif
