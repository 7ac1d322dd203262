/* SPDX-License-Identifier: Apache-2.0 */
/* probes_json.c - the figures of probes as text and as JSON. See probes_json.h. */
#include <stdio.h>

#include "base/parse.h"
#include "cli/probes_json.h"
#include "cli/report.h"
#include "cli/table.h"

const char *probes_json_value(enum probe_of of, double value, char *buf, size_t size)
{
	char number[48];

	switch (of) {
	case PROBE_IOPS:
		snprintf(buf, size, "%s/s",
			 table_count((uint64_t)(value + 0.5), number, sizeof(number)));
		return buf;
	case PROBE_RATE:
		snprintf(buf, size, "%.1f MB/s", value / 1e6);
		return buf;
	case PROBE_WRITTEN:
		snprintf(buf, size, "%.1f MB", value / 1e6);
		return buf;
	default:
		return format_time((uint64_t)value, buf, size);
	}
}

int probes_json_print(const struct probes_report *r)
{
	struct table t = { .columns = "llrl", .wrap = TABLE_WRAP };
	char value[48];
	int err;

	printf("probes of %s%s\n\n", r->source, r->simulated ? ", simulated" : "");
	table_row(&t, "probe", "figure", "measured", "question");
	for (size_t i = 0; i < PROBES; i++)
		for (size_t k = 0; k < PROBE_FIGURES_MAX && probes[i].figure[k].name; k++) {
			const struct probe_figure *f = &probes[i].figure[k];

			if (r->set->value[i][k] >= 0)
				table_row(&t, k ? "" : probes[i].name, f->name,
					  probes_json_value(f->of, r->set->value[i][k], value,
							    sizeof(value)),
					  k ? "" : probes[i].question);
		}
	err = table_print(&t, 0, stdout);
	table_free(&t);
	return err ? report_error("out of memory") : 0;
}

static json_t *probes_json_figures(const struct probe_set *set, size_t i)
{
	json_t *figures = json_array();

	for (size_t k = 0; k < PROBE_FIGURES_MAX && probes[i].figure[k].name; k++)
		if (set->value[i][k] >= 0)
			json_array_append_new(figures, json_pack("{s:s, s:s, s:f}", "name",
								 probes[i].figure[k].name, "unit",
								 probe_unit(probes[i].figure[k].of),
								 "value", set->value[i][k]));
	return figures;
}

json_t *probes_json(const struct probes_report *r)
{
	const struct probe_facts *f = &r->set->facts;
	json_t *list = json_array();

	for (size_t i = 0; i < PROBES; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:I, s:I, s:o}", "name", probes[i].name,
					"question", probes[i].question, "runtime_ns",
					(json_int_t)r->set->runtime_ns[i], "written_before_bytes",
					(json_int_t)r->set->written[i], "figures",
					probes_json_figures(r->set, i)));
	return json_pack("{s:s, s:o, s:b, s:b, s:{s:I, s:I, s:I, s:I, s:I, s:I}, s:o}", "schema",
			 "weir.probes.v1", "source", report_text(r->source), "simulated",
			 (int)r->simulated, "submitter_bound", (int)r->set->bound, "device",
			 "bytes", (json_int_t)f->capacity, "logical_block_bytes",
			 (json_int_t)f->logical_block, "physical_block_bytes",
			 (json_int_t)f->physical_block, "max_io_bytes", (json_int_t)f->max_io,
			 "max_segments", (json_int_t)f->max_segments, "queue_depth",
			 (json_int_t)f->queue_depth, "probes", list);
}
