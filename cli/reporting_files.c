/* SPDX-License-Identifier: Apache-2.0 */
/* reporting_files.c - the names of the files that `weir report` writes. See reporting_files.h. */
#include "cli/reporting_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/apart.h"
#include "cli/fiolog.h"
#include "cli/overlap.h"
#include "cli/report.h"

/* Sets the name of the JSON beside the page, if the page is a file that ends in .html. */
static int reporting_files_beside(struct reporting_files *f)
{
	const char *end = f->page ? strrchr(f->page, '.') : NULL;

	if (!end || strcmp(end, ".html"))
		return 0;
	if (asprintf(&f->beside, "%.*s.json", (int)(end - f->page), f->page) < 0) {
		f->beside = NULL;
		return report_error("out of memory");
	}
	for (int i = 0; i < f->nr_inputs; i++)
		f->beside_is_input |= overlap_paths(f->beside, f->inputs[i]);
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
