/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.c - splits input into lines. See text.h.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/parse.h"
#include "text/text.h"
#include "text/unpack.h"

#define TEXT_CHUNK 65536u
#define TEXT_BOM "\xef\xbb\xbf"
#define TEXT_BOM_LEN 3
#define TEXT_UTF16_LE "\xff\xfe"
#define TEXT_EMPTY_MAX 1000000u
#define TEXT_UTF16_BE "\xfe\xff"

int text_begin(struct text *t, FILE *in, const char *name, size_t line_max)
{
	*t = (struct text){ .name = name, .line_max = line_max };
	return unpack_begin(&t->unpack, in, name ? name : text_name("-"));
}

void text_end(struct text *t)
{
	unpack_end(t->unpack);
	free(t->buf);
	*t = (struct text){ 0 };
}

int text_error(const struct text *t, int err, const char *fmt, ...)
{
	char words[384];
	va_list args;

	va_start(args, fmt);
	vsnprintf(words, sizeof(words), fmt, args);
	va_end(args);
	if (!t->name)
		return error_set(err, "line %" PRIu64 ": %s", t->line, words);
	return error_set(err, "%s:%" PRIu64 ": %s", t->name, t->line, words);
}

/* Makes room for one more chunk behind the bytes in the buffer. */
static int text_grow(struct text *t)
{
	char *buf;

	if (t->buf && t->from) {
		memmove(t->buf, t->buf + t->from, t->to - t->from);
		t->to -= t->from;
		t->from = 0;
	}
	if (t->buf && t->room - t->to > TEXT_CHUNK)
		return 0;
	/* One byte is kept free for the NUL behind a last line. */
	t->room = 2 * t->to + TEXT_CHUNK + 1;
	buf = realloc(t->buf, t->room);
	if (!buf)
		return error_set(-ENOMEM, "out of memory for a line");
	t->buf = buf;
	return 0;
}

/* Reads more bytes. Returns 0, also at the end of the input, or -errno. */
static int text_fill(struct text *t)
{
	int err = text_grow(t);
	long n;

	if (err)
		return err;
	n = unpack_read(t->unpack, t->buf + t->to, TEXT_CHUNK);
	if (n < 0)
		return (int)n;
	t->to += (size_t)n;
	t->ended = n == 0;
	return 0;
}

/* Returns true if more bytes are needed to tell whether a byte order mark begins here. */
static bool text_may_be_bom(const struct text *t)
{
	if (!t->buf || t->ended || t->to >= TEXT_BOM_LEN)
		return false;
	if (t->to == 1 && (!memcmp(t->buf, TEXT_UTF16_LE, 1) || !memcmp(t->buf, TEXT_UTF16_BE, 1)))
		return true;
	return !memcmp(t->buf, TEXT_BOM, t->to);
}

/* Skips a byte order mark. UTF-16 is refused, because no reader understands it. */
static int text_skip_bom(struct text *t)
{
	int err;

	do {
		err = text_fill(t);
		if (err)
			return err;
	} while (text_may_be_bom(t));
	if (!t->buf)
		return 0;
	if (t->to >= 2 && (!memcmp(t->buf, TEXT_UTF16_LE, 2) || !memcmp(t->buf, TEXT_UTF16_BE, 2)))
		return error_set(-EINVAL, "%s: this is UTF-16: save it as UTF-8",
				 t->name ? t->name : text_name("-"));
	if (t->to >= TEXT_BOM_LEN && !memcmp(t->buf, TEXT_BOM, TEXT_BOM_LEN))
		t->from = TEXT_BOM_LEN;
	return 0;
}

/* Finds the end of the next line, and reads on until there is one. *LEN becomes the length of the
 * line. */
static int text_find_end(struct text *t, size_t *len)
{
	size_t seen = 0;
	char *end = NULL;
	int err = t->buf ? 0 : text_fill(t);

	while (!err && t->buf) {
		end = memchr(t->buf + t->from + seen, '\n', t->to - t->from - seen);
		seen = t->to - t->from;
		*len = end ? (size_t)(end - t->buf) - t->from : seen;
		/* After a zero byte the rest is not worth reading. */
		if (end || t->ended || *len > t->line_max || memchr(t->buf + t->from, '\0', *len))
			break;
		err = text_fill(t);
	}
	if (err)
		return err;
	t->cut_off = !end;
	return 0;
}

static int text_check(const struct text *t, const char *line, size_t len)
{
	const char *zero = memchr(line, '\0', len);
	char most[32];

	if (zero)
		return text_error(t, -EINVAL, "a zero byte in column %zu: this is not text",
				  (size_t)(zero - line) + 1);
	if (len > t->line_max)
		return text_error(t, -EINVAL, "a line of more than %s: this is not such a file",
				  format_size(t->line_max, most, sizeof(most)));
	return 0;
}

/* Refuses too many empty lines: a reader that skips them would read an endless stream for ever. */
static int text_check_empty(struct text *t, const char *line, size_t len)
{
	t->empty = strspn(line, " \t\r") == len ? t->empty + 1 : 0;
	if (t->empty > TEXT_EMPTY_MAX)
		return text_error(t, -EINVAL,
				  "more than %u empty lines in a row: this is not such a file",
				  TEXT_EMPTY_MAX);
	return 0;
}

static int text_next(struct text *t, char **line, size_t *len)
{
	int err = 0;

	if (!t->buf)
		err = text_skip_bom(t);
	if (!err)
		err = text_find_end(t, len);
	if (err || !t->buf)
		return err;
	if (t->cut_off && !*len)
		return 0;
	t->line++;
	*line = t->buf + t->from;
	err = text_check(t, *line, *len);
	if (err)
		return err;
	t->from += *len + !t->cut_off;
	if (*len && (*line)[*len - 1] == '\r')
		--*len;
	(*line)[*len] = '\0';
	err = text_check_empty(t, *line, *len);
	return err ? err : 1;
}

int text_line(struct text *t, char **line, size_t *len)
{
	int ret;

	if (t->err)
		return t->err;
	ret = text_next(t, line, len);
	if (ret < 0)
		t->err = ret;
	return ret;
}
