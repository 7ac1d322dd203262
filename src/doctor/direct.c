/* SPDX-License-Identifier: Apache-2.0 */
/*
 * direct.c - checks whether I/O goes straight to the drive, and how it must be aligned. The device
 * layer has found this out; this file says what it means.
 */
#include <stdio.h>
#include <string.h>

#include "doctor/target.h"

void doctor_judge_direct(struct doctor_report *r, const struct doctor_direct *f)
{
	if (f->null)
		doctor_add(r, "direct", DOCTOR_OK, "no storage, any alignment");
	else if (!f->direct)
		doctor_remedy(
			doctor_add(r, "direct", DOCTOR_WARNING,
				   "refused by this filesystem: all I/O takes the way through "
				   "the page cache, and the kernel decides what is written "
				   "when"),
			"use a file on ext4 or XFS, or a block device");
	else
		doctor_add(r, "direct", DOCTOR_OK,
			   "%s: offsets and lengths in multiples of %u, memory of %u bytes (%s)",
			   f->ng ? "passthrough" : "direct I/O", f->offset_align, f->memory_align,
			   f->source);
}

void doctor_check_direct(struct doctor_report *r, const struct doctor_target *t)
{
	const struct weir_device_info *info = weir_device_get_info(t->dev);
	struct doctor_direct f = {
		.ng = t->at.ng,
		.null = t->null,
		.direct = info->direct,
		.offset_align = info->logical_block_bytes,
		.memory_align = info->memory_align_bytes,
	};
	const struct weir_device_attr *attrs;
	size_t n;

	attrs = weir_device_attrs(t->dev, &n);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(attrs[i].name, "dio_mem_align"))
			snprintf(f.source, sizeof(f.source), "%s", attrs[i].source);
	doctor_judge_direct(r, &f);
}
