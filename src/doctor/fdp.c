/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fdp.c - checks Flexible Data Placement: whether the drive has it, whether it is enabled, and
 * whether this path to the drive can use it.
 */
#include "doctor/target.h"

#include <stdio.h>
#include <string.h>

#include <weir/base.h>
#include <weir/fdp.h>

#include "base/parse.h"

void doctor_judge_fdp(struct doctor_report *r, const struct doctor_fdp *f)
{
	struct doctor_finding *d;
	char unit[32];

	if (!f->nvme) {
		doctor_add(r, "fdp", DOCTOR_OK,
			   "no: only an NVMe drive, named itself, can have it");
	} else if (f->err) {
		d = doctor_add(r, "fdp", DOCTOR_NOTE, "the drive could not be asked: %s", f->words);
		doctor_remedy(d, "as root it can; without FDP the drive places data by itself");
	} else if (!f->supported) {
		doctor_add(r, "fdp", DOCTOR_OK, "the drive has none: it places data by itself");
	} else if (!f->enabled) {
		d = doctor_add(r, "fdp", DOCTOR_NOTE,
			       "the drive has it, but it is not enabled for this namespace");
		doctor_remedy(d, "to place data by stream: nvme fdp feature enables it, before "
				 "the namespace is made");
	} else {
		format_size(f->unit_bytes, unit, sizeof(unit));
		d = doctor_add(r, "fdp", f->ng ? DOCTOR_OK : DOCTOR_NOTE,
			       "enabled: %u placement ids, reclaim units of %s%s", f->placements,
			       f->unit_bytes ? unit : "a size that only root may ask for",
			       f->ng ? "" : "; this device does not carry them");
		if (!f->ng)
			doctor_remedy(d, "to use them, name the whole drive as %s", f->beside);
	}
}

void doctor_check_fdp(struct doctor_report *r, const struct doctor_target *t)
{
	struct doctor_fdp f = { .ng = t->at.ng };
	struct weir_fdp *fdp = NULL;

	f.nvme = t->at.ng || (t->at.block && !strncmp(t->at.disk, "nvme", 4));
	if (f.nvme) {
		snprintf(f.beside, sizeof(f.beside), "/dev/ng%.*s", PLACE_NAME - 8, t->at.disk + 4);
		f.err = weir_fdp_read(&fdp, t->dev);
		if (f.err)
			snprintf(f.words, sizeof(f.words), "%s", weir_error());
	}
	if (fdp) {
		f.supported = fdp->supported;
		f.enabled = fdp->enabled;
		f.placements = fdp->nr_placements;
		f.unit_bytes = fdp->unit_bytes;
	}
	weir_fdp_free(fdp);
	doctor_judge_fdp(r, &f);
}
