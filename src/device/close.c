/* SPDX-License-Identifier: Apache-2.0 */
/* close.c - closes a device. */
#include <stdlib.h>

#include "device/state.h"

void weir_device_close(struct weir_device *dev)
{
	if (!dev)
		return;
	weir_fdp_free(dev->fdp);
	fork_fd_close(&dev->claim_watch);
	/* Unlock explicitly: a ring with the file registered releases it only some time after the
	 * ring is closed, and would keep the lock for that time. A child does not unlock, because
	 * it shares the lock with its parent and would take it away from the parent. */
	if (dev->fd >= 0 && (dev->flags & WEIR_DEVICE_LOCK) && !fork_inherited(dev->process))
		device_unlock(dev);
	for (size_t i = 0; i < DEVICE_BACKINGS; i++)
		fork_fd_close(&dev->backings[i].watch);
	fork_fd_close(&dev->fd_watch);
	free(dev);
}
