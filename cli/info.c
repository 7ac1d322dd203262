/* SPDX-License-Identifier: Apache-2.0 */
/*
 * info.c - `weir info`: shows the properties of a file or device, where each value was found, and
 * which engines can drive it.
 */
#include <inttypes.h>
#include <string.h>

#include <weir/device.h>
#include <weir/engine.h>

#include "base/parse.h"
#include "cli/command.h"
#include "cli/describe.h"
#include "cli/opening.h"
#include "cli/report.h"
#include "cli/table.h"

struct info_args {
	unsigned json;
};

static const struct opt info_options[] = {
	JSON_OPTION(offsetof(struct info_args, json)),
	OPT_END,
};

/* The result of probing the device with one engine. */
struct info_engine {
	const char *name, *summary;
	int works;
	int chosen; /* "auto" takes this engine */
	char why[256];
};

#define INFO_ENGINES_MAX 16

/* Probes the engines, best first: the first one that works is the one that "auto" takes. */
static size_t info_probe(struct weir_device *dev, struct info_engine *engines)
{
	size_t n, chosen = 0;
	const struct weir_named *table = weir_engines(&n);

	if (n > INFO_ENGINES_MAX)
		n = INFO_ENGINES_MAX;
	for (size_t i = 0; i < n; i++) {
		struct info_engine *e = &engines[i];

		memset(e, 0, sizeof(*e));
		e->name = table[i].name;
		e->summary = table[i].summary;
		e->works = !weir_engine_probe(e->name, dev, e->why, sizeof(e->why));
		e->chosen = e->works && !chosen++;
	}
	return n;
}

static const char *info_value(const struct weir_device_attr *a, char *buf, size_t size)
{
	char words[48];

	if (a->unit == WEIR_UNIT_BOOL)
		return a->value ? "yes" : "no";
	if (a->unit == WEIR_UNIT_BYTES && a->value >= 1024)
		snprintf(buf, size, "%" PRIu64 " (%s)", a->value,
			 format_size(a->value, words, sizeof(words)));
	else
		snprintf(buf, size, "%" PRIu64, a->value);
	return buf;
}

static int info_print_attrs(const struct weir_device *dev)
{
	struct table t = { .columns = "lll", .wrap = TABLE_WRAP };
	const struct weir_device_attr *attrs;
	char buf[96];
	size_t n;
	int err;

	attrs = weir_device_attrs(dev, &n);
	table_row(&t, "NAME", "VALUE", "SOURCE");
	for (size_t i = 0; i < n; i++)
		table_row(&t, attrs[i].name, info_value(&attrs[i], buf, sizeof(buf)),
			  attrs[i].source);
	err = table_print(&t, 0, stdout);
	table_free(&t);
	return err;
}

static int info_print_engines(const struct info_engine *engines, size_t n)
{
	struct table t = { .columns = "lll", .wrap = TABLE_WRAP };
	int err;

	table_row(&t, "ENGINE", "WORKS", "WHY");
	for (size_t i = 0; i < n; i++)
		table_row(&t, engines[i].name,
			  engines[i].chosen  ? "yes, auto"
			  : engines[i].works ? "yes"
					     : "no",
			  engines[i].why);
	err = table_print(&t, 0, stdout);
	table_free(&t);
	return err;
}

static int info_print(const char *path, struct weir_device *dev)
{
	const struct weir_device_info *info = weir_device_get_info(dev);
	const char *note = weir_device_note(dev);
	struct info_engine engines[INFO_ENGINES_MAX];
	char size[32];
	size_t n = info_probe(dev, engines);

	printf("%s: %s of %s, %s I/O\n", path, describe_kind(info->kind),
	       format_size(info->capacity_bytes, size, sizeof(size)),
	       info->direct ? "direct" : "buffered");
	if (note)
		printf("%s\n", note);
	printf("\n");
	if (info_print_attrs(dev) < 0)
		return report_error("out of memory");
	printf("\n");
	return info_print_engines(engines, n) < 0 ? report_error("out of memory") : 0;
}

static json_t *info_json_attrs(const struct weir_device *dev)
{
	static const char *const units[] = { "", "bytes", "bool", "count" };
	const struct weir_device_attr *attrs;
	json_t *list = json_array();
	size_t n;

	attrs = weir_device_attrs(dev, &n);
	for (size_t i = 0; i < n; i++) {
		const struct weir_device_attr *a = &attrs[i];
		json_t *value = a->unit == WEIR_UNIT_BOOL ? json_boolean(a->value)
							  : json_integer((json_int_t)a->value);

		json_array_append_new(list, json_pack("{s:s, s:o, s:s, s:s}", "name", a->name,
						      "value", value, "unit", units[a->unit],
						      "source", a->source));
	}
	return list;
}

static json_t *info_json_engines(struct weir_device *dev)
{
	struct info_engine engines[INFO_ENGINES_MAX];
	size_t n = info_probe(dev, engines);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:b, s:b, s:s}", "name", engines[i].name,
					"summary", engines[i].summary, "works", engines[i].works,
					"auto", engines[i].chosen, "why", engines[i].why));
	return list;
}

static int info_print_json(const char *path, struct weir_device *dev)
{
	const struct weir_device_info *info = weir_device_get_info(dev);

	return report_json(json_pack("{s:s, s:o, s:s, s:I, s:b, s:s?, s:o, s:o}", "schema",
				     "weir.info.v1", "path", report_text(path), "kind",
				     describe_kind(info->kind), "capacity_bytes",
				     (json_int_t)info->capacity_bytes, "direct", (int)info->direct,
				     "note", weir_device_note(dev), "attributes",
				     info_json_attrs(dev), "engines", info_json_engines(dev)),
			   0);
}

static int info_run(void *arg, char **operands, int n)
{
	const struct info_args *args = arg;
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;
	struct weir_device *dev = NULL;
	int err;

	(void)n;
	opts.flags = WEIR_DEVICE_READ_ONLY;
	if (weir_device_open(&dev, operands[0], &opts) < 0)
		return report_failed(operands[0]);
	err = args->json ? info_print_json(operands[0], dev) : info_print(operands[0], dev);
	weir_device_close(dev);
	return err;
}

const struct command command_info = {
	.name = "info",
	.path = COMMAND_STORE,
	.operands = "PATH",
	.summary = "show what a file or device is, and which engines can drive it",
	.text = "Opens PATH for reading and prints its properties, and where each was found: "
		"sizes,\n"
		"limits, write cache, discard. Then tries each engine on it. \"auto\" marks the "
		"engine\n"
		"that --engine auto, the default of all commands, would take.\n",
	.examples = "weir info demo.img\n"
		    "weir info /dev/nvme0n1 --json\n",
	.options = info_options,
	.min_operands = 1,
	.max_operands = 1,
	.args_size = sizeof(struct info_args),
	.run = info_run,
};
