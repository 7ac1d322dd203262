/* SPDX-License-Identifier: Apache-2.0 */
/* page.c - the frame of a report: the machine, the contents, and a section for each run. */
#include "cli/page.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <weir/base.h>

#include "cli/html.h"

static const char *page_schema(const json_t *run)
{
	const char *schema = json_string_value(json_object_get(run, "schema"));

	return schema ? schema : "";
}

/* Writes what a run is called: its kind, scheduler and device, or what was probed. */
static void page_name(FILE *out, const json_t *run)
{
	const char *schema = page_schema(run);
	const json_t *device = json_object_get(run, "device");
	const char *scheduler =
		json_string_value(json_object_get(json_object_get(run, "scheduler"), "name"));

	if (!strncmp(schema, "weir.", 5))
		schema += 5;
	fprintf(out, "%s", *schema ? "" : "run");
	for (const char *p = schema; *p && strcmp(p, ".v1"); p++) {
		const char one[] = { *p, '\0' };

		html_text(out, *p == '.' ? " " : one);
	}
	if (json_is_object(device)) {
		const char *path = json_string_value(json_object_get(device, "path"));

		device = path ? json_object_get(device, "path") : json_object_get(device, "name");
	}
	if (scheduler) {
		fputs(": ", out);
		html_text(out, scheduler);
	}
	if (json_is_string(device)) {
		fputs(" on ", out);
		html_text(out, json_string_value(device));
	}
	if (json_is_string(json_object_get(run, "source"))) {
		fputs(" of ", out);
		html_text(out, json_string_value(json_object_get(run, "source")));
	}
}

/* Writes the model of the first processor, if the kernel says it. */
static void page_processor(FILE *out)
{
	FILE *in = fopen("/proc/cpuinfo", "re");
	char line[256];

	while (in && fgets(line, sizeof(line), in)) {
		char *colon = strchr(line, ':');

		if (strncmp(line, "model name", 10) || !colon)
			continue;
		colon[strcspn(colon, "\n")] = '\0';
		html_text(out, colon + 2);
		fputs(", ", out);
		break;
	}
	if (in)
		fclose(in);
}

static void page_machine(FILE *out)
{
	struct utsname name;

	fputs("<p class=\"soft\">Made by weir ", out);
	html_text(out, weir_version());
	fputs(" on ", out);
	page_processor(out);
	fprintf(out, "%ld processors", sysconf(_SC_NPROCESSORS_ONLN));
	if (!uname(&name)) {
		fputs(", ", out);
		html_text(out, name.sysname);
		putc(' ', out);
		html_text(out, name.release);
		putc(' ', out);
		html_text(out, name.machine);
	}
	fputs(".</p>\n", out);
}

static bool page_has_several(const json_t *runs)
{
	const json_t *run;
	size_t i, n = 0;

	json_array_foreach(runs, i, run)
		n += !strcmp(page_schema(run), "weir.sim.v1");
	return n > 1;
}

static void page_contents(FILE *out, const struct page *p)
{
	const json_t *run;
	size_t i;

	fputs("<nav aria-label=\"Contents\"><ol>\n", out);
	if (page_has_several(p->runs))
		fputs("<li><a href=\"#compared\">Schedulers side by side</a></li>\n", out);
	json_array_foreach(p->runs, i, run) {
		fprintf(out, "<li><a href=\"#run%zu\">", i);
		page_name(out, run);
		fputs("</a></li>\n", out);
	}
	for (i = 0; i < p->nr_series; i++) {
		fprintf(out, "<li><a href=\"#series%zu\">Over time: ", i);
		html_text(out, p->series[i].path);
		fputs("</a></li>\n", out);
	}
	fputs("</ol></nav>\n</header>\n<main id=\"main\">\n", out);
}

/* Returns what writes RUN: what has no section of its own becomes tables. */
static void (*page_section_of(const json_t *run))(FILE *out, const json_t *run)
{
	static const struct {
		const char *schema;
		void (*write)(FILE *out, const json_t *run);
	} sections[] = {
		{ "weir.sim.v1", page_sim },
		{ "weir.suite.v1", page_suite },
		{ "weir.probes.v1", page_probes },
		{ "weir.fit.v1", page_fit },
		{ "weir.bench.run.v1", page_bench },
		{ "weir.bench.tails.v1", page_bench },
		{ "weir.bench.fairness.v1", page_fairness },
		{ "weir.replay.v1", page_replay },
	};

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (!strcmp(page_schema(run), sections[i].schema))
			return sections[i].write;
	return page_tree;
}

static void page_run(FILE *out, const json_t *run, size_t number)
{
	fprintf(out, "<section><h2 id=\"run%zu\">", number);
	page_name(out, run);
	fputs("</h2>\n", out);
	page_section_of(run)(out, run);
	fputs("</section>\n", out);
}

/* Writes the JSON itself, for a program; a text in it must not end the element. */
static void page_raw(FILE *out, const json_t *runs)
{
	char *text = json_dumps(runs, JSON_INDENT(1));

	fputs("<details class=\"raw\"><summary>The same as JSON</summary>\n"
	      "<pre tabindex=\"0\" id=\"json\">",
	      out);
	for (char *line = text, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		html_text(out, line);
		putc('\n', out);
	}
	fputs("</pre></details>\n", out);
	free(text);
}

void page_write(FILE *out, const struct page *p)
{
	const json_t *run;
	size_t i;

	html_begin(out, p->title);
	page_machine(out);
	page_contents(out, p);
	page_compare(out, p->runs);
	json_array_foreach(p->runs, i, run)
		page_run(out, run, i);
	for (i = 0; i < p->nr_series; i++) {
		fprintf(out, "<section><h2 id=\"series%zu\">Over time: ", i);
		html_text(out, p->series[i].path);
		fputs("</h2>\n", out);
		page_series(out, &p->series[i]);
		fputs("</section>\n", out);
	}
	page_raw(out, p->runs);
	html_end(out);
}
