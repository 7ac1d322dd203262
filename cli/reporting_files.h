/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reporting_files.h - what `weir report` writes besides what its options name in full: the JSON
 * beside the page, and logs. One thread.
 */
#ifndef CLI_REPORTING_FILES_H
#define CLI_REPORTING_FILES_H

#include <stdbool.h>

#include "cli/series.h"

/* The files of a report. All members but BESIDE are the caller's. */
struct reporting_files {
	char *const *inputs;
	int nr_inputs;
	const char *page;	     /* "-": standard output; NULL: there is no page */
	const char *fio_json;	     /* NULL: none */
	const char *prefix;	     /* of the logs; NULL: none */
	const struct series *series; /* what they are written from */
	bool has_runs;		     /* there is something that the JSON beside the page has */
	char *beside;		     /* the JSON beside the page, or NULL */
	bool beside_is_input;	     /* it stays as it is */
	bool beside_is_foreign;	     /* the same, because no `weir report` wrote it */
};

/*
 * Finds BESIDE and checks that all files are apart (apart.h). Returns 0 or an exit code after the
 * error was printed. reporting_files_free() in any case.
 */
int reporting_files_check(struct reporting_files *f);

void reporting_files_free(struct reporting_files *f);

#endif
