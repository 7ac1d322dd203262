/* SPDX-License-Identifier: Apache-2.0 */
/* spool.c - the two files of a trace. See spool.h. */
#include "trace/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

/* How the files of perfetto.c (behind three bytes, a field and its length) and blktrace.c begin:
 * the number of the sequence and its flags, and the magic number on a little-endian machine. */
static const uint8_t spool_perfetto[] = { 0x50, 0x01, 0x68, 0x01 };
static const uint8_t spool_blktrace[] = { 0x07, 0x74, 0x61, 0x65 };

/* Returns true if the file is empty or begins as a trace does, so that it may be replaced. */
static bool spool_may_replace(const struct spool *spool)
{
	uint8_t head[8];
	ssize_t n = pread(spool->fd, head, sizeof(head), 0);

	if (n < (ssize_t)sizeof(head))
		return !n;
	return !memcmp(head + 3, spool_perfetto, sizeof(spool_perfetto)) ||
	       !memcmp(head, spool_blktrace, sizeof(spool_blktrace));
}

/* Opens the file at PATH, which is created if it is not there. */
static int spool_open_file(struct spool *spool, const char *path)
{
	struct stat st;

	spool->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	spool->made = spool->fd >= 0;
	if (spool->fd < 0 && errno == EEXIST)
		spool->fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (spool->fd < 0)
		return error_sys(-errno, "cannot write the trace %s", path);
	if (fstat(spool->fd, &st) || !S_ISREG(st.st_mode))
		return error_set(-EINVAL,
				 "%s is no regular file, and a trace is written to no other: name "
				 "another FILE",
				 path);
	/* Stores hold a lock on the file that they lie in. */
	if (flock(spool->fd, LOCK_EX | LOCK_NB))
		return error_set(errno == EWOULDBLOCK ? -EBUSY : -errno,
				 "%s is in use, by a store or another trace: name another FILE",
				 path);
	if (!spool_may_replace(spool))
		return error_set(-EEXIST,
				 "%s is there and is no trace: remove it first, or name another "
				 "FILE",
				 path);
	return 0;
}

/* Makes a file in FOLDER and removes its name, where files need one to be made. A process that ends
 * in between leaves it. Returns its descriptor, or -1 with errno set. */
static int spool_make_named(const char *folder)
{
	char *name = NULL;
	int fd;

	if (asprintf(&name, "%s/.weir-trace-XXXXXX", folder) < 0)
		return -1;
	fd = mkostemp(name, O_CLOEXEC);
	if (fd >= 0)
		unlink(name);
	free(name);
	return fd;
}

/* Makes a file without a name in the folder of PATH. */
static int spool_open_records(struct spool *spool, const char *path)
{
	char *copy = strdup(path);

	if (copy) {
		const char *folder = dirname(copy);

		spool->records = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		if (spool->records < 0)
			spool->records = spool_make_named(folder);
		free(copy);
	}
	if (spool->records < 0)
		return error_sys(-errno, "cannot make a file for records beside %s", path);
	return 0;
}

int spool_open(struct spool *spool, const char *path)
{
	int err;

	*spool = (struct spool){ .path = strdup(path), .fd = -1, .records = -1 };
	if (!spool->path)
		return error_sys(-ENOMEM, "cannot open the trace %s", path);
	err = spool_open_file(spool, path);
	if (!err)
		err = spool_open_records(spool, path);
	if (err)
		spool_close(spool, true);
	return err;
}

int spool_map(const struct spool *spool, const char **map, size_t *length)
{
	struct stat st;
	void *p;

	if (fstat(spool->records, &st))
		return error_sys(-errno, "cannot read the records of %s", spool->path);
	*length = (size_t)st.st_size;
	*map = NULL;
	if (!*length)
		return 0;
	p = mmap(NULL, *length, PROT_READ, MAP_PRIVATE, spool->records, 0);
	if (p == MAP_FAILED)
		return error_sys(-errno, "cannot read the records of %s", spool->path);
	madvise(p, *length, MADV_SEQUENTIAL);
	*map = p;
	return 0;
}

void spool_unmap(const char *map, size_t length)
{
	if (map)
		munmap((void *)(uintptr_t)map, length);
}

FILE *spool_write(struct spool *spool)
{
	/* The lock is that of the file description, so the copy keeps it. */
	int fd = ftruncate(spool->fd, 0) ? -1 : fcntl(spool->fd, F_DUPFD_CLOEXEC, 0);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");

	if (!out) {
		error_sys(-errno, "cannot write the trace %s", spool->path);
		if (fd >= 0)
			close(fd);
	}
	return out;
}

void spool_close(struct spool *spool, bool drop)
{
	if (drop && spool->made)
		unlink(spool->path);
	if (spool->records >= 0)
		close(spool->records);
	if (spool->fd >= 0)
		close(spool->fd);
	free(spool->path);
}
