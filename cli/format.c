/* SPDX-License-Identifier: Apache-2.0 */
/* format.c - `weir format`: makes an empty store and describes it. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <weir/device.h>
#include <weir/queue.h>
#include <weir/store.h>

#include "base/evict.h"
#include "base/parse.h"
#include "cli/budget.h"
#include "cli/command.h"
#include "cli/describe.h"
#include "cli/devices.h"
#include "cli/opening.h"
#include "cli/marks.h"
#include "cli/percent.h"
#include "cli/report.h"
#include "cli/placement.h"

struct format_args {
	uint64_t size, capacity, segment_bytes, block_bytes, max_value;
	const char *placement, *policy, *rewrite, *budget, *free_low, *free_high;
	unsigned force;
	unsigned json;
	struct tracing tracing;
};

static const struct opt format_options[] = {
	{ .name = "size",
	  .letter = 's',
	  .type = OPT_SIZE,
	  .offset = offsetof(struct format_args, size),
	  .arg = "SIZE",
	  .help = "create a file of this size if there is none",
	  .min = 1,
	  .max = INT64_MAX },
	{ .name = "capacity",
	  .type = OPT_SIZE,
	  .offset = offsetof(struct format_args, capacity),
	  .arg = "SIZE",
	  .help = "use only this much of the device (default: all)" },
	{ .name = "segment-bytes",
	  .type = OPT_SIZE,
	  .offset = offsetof(struct format_args, segment_bytes),
	  .arg = "SIZE",
	  .help = "the store writes and reclaims space in segments of\n"
		  "this size; a value fills at most half of one\n"
		  "(default: capacity / 256, 1 MiB to 1 GiB, less where\n"
		  "that leaves fewer than 64)" },
	{ .name = "max-value",
	  .type = OPT_SIZE,
	  .offset = offsetof(struct format_args, max_value),
	  .arg = "SIZE",
	  .help = "values of up to this must fit: the default segments\n"
		  "are 32 times as long where there is room, and at\n"
		  "least twice as long" },
	{ .name = "block-bytes",
	  .type = OPT_SIZE,
	  .offset = offsetof(struct format_args, block_bytes),
	  .arg = "SIZE",
	  .help = "values begin at multiples of this (default 4k)",
	  .min = 512,
	  .max = 65536 },
	PLACEMENT_OPTION(offsetof(struct format_args, placement),
			 "stream: give each stream an FDP placement id of its\n"
			 "own, and fit segments to the reclaim unit (default\n"
			 "none)"),
	{ .name = "policy",
	  .type = OPT_STRING,
	  .offset = offsetof(struct format_args, policy),
	  .arg = "NAME",
	  .help = "what stays when the store is full: clock (default) keeps\n"
		  "what was read since it was written, fifo nothing" },
	{ .name = "rewrite",
	  .type = OPT_STRING,
	  .offset = offsetof(struct format_args, rewrite),
	  .arg = "PERCENT",
	  .help = "clock writes at most this much of a segment again\n"
		  "when it is reclaimed (default 75%)" },
	{ .name = "free-low",
	  .type = OPT_STRING,
	  .offset = offsetof(struct format_args, free_low),
	  .arg = "PERCENT",
	  .help = "reclaim segments in the background when fewer than\n"
		  "these are free (default 1%); off: only when puts wait" },
	{ .name = "free-high",
	  .type = OPT_STRING,
	  .offset = offsetof(struct format_args, free_high),
	  .arg = "PERCENT",
	  .help = "... until these are free, as far as there is garbage\n"
		  "(default twice --free-low)" },
	{ .name = "write-budget",
	  .type = OPT_STRING,
	  .offset = offsetof(struct format_args, budget),
	  .arg = "BUDGET",
	  .help = "write at most so much a day: 500GiB, or drive writes as\n"
		  "1dwpd; see weir set (default: as much as comes)" },
	{ .name = "force",
	  .letter = 'f',
	  .type = OPT_FLAG,
	  .offset = offsetof(struct format_args, force),
	  .help = "overwrite the content, but never a device that is\n"
		  "mounted, used as swap or part of another device;\n"
		  "given twice, also allow fewer than 64 segments" },
	TRACING_OPTIONS(offsetof(struct format_args, tracing)),
	JSON_OPTION(offsetof(struct format_args, json)),
	OPT_END,
};

static int format_failed(const char *path, uint64_t size, int err)
{
	if (err == -EEXIST && !strstr(weir_error(), "--force"))
		return report_error("%s: is not empty: use --force to overwrite it", path);
	if (err == -ENOENT && !size && !strstr(weir_error(), "--size"))
		return report_error("%s: there is no such file: use --size to create it", path);
	return report_failed(path);
}

/* Opens the new store, which proves that this works, and prints its description. */
static int format_show(const char *path, int json)
{
	static const struct opening defaults;
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	struct weir_store *s = NULL;
	const char *note;
	char size[32], segment[32], value[32];
	int exit_code = opening_store(&s, path, &defaults, OPENING_READ_ONLY);

	if (exit_code)
		return exit_code;
	weir_store_get_info(s, &info);
	note = weir_device_note(weir_queue_device(weir_store_queue(s)));
	if (note)
		report_note("%s: %s", path, note);
	if (json) {
		exit_code = report_json(describe_store("weir.format.v1", path, &info), 0);
	} else {
		printf("%s: an empty store of %s: %" PRIu64 " segments of %s, values of up to %s\n",
		       path, format_size(info.capacity_bytes, size, sizeof(size)), info.segments,
		       format_size(info.segment_bytes, segment, sizeof(segment)),
		       format_size(info.max_value_bytes, value, sizeof(value)));
	}
	return opening_close(s, path, exit_code);
}

