/* SPDX-License-Identifier: Apache-2.0 */
/* reporting_files.c - the names of the files that `weir report` writes. See reporting_files.h. */
#include "cli/reporting_files.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/apart.h"
#include "cli/fiolog.h"
#include "cli/overlap.h"
#include "cli/report.h"

/*
 * Says whether PATH is a file with what `weir report` writes beside a page: an array of results of
 * weir. Nobody has named that file, so any other one may be all that somebody has of it.
 */
static bool reporting_files_is_own(const char *path)
{
	json_t *root = json_load_file(path, 0, NULL), *run;
	bool own = json_is_array(root);
	size_t i;

	json_array_foreach(root, i, run) {
		const char *schema = json_string_value(json_object_get(run, "schema"));

		own &= schema && !strncmp(schema, "weir.", strlen("weir."));
	}
	json_decref(root);
	return own;
}

/* Finds out whether the file beside the page has to stay as it is. */
static void reporting_files_look(struct reporting_files *f)
{
	struct stat st;

	for (int i = 0; i < f->nr_inputs; i++)
		f->beside_is_input |= overlap_paths(f->beside, f->inputs[i]);
	f->beside_is_foreign = !f->beside_is_input && !stat(f->beside, &st) &&
			       (!S_ISREG(st.st_mode) || !reporting_files_is_own(f->beside));
}

/*
 * Sets the name of the JSON beside the page, if the page is a file that ends in .html and there
 * are runs: plots over time alone have no JSON.
 */
static int reporting_files_beside(struct reporting_files *f)
{
	const char *end = f->page ? strrchr(f->page, '.') : NULL;

	if (!end || strcmp(end, ".html") || !f->has_runs)
		return 0;
	if (asprintf(&f->beside, "%.*s.json", (int)(end - f->page), f->page) < 0) {
		f->beside = NULL;
		return report_error("out of memory");
	}
	reporting_files_look(f);
	return 0;
}

/* Checks FILES, of which the last N are logs without names yet. */
static int reporting_files_apart(const struct reporting_files *f, struct apart_file *files,
				 size_t first, size_t n)
{
	int exit_code = 0;

	for (size_t i = 0; i < n; i++) {
		char *path = fiolog_path(f->prefix, i);

		files[first + i] = (struct apart_file){ "the log", path, OPT_WRITES_MORE };
		if (!path)
			exit_code = report_error("out of memory");
	}
	if (!exit_code)
		exit_code = apart_check(files, first + n);
	for (size_t i = 0; i < n; i++)
		free((char *)(uintptr_t)files[first + i].path);
	return exit_code;
}

int reporting_files_check(struct reporting_files *f)
{
	size_t logs = f->prefix ? fiolog_files(f->series) : 0, n = 0;
	struct apart_file *files = calloc((size_t)f->nr_inputs + 3 + logs, sizeof(*files));
	int exit_code;

	if (!files)
		return report_error("out of memory");
	exit_code = reporting_files_beside(f);
	for (int i = 0; !exit_code && i < f->nr_inputs; i++)
		files[n++] = (struct apart_file){ "", f->inputs[i], OPT_READS };
	if (!exit_code) {
		files[n++] = (struct apart_file){ "--output", f->page, OPT_WRITES };
		files[n++] = (struct apart_file){ "--fio-json", f->fio_json, OPT_WRITES };
		files[n++] =
			(struct apart_file){ "the JSON beside the page",
					     f->beside_is_input ? NULL : f->beside, OPT_WRITES };
		exit_code = reporting_files_apart(f, files, n, logs);
	}
	free(files);
	return exit_code;
}

void reporting_files_free(struct reporting_files *f)
{
	free(f->beside);
	f->beside = NULL;
}
