/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intent.c - see intent.h. The intent is a lock on a byte behind the end of every file, owned by
 * the open file description, as the lock of the device itself is.
 */
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "device/intent.h"
#include "device/state.h"

#define INTENT_AT (INT64_MAX - 1)

static struct flock intent_range(short type)
{
	return (struct flock){
		.l_type = type, .l_whence = SEEK_SET, .l_start = INTENT_AT, .l_len = 1
	};
}

void device_intent_set(const struct weir_device *dev)
{
	struct flock range = intent_range(F_WRLCK);

	/* Where another writer waits, its intent is enough. */
	(void)fcntl(dev->fd, F_OFD_SETLK, &range);
}

void device_intent_clear(const struct weir_device *dev)
{
	struct flock range = intent_range(F_UNLCK);

	(void)fcntl(dev->fd, F_OFD_SETLK, &range);
}

bool device_intent_is_set(const struct weir_device *dev)
{
	struct flock range = intent_range(F_RDLCK);

	return !fcntl(dev->fd, F_OFD_GETLK, &range) && range.l_type != F_UNLCK &&
	       range.l_start == INTENT_AT;
}
