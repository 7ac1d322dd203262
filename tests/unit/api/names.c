/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.c - reads names from the sources. One thread.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "names.h"

#define PATH_BYTES 4096

/* The folder of the sources: the test's environment says it; by hand, run it in the build folder.
 */
static const char *names_root(void)
{
	const char *root = getenv("WEIR_SOURCE_ROOT");

	return root ? root : "..";
}

static void names_add(struct names *names, const char *name)
{
	assert_true(names->n < NAMES_MAX);
	snprintf(names->name[names->n++], NAME_BYTES, "%s", name);
}

static void names_read(struct names *names, const char *path, const char *format)
{
	FILE *file = fopen(path, "r");
	char line[512], name[NAME_BYTES];

	if (!file)
		fail_msg("%s: cannot be read", path);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, format, name) == 1)
			names_add(names, name);
	fclose(file);
}

void names_of_headers(struct names *names)
{
	char pattern[PATH_BYTES];
	glob_t found;

	names->n = 0;
	snprintf(pattern, sizeof(pattern), "%s/include/weir/*.h", names_root());
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++)
		names_read(names, found.gl_pathv[i], "int %63[a-z0-9_](");
	globfree(&found);
}

void names_of_map(struct names *names)
{
	char path[PATH_BYTES];

	names->n = 0;
	snprintf(path, sizeof(path), "%s/libweir.map", names_root());
	names_read(names, path, " weir_%63[a-z0-9_];");
	for (size_t i = 0; i < names->n; i++) {
		char full[2 * NAME_BYTES];

		snprintf(full, sizeof(full), "weir_%s", names->name[i]);
		snprintf(names->name[i], NAME_BYTES, "%.63s", full);
	}
}

bool names_have(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->name[i], name))
			return true;
	return false;
}
