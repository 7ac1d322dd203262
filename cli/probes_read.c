/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probes_read.c - reads what probes measured. See probes_json.h. Names and units are those of the
 * table of probes, so a file of another version is refused where it differs.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/probes_json.h"
#include "cli/report.h"
#include "text/text.h"

/* More than any figure of a drive: an exabyte, or 30 years in ns. */
#define PROBES_VALUE_MAX 1e18
#define HOW "`weir bench probe PATH --json` and `weir sim --probes NAME` make it"

/* Reads the whole number NAME of OBJECT. Returns 0 or an exit code. */
static int probes_read_number(const json_t *object, const char *path, const char *what,
			      const char *name, uint64_t *out)
{
	const json_t *value = json_object_get(object, name);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return report_usage("%s: %s lacks %s, a whole number", path, what, name);
	*out = (uint64_t)json_integer_value(value);
	return 0;
}

static int probes_read_facts(struct probe_facts *f, const json_t *device, const char *path)
{
	const struct {
		const char *name;
		uint64_t *value, min, max;
	} facts[] = { { "bytes", &f->capacity, 1 << 20, 1ull << 50 },
		      { "logical_block_bytes", &f->logical_block, 512, 65536 },
		      { "physical_block_bytes", &f->physical_block, 0, INT64_MAX },
		      { "max_io_bytes", &f->max_io, 0, INT64_MAX },
		      { "max_segments", &f->max_segments, 0, INT64_MAX },
		      { "queue_depth", &f->queue_depth, 0, INT64_MAX } };
	int exit_code = 0;

	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]) && !exit_code; i++)
		exit_code = probes_read_number(device, path, "\"device\"", facts[i].name,
					       facts[i].value);
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]) && !exit_code; i++)
		if (*facts[i].value < facts[i].min || *facts[i].value > facts[i].max)
			exit_code = report_usage(
				"%s: %s of \"device\" is %" PRIu64 ", not %" PRIu64 " to %" PRIu64,
				path, facts[i].name, *facts[i].value, facts[i].min, facts[i].max);
	return exit_code;
}

/* Returns the object of ARRAY whose member "name" is NAME, or NULL. */
static const json_t *probes_read_named(const json_t *array, const char *name)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *one = json_array_get(array, i);
		const char *is = json_string_value(json_object_get(one, "name"));

		if (is && !strcmp(is, name))
			return one;
	}
	return NULL;
}

static int probes_read_figures(struct probe_set *set, size_t i, const json_t *figures,
			       const char *path)
{
	for (size_t k = 0; k < PROBE_FIGURES_MAX; k++) {
		const struct probe_figure *f = &probes[i].figure[k];
		const json_t *one = f->name ? probes_read_named(figures, f->name) : NULL;
		const json_t *value = json_object_get(one, "value");
		const char *unit = json_string_value(json_object_get(one, "unit"));

		set->value[i][k] = PROBE_NONE;
		if (!one) /* whether it is needed, probes_check() knows */
			continue;
		if (!json_is_number(value) || json_number_value(value) < 0 ||
		    json_number_value(value) > PROBES_VALUE_MAX)
			return report_usage("%s: the value of %s of the probe %s is not a number, "
					    "0 to 1e18",
					    path, f->name, probes[i].name);
		if (!unit || strcmp(unit, probe_unit(f->of)) != 0)
			return report_usage("%s: the unit of %s of the probe %s must be %s", path,
					    f->name, probes[i].name, probe_unit(f->of));
		set->value[i][k] = json_number_value(value);
	}
	return 0;
}

static int probes_read_probe(struct probe_set *set, size_t i, const json_t *list, const char *path)
{
	const json_t *one = probes_read_named(list, probes[i].name);
	int exit_code;

	if (!one)
		return report_usage("%s: the probe %s is missing: %s", path, probes[i].name, HOW);
	exit_code =
		probes_read_number(one, path, probes[i].name, "runtime_ns", &set->runtime_ns[i]);
	if (!exit_code)
		exit_code = probes_read_number(one, path, probes[i].name, "written_before_bytes",
					       &set->written[i]);
	return exit_code ? exit_code
			 : probes_read_figures(set, i, json_object_get(one, "figures"), path);
}

static int probes_read_all(struct probe_set *set, const json_t *root, const char *path,
			   char source[PROBES_SOURCE_MAX])
{
	const char *schema = json_string_value(json_object_get(root, "schema"));
	const char *name = json_string_value(json_object_get(root, "source"));
	int exit_code;

	if (!schema || strcmp(schema, "weir.probes.v1") != 0)
		return report_usage("%s: \"schema\" is %s, not weir.probes.v1: %s", path,
				    schema ? schema : "missing", HOW);
	snprintf(source, PROBES_SOURCE_MAX, "%s", name ? name : path);
	exit_code = probes_read_facts(&set->facts, json_object_get(root, "device"), path);
	for (size_t i = 0; i < PROBES && !exit_code; i++)
		exit_code = probes_read_probe(set, i, json_object_get(root, "probes"), path);
	return exit_code;
}

int probes_read(struct probe_set *set, const char *path, char source[PROBES_SOURCE_MAX])
{
	FILE *in = text_open(path);
	json_error_t error;
	json_t *root;
	int exit_code;

	memset(set, 0, sizeof(*set));
	if (!in)
		return report_error("%s", weir_error());
	root = json_loadf(in, JSON_REJECT_DUPLICATES, &error);
	text_close(in);
	if (!root)
		return report_usage("%s:%d: not JSON: %s", text_name(path), error.line, error.text);
	exit_code = probes_read_all(set, root, text_name(path), source);
	json_decref(root);
	return exit_code;
}
