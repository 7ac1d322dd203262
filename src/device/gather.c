/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gather.c - reads small files. Owns nothing; any thread.
 */
#include "device/gather.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "device/sysfs.h"

/* One read does not always return all of a file in /proc. */
static ssize_t gather_read(int fd, char *text, size_t room)
{
	size_t done = 0;
	ssize_t n = 1;

	while (n > 0 && done < room) {
		n = read(fd, text + done, room - done);
		if (n > 0)
			done += (size_t)n;
	}
	return n < 0 ? -errno : (ssize_t)done;
}

int gather_text(const char *root, const char *path, char *text, size_t size)
{
	char full[PATH_MAX];
	ssize_t n;
	int fd;

	text[0] = '\0';
	if (snprintf(full, sizeof(full), "%s%s", root, path) >= (int)sizeof(full))
		return -ENAMETOOLONG;
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = gather_read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n < 0 ? (int)n : 0;
}

int gather_line(const char *root, const char *path, char *line, size_t size)
{
	int err = gather_text(root, path, line, size);

	line[strcspn(line, "\n")] = '\0';
	return err;
}

dev_t gather_dev(const char *root, const char *path)
{
	unsigned maj, min;
	char line[32];

	if (gather_line(root, path, line, sizeof(line)) < 0 ||
	    sscanf(line, "%u:%u", &maj, &min) != 2)
		return 0;
	return makedev(maj, min);
}

int64_t gather_number(const char *root, const char *path)
{
	uint64_t value;

	/* Both parts begin with a slash, so it does no harm that joining them adds one more. */
	if (sysfs_read_number(root, path, &value) < 0 || value > INT64_MAX)
		return -1;
	return (int64_t)value;
}
