/* SPDX-License-Identifier: Apache-2.0 */
/* reporting.c - `weir report`: results that were printed with --json become a page. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/command.h"
#include "cli/fiolog.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/page.h"
#include "cli/report.h"
#include "cli/reporting_files.h"

#define REPORTING_LIMIT (256ull << 20) /* bytes of an input */
#define REPORTING_FILES 64

struct reporting_args {
	const char *output, *title, *fio_json, *logs;
	unsigned json;
};

/* What was read, and from which files. */
struct reporting {
	char **files;
	int nr_files;
	json_t *runs;
	struct series series[REPORTING_FILES];
	size_t nr_series;
};

static const struct opt reporting_options[] = {
	{ .name = "output",
	  .letter = 'o',
	  .type = OPT_STRING,
	  .offset = offsetof(struct reporting_args, output),
	  .arg = "PAGE",
	  .file = OPT_WRITES,
	  .help = "write the page there (default -: standard output), and\n"
		  "beside it, if it ends in .html, the JSON, in .json; a\n"
		  "file there that no `weir report` wrote stays" },
	{ .name = "title",
	  .type = OPT_STRING,
	  .offset = offsetof(struct reporting_args, title),
	  .arg = "TEXT",
	  .help = "the title of the page" },
	{ .name = "fio-json",
	  .type = OPT_STRING,
	  .offset = offsetof(struct reporting_args, fio_json),
	  .arg = "FILE",
	  .file = OPT_WRITES,
	  .help = "write simulations, benches and replays as fio's\n"
		  "JSON, for programs that read it" },
	{ .name = "logs",
	  .type = OPT_STRING,
	  .offset = offsetof(struct reporting_args, logs),
	  .arg = "PREFIX",
	  .help = "write the first file of --series as fio's logs:\n"
		  "PREFIX_bw.1.log, PREFIX_iops.1.log, PREFIX_lat.1.log" },
	{ .name = "json",
	  .type = OPT_FLAG,
	  .offset = offsetof(struct reporting_args, json),
	  .help = "print what was read, an object a line, and no page" },
	OPT_END,
};

/* Adds OBJECT, or the objects in it: the JSON beside a page is an array. */
static int reporting_add(struct reporting *r, json_t *object, const char *path)
{
	json_t *item;
	size_t i;

	if (json_is_object(object) && !json_array_append(r->runs, object))
		return 0;
	json_array_foreach(object, i, item) {
		if (!json_is_object(item) || json_array_append(r->runs, item))
			return report_error("%s: no JSON of weir: number %zu of its array is no "
					    "object",
					    path, i + 1);
	}
	return 0;
}

/* Adds the objects in DATA, which follow one another. Returns 0 or an exit code. */
static int reporting_objects(struct reporting *r, const char *data, size_t len, const char *path)
{
	int exit_code = 0;

	while (len && !exit_code) {
		json_error_t error;
		json_t *object;

		if (isspace((unsigned char)*data)) {
			data++;
			len--;
			continue;
		}
		object = json_loadb(data, len, JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES,
				    &error);
		if (!object)
			return report_error("%s: no JSON of weir: line %d of object %zu: %s", path,
					    error.line, json_array_size(r->runs) + 1, error.text);
		data += error.position;
		len -= (size_t)error.position;
		exit_code = reporting_add(r, object, path);
		json_decref(object);
	}
	return exit_code;
}

static int reporting_series(struct reporting *r, struct input *in, const char *path)
{
	char *text = strndup(in->data, in->len);
	int err = text ? series_read(&r->series[r->nr_series++], text, path)
		       : error_sys(-ENOMEM, "%s", path);

	free(text);
	return err ? report_error("%s", weir_error()) : 0;
}

/* Reads one input; its first bytes tell what it is. */
static int reporting_read(struct reporting *r, const char *path)
{
	const char *name = strcmp(path, "-") ? path : "standard input";
	struct input in = { .data = NULL };
	int exit_code = input_read(&in, path, REPORTING_LIMIT) ? report_failed(name) : 0;

	if (!exit_code && !in.len)
		exit_code = report_error("%s: it is empty: give it what a command printed with "
					 "--json",
					 name);
	else if (!exit_code && in.len >= strlen(SERIES_HEAD) &&
		 !memcmp(in.data, SERIES_HEAD, strlen(SERIES_HEAD)))
		exit_code = reporting_series(r, &in, name);
	else if (!exit_code)
		exit_code = reporting_objects(r, in.data, in.len, name);
	input_free(&in);
	return exit_code;
}

/* Writes the JSON of all runs to PATH. */
static int reporting_write_json(json_t *root, const char *path)
{
	struct output out;
	int bad;

	if (!root || output_open(&out, path) < 0) {
		json_decref(root);
		return report_error("%s", root ? weir_error() : "out of memory");
	}
	bad = json_dumpf(root, out.file, JSON_INDENT(2));
	json_decref(root);
	putc('\n', out.file);
	if (!bad && !output_close(&out))
		return 0;
	if (bad)
		output_drop(&out);
	return report_error("%s: %s", path, bad ? "it could not be written" : weir_error());
}

