/* SPDX-License-Identifier: Apache-2.0 */
/* fio.c - runs the program fio. See fio.h. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "bench/child.h"
#include "bench/fio.h"

static int fio_write_jobs(const struct bench_child *c, const struct sim_jobs *jobs,
			  const char *path, bool direct)
{
	int fd = dup(c->in), err;
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");

	if (!out) {
		if (fd >= 0)
			close(fd);
		return error_sys(-errno, "the job file for fio");
	}
	err = bench_fio_write(out, jobs, path, direct);
	if (fclose(out) && !err)
		err = error_sys(-errno, "the job file for fio");
	if (!err && lseek(c->in, 0, SEEK_SET))
		err = error_sys(-errno, "the job file for fio");
	return err;
}

static int fio_read_results(const struct bench_child *c, struct bench_outcome *result,
			    const struct sim_jobs *jobs)
{
	size_t length;
	char *text = bench_child_text(c, &length);
	int err = text ? bench_fio_read(result, text, length, jobs)
		       : error_sys(-ENOMEM, "fio's results");

	free(text);
	return err;
}

int bench_fio_find(void)
{
	char name[] = "fio", version[] = "--version";
	char *const argv[] = { name, version, NULL };
	struct bench_child c;
	int err = bench_child_open(&c);

	if (!err)
		err = bench_child_run(&c, "fio", argv);
	bench_child_close(&c);
	return err;
}

int bench_fio_run(struct bench_outcome *result, const struct sim_jobs *jobs, const char *path,
		  bool direct)
{
	char name[] = "fio", format[] = "--output-format=json", standard_input[] = "-";
	char *const argv[] = { name, format, standard_input, NULL };
	struct bench_child c;
	int err = bench_child_open(&c);

	if (!err)
		err = fio_write_jobs(&c, jobs, path, direct);
	if (!err)
		err = bench_child_run(&c, "fio", argv);
	if (!err)
		err = fio_read_results(&c, result, jobs);
	bench_child_close(&c);
	return err;
}
