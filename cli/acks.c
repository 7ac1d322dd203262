/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acks.c - the acknowledgement log of a replay. Owns nothing; any thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/acks.h"
#include "cli/content.h"

#define ACKS_LINE (CONTENT_KEY_LEN + 1)
#define ACKS_BATCH 224 /* lines in one write: just below a page */

int acks_open(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	struct stat st;
	int err = 0;

	if (fd < 0)
		return error_sys(-errno, "%s", path);
	/* A killed writer may have left a piece of a line: it must not spoil the next one. */
	if (fstat(fd, &st) < 0 || (S_ISREG(st.st_mode) && st.st_size % ACKS_LINE &&
				   ftruncate(fd, st.st_size - st.st_size % ACKS_LINE) < 0))
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return error_sys(err, "%s", path);
}

static int acks_write(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(-errno, "the acknowledgement log");
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

int acks_append(int fd, const uint64_t *ids, size_t n)
{
	char text[ACKS_BATCH * ACKS_LINE + 1];

	while (n) {
		size_t lines = n < ACKS_BATCH ? n : ACKS_BATCH;
		int ret;

		for (size_t i = 0; i < lines; i++) {
			content_key(ids[i], text + i * ACKS_LINE);
			text[i * ACKS_LINE + CONTENT_KEY_LEN] = '\n';
		}
		ret = acks_write(fd, text, lines * ACKS_LINE);
		if (ret < 0)
			return ret;
		ids += lines;
		n -= lines;
	}
	return 0;
}

static int acks_compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Sorts the N IDS and returns how many different ones there are. */
static size_t acks_unique(uint64_t *ids, size_t n)
{
	size_t kept = 0;

	qsort(ids, n, sizeof(*ids), acks_compare);
	for (size_t i = 0; i < n; i++)
		if (!i || ids[i] != ids[i - 1])
			ids[kept++] = ids[i];
	return kept;
}

static int acks_parse(FILE *in, const char *path, uint64_t **ids, size_t *n)
{
	char line[ACKS_LINE];
	size_t room = 0;

	while (fread(line, ACKS_LINE, 1, in) == 1) {
		if (*n == room) {
			size_t more = room ? 2 * room : 4096;
			uint64_t *grown = realloc(*ids, more * sizeof(**ids));

			if (!grown)
				return error_set(-ENOMEM, "%s: out of memory", path);
			*ids = grown;
			room = more;
		}
		if (line[CONTENT_KEY_LEN] != '\n' || content_parse_key(line, &(*ids)[*n]) < 0)
			return error_set(-EINVAL,
					 "%s:%zu: not the key of a block: is this a log "
					 "that --ack-log wrote?",
					 path, *n + 1);
		(*n)++;
	}
	return ferror(in) ? error_sys(errno ? -errno : -EIO, "%s", path) : 0;
}

int acks_read(const char *path, uint64_t **ids, size_t *n)
{
	FILE *in = fopen(path, "re");
	int ret;

	*ids = NULL;
	*n = 0;
	if (!in)
		return error_sys(-errno, "%s", path);
	ret = acks_parse(in, path, ids, n);
	fclose(in);
	if (ret < 0) {
		free(*ids);
		*ids = NULL;
		return ret;
	}
	if (*n)
		*n = acks_unique(*ids, *n);
	return 0;
}
