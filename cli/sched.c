/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched.c - `weir sched`: prints the schedulers that a queue on this device can have, which one is
 * the default, and what can be set. Each takes one line.
 */
#include <inttypes.h>
#include <string.h>

#include <weir/queue.h>

#include "cli/command.h"
#include "cli/opening.h"
#include "cli/report.h"
#include "cli/table.h"

struct sched_args {
	const char *sched; /* name of the scheduler; NULL: all */
	uint64_t lanes;
	unsigned json;
};

static const struct opt sched_options[] = {
	{ .name = "sched",
	  .type = OPT_STRING,
	  .offset = offsetof(struct sched_args, sched),
	  .arg = "NAME",
	  .help = "show only the tunables of this scheduler" },
	{ .name = "lanes",
	  .type = OPT_NUMBER,
	  .offset = offsetof(struct sched_args, lanes),
	  .arg = "N",
	  .min = 1,
	  .max = 1024,
	  .help = "for a queue with N lanes (default 1), which has\n"
		  "another default scheduler" },
	JSON_OPTION(offsetof(struct sched_args, json)),
	OPT_END,
};

/* Formats the range of A: "0..2", or "4 and up" if there is practically no upper limit. */
static const char *sched_range(const struct weir_attr *a, char *buf, size_t size)
{
	if (a->max >= INT32_MAX && a->min > INT32_MIN)
		snprintf(buf, size, "%" PRId64 " and up", a->min);
	else if (a->max >= INT32_MAX)
		snprintf(buf, size, "any");
	else
		snprintf(buf, size, "%" PRId64 "..%" PRId64, a->min, a->max);
	return buf;
}

/*
 * Adds the attributes of Q that are tunables of its scheduler, or, without TUNABLES, the other
 * ones.
 */
static void sched_rows(struct weir_queue *q, struct table *t, int tunables)
{
	char range[64], def[32], value[32];
	struct weir_attr a = WEIR_ATTR_INIT;

	for (size_t i = 0; !weir_queue_get_attr(q, i, &a); i++) {
		if (!(a.flags & WEIR_ATTR_IOSCHED) == !!tunables)
			continue;
		snprintf(def, sizeof(def), "%" PRId64, a.def);
		if (weir_queue_get(q, a.name, value, sizeof(value)))
			continue;
		if (a.flags & WEIR_ATTR_READ_ONLY)
			table_row(t, a.name, value, a.unit, "only shown", a.summary);
		else
			table_row(t, a.name, def, a.unit, sched_range(&a, range, sizeof(range)),
				  a.summary);
	}
}

static int sched_print_rows(struct weir_queue *q, int tunables)
{
	struct table t = { .columns = "lrlll", .wrap = TABLE_WRAP };
	int err;

	table_row(&t, "NAME", "DEFAULT", "UNIT", "RANGE", "WHAT IT MOVES");
	sched_rows(q, &t, tunables);
	err = t.count > 5 ? table_print(&t, 2, stdout) : 0;
	table_free(&t);
	return err;
}

/*
 * Switches the scheduler of Q. No other thread owns a lane of Q, so the switch is complete on
 * return.
 */
static int sched_switch(struct weir_queue *q, const char *name, const char *path)
{
	return weir_queue_set(q, "scheduler", name) ? report_failed(path) : 0;
}

static int sched_print(struct weir_queue *q, const struct sched_args *args, const char *path)
{
	char list[512];
	size_t n;
	const struct weir_named *table = weir_schedulers(&n);
	int exit_code = 0;

	if (weir_queue_get(q, "scheduler", list, sizeof(list)))
		return report_failed(path);
	printf("%s\n\nqueue\n", list);
	if (sched_print_rows(q, 0))
		return report_error("out of memory");
	for (size_t i = 0; i < n && !exit_code; i++) {
		if (args->sched && strcmp(args->sched, table[i].name) != 0)
			continue;
		exit_code = sched_switch(q, table[i].name, path);
		printf("\n%s: %s\n", table[i].name, table[i].summary);
		if (!exit_code && sched_print_rows(q, 1))
			exit_code = report_error("out of memory");
	}
	return exit_code;
}

