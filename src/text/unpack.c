/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpack.c - reads plain, gzip and zstd files in the same way. See unpack.h.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/error.h"
#include "text/unpack.h"

#define UNPACK_ROOM 65536u
#define GZIP_WINDOW (15 + 16) /* the largest window, with gzip's header */
#define ZSTD_WINDOW_LOG 27    /* 128 MiB: the limit of the command zstd by default */

enum unpack_kind { UNPACK_UNKNOWN, UNPACK_PLAIN, UNPACK_GZIP, UNPACK_ZSTD };

struct unpack {
	FILE *in;
	const char *name;
	enum unpack_kind kind;
	bool ended;  /* IN has no more bytes */
	bool inside; /* between the beginning and the end of packed data */
	size_t from, to;
	unsigned char raw[UNPACK_ROOM]; /* the raw bytes are those from FROM to TO */
	z_stream gzip;
	ZSTD_DCtx *zstd;
};

/* The first bytes of packed files. Parallel zstd begins a file with the last of these. */
static const struct {
	const char *bytes;
	size_t len;
	enum unpack_kind kind;
} magics[] = {
	{ "\x1f\x8b", 2, UNPACK_GZIP },
	{ "\x28\xb5\x2f\xfd", 4, UNPACK_ZSTD },
	{ "\x50\x2a\x4d\x18", 4, UNPACK_ZSTD },
};

int unpack_begin(struct unpack **u, FILE *in, const char *name)
{
	*u = calloc(1, sizeof(**u));
	if (!*u)
		return error_set(-ENOMEM, "%s: out of memory", name);
	(*u)->in = in;
	(*u)->name = name;
	return 0;
}

/* fread() is not used: it would wait for a whole buffer, and the writer may wait for an answer. */
static long unpack_read_raw(struct unpack *u, void *buf, size_t size)
{
	int fd = fileno(u->in);
	long n;

	errno = 0;
	if (fd >= 0) {
		do {
			n = read(fd, buf, size);
		} while (n < 0 && errno == EINTR);
	} else {
		n = (long)fread(buf, 1, size, u->in);
		n = ferror(u->in) ? -1 : n;
	}
	if (n < 0)
		return error_sys(errno ? -errno : -EIO, "%s", u->name);
	u->ended = n == 0;
	return n;
}

/* Reads more raw bytes. Returns 0 or -errno. */
static int unpack_fill(struct unpack *u)
{
	long n;

	if (u->from == u->to)
		u->from = u->to = 0;
	n = unpack_read_raw(u, u->raw + u->to, sizeof(u->raw) - u->to);
	if (n > 0)
		u->to += (size_t)n;
	return n < 0 ? (int)n : 0;
}

/* Tells the kind of the file from its first bytes; UNPACK_UNKNOWN while more bytes are needed. */
static enum unpack_kind unpack_look(const struct unpack *u)
{
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		size_t n = u->to < magics[i].len ? u->to : magics[i].len;

		if (!memcmp(u->raw, magics[i].bytes, n))
			return n == magics[i].len ? magics[i].kind
			       : u->ended	  ? UNPACK_PLAIN
						  : UNPACK_UNKNOWN;
	}
	return UNPACK_PLAIN;
}

static int unpack_find_kind(struct unpack *u)
{
	int err;

	if (u->kind)
		return 0;
	while (!u->kind) {
		err = unpack_fill(u);
		if (err)
			return err;
		u->kind = unpack_look(u);
	}
	if (u->kind == UNPACK_GZIP && inflateInit2(&u->gzip, GZIP_WINDOW) != Z_OK) {
		u->kind = UNPACK_PLAIN; /* there is nothing to free */
		return error_set(-ENOMEM, "%s: out of memory", u->name);
	}
	if (u->kind != UNPACK_ZSTD)
		return 0;
	u->zstd = ZSTD_createDCtx();
	if (!u->zstd)
		return error_set(-ENOMEM, "%s: out of memory", u->name);
	(void)ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
	return 0;
}

static long unpack_plain(struct unpack *u, void *buf, size_t size)
{
	size_t n = u->to - u->from < size ? u->to - u->from : size;

	if (!n)
		return unpack_read_raw(u, buf, size);
	memcpy(buf, u->raw + u->from, n);
	u->from += n;
	return (long)n;
}

/* Does one step of zlib. Returns the number of unpacked bytes, or -errno. */
static long unpack_gzip(struct unpack *u, void *buf, size_t size)
{
	size_t before = u->to - u->from;
	int err;

	/* A packed file may be followed by another one: both count as one file. */
	if (!u->inside && inflateReset(&u->gzip) != Z_OK)
		return error_set(-EIO, "%s: gzip: cannot begin", u->name);
	u->gzip.next_in = u->raw + u->from;
	u->gzip.avail_in = (uInt)before;
	u->gzip.next_out = buf;
	u->gzip.avail_out = (uInt)size;
	err = inflate(&u->gzip, Z_NO_FLUSH);
	u->from += before - u->gzip.avail_in;
	u->inside = err != Z_STREAM_END;
	if (err == Z_MEM_ERROR)
		return error_set(-ENOMEM, "%s: out of memory", u->name);
	if (err != Z_OK && err != Z_STREAM_END && err != Z_BUF_ERROR)
		return error_set(-EINVAL, "%s: gzip: the packed data is damaged (%s)", u->name,
				 u->gzip.msg ? u->gzip.msg : "no header");
	return (long)(size - u->gzip.avail_out);
}

/* Does one step of zstd; see unpack_gzip(). */
static long unpack_zstd(struct unpack *u, void *buf, size_t size)
{
	ZSTD_inBuffer in = { u->raw + u->from, u->to - u->from, 0 };
	ZSTD_outBuffer out = { buf, size, 0 };
	size_t err = ZSTD_decompressStream(u->zstd, &out, &in);

	u->from += in.pos;
	if (ZSTD_isError(err))
		return error_set(-EINVAL, "%s: zstd: %s%s", u->name, ZSTD_getErrorName(err),
				 strstr(ZSTD_getErrorName(err), "memory")
					 ? ": packed with a window above 128 MiB; unpack it first"
					 : "");
	u->inside = err != 0;
	return (long)out.pos;
}

long unpack_read(struct unpack *u, void *buf, size_t size)
{
	int err = unpack_find_kind(u);
	long n = 0;

	if (err)
		return err;
	if (u->kind == UNPACK_PLAIN)
		return unpack_plain(u, buf, size);
	while (!n) {
		if (u->from == u->to && !u->ended)
			err = unpack_fill(u);
		if (err)
			return err;
		if (u->from == u->to && u->ended && !u->inside)
			return 0;
		n = (u->kind == UNPACK_GZIP ? unpack_gzip : unpack_zstd)(u, buf, size);
		if (!n && u->from == u->to && u->ended && u->inside)
			return error_set(-EINVAL, "%s: the packed data ends in the middle",
					 u->name);
	}
	return n;
}

void unpack_end(struct unpack *u)
{
	if (u && u->kind == UNPACK_GZIP)
		(void)inflateEnd(&u->gzip);
	if (u)
		ZSTD_freeDCtx(u->zstd);
	free(u);
}
