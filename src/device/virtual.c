/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtual.c - a device without storage, only with facts, for a simulated engine. The opening thread
 * owns it until it is open; then any thread may read it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "device/state.h"

int device_open_virtual(struct weir_device **out, const char *name,
			const struct weir_device_info *info)
{
	struct weir_device *dev = calloc(1, sizeof(*dev) + strlen(name) + 1);

	if (!dev)
		return error_set(-ENOMEM, "%s: no memory to open it", name);
	strcpy(dev->path, name);
	dev->info = *info;
	dev->info.size = sizeof(dev->info);
	dev->info.kind = WEIR_DEVICE_NULL;
	dev->process = fork_process();
	dev->fd = dev->claim_fd = -1;
	*out = dev;
	return 0;
}
