/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acks.c - the acknowledgement log of a replay. Owns nothing; any thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/acks.h"
#include "cli/content.h"
#include "text/text.h"

#define ACKS_LINE (CONTENT_KEY_LEN + 1)
_Static_assert(CONTENT_KEY_LEN == 17, "the head has the length of a line");
/* the length of the first line; it equals the length of a line with a key */
#define ACKS_HEAD "# weir ack log 1\n\n"
#define ACKS_TEXT_LINE_MAX 4096u
#define ACKS_BATCH 224 /* lines that one write carries: just below a page */

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

/*
 * Returns true if the LEN bytes at LINE can be the beginning of a line of a log. FIRST says that
 * it is the log's first line.
 */
static bool acks_is_line(const char *line, size_t len, bool first)
{
	char whole[ACKS_LINE + 1] = "b0000000000000000\n";
	uint64_t id;

	if (first && !memcmp(line, ACKS_HEAD, len))
		return true;
	memcpy(whole, line, len);
	return whole[CONTENT_KEY_LEN] == '\n' && !content_parse_key(whole, &id);
}

static int acks_no_log(const char *path, size_t line)
{
	return error_set(-EINVAL,
			 "%s:%zu: not the key of a block: is this a log that --ack-log wrote?",
			 path, line);
}

/*
 * Checks that a file of SIZE bytes is a log before new lines are appended to it: no other file may
 * be cut short or appended to. A writer that was killed may have left a part of a line; this
 * function removes it, so that it does not spoil the next line.
 */
static int acks_go_on(int fd, const char *path, off_t size)
{
	char line[ACKS_LINE];
	off_t rest = size % ACKS_LINE, last = size - rest;
	ssize_t n = pread(fd, line, sizeof(line), 0);

	if (n > 0 && !acks_is_line(line, (size_t)n, true))
		return acks_no_log(path, 1);
	if (n >= 0 && rest)
		n = pread(fd, line, (size_t)rest, last);
	if (n > 0 && rest && !acks_is_line(line, (size_t)n, !last))
		return acks_no_log(path, (size_t)(last / ACKS_LINE) + 1);
	return n < 0 || (rest && ftruncate(fd, last) < 0) ? error_sys(-errno, "%s", path) : 0;
}

static int acks_begin(int fd, const char *path)
{
	struct stat st;
	int err = 0;

	if (fstat(fd, &st) < 0)
		return error_sys(-errno, "%s", path);
	if (S_ISREG(st.st_mode))
		err = acks_go_on(fd, path, st.st_size);
	if (!err && (!S_ISREG(st.st_mode) || st.st_size < ACKS_LINE))
		err = acks_write(fd, ACKS_HEAD, ACKS_LINE);
	return err;
}

int acks_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	int err;

	if (fd < 0)
		return error_sys(-errno, "%s", path);
	err = acks_begin(fd, path);
	if (!err)
		return fd;
	close(fd);
	return err;
}

int acks_append(int fd, const uint64_t *ids, size_t n)
{
	char text[ACKS_BATCH * ACKS_LINE + 1];

	while (n) {
		size_t lines = n < ACKS_BATCH ? n : ACKS_BATCH;
		int err;

		for (size_t i = 0; i < lines; i++) {
			content_key(ids[i], text + i * ACKS_LINE);
			text[i * ACKS_LINE + CONTENT_KEY_LEN] = '\n';
		}
		err = acks_write(fd, text, lines * ACKS_LINE);
		if (err < 0)
			return err;
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

/* Adds ID to the array IDS, which has N entries and memory for ROOM entries. */
static int acks_add(uint64_t **ids, size_t *n, size_t *room, uint64_t id)
{
	if (*n == *room) {
		size_t more = *room ? 2 * *room : 4096;
		uint64_t *grown = realloc(*ids, more * sizeof(**ids));

		if (!grown)
			return error_set(-ENOMEM, "out of memory for %zu blocks", more);
		*ids = grown;
		*room = more;
	}
	(*ids)[(*n)++] = id;
	return 0;
}

/*
 * Adds the key in LINE. It ignores the first line, which says what the file is, and a line without
 * its end, which a killed writer left.
 */
static int acks_take(const struct text *t, char *line, size_t len, uint64_t **ids, size_t *n,
		     size_t *room)
{
	uint64_t id;

	if (len == CONTENT_KEY_LEN && !content_parse_key(line, &id))
		return acks_add(ids, n, room, id);
	if (t->line == 1 ? len && !strncmp(line, ACKS_HEAD, len) : !len)
		return 0;
	if (t->cut_off && len < CONTENT_KEY_LEN && acks_is_line(line, len, false))
		return 0;
	return acks_no_log(t->name, (size_t)t->line);
}

static int acks_parse(FILE *in, const char *path, uint64_t **ids, size_t *n)
{
	struct text text;
	size_t len, room = 0;
	char *line;
	int err = text_begin(&text, in, path, ACKS_TEXT_LINE_MAX);

	while (!err) {
		err = text_line(&text, &line, &len);
		if (err == -EINVAL)
			err = error_set(err, "%s; is this a log that --ack-log wrote?",
					weir_error());
		if (err <= 0)
			break;
		err = acks_take(&text, line, len, ids, n, &room);
	}
	if (!err && !text.line)
		err = error_set(-EINVAL,
				"%s: the file is empty, so it proves nothing: a log that --ack-log "
				"wrote has a first line",
				path);
	text_end(&text);
	return err;
}

int acks_read(const char *path, uint64_t **ids, size_t *n)
{
	FILE *in = text_open(path);
	int err;

	*ids = NULL;
	*n = 0;
	if (!in)
		return -errno;
	err = acks_parse(in, path, ids, n);
	text_close(in);
	if (err < 0) {
		free(*ids);
		*ids = NULL;
		return err;
	}
	if (*n)
		*n = acks_unique(*ids, *n);
	return 0;
}
