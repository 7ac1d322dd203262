/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hello_store.c - the shortest program with a store: it makes one, puts a value and gets it back.
 *
 * A store lives on a file or a block device. This program makes the file hello.img in the current
 * folder; a second run replaces what the first one left there (force).
 *
 * Prints
 *     greeting: hello, world
 *     nobody: No such file or directory
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <weir/weir.h>

static const char path[] = "hello.img";

static void make_store(void)
{
	struct weir_store_format_opts opts = WEIR_STORE_FORMAT_OPTS_INIT;

	opts.create_bytes = 128 << 20;
	opts.force = 1;
	if (weir_store_format(path, &opts) < 0)
		errx(1, "%s", weir_error());
}

static void use_store(void)
{
	static const char value[] = "hello, world";
	char buf[100];

	/* [README: store] */
	struct weir_store *s;
	size_t len;

	if (weir_store_open(&s, path, NULL) < 0) /* NULL: the default options */
		errx(1, "%s", weir_error());	 /* the last error of this thread, in words */
	if (weir_store_put(s, "greeting", 8, value, strlen(value), WEIR_PUT_DURABLE) < 0)
		errx(1, "%s", weir_error());
	if (weir_store_get(s, "greeting", 8, buf, sizeof(buf), &len) < 0)
		errx(1, "%s", weir_error()); /* a miss, or damage; never other bytes */
	printf("greeting: %.*s\n", (int)len, buf);
	/* [end] */

	/* A miss is no failure of the store, so a program looks for it first. */
	if (weir_store_get(s, "nobody", 6, buf, sizeof(buf), &len) == -ENOENT)
		printf("nobody: %s\n", strerror(ENOENT));

	/* Closing writes what is still open. Its result says whether that worked. */
	if (weir_store_close(s) < 0)
		errx(1, "%s", weir_error());
}

int main(void)
{
	make_store();
	use_store();
	return 0;
}
