/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.c - messages, JSON and exit codes. Owns stdout, the name of the running subcommand and
 * the form of messages; name and form are set once, before anything else runs.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/base.h>

#include "base/visible.h"
#include "cli/report.h"

#define REPORT_BUFFER (64u << 10)

static const char *report_command;
static bool report_as_json;
static int report_stdout_error; /* errno of the first failed write to stdout */

static ssize_t report_write_stdout(void *cookie, const char *text, size_t len)
{
	size_t done = 0;

	(void)cookie;
	while (done < len) {
		ssize_t n = write(STDOUT_FILENO, text + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			if (!report_stdout_error)
				report_stdout_error = errno;
			break;
		}
		done += (size_t)n;
	}
	return (ssize_t)done;
}

void report_watch_stdout(void)
{
	cookie_io_functions_t functions = { .write = report_write_stdout };
	FILE *out = fopencookie(NULL, "w", functions);

	if (!out)
		return; /* stdio's original stream works too */
	(void)setvbuf(out, NULL, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, REPORT_BUFFER);
	stdout = out;
}

void report_set_command(const char *name)
{
	report_command = name;
}

void report_set_json(void)
{
	report_as_json = true;
}

json_t *report_text(const char *text)
{
	json_t *json = text ? json_string(text) : json_null();
	char *plain;

	if (json || !text)
		return json;
	plain = strdup(text);
	for (char *p = plain; p && *p; p++)
		if (*p & 0x80)
			*p = '?';
	json = plain ? json_string(plain) : NULL;
	free(plain);
	return json;
}

static void report_say_json(int exit_code, const char *text)
{
	char hint[64];
	json_t *root;
	char *line;

	snprintf(hint, sizeof(hint), "weir help%s%s", report_command ? " " : "",
		 report_command ? report_command : "");
	if (exit_code)
		root = json_pack("{s:s, s:o, s:i, s:o, s:o}", "schema", "weir.error.v1", "command",
				 report_text(report_command), "exit_code", exit_code, "message",
				 report_text(text), "help",
				 report_text(exit_code == REPORT_USAGE ? hint : NULL));
	else
		root = json_pack("{s:s, s:o, s:o}", "schema", "weir.note.v1", "command",
				 report_text(report_command), "message", report_text(text));
	line = root ? json_dumps(root, JSON_COMPACT) : NULL;
	fprintf(stderr, "%s\n", line ? line : text);
	free(line);
	json_decref(root);
}

static void report_say_text(int exit_code, const char *text)
{
	const char *space = report_command ? " " : "", *name = report_command ? report_command : "";

	fprintf(stderr, "weir%s%s: %s%s\n", space, name, exit_code ? "" : "note: ", text);
	if (exit_code == REPORT_USAGE)
		fprintf(stderr, "Try `weir help%s%s`.\n", space, name);
}

/* Prints a message; every message passes here. EXIT_CODE 0 means a note. Returns EXIT_CODE. */
static int report_say(int exit_code, const char *fmt, va_list args)
{
	char *text, *seen;
	size_t room;

	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	/* A character becomes at most four times as long. */
	room = 4 * strlen(text ? text : fmt) + 1;
	seen = malloc(room);
	fflush(stdout); /* keeps the order if stdout and stderr go to the same place */
	(report_as_json ? report_say_json : report_say_text)(
		exit_code, seen ? visible(seen, room, text ? text : fmt) : fmt);
	free(seen);
	free(text);
	return exit_code;
}

int report_usage(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report_say(REPORT_USAGE, fmt, args);
	va_end(args);
	return REPORT_USAGE;
}

int report_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report_say(REPORT_FAILED, fmt, args);
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
	report_say(0, fmt, args);
	va_end(args);
}

int report_json(json_t *root, int one_line)
{
	int bad = !root;

	/* A write error is reported at the end, with its reason. */
	if (root && json_dumpf(root, stdout, one_line ? JSON_COMPACT : JSON_INDENT(2)))
		bad = !ferror(stdout);
	json_decref(root);
	if (bad)
		return report_error("the JSON could not be made: out of memory, or a name in it "
				    "is not UTF-8");
	if (ferror(stdout))
		return REPORT_FAILED;
	putchar('\n');
	return REPORT_OK;
}

int report_finish(int exit_code)
{
	int failed = fflush(stdout) ? errno : 0;

	if (!failed && !ferror(stdout))
		return exit_code;
	if (report_stdout_error)
		failed = report_stdout_error;
	return report_error("standard output: %s", strerror(failed ? failed : EIO));
}
