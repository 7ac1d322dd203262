/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device.c - answers questions about an open device. The device belongs to whoever opened it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "device/state.h"

void device_add_note(struct weir_device *dev, const char *fmt, ...)
{
	size_t len = strlen(dev->note);
	va_list args;

	if (len && len + 2 < sizeof(dev->note)) {
		strcat(dev->note, "; ");
		len += 2;
	}
	va_start(args, fmt);
	vsnprintf(dev->note + len, sizeof(dev->note) - len, fmt, args);
	va_end(args);
}

int device_check_process(const struct weir_device *dev)
{
	return fork_inherited(dev->process) ? fork_refuse("device") : 0;
}

const struct weir_device_info *weir_device_get_info(const struct weir_device *dev)
{
	return &dev->info;
}

const char *weir_device_path(const struct weir_device *dev)
{
	return dev->path;
}

const struct weir_device_attr *weir_device_attrs(const struct weir_device *dev, size_t *count)
{
	*count = dev->nr_attrs;
	return dev->attrs;
}

const char *weir_device_note(const struct weir_device *dev)
{
	return dev->note[0] ? dev->note : NULL;
}

int device_fd(const struct weir_device *dev)
{
	return dev->fd;
}

int device_read_only(const struct weir_device *dev)
{
	return (dev->flags & WEIR_DEVICE_READ_ONLY) != 0;
}
