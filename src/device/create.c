/* SPDX-License-Identifier: Apache-2.0 */
/*
 * create.c - creates a file and reserves its space. Owns nothing that outlives a call; any thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/parse.h"
#include "device/state.h"

#define CREATE_ROUND 4096u
#define CREATE_MODE 0644u

int device_create(const char *path, const struct weir_device_opts *opts, int *fd)
{
	int err;

	/* A mistyped device name must not become a file in /dev, where it would fill memory. */
	if (!strncmp(path, "/dev/", 5) && !strchr(path + 5, '/'))
		return error_set(-ENOENT, "%s: no such device", path);
	if (!opts->create_bytes)
		return error_set(-EINVAL, "%s: there is no such file, and no size to create it at",
				 path);
	/* This is checked before the file exists: otherwise the kernel would kill the process while
	 * it fills the file. */
	err = device_check_file_limit(path, opts->create_bytes);
	if (err)
		return err;
	*fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
		   opts->mode ? opts->mode : CREATE_MODE);
	if (*fd < 0 && errno == ENOENT)
		return error_set(-ENOENT, "%s: cannot be created: there is no such folder", path);
	if (*fd < 0)
		return error_sys(-errno, "%s: cannot create this file", path);
	return 0;
}

static int create_no_space(const char *path, int fd, uint64_t bytes)
{
	char want[32], have[32], missing[32];
	struct statvfs fs;
	uint64_t room;

	format_size(bytes, want, sizeof(want));
	if (fstatvfs(fd, &fs) < 0)
		return error_set(-ENOSPC, "%s: no room for a file of %s", path, want);
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (room >= bytes)
		return error_set(-ENOSPC,
				 "%s: no room for a file of %s (a quota, or others fill the disk)",
				 path, want);
	return error_set(-ENOSPC,
			 "%s: no room for a file of %s: the filesystem has %s free, %s are missing",
			 path, want, format_size(room, have, sizeof(have)),
			 format_size(bytes - room, missing, sizeof(missing)));
}

/* Returns true if BYTES cannot fit. Then it is not tried, because trying would take the last free
 * space from everybody for a moment. */
static bool create_cannot_fit(int fd, uint64_t bytes)
{
	struct statvfs fs;

	return !fstatvfs(fd, &fs) && fs.f_blocks && bytes / fs.f_frsize > fs.f_bfree;
}

static int create_allocate(const char *path, int fd, uint64_t bytes)
{
	char text[32];
	int err;

	if (create_cannot_fit(fd, bytes))
		return create_no_space(path, fd, bytes);
	do {
		err = posix_fallocate(fd, 0, (off_t)bytes);
	} while (err == EINTR);
	if (!err)
		return 0;
	if ((err == ENOSPC || err == EDQUOT) && !ftruncate(fd, 0))
		return create_no_space(path, fd, bytes);
	return error_sys(-err, "%s: cannot allocate %s", path,
			 format_size(bytes, text, sizeof(text)));
}

/* Makes the name of the file durable, as a durable store needs a durable name. */
static int create_sync(const char *path, int fd)
{
	char copy[PATH_MAX];
	int dir, err = 0;

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return error_sys(-ENAMETOOLONG, "%s", path);
	dir = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return error_sys(-errno, "%s: cannot open its directory to sync it", path);
	/* Some filesystems have nothing to sync in a directory, and return EINVAL. */
	if (fsync(fd) < 0 || (fsync(dir) < 0 && errno != EINVAL))
		err = error_sys(-errno, "%s: cannot sync the new file", path);
	close(dir);
	return err;
}

int device_preallocate(const char *path, const struct weir_device_opts *opts, int fd)
{
	uint64_t bytes = opts->create_bytes;
	char text[32];
	int err;

	if (bytes > INT64_MAX - CREATE_ROUND)
		return error_set(-EFBIG, "%s: no file can have %s", path,
				 format_size(bytes, text, sizeof(text)));
	bytes = (bytes + CREATE_ROUND - 1) / CREATE_ROUND * CREATE_ROUND;
	err = create_allocate(path, fd, bytes);
	return err ? err : create_sync(path, fd);
}
