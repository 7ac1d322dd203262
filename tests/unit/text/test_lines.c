/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_lines.c - texts from editors of all systems are read alike. What is no text is refused with
 * the number of the line, and memory stays bounded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <weir/base.h>

#include "base/prng.h"
#include "base/visible.h"
#include "text/text.h"

#define LINE_MAX_BYTES 1000

/* Reads the LEN bytes at BYTES. *ALL gets the lines with "|" after each. Returns the last
 * result. */
static int read_bytes(const void *bytes, size_t len, char *all, size_t room)
{
	FILE *in = fmemopen((void *)(uintptr_t)bytes, len, "r");
	struct text t;
	char *line;
	size_t n;
	int err;

	assert_non_null(in);
	*all = '\0';
	assert_int_equal(text_begin(&t, in, "a.txt", LINE_MAX_BYTES), 0);
	while ((err = text_line(&t, &line, &n)) > 0) {
		assert_int_equal(strlen(line), n);
		snprintf(all + strlen(all), room - strlen(all), "%s|", line);
	}
	if (err < 0)
		assert_int_equal(text_line(&t, &line, &n), err);
	text_end(&t);
	fclose(in);
	return err;
}

/* Returns how many lines the LEN bytes at BYTES have. */
static size_t count_lines(const char *bytes, size_t len)
{
	FILE *in = fmemopen((void *)(uintptr_t)bytes, len, "r");
	struct text t;
	char *line;
	size_t n;
	int err;

	assert_non_null(in);
	assert_int_equal(text_begin(&t, in, "a.txt", LINE_MAX_BYTES), 0);
	while ((err = text_line(&t, &line, &n)) > 0)
		continue;
	assert_int_equal(err, 0);
	n = (size_t)t.line;
	text_end(&t);
	fclose(in);
	return n;
}

static void reads_as(const char *bytes, size_t len, const char *lines)
{
	char all[256];

	assert_int_equal(read_bytes(bytes, len, all, sizeof(all)), 0);
	assert_string_equal(all, lines);
}

static void refused(const char *bytes, size_t len, const char *says)
{
	char all[256];

	assert_int_equal(read_bytes(bytes, len, all, sizeof(all)), -EINVAL);
	if (!strstr(weir_error(), says))
		fail_msg("\"%s\" does not say \"%s\"", weir_error(), says);
}

#define TEXT(s) s, sizeof(s) - 1

static void ends_of_lines(void **state)
{
	(void)state;
	reads_as(TEXT("a\nb\n"), "a|b|");
	reads_as(TEXT("a\r\nb\r\n"), "a|b|");
	reads_as(TEXT("a\nb"), "a|b|");
	reads_as(TEXT("a\n\n\r\nb\r"), "a|||b|");
	reads_as(TEXT("\n"), "|");
	reads_as(TEXT("a\rb\n"), "a\rb|");
}

static void byte_order_marks(void **state)
{
	(void)state;
	reads_as(TEXT("\xef\xbb\xbf"
		      "a\nb\n"),
		 "a|b|");
	reads_as(TEXT("\xef\xbb\xbf\r\n"), "|");
	reads_as(TEXT("\xef\xbb\xbf"), "");
	/* A byte order mark is skipped only at the beginning, and only if it is complete. */
	reads_as(TEXT("\xef\xbb"), "\xef\xbb|");
	reads_as(TEXT("a\n\xef\xbb\xbf"), "a|\xef\xbb\xbf|");
	refused(TEXT("\xff\xfe[\0a\0]\0"), "UTF-16");
	refused(TEXT("\xfe\xff\0["), "UTF-16");
}

static void no_text(void **state)
{
	static char lots[LINE_MAX_BYTES + 8];

	(void)state;
	refused(TEXT("a\nb\0c\n"), "a.txt:2: a zero byte in column 2");
	refused(TEXT("\0"), "a.txt:1: a zero byte");
	memset(lots, 'x', sizeof(lots));
	lots[0] = '\n';
	refused(lots, LINE_MAX_BYTES + 2, "a.txt:2: a line of more than 1000 B");
	lots[LINE_MAX_BYTES + 1] = '\n';
	assert_int_equal(read_bytes(lots, LINE_MAX_BYTES + 2, (char[4000]){ 0 }, 4000), 0);
}

static void endless_empty_lines(void **state)
{
	size_t most = 1000000, len = 2 * (most + 1);
	char *lines = malloc(len);

	(void)state;
	assert_non_null(lines);
	for (size_t i = 0; i < len; i++)
		lines[i] = (char)(i % 2 ? '\n' : " \t\r"[i / 2 % 3]);
	refused(lines, len, "a.txt:1000001: more than 1000000 empty lines in a row");
	/* A line that is not empty starts the count again. */
	lines[most] = 'x';
	assert_int_equal(count_lines(lines, len), most + 1);
	free(lines);
}

