/* SPDX-License-Identifier: Apache-2.0 */
/* find.c - finds the owner of a store by the paths of its devices. See client.h. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "control/client.h"

/* Asks at the device at PATH. */
static int find_at(struct control_client *cl, const uint8_t uuid[16], const char *path,
		   uint64_t timeout_ns, struct weir_device_info *device)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;
	struct weir_device *dev;
	int err;

	opts.flags = WEIR_DEVICE_READ_ONLY;
	err = weir_device_open(&dev, path, &opts);
	if (err)
		return err;
	if (device)
		*device = *weir_device_get_info(dev);
	err = control_connect(cl, uuid, weir_device_get_info(dev), timeout_ns);
	weir_device_close(dev);
	return err;
}

int control_find(struct control_client *cl, const uint8_t uuid[16], const char *paths,
		 uint64_t timeout_ns, struct weir_device_info *device)
{
	bool several = strchr(paths, ',');
	char *text, *rest, *path;
	int err = -ENOENT;

	if (!several || !access(paths, F_OK))
		err = find_at(cl, uuid, paths, timeout_ns, device);
	if (!several || err != -ENOENT)
		return err;
	rest = text = strdup(paths);
	if (!text)
		return error_sys(-ENOMEM, "%s", paths);
	while (err == -ENOENT && (path = strsep(&rest, ",")))
		err = find_at(cl, uuid, path, timeout_ns, device);
	free(text);
	return err;
}