static json_t *sched_json_attrs(struct weir_queue *q, int tunables)
{
	json_t *list = json_array();
	struct weir_attr a = WEIR_ATTR_INIT;
	char value[32];

	for (size_t i = 0; !weir_queue_get_attr(q, i, &a); i++) {
		if (!(a.flags & WEIR_ATTR_IOSCHED) == !!tunables ||
		    weir_queue_get(q, a.name, value, sizeof(value)))
			continue;
		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:b, s:s}", "name", a.name,
				  "unit", a.unit, "value", value, "min", (json_int_t)a.min, "max",
				  (json_int_t)a.max, "default", (json_int_t)a.def, "settable",
				  !(a.flags & WEIR_ATTR_READ_ONLY), "summary", a.summary));
	}
	return list;
}

static int sched_print_json(struct weir_queue *q, const struct sched_args *args, const char *path)
{
	struct weir_queue_info info = WEIR_QUEUE_INFO_INIT;
	json_t *attributes = sched_json_attrs(q, 0), *list = json_array();
	size_t n;
	const struct weir_named *table = weir_schedulers(&n);
	const char *used;

	if (weir_queue_get_info(q, &info))
		return report_failed(path);
	used = info.scheduler;
	for (size_t i = 0; i < n; i++) {
		if (args->sched && strcmp(args->sched, table[i].name) != 0)
			continue;
		if (sched_switch(q, table[i].name, path))
			return REPORT_FAILED;
		json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "name", table[i].name,
						      "summary", table[i].summary, "tunables",
						      sched_json_attrs(q, 1)));
	}
	return report_json(json_pack("{s:s, s:o, s:s, s:o, s:o}", "schema", "weir.sched.v1", "path",
				     report_text(path), "default", used, "attributes", attributes,
				     "schedulers", list),
			   0);
}

/* Says why PATH cannot be opened; it may have been meant as the name of a scheduler. */
static int sched_no_device(const char *path)
{
	size_t n;
	const struct weir_named *table = weir_schedulers(&n);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(table[i].name, path))
			return report_error("%s; what can be set of the scheduler: weir sched "
					    "--sched %s",
					    weir_error(), path);
	return report_failed(path);
}

static int sched_run(void *arg, char **operands, int n)
{
	const struct sched_args *args = arg;
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	struct weir_device_opts device = WEIR_DEVICE_OPTS_INIT;
	const char *path = n ? operands[0] : "null";
	struct weir_device *dev = NULL;
	struct weir_queue *q = NULL;
	int exit_code = opening_check(&(struct opening){ .scheduler = args->sched });

	if (exit_code)
		return exit_code;
	device.flags = WEIR_DEVICE_READ_ONLY;
	opts.lanes = (uint32_t)args->lanes;
	if (weir_device_open(&dev, path, &device) < 0)
		return sched_no_device(path);
	if (weir_queue_open(&q, dev, &opts) < 0)
		exit_code = report_failed(path);
	else
		exit_code =
			args->json ? sched_print_json(q, args, path) : sched_print(q, args, path);
	weir_queue_close(q);
	weir_device_close(dev);
	return exit_code;
}

const struct command command_sched = {
	.name = "sched",
	.path = COMMAND_PATH,
	.operands = "[PATH]",
	.summary = "list the schedulers, and what can be set",
	.text = "Lists the schedulers in one line, as sysfs does; the one in brackets is the "
		"default\n"
		"of a queue on PATH (without PATH: on the null device). Then describes, in one "
		"line\n"
		"each, the attributes of the queue and the tunables of each scheduler. Names and\n"
		"units are those of sysfs; what counts bytes or time also takes a size or a time\n"
		"(8MiB, 2ms) where it is set. Changes nothing.\n",
	.examples = "weir sched\n"
		    "weir sched /dev/nvme0n1 --sched mq-deadline\n"
		    "weir sched demo.img --json\n",
	.options = sched_options,
	.max_operands = 1,
	.args_size = sizeof(struct sched_args),
	.run = sched_run,
};
