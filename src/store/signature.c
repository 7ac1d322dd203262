/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signature.c - asks libblkid for the signatures of filesystems and others.
 *
 * This file runs on the thread that formats, and owns nothing that outlives a call.
 */
#include <errno.h>
#include <stdio.h>

#include <blkid.h>

#include "store/signature.h"

/* Writes what PROBE has found to NAME. */
static void signature_name(blkid_probe probe, char *name, size_t size)
{
	const char *type = NULL;

	if (!blkid_probe_lookup_value(probe, "TYPE", &type, NULL))
		snprintf(name, size, "%s", type);
	else if (!blkid_probe_lookup_value(probe, "PTTYPE", &type, NULL))
		snprintf(name, size, "a partition table (%s)", type);
	else
		snprintf(name, size, "a signature");
}

static int signature_ask(blkid_probe probe, int fd, char *name, size_t size)
{
	int found;

	if (blkid_probe_set_device(probe, fd, 0, 0))
		return -EIO;
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE);
	blkid_probe_enable_partitions(probe, 1);
	found = blkid_do_probe(probe);
	if (found < 0)
		return -EIO;
	if (found == 0)
		signature_name(probe, name, size);
	return found == 0;
}

int signature_find(int fd, char *name, size_t size)
{
	blkid_probe probe = blkid_new_probe();
	int found = probe ? signature_ask(probe, fd, name, size) : -ENOMEM;

	blkid_free_probe(probe);
	return found;
}
