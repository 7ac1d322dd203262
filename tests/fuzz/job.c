/* SPDX-License-Identifier: Apache-2.0 */
/* job.c - reads any bytes as a job file of `weir sim`. */
#include <errno.h>

#include "fuzz.h"
#include "sim/jobs.h"
#include "text/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *in = text_open(fuzz_file(data, size));
	struct sim_jobs jobs;
	int err;

	FUZZ_CHECK(in);
	err = sim_jobs_read(&jobs, in, "job");
	text_close(in);
	fuzz_result(err);
	/* An accepted file can be run; a refused one has a message. */
	if (err)
		FUZZ_CHECK(err != -EINVAL || jobs.mistakes.count);
	else
		FUZZ_CHECK(jobs.count && jobs.count <= SIM_JOBS_MAX && !jobs.mistakes.count);
	for (size_t i = 0; !err && i < jobs.count; i++) {
		FUZZ_CHECK(jobs.job[i].numjobs && jobs.job[i].iodepth);
		for (int dir = 0; dir < SIM_DIRS; dir++)
			FUZZ_CHECK(jobs.job[i].bs[dir].min &&
				   jobs.job[i].bs[dir].min <= jobs.job[i].bs[dir].max);
	}
	sim_jobs_free(&jobs);
	return 0;
}
