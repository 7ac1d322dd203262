/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scrub.c - `weir scrub`: opens a store, reads every value once, and drops what does not verify.
 */
#include <inttypes.h>

#include <weir/scrub.h>

#include "base/parse.h"
#include "cli/command.h"
#include "cli/meter.h"
#include "cli/opening.h"
#include "cli/report.h"

struct scrub_args {
	struct opening store;
	uint64_t rate;
	unsigned json;
};

static const struct opt scrub_options[] = {
	{ .name = "rate",
	  .letter = 'r',
	  .type = OPT_SIZE,
	  .offset = offsetof(struct scrub_args, rate),
	  .arg = "SIZE",
	  .help = "read at most so many bytes a second, as 100MiB\n(default: as fast as it goes)",
	  .min = 4096,
	  .max = 1ull << 50 },
	OPENING_OPTIONS(offsetof(struct scrub_args, store)),
	JSON_OPTION(offsetof(struct scrub_args, json)),
	OPT_END,
};

static void scrub_progress(void *user, uint64_t done, uint64_t total)
{
	meter_show(user, done, total);
}

static int scrub_print(const char *path, const struct scrub_args *args,
		       const struct weir_scrub_result *r)
{
	char bytes[32];

	if (args->json)
		return report_json(json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "schema",
					     "weir.scrub.v1", "path", report_text(path), "values",
					     (json_int_t)r->values, "bytes", (json_int_t)r->bytes,
					     "damaged", (json_int_t)r->damaged, "dropped",
					     (json_int_t)r->dropped, "read_errors",
					     (json_int_t)r->read_errors, "hidden",
					     (json_int_t)r->hidden),
				   0);
	printf("%s: %" PRIu64 " values of %s were read; %" PRIu64 " were damaged, %" PRIu64
	       " dropped, %" PRIu64 " could not be read\n",
	       path, r->values, format_size(r->bytes, bytes, sizeof(bytes)), r->damaged, r->dropped,
	       r->read_errors);
	if (r->hidden)
		printf("%s: %" PRIu64 " values were not read, because damage hides their keys; "
		       "weir fsck names the places\n",
		       path, r->hidden);
	return REPORT_OK;
}

static int scrub_run(void *arg, char **operands, int n)
{
	const struct scrub_args *args = arg;
	struct weir_scrub_opts opts = WEIR_SCRUB_OPTS_INIT;
	struct weir_scrub_result result = WEIR_SCRUB_RESULT_INIT;
	struct weir_store *s = NULL;
	struct meter meter;
	int err, exit_code = opening_store(&s, operands[0], &args->store, 0);

	(void)n;
	if (exit_code)
		return exit_code;
	meter_begin(&meter, "scrub");
	opts.bytes_per_second = args->rate;
	opts.progress = scrub_progress;
	opts.user = &meter;
	err = weir_store_scrub(s, &opts, &result);
	meter_clear(&meter);
	if (err < 0)
		exit_code = report_failed(operands[0]);
	else
		exit_code = scrub_print(operands[0], args, &result);
	if (!exit_code && (result.damaged || result.read_errors || result.hidden))
		exit_code = REPORT_FAILED;
	return opening_close(s, operands[0], exit_code);
}

const struct command command_scrub = {
	.name = "scrub",
	.path = COMMAND_STORE,
	.operands = "PATH",
	.summary = "read every value of a store, and drop what is damaged",
	.text = "Opens the store on PATH, reads each value once at low priority, and verifies its\n"
		"checksum. A key whose value is damaged is deleted, so that no older value comes\n"
		"back; a value that cannot be read stays. A program that has a store open scrubs "
		"it\n"
		"by weir_store_scrub() or opts.scrub_bytes_per_second. The exit code is 1 if\n"
		"something was damaged or could not be read.\n",
	.examples = "weir scrub demo.img\n"
		    "weir scrub demo.img --rate 100MiB\n",
	.options = scrub_options,
	.min_operands = 1,
	.max_operands = 1,
	.args_size = sizeof(struct scrub_args),
	.run = scrub_run,
};
