/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paths.c - splits the text that names the devices of a store. It owns nothing; any thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "store/paths.h"

static int paths_add(struct paths *paths, const char *path, const char *text)
{
	if (!*path)
		return error_set(-EINVAL,
				 "%s: a name between two commas is empty: write DEVICE,DEVICE",
				 text);
	if (paths->count == WEIR_DEVICES_MAX)
		return error_set(-EINVAL, "%s: a store has at most %u devices", text,
				 WEIR_DEVICES_MAX);
	for (uint32_t n = 0; n < paths->count; n++)
		if (!strcmp(paths->path[n], path))
			return error_set(-EINVAL, "%s: %s is named twice", text, path);
	paths->path[paths->count++] = path;
	return 0;
}

int paths_split(struct paths *paths, const char *text)
{
	char *rest, *path;
	int err = 0;

	*paths = (struct paths){ .text = strdup(text) };
	if (!paths->text)
		return error_sys(-ENOMEM, "%s", text);
	if (!strchr(text, ',') || !access(text, F_OK)) {
		paths->path[paths->count++] = paths->text;
		return 0;
	}
	rest = paths->text;
	while (!err && (path = strsep(&rest, ",")))
		err = paths_add(paths, path, text);
	return err;
}

void paths_free(struct paths *paths)
{
	free(paths->text);
	paths->text = NULL;
	paths->count = 0;
}
