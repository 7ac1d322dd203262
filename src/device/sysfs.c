/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysfs.c - reads a block device's attributes. Owns nothing; any thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "device/sysfs.h"

/* Returns true if the folder of a block device in sysfs has a queue/. That of a partition has
 * none. */
static int sysfs_has_queue(const char *dir)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s/queue", dir);

	return len > 0 && (size_t)len < sizeof(path) && !access(path, F_OK);
}

int sysfs_queue_dir_at(const char *root, dev_t dev, char *dir, size_t size)
{
	char link[PATH_MAX], path[PATH_MAX], *slash;
	int len;

	dir[0] = '\0';
	len = snprintf(link, sizeof(link), "%s/sys/dev/block/%u:%u", root, major(dev), minor(dev));
	if (len < 0 || (size_t)len >= sizeof(link) || !realpath(link, path))
		return -ENOENT;
	slash = strrchr(path, '/');
	if (slash && !sysfs_has_queue(path)) {
		*slash = '\0';
		slash = strrchr(path, '/');
	}
	if (!slash || !sysfs_has_queue(path))
		return -ENOENT;
	len = snprintf(dir, size, "%s/sys/block/%s/queue", root, slash + 1);
	if (len < 0 || (size_t)len >= size || access(dir, F_OK)) {
		dir[0] = '\0';
		return -ENOENT;
	}
	return 0;
}

int sysfs_queue_dir(dev_t dev, char *dir, size_t size)
{
	return sysfs_queue_dir_at("", dev, dir, size);
}

bool sysfs_has_driver(const char *dir, const char *driver)
{
	char link[PATH_MAX], target[PATH_MAX], *name;
	ssize_t n;

	if (snprintf(link, sizeof(link), "%s/../device/driver", dir) >= (int)sizeof(link))
		return false;
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	name = strrchr(target, '/');
	return !strcmp(name ? name + 1 : target, driver);
}

int sysfs_read_line(const char *dir, const char *name, char *line, size_t size)
{
	char path[PATH_MAX];
	ssize_t n;
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, line, size - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return (int)n;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return 0;
}

int sysfs_read_number(const char *dir, const char *name, uint64_t *value)
{
	char line[32], *end;
	int err = sysfs_read_line(dir, name, line, sizeof(line));
	uint64_t v;

	if (err < 0)
		return err;
	if (line[0] < '0' || line[0] > '9')
		return -EINVAL;
	errno = 0;
	v = strtoumax(line, &end, 10);
	if (errno || *end)
		return -EINVAL;
	*value = v;
	return 0;
}