/* Prints each object on a line. */
static int reporting_lines(const struct reporting *r)
{
	json_t *run;
	size_t i;
	int exit_code = 0;

	json_array_foreach(r->runs, i, run) {
		if (!exit_code)
			exit_code = report_json(json_incref(run), 1);
	}
	return exit_code;
}

/* Writes the page, and the JSON beside it. */
static int reporting_page(const struct reporting *r, const struct reporting_args *args,
			  const struct reporting_files *files)
{
	struct page page = { args->title ? args->title : "weir report", r->runs,
			     (struct series *)(uintptr_t)r->series, r->nr_series };
	struct output out;

	if (output_open(&out, files->page) < 0)
		return report_error("%s", weir_error());
	page_write(out.file, &page);
	if (output_close(&out) < 0) /* about standard output report_finish() has the words */
		return strcmp(files->page, "-") ? report_error("%s", weir_error()) : REPORT_FAILED;
	if (files->beside_is_input)
		report_note("%s is an input, and stays as it is", files->beside);
	else if (files->beside_is_foreign)
		report_note("%s is not a file that `weir report` wrote, and stays as it is",
			    files->beside);
	else if (files->beside)
		return reporting_write_json(json_incref(r->runs), files->beside);
	return 0;
}

static int reporting_write(const struct reporting *r, const struct reporting_args *args,
			   const struct reporting_files *files)
{
	int exit_code = 0;

	if (args->logs && fiolog_write(&r->series[0], args->logs) < 0)
		return report_error("%s", weir_error());
	if (args->fio_json)
		exit_code = reporting_write_json(fiolog_json(r->runs), args->fio_json);
	if (exit_code)
		return exit_code;
	return args->json ? reporting_lines(r) : reporting_page(r, args, files);
}

/* Checks the options. Returns 0 or an exit code. */
static int reporting_check(const struct reporting_args *args, int n)
{
	if (n > REPORTING_FILES)
		return report_usage("too many FILES: %d are the most", REPORTING_FILES);
	if (args->json && args->output)
		return report_usage("--json prints no page: drop --output, or --json");
	if (args->json && args->fio_json && !strcmp(args->fio_json, "-"))
		return report_usage("--json and --fio-json - both write to standard output: name a "
				    "file");
	return 0;
}

/* Writes everything, after all files were compared. */
static int reporting_finish(const struct reporting *r, const struct reporting_args *args)
{
	struct reporting_files files = {
		.inputs = r->files,
		.nr_inputs = r->nr_files,
		.page = args->json     ? NULL
			: args->output ? args->output
				       : "-",
		.fio_json = args->fio_json,
		.prefix = args->logs,
		.series = &r->series[0],
		.has_runs = json_array_size(r->runs) > 0,
	};
	int exit_code = 0;

	if (args->logs && !r->nr_series)
		return report_usage("--logs needs a file of --series among the FILES");
	exit_code = reporting_files_check(&files);
	if (!exit_code)
		exit_code = reporting_write(r, args, &files);
	reporting_files_free(&files);
	return exit_code;
}

static int reporting_run(void *arg, char **operands, int n)
{
	static char standard_input[] = "-";
	char *only[] = { standard_input };
	char **files = n ? operands : only;
	struct reporting *r = calloc(1, sizeof(*r));
	int count = n ? n : 1, exit_code;

	if (!r)
		return report_error("out of memory");
	r->files = files;
	r->nr_files = count;
	r->runs = json_array();
	exit_code = r->runs ? reporting_check(arg, count) : report_error("out of memory");
	for (int i = 0; i < count && !exit_code; i++)
		exit_code = reporting_read(r, files[i]);
	if (!exit_code)
		exit_code = reporting_finish(r, arg);
	for (size_t i = 0; i < r->nr_series; i++)
		series_free(&r->series[i]);
	json_decref(r->runs);
	free(r);
	return exit_code;
}

const struct command command_report = {
	.name = "report",
	.path = COMMAND_PATH,
	.files = COMMAND_ALL_FILES,
	.operands = "[FILE...]",
	.summary = "make a page of results, with tables and plots",
	.text = "Reads what other commands printed with --json (sim, bench, replay, ...), and "
		"files that\n"
		"`weir sim --series` wrote; without FILE, standard input. Writes one HTML page "
		"that needs\n"
		"nothing besides itself: the machine, tables, latencies by percentile, schedulers "
		"side by\n"
		"side, shares against weights, and throughput and latency over time. It is "
		"readable in\n"
		"light and dark, on a phone, and on paper, and has no script.\n",
	.examples = "weir sim jobs.fio --sched all --json | weir report -o page.html\n"
		    "weir sim jobs.fio --json --series s.csv > r.json; weir report r.json s.csv > "
		    "p.html\n"
		    "weir sim --suite isolation --json | weir report --title Suite -o suite.html\n"
		    "weir report r.json s.csv --fio-json fio.json --logs fio -o page.html\n",
	.options = reporting_options,
	.min_operands = 0,
	.max_operands = -1,
	.args_size = sizeof(struct reporting_args),
	.run = reporting_run,
};
