/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.c - messages, JSON and exit codes. Owns the name of the running subcommand, which is set
 * once before anything else runs.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <weir/base.h>

#include "cli/report.h"

static const char *report_command;

static void report_say(const char *kind, const char *fmt, va_list args)
{
	fflush(stdout); /* keep the order where both go to one place */
	fprintf(stderr, "weir%s%s: %s", report_command ? " " : "",
		report_command ? report_command : "", kind);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
}

void report_set_command(const char *name)
{
	report_command = name;
}

int report_usage(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report_say("", fmt, args);
	va_end(args);
	fprintf(stderr, "Try `weir help%s%s`.\n", report_command ? " " : "",
		report_command ? report_command : "");
	return REPORT_USAGE;
}

int report_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report_say("", fmt, args);
	va_end(args);
	return REPORT_FAILED;
}

int report_failed(const char *path)
{
	const char *text = weir_error();

	if (strstr(text, path))
		return report_error("%s", text);
	return report_error("%s: %s", path, text);
}

void report_note(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report_say("note: ", fmt, args);
	va_end(args);
}

int report_json(json_t *root, int one_line)
{
	int bad = !root || json_dumpf(root, stdout, one_line ? JSON_COMPACT : JSON_INDENT(2));

	json_decref(root);
	if (bad)
		return report_error("the JSON could not be written: out of memory or of space");
	putchar('\n');
	return REPORT_OK;
}

int report_finish(int code)
{
	if (fflush(stdout) || ferror(stdout))
		return report_error("standard output: %s", strerror(errno));
	return code;
}
