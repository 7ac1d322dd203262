/* SPDX-License-Identifier: Apache-2.0 */
/*
 * target.c - finds out what the user named, and opens it for reading only. When a block device that
 * was open for writing is closed, the system scans it again.
 */
#include "doctor/target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <weir/base.h>

void doctor_target_find(struct doctor_target *t, const char *path, const char *root)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;
	struct stat st;

	memset(t, 0, sizeof(*t));
	t->path = path;
	t->root = root;
	opts.flags = WEIR_DEVICE_READ_ONLY;
	t->open_err = weir_device_open(&t->dev, path, &opts);
	if (t->open_err < 0) {
		t->dev = NULL;
		snprintf(t->open_words, sizeof(t->open_words), "%s", weir_error());
	}
	t->null = t->dev && weir_device_get_info(t->dev)->kind == WEIR_DEVICE_NULL;
	if (t->null)
		return;
	if (stat(path, &st) < 0)
		t->stat_err = -errno;
	else
		device_place_find(&t->at, &st, root);
}

void doctor_target_drop(struct doctor_target *t)
{
	if (t->dev)
		weir_device_close(t->dev);
	t->dev = NULL;
}
