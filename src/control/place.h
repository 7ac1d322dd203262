/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place.h - where the control socket of a store is. Owns nothing; any thread.
 */
#ifndef CONTROL_PLACE_H
#define CONTROL_PLACE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <weir/device.h>

#define CONTROL_PATH_BYTES 108 /* what the address of a socket has room for */
#define CONTROL_NAME_BYTES 96

/*
 * Makes the file name of the socket of the store with UUID on the device INFO. It follows from the
 * origin of the device, so that a loop device and its file lead to one socket. A copy of a store
 * has the same UUID, but another origin. Returns NAME, of CONTROL_NAME_BYTES.
 */
const char *control_name(char *name, const uint8_t uuid[16], const struct weir_device_info *info);

/*
 * Finds a folder that belongs to this user alone, makes it if necessary, and writes its path to
 * FOLDER, of CONTROL_PATH_BYTES. Returns 0, or -errno with an error text that names each folder
 * that was tried.
 */
int control_folder_make(char *folder);

/*
 * Writes the path that socket NAME of user UID would have in the folder number I to PATH, of
 * CONTROL_PATH_BYTES. Returns 0, -ENOENT (there is no such folder, or it is not that user's alone),
 * or -ERANGE (there are fewer folders).
 */
int control_path_of(char *path, unsigned i, uid_t uid, const char *name);

#endif