static void files_that_are_none(void **state)
{
	struct text t;
	char *line;
	size_t len;
	FILE *in;

	(void)state;
	assert_null(text_open("/"));
	assert_int_equal(errno, EISDIR);
	assert_null(text_open("/nowhere/at/all"));
	assert_int_equal(errno, ENOENT);
	in = text_open("/dev/zero");
	assert_non_null(in);
	assert_int_equal(text_begin(&t, in, "/dev/zero", 64 << 20), 0);
	assert_int_equal(text_line(&t, &line, &len), -EINVAL);
	assert_true(t.room < 1 << 20);
	text_end(&t);
	text_close(in);
}

/* Opening such a pipe in the usual way would wait for ever. */
static void pipe_without_a_writer(void **state)
{
	char folder[] = "weir-text-XXXXXX", path[64];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/pipe", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_null(text_open(path));
	assert_int_equal(errno, ETIMEDOUT);
	assert_non_null(strstr(weir_error(), "nobody"));
	unlink(path);
	rmdir(folder);
}

/* Two packed files one after another are one file, as for the commands gzip and zstd. */
static void packed(void **state)
{
	static const char plain[] = "first\r\nsecond\n";
	unsigned char out[512];
	z_stream z = { 0 };
	size_t len;

	(void)state;
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (unsigned char *)(uintptr_t)plain;
	z.avail_in = sizeof(plain) - 1;
	z.next_out = out;
	z.avail_out = sizeof(out) / 2;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	len = z.total_out;
	deflateEnd(&z);
	memcpy(out + len, out, len);
	reads_as((char *)out, len, "first|second|");
	reads_as((char *)out, 2 * len, "first|second|first|second|");
	refused((char *)out, len - 9, "ends in the middle");
	out[len / 2] ^= 0xff;
	assert_int_equal(read_bytes(out, len, (char[256]){ 0 }, 256), -EINVAL);
	len = ZSTD_compress(out, sizeof(out) / 2, plain, sizeof(plain) - 1, 3);
	memcpy(out + len, out, len);
	reads_as((char *)out, 2 * len, "first|second|first|second|");
	refused((char *)out, len - 1, "ends in the middle");
	refused((char *)out, 2 * len - 1, "ends in the middle");
	out[4] ^= 0x08; /* a reserved bit */
	refused((char *)out, len, "zstd: ");
}

/* Packed files that are read in many steps: unpacking continues where it stopped. */
static void packed_and_long(void **state)
{
	size_t len = 1u << 20, room = 2 * len, n;
	char *plain = malloc(len), *out = malloc(room);
	z_stream z = { 0 };

	(void)state;
	assert_non_null(plain);
	assert_non_null(out);
	/* These bytes hardly become fewer when packed, so that much must be read. */
	for (size_t i = 0; i < len; i++)
		plain[i] = (char)(i % 64 == 63 ? '\n' : (int)('A' + prng_mix(i) % 32));
	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (unsigned char *)plain;
	z.avail_in = (uInt)len;
	z.next_out = (unsigned char *)out;
	z.avail_out = (uInt)room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	n = z.total_out;
	deflateEnd(&z);
	assert_int_equal(count_lines(out, n), len / 64);
	n = ZSTD_compress(out, room, plain, len, 3);
	assert_int_equal(count_lines(out, n), len / 64);
	free(plain);
	free(out);
}

static void what_cannot_be_seen(void **state)
{
	char out[128];

	(void)state;
	assert_string_equal(visible(out, sizeof(out),
				    "a\xef\xbb\xbf"
				    "b\x1b[1m\t\n\x7f"),
			    "a\\ufeffb\\x1b[1m\\t\n\\x7f");
	assert_string_equal(visible(out, sizeof(out), "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"),
			    "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80");
	/* NOLINTNEXTLINE(misc-misleading-bidirectional): this test is about such characters. */
	assert_string_equal(visible(out, sizeof(out), "\xe2\x80\xae\xc2\xa0\xff\xc3"),
			    "\\u202e\\u00a0\\xff\\xc3");
	assert_string_equal(visible(out, 6, "abc\x01"), "abc");
	assert_string_equal(visible(out, sizeof(out), out), "abc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_of_lines),
		cmocka_unit_test(byte_order_marks),
		cmocka_unit_test(no_text),
		cmocka_unit_test(endless_empty_lines),
		cmocka_unit_test(files_that_are_none),
		cmocka_unit_test(pipe_without_a_writer),
		cmocka_unit_test(packed),
		cmocka_unit_test(packed_and_long),
		cmocka_unit_test(what_cannot_be_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
