/* SPDX-License-Identifier: Apache-2.0 */
/* sim_fit_report.c - a fit as text, as JSON, and as the description of a drive. See sim_fit.h. */
#include <string.h>

#include "base/parse.h"
#include "cli/probes_json.h"
#include "cli/report.h"
#include "cli/sim_fit.h"
#include "cli/table.h"

/* What no probe shows. */
#define UNPROBED                                                                                   \
	"discard, erase_suspend, suspends, erase, erase_pages, slc_fold, hiccup, "                 \
	"hiccup_every, limit, limit_burst, limit_every"

bool sim_fit_good(const struct fit_report *r)
{
	return r->result->most_of <= r->limit;
}

static double fit_ratio(const struct fit_row *row)
{
	return row->model / row->measured;
}

static int fit_print_rows(const struct fit_report *r)
{
	struct table t = { .columns = "llrrr" };
	char measured[48], model[48], ratio[32];
	int err;

	table_row(&t, "probe", "figure", "measured", "model", "ratio");
	for (size_t i = 0; i < r->result->rows; i++) {
		const struct fit_row *row = &r->result->row[i];
		const struct probe_figure *f = &probes[row->probe].figure[row->figure];

		snprintf(ratio, sizeof(ratio), "%.2f", fit_ratio(row));
		table_row(&t, row->figure ? "" : probes[row->probe].name, f->name,
			  probes_json_value(f->of, row->measured, measured, sizeof(measured)),
			  probes_json_value(f->of, row->model, model, sizeof(model)), ratio);
	}
	err = table_print(&t, 0, stdout);
	table_free(&t);
	return err ? report_error("out of memory") : 0;
}

/* Prints the parameters that the probes show (TOLD), or the others. */
static void fit_print_params(const struct fit_report *r, bool told, FILE *out, const char *begin)
{
	size_t n = 0, column = 0;

	for (int i = 0; i < PARAMS; i++) {
		if (r->result->told[i] != told)
			continue;
		if (n++ && column > 70) {
			fprintf(out, ",\n%s%s", begin, params[i].name);
			column = 0;
		} else {
			fprintf(out, "%s%s", n > 1 ? ", " : "", params[i].name);
		}
		column += strlen(params[i].name) + 2;
	}
	fprintf(out, "%s\n", n ? "" : "none");
}

static void fit_print_sum(const struct fit_report *r, FILE *out, const char *begin)
{
	const struct fit_result *f = r->result;
	const struct fit_row *worst = &f->row[f->worst_row];

	fprintf(out,
		"%show well it fits: half of %zu figures are within a factor of %.2f, nine of ten "
		"within\n%s%.2f; the worst is %s of %s: %.2f times\n",
		begin, f->rows, f->median, begin, f->most_of,
		probes[worst->probe].figure[worst->figure].name, probes[worst->probe].name,
		fit_ratio(worst));
	fprintf(out, "%sthe probes tell: ", begin);
	fit_print_params(r, true, out, begin);
	fprintf(out, "%sthey cannot tell: ", begin);
	fit_print_params(r, false, out, begin);
	fprintf(out, "%sno probe shows, so as in %s: %s\n", begin, r->base, UNPROBED);
}

int sim_fit_print(const struct fit_report *r)
{
	int exit_code;

	printf("a model of %s, after %u trials\n\n", r->source, r->result->trials);
	exit_code = fit_print_rows(r);
	printf("\n");
	fit_print_sum(r, stdout, "");
	return exit_code;
}

/* Writes TEXT into a comment: nothing in it may end the line. */
static void fit_write_name(const char *text, FILE *out)
{
	for (; *text; text++)
		fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
}

void sim_fit_write(const struct fit_report *r, FILE *out)
{
	fprintf(out, "# A model of ");
	fit_write_name(r->source, out);
	fprintf(out, ", by weir sim --fit.\n");
	if (!sim_fit_good(r))
		fprintf(out, "# IT DOES NOT FIT: the limit was %.2f.\n", r->limit);
	fit_print_sum(r, out, "# ");
	sim_config_write(&r->result->config, out);
}

static json_t *fit_json_rows(const struct fit_result *f)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < f->rows; i++) {
		const struct fit_row *row = &f->row[i];
		const struct probe_figure *figure = &probes[row->probe].figure[row->figure];

		json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:f, s:f, s:f}", "probe",
						      probes[row->probe].name, "figure",
						      figure->name, "unit", probe_unit(figure->of),
						      "measured", row->measured, "model",
						      row->model, "ratio", fit_ratio(row)));
	}
	return rows;
}

static json_t *fit_json_params(const struct fit_result *f)
{
	json_t *list = json_array();

	for (int i = 0; i < PARAMS; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:I, s:b}", "name", params[i].name, "value",
						(json_int_t)param_get(&f->config, (enum param_id)i),
						"told", (int)f->told[i]));
	return list;
}

json_t *sim_fit_json(const struct fit_report *r)
{
	const struct fit_result *f = r->result;
	const struct fit_row *worst = &f->row[f->worst_row];

	return json_pack("{s:s, s:o, s:o, s:o, s:I, s:f, s:f, s:{s:s, s:s, s:f}, s:f, s:b, s:o, "
			 "s:o}",
			 "schema", "weir.fit.v1", "source", report_text(r->source), "base",
			 report_text(r->base), "output", report_text(r->output), "trials",
			 (json_int_t)f->trials, "median", f->median, "nine_of_ten", f->most_of,
			 "worst", "probe", probes[worst->probe].name, "figure",
			 probes[worst->probe].figure[worst->figure].name, "ratio", fit_ratio(worst),
			 "limit", r->limit, "fits", (int)sim_fit_good(r), "figures",
			 fit_json_rows(f), "parameters", fit_json_params(f));
}
