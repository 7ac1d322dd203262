/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claim.c - keeps a writer away from what the system uses, and the system away from what a writer
 * uses. It runs while a device is opened; the opening thread owns the device.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "device/claims.h"
#include "device/place.h"
#include "device/state.h"

static void claim_note_loops(struct weir_device *dev, const struct device_claims *claims)
{
	char text[DEVICE_WORDS_BYTES];

	if (!claims->loops.count || dev->info.below_loop)
		return;
	dev->info.below_loop = 1;
	device_add_note(dev, "it lies below %s: let nothing else write to that",
			device_names_list(&claims->loops, text, sizeof(text)));
}

int device_claim_find(struct weir_device *dev, struct device_claims *claims)
{
	struct device_place place;
	struct stat st;

	memset(claims, 0, sizeof(*claims));
	if (device_read_only(dev))
		return 0;
	if (fstat(dev->fd, &st) < 0)
		return error_sys(-errno, "%s", dev->path);
	device_place_find(&place, &st, "");
	device_find_claims(claims, &place);
	claim_note_loops(dev, claims);
	return 0;
}

int device_claim_check(struct weir_device *dev, struct device_claims *claims)
{
	int err = device_claim_find(dev, claims);

	return err ? err : device_claims_refuse(claims, dev->path);
}

/* Returns the block device that mounts and other drivers would use, or NULL. */
static const char *claim_path(const struct weir_device *dev, char *path, size_t size)
{
	if (dev->info.kind == WEIR_DEVICE_BLOCK)
		return dev->path;
	if (dev->info.kind != WEIR_DEVICE_NVME_CHAR || !dev->block_name[0])
		return NULL;
	/* A user who was given only the character device may not be able to look at the block
	 * device. */
	snprintf(path, size, "/dev/%s", dev->block_name);
	return access(path, R_OK) < 0 ? NULL : path;
}

/* Takes the exclusive open of a writer. Readers need none: they take part in no writing, and a
 * writer beside them is kept away by their lock. */
int device_claim_take(struct weir_device *dev)
{
	char beside[64];
	const char *path = claim_path(dev, beside, sizeof(beside));

	if (!path || device_read_only(dev) || dev->claim_fd >= 0)
		return 0;
	dev->claim_fd = open(path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
	if (dev->claim_fd >= 0)
		return 0;
	if (errno != EBUSY)
		return error_sys(-errno, "%s: cannot open it exclusively", dev->path);
	return error_set(-EBUSY,
			 "%s: in use by the system (mounted, swap, or part of another device): see "
			 "lsblk",
			 dev->path);
}
