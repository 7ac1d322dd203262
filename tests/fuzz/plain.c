/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plain.c - gives a fuzz target the files in folders, one after another, as a test. It works with
 * any compiler, and with inputs that once caused a failure. Prints TAP, one case for each file.
 */
#include <dirent.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fuzz.h"

#define PLAIN_MAX (1u << 20)

/* The names of folders and files are short: they are in this project. */
static void plain_path(char *path, size_t size, const char *folder, const char *name)
{
	int len = snprintf(path, size, "%s/%s", folder, name);

	if (len < 0 || (size_t)len >= size)
		errx(1, "%s/%s: too long a name", folder, name);
}

static void plain_run(const char *path)
{
	uint8_t *data = malloc(PLAIN_MAX), *exact;
	FILE *in = fopen(path, "rb");
	size_t size;

	if (!data || !in)
		err(1, "%s", path);
	size = fread(data, 1, PLAIN_MAX, in);
	if (ferror(in) || size == PLAIN_MAX)
		errx(1, "%s: cannot be read, or has more than %u bytes", path, PLAIN_MAX);
	fclose(in);
	/* Sanitizers then detect a read beyond the last byte. */
	exact = realloc(data, size ? size : 1);
	if (!exact)
		err(1, "%s", path);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

/* Runs the cases of a folder, numbered from NUMBER + 1. Returns the number of the last one. */
static int plain_folder(int tap, const char *folder, int number)
{
	struct dirent **names;
	int n = scandir(folder, &names, NULL, alphasort);
	char path[4096];

	if (n < 0)
		err(1, "%s", folder);
	for (int i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.') {
			plain_path(path, sizeof(path), folder, names[i]->d_name);
			dprintf(tap, "# %s\n", path);
			plain_run(path);
			dprintf(tap, "ok %d - %s\n", ++number, names[i]->d_name);
		}
		free(names[i]);
	}
	free(names);
	return number;
}

int main(int argc, char **argv)
{
	/* Not stdout, whose output the target discards. */
	int tap = dup(STDOUT_FILENO), number = 0;

	if (tap < 0)
		err(1, "standard output");
	for (int i = 1; i < argc; i++)
		number = plain_folder(tap, argv[i], number);
	dprintf(tap, "1..%d\n", number);
	if (!number)
		errx(1, "no file in the folders: give FOLDER...");
	return 0;
}
