/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kind.c - finds out what a path names before it is opened, because opening has side effects on
 * some devices and blocks on a fifo. Owns nothing; any thread.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "device/state.h"

static const char *device_skip_digits(const char *p)
{
	while (*p >= '0' && *p <= '9')
		p++;
	return p;
}

bool device_is_ng_name(const char *name)
{
	const char *p = name + 2, *end;

	if (strncmp(name, "ng", 2))
		return false;
	end = device_skip_digits(p);
	if (end == p || *end != 'n')
		return false;
	p = end + 1;
	end = device_skip_digits(p);
	return end != p && !*end;
}

static int device_char_kind(const char *path, enum weir_device_kind *kind)
{
	char real[PATH_MAX];

	if (!realpath(path, real))
		return error_sys(-errno, "%s", path);
	if (!device_is_ng_name(strrchr(real, '/') + 1))
		return error_set(-ENOTSUP,
				 "%s: a character device; weir needs a file, a block device or an "
				 "NVMe character device (/dev/ng0n1)",
				 path);
	*kind = WEIR_DEVICE_NVME_CHAR;
	return 0;
}

static int device_mode_error(const char *path, mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return error_set(-EISDIR, "%s: a directory; name a file in it", path);
	case S_IFIFO:
		return error_set(-ENOTSUP, "%s: a fifo; weir needs a file or a block device", path);
	case S_IFSOCK:
		return error_set(-ENOTSUP, "%s: a socket; weir needs a file or a block device",
				 path);
	default:
		return error_set(-ENOTSUP, "%s: neither a file nor a block device", path);
	}
}

int device_kind(const char *path, enum weir_device_kind *kind)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return error_sys(-errno, "%s", path);
	if (S_ISREG(st.st_mode))
		*kind = WEIR_DEVICE_FILE;
	else if (S_ISBLK(st.st_mode))
		*kind = WEIR_DEVICE_BLOCK;
	else if (S_ISCHR(st.st_mode))
		return device_char_kind(path, kind);
	else
		return device_mode_error(path, st.st_mode);
	return 0;
}