/*
 * Checks --size: it gives the size of a new file. For an existing file or device of another size
 * it is an error.
 */
static int format_check_size(const char *path, void *user)
{
	uint64_t size = *(const uint64_t *)user;
	char is[32], wish[32];
	struct stat st;

	if (stat(path, &st) < 0 || S_ISDIR(st.st_mode))
		return 0; /* what is wrong with a directory is not its size */
	if (S_ISREG(st.st_mode) && !st.st_size)
		return report_usage("%s is empty: remove it, and --size makes it", path);
	if (!size)
		return 0;
	/* The file was made in whole blocks of 4 KiB, so it may be larger than SIZE. */
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size >= size &&
	    (uint64_t)st.st_size - size < 4096)
		return 0;
	if (!S_ISREG(st.st_mode))
		return report_usage("--size: %s exists, and its size cannot be changed: leave "
				    "--size out, or use --capacity to use less of it",
				    path);
	return report_usage("--size: %s exists and has %s, not %s: leave --size out, or remove "
			    "the file",
			    path, format_size_word((uint64_t)st.st_size, is, sizeof(is)),
			    format_size_word(size, wish, sizeof(wish)));
}

/* Reads --policy and --rewrite. */
static int format_policy(const struct format_args *args, struct weir_store_format_opts *opts)
{
	if (args->policy && !strcmp(args->policy, "fifo"))
		opts->policy = WEIR_POLICY_FIFO;
	else if (args->policy && !strcmp(args->policy, "clock"))
		opts->policy = WEIR_POLICY_CLOCK;
	else if (args->policy)
		return report_usage("--policy: '%s' is neither clock nor fifo", args->policy);
	if (!args->rewrite)
		return 0;
	if (opts->policy == WEIR_POLICY_FIFO)
		return report_usage("--rewrite: fifo writes nothing again: leave it out, or use "
				    "--policy clock");
	return percent_parse("rewrite", args->rewrite, EVICT_REWRITE_MAX, &opts->rewrite_percent);
}

static int format_run(void *arg, char **operands, int n)
{
	const struct format_args *args = arg;
	struct weir_store_format_opts opts = WEIR_STORE_FORMAT_OPTS_INIT;
	uint64_t size = args->size;
	int err, exit_code;
	char *path;

	opts.create_bytes = args->size;
	opts.capacity_bytes = args->capacity;
	opts.segment_bytes = args->segment_bytes;
	opts.block_bytes = (uint32_t)args->block_bytes;
	opts.max_value_bytes = args->max_value;
	opts.force = args->force > 2 ? 2 : args->force;
	exit_code = tracing_check(&args->tracing);
	if (!exit_code)
		exit_code = placement_read(args->placement, &opts.placement);
	if (!exit_code)
		exit_code = format_policy(args, &opts);
	if (!exit_code)
		exit_code = marks_parse(args->free_low, args->free_high, &opts.free_low_percent,
					&opts.free_high_percent);
	if (!exit_code && args->budget)
		exit_code =
			budget_parse(args->budget, &opts.write_budget, &opts.write_budget_percent);
	if (exit_code)
		return exit_code;
	path = devices_join(operands, n);
	if (!path)
		return REPORT_USAGE;
	exit_code = devices_each(path, format_check_size, &size);
	if (!exit_code && tracing_begin(&args->tracing, &opts.trace))
		exit_code = report_error("%s", weir_error());
	if (!exit_code) {
		err = weir_store_format(path, &opts);
		exit_code = err < 0 ? format_failed(path, args->size, err)
				    : format_show(path, args->json != 0);
	}
	free(path);
	return tracing_end(exit_code);
}

const struct command command_format = {
	.name = "format",
	.path = COMMAND_PATH,
	.files = COMMAND_ALL_FILES,
	.operands = "PATH...",
	.summary = "make an empty store on a file or device",
	.text = "Makes an empty store on PATH, a file or a block device. A file that does not\n"
		"exist is created with --size, and its space is allocated. A file or device with\n"
		"content is refused unless --force is given: libblkid is asked for signatures,\n"
		"and the data are read; of more than 256 MiB both ends and 1024 places between\n"
		"them. A device that the system uses (a mounted filesystem, swap, a part of a\n"
		"device-mapper or RAID device) is always refused; weir doctor PATH shows who uses\n"
		"it.\n",
	.examples = "weir format demo.img --size 1g\n"
		    "weir format demo.img --size 64g --max-value 16m   # values of up to 16 MiB, "
		    "or more\n"
		    "weir format /dev/nvme0n1p3 --force\n"
		    "weir format /dev/nvme0n1 /dev/nvme1n1   # one store: weir stat "
		    "/dev/nvme0n1,/dev/nvme1n1\n"
		    "weir format /dev/ng0n1 --placement stream   # a drive with FDP\n"
		    "weir format /dev/nvme0n1 --write-budget 1dwpd   # wear it no faster\n",
	.options = format_options,
	.min_operands = 1,
	.max_operands = WEIR_DEVICES_MAX,
	.args_size = sizeof(struct format_args),
	.run = format_run,
};
