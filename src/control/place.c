/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place.c - finds the folder for control sockets: one into which only its user can put anything.
 *
 * The owner of a store and its clients must find the same folder, although their environments may
 * differ. So the folders follow from the user's number, except the first one.
 */
#include "control/place.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

#define PLACE_FOLDERS 3u
#define PLACE_TRIED_BYTES 400

const char *control_name(char *name, const uint8_t uuid[16], const struct weir_device_info *info)
{
	char text[33], start[24] = "";

	for (unsigned i = 0; i < 16; i++)
		snprintf(text + 2 * (size_t)i, 3, "%02x", uuid[i]);
	if (info->origin_start)
		snprintf(start, sizeof(start), "-%" PRIx64, info->origin_start);
	snprintf(name, CONTROL_NAME_BYTES, "%s-%" PRIx64 "-%" PRIx64 "%s.sock", text,
		 info->origin_device, info->origin_inode, start);
	return name;
}

/*
 * Writes to PARENT and FOLDER the folder number I for the sockets of user UID, and the one that it
 * is in. Returns false if this user has no such folder.
 */
static bool place_folder(char *parent, char *folder, unsigned i, uid_t uid)
{
	const char *xdg = uid == geteuid() ? secure_getenv("XDG_RUNTIME_DIR") : NULL;
	int n;

	if (i == 0) {
		if (!xdg || xdg[0] != '/')
			return false;
		n = snprintf(parent, CONTROL_PATH_BYTES, "%s", xdg);
	} else if (i == 1 && uid) {
		n = snprintf(parent, CONTROL_PATH_BYTES, "/run/user/%u", uid);
	} else {
		n = snprintf(parent, CONTROL_PATH_BYTES, i == 1 ? "/run" : "/tmp");
	}
	if (n >= CONTROL_PATH_BYTES)
		return false;
	if (i == 2)
		n = snprintf(folder, CONTROL_PATH_BYTES, "/tmp/weir-%u", uid);
	else
		n = snprintf(folder, CONTROL_PATH_BYTES, "%s/weir", parent);
	return n < CONTROL_PATH_BYTES;
}

/* Returns true if only UID and root can rename what is in FOLDER. */
static bool place_is_safe_parent(const char *folder, uid_t uid)
{
	struct stat st;

	if (lstat(folder, &st) < 0 || !S_ISDIR(st.st_mode) || (st.st_uid && st.st_uid != uid))
		return false;
	return (st.st_mode & S_ISVTX) || !(st.st_mode & 022);
}

/* Returns true if FOLDER is a folder of UID into which nobody else may look. A link, or a folder of
 * somebody else, is not trusted. */
static bool place_is_own(const char *folder, uid_t uid)
{
	struct stat st;

	return !lstat(folder, &st) && S_ISDIR(st.st_mode) && st.st_uid == uid &&
	       !(st.st_mode & 077);
}

int control_folder_make(char *folder)
{
	char parent[CONTROL_PATH_BYTES], tried[PLACE_TRIED_BYTES] = "";
	uid_t uid = geteuid();
	size_t used = 0;

	for (unsigned i = 0; i < PLACE_FOLDERS; i++) {
		if (!place_folder(parent, folder, i, uid))
			continue;
		if (place_is_safe_parent(parent, uid) &&
		    (!mkdir(folder, 0700) || errno == EEXIST) && place_is_own(folder, uid))
			return 0;
		used += (size_t)snprintf(tried + used, sizeof(tried) - used, "%s%s",
					 used ? ", " : "", folder);
	}
	return error_set(-ENOENT, "no folder for a control socket that is this user's alone: %s",
			 tried);
}

int control_path_of(char *path, unsigned i, uid_t uid, const char *name)
{
	char parent[CONTROL_PATH_BYTES], folder[CONTROL_PATH_BYTES];

	if (i >= PLACE_FOLDERS)
		return -ERANGE;
	if (!place_folder(parent, folder, i, uid) || !place_is_safe_parent(parent, uid) ||
	    !place_is_own(folder, uid) ||
	    snprintf(path, CONTROL_PATH_BYTES, "%s/%s", folder, name) >= CONTROL_PATH_BYTES)
		return -ENOENT;
	return 0;
}
