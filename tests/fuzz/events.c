/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.c - reads any bytes as the events of `weir step`, for one scheduler after another. The
 * length of the input decides on merging, the kind of drive, and the form of the output.
 */
#include "cli/step.h"
#include "fuzz.h"
#include "text/text.h"

static const char *const schedulers[] = { "none", "mq-deadline", "kyber", "bfq",
					  "noop", "deadline",	 "cfq",	  "pace" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = fuzz_file(data, size);

	for (size_t i = 0; i < sizeof(schedulers) / sizeof(schedulers[0]); i++) {
		struct step_opts opts = {
			.sched = schedulers[i],
			.merging = (enum sched_merging)(size % 3),
			.rotational = size / 3 % 2,
			.json = size / 6 % 2,
		};
		FILE *in = text_open(path);
		struct step step;

		FUZZ_CHECK(in);
		FUZZ_CHECK(!step_open(&step, &opts));
		fuzz_result(step_read(&step, in));
		step_close(&step);
		text_close(in);
	}
	return 0;
}
