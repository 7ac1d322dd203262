/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rig.h - what the tests of the doctor share: checks of a report, a tree of files that stands for
 * /proc and /sys, and examinations by a child that may do less than the test.
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
 * Checks that R has CHECK with VERDICT, WHAT in its words and REMEDY in its remedy (NULL:
 * anything), and that it has a remedy only if the verdict is not ok.
 */
void rig_expect(const struct doctor_report *r, const char *check, enum doctor_verdict verdict,
		const char *what, const char *remedy);
/* Does the same, checks that R has no other finding, and empties R. */
void rig_only(struct doctor_report *r, const char *check, enum doctor_verdict verdict,
	      const char *what, const char *remedy);
/* Returns the finding of CHECK in R, or NULL. */
const struct doctor_finding *rig_find(const struct doctor_report *r, const char *check);

/* Make an empty tree, and remove it with its contents. They are for setup and teardown. */
int rig_make(void **state);
int rig_remove(void **state);
/* Returns the path of the tree. */
const char *rig_root(void);
/* Returns the path of NAME in the tree; it is valid for this call and the next three. */
const char *rig_path(const char *name);
/* Makes a file and the folders that lead to it; the text is as for printf(). */
void rig_file(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Makes a symbolic link to WHERE and the folders that lead to it. */
void rig_link(const char *name, const char *where);

/* Returns what a child finds after it has run PREPARE. PREPARE may end the child with _exit(77):
 * impossible here. */
const struct doctor_report *rig_examine_as(void (*prepare)(void), const struct doctor_opts *opts);

#endif
