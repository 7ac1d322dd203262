/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor.c - `weir doctor`: reports what will not work on this machine, or with a file or device,
 * and how to correct it.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/opening.h"
#include "cli/report.h"
#include "doctor/doctor.h"

struct doctor_args {
	uint64_t lanes, memory_bytes;
	unsigned json;
};

static const struct doctor_args doctor_defaults = { .lanes = 1 };

static const struct opt doctor_options[] = {
	{ .name = "memory",
	  .type = OPT_SIZE,
	  .offset = offsetof(struct doctor_args, memory_bytes),
	  .arg = "SIZE",
	  .help = "check if this much memory may be registered" },
	{ .name = "lanes",
	  .type = OPT_NUMBER,
	  .offset = offsetof(struct doctor_args, lanes),
	  .arg = "N",
	  .help = "the number of lanes (default 1); the kernel charges\n"
		  "each of them for all of the memory",
	  .min = 1,
	  .max = 4096 },
	JSON_OPTION(offsetof(struct doctor_args, json)),
	OPT_END,
};

static unsigned doctor_count(const struct doctor_report *r, enum doctor_verdict verdict)
{
	unsigned count = 0;

	for (size_t i = 0; i < r->count; i++)
		count += r->findings[i].verdict == verdict;
	return count;
}

/* Prints the last line, which says whether all is well. */
static void doctor_print_summary(const struct doctor_report *r)
{
	unsigned fails = doctor_count(r, DOCTOR_FAIL), warnings = doctor_count(r, DOCTOR_WARNING);
	unsigned notes = doctor_count(r, DOCTOR_NOTE);

	printf("\n%s: %u failed, %u warning%s, %u note%s\n",
	       fails ? "something will not work" : "this will work", fails, warnings,
	       warnings == 1 ? "" : "s", notes, notes == 1 ? "" : "s");
}

static void doctor_print(const struct doctor_report *r)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct doctor_finding *f = &r->findings[i];

		printf("%-8s %-12s %s\n", doctor_verdict_name(f->verdict), f->check, f->what);
		if (f->remedy[0])
			printf("%-21s -> %s\n", "", f->remedy);
	}
	doctor_print_summary(r);
}

static int doctor_print_json(const char *path, const struct doctor_report *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->count; i++) {
		const struct doctor_finding *f = &r->findings[i];

		json_t *remedy = report_text(f->remedy[0] ? f->remedy : NULL);

		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:o, s:o}", "check", f->check,
						"verdict", doctor_verdict_name(f->verdict), "what",
						report_text(f->what), "remedy", remedy));
	}
	return report_json(json_pack("{s:s, s:o, s:b, s:o}", "schema", "weir.doctor.v1", "path",
				     report_text(path), "works", doctor_worst(r) < DOCTOR_FAIL,
				     "checks", list),
			   0);
}

static int doctor_run(void *arg, char **operands, int n)
{
	const struct doctor_args *args = arg;
	struct doctor_opts opts = {
		.path = n ? operands[0] : NULL,
		.root = "",
		.lanes = args->lanes,
		.memory_bytes = args->memory_bytes,
	};
	struct doctor_report *r = malloc(sizeof(*r));
	int exit_code = REPORT_OK;

	if (!r)
		return report_error("out of memory");
	doctor_examine(r, &opts);
	if (args->json)
		exit_code = doctor_print_json(opts.path, r);
	else
		doctor_print(r);
	if (!exit_code && doctor_worst(r) == DOCTOR_FAIL)
		exit_code = REPORT_FAILED;
	free(r);
	return exit_code;
}

const struct command command_doctor = {
	.name = "doctor",
	.path = COMMAND_PATH,
	.operands = "[PATH]",
	.summary = "find what will not work here, and how to correct it",
	.text = "Checks this machine and, if PATH is given, that file or device. Prints a line "
		"for\n"
		"each check: ok, note (works, could work better), warning (works, but may cost "
		"data\n"
		"or much time) or fail (will not work). Below it stands what to do.\n"
		"Exits with 1 if a check failed. Reads the first block of PATH and writes "
		"nothing.\n"
		"Run it as the user, and in the container, that weir will run in.\n",
	.examples = "weir doctor\n"
		    "weir doctor /dev/ng0n1\n"
		    "weir doctor demo.img --memory 1g --lanes 4\n"
		    "weir doctor /dev/nvme0n1 --json\n",
	.options = doctor_options,
	.max_operands = 1,
	.args_size = sizeof(struct doctor_args),
	.defaults = &doctor_defaults,
	.run = doctor_run,
};
