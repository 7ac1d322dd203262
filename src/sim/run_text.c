/* SPDX-License-Identifier: Apache-2.0 */
/* run_text.c - makes jobs of texts with words in braces, and runs them. See run_text.h. */
#include "sim/run_text.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

#define TEXT_MAX 2048

/* Returns the number of the word that has LEN bytes at NAME. */
static double run_text_word(const char *name, size_t len, const struct sim_word *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(words[i].name) == len && !strncmp(words[i].name, name, len))
			return words[i].value >= 1 ? words[i].value : 1;
	return 1;
}

/* Writes JOBS to TEXT, with numbers for its words. */
static void run_text_expand(char text[TEXT_MAX], const char *jobs, const struct sim_word *words,
			    size_t n)
{
	size_t at = 0;

	while (*jobs && at + 32 < TEXT_MAX) {
		size_t len = strcspn(jobs + 1, "}");

		if (*jobs != '{') {
			text[at++] = *jobs++;
			continue;
		}
		at += (size_t)snprintf(text + at, TEXT_MAX - at, "%.0f",
				       run_text_word(jobs + 1, len, words, n));
		jobs += len + 2;
	}
	text[at] = '\0';
}

int sim_run_text(struct sim_result *result, const struct sim_run_opts *opts, const char *jobs,
		 const char *name, const struct sim_word *words, size_t n)
{
	struct sim_run_opts with = *opts;
	struct sim_jobs read = { .count = 0 };
	char text[TEXT_MAX];
	FILE *in;
	int err;

	run_text_expand(text, jobs, words, n);
	in = fmemopen(text, strlen(text), "r");
	err = in ? sim_jobs_read(&read, in, name) : error_sys(-ENOMEM, "%s", name);
	if (in)
		fclose(in);
	/* A real file may be small: a job must not end when it has been through it once. */
	for (size_t i = 0; !err && i < read.count; i++)
		read.job[i].time_based = 1;
	with.jobs = &read;
	if (!err)
		err = sim_run(result, &with);
	sim_jobs_free(&read);
	return err;
}
