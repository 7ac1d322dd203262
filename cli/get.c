/* SPDX-License-Identifier: Apache-2.0 */
/*
 * get.c - `weir get`: prints one value, or writes it to a file.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/key.h"
#include "cli/keyargs.h"
#include "cli/output.h"
#include "cli/report.h"
#include "cli/source.h"

#define GET_ALIGN 4096u

struct get_args {
	struct keyargs key;
	const char *output;
};

static const struct opt get_options[] = {
	{ .name = "output",
	  .letter = 'o',
	  .type = OPT_STRING,
	  .offset = offsetof(struct get_args, output),
	  .arg = "FILE",
	  .file = OPT_WRITES,
	  .help = "write the value to FILE (-: standard output); an\n"
		  "existing file is replaced after the whole value was\n"
		  "written" },
	KEYARGS_OPTIONS(offsetof(struct get_args, key)),
	OPT_END,
};

/* Where a value goes. */
struct get_target {
	const char *name;  /* NULL: nowhere, its length is all that is wanted */
	struct output out; /* if NAME is a file */
	size_t bytes;	   /* so many came */
	bool open;	   /* OUT is */
	int exit_code;	   /* of the error that was printed */
};

static bool get_is_file(const struct get_target *t)
{
	return t->name && strcmp(t->name, "-") != 0;
}

/* Writes a part of the value. Returns 0, or 1 after the error was printed. */
static int get_part(const void *data, size_t length, void *user)
{
	struct get_target *t = user;
	FILE *file = stdout;

	t->bytes += length;
	if (!t->name)
		return 0;
	if (get_is_file(t)) {
		if (!t->open && output_open(&t->out, t->name) < 0) {
			t->exit_code = report_error("%s", weir_error());
			return 1;
		}
		t->open = true;
		file = t->out.file;
	}
	if (fwrite(data, 1, length, file) == length)
		return 0;
	/* If a write to stdout fails, report_finish() prints the error. */
	t->exit_code = REPORT_FAILED;
	if (t->open)
		t->exit_code = report_error("%s: %s", t->name, strerror(errno));
	return 1;
}

static int get_failed(const char *path, const struct key *key, int err)
{
	char text[KEY_TEXT_MAX];

	if (err == -ENOENT)
		return report_error("%s: there is no key \"%s\"%s", path,
				    key_escape(key->bytes, key->len, text), key_hint(key));
	return report_failed(path);
}

/* Puts the file in its place, after ERR of source_get(). Returns the exit code. */
static int get_finish(struct get_target *t, const char *path, const struct key *key, int err)
{
	if (t->open && err)
		output_drop(&t->out);
	else if (t->open && output_close(&t->out) < 0)
		return report_error("%s", weir_error());
	if (err < 0)
		return get_failed(path, key, err);
	return err ? t->exit_code : REPORT_OK;
}

static int get_json(const struct get_args *args, const char *path, const struct key *key,
		    size_t length)
{
	char text[KEY_TEXT_MAX];

	return report_json(json_pack("{s:s, s:o, s:s, s:I, s:o}", "schema", "weir.get.v1", "path",
				     report_text(path), "key",
				     key_escape(key->bytes, key->len, text), "value_bytes",
				     (json_int_t)length, "output", report_text(args->output)),
			   0);
}

/*
 * Returns true if OUTPUT is the same file as stdout, to which the JSON goes. A terminal and
 * /dev/null may be used for both.
 */
static bool get_is_stdout(const char *output)
{
	struct stat a, b;

	return !strcmp(output, "-") ||
	       (!stat(output, &a) && !fstat(STDOUT_FILENO, &b) && !S_ISCHR(a.st_mode) &&
		a.st_dev == b.st_dev && a.st_ino == b.st_ino);
}

/* Refuses values of --output that cannot work. Returns 0 or an exit code. */
static int get_check_output(const struct get_args *args)
{
	if (!args->output)
		return 0;
	if (args->key.json && get_is_stdout(args->output))
		return report_usage("--output %s: with --json the JSON goes to standard output: "
				    "name a file for the value",
				    args->output);
	return 0;
}

static int get_run(void *arg, char **operands, int n)
{
	const struct get_args *args = arg;
	/* With --json the value itself can go to --output only. */
	struct get_target target = { .name = args->output };
	const char *path = operands[0];
	struct source src;
	struct key key;
	int err, exit_code;

	(void)n;
	if (!args->output && !args->key.json)
		target.name = "-";
	if (key_read(&key, operands[1], args->key.escaped != 0) < 0)
		return report_error("%s", weir_error());
	exit_code = get_check_output(args);
	if (!exit_code)
		exit_code = source_open(&src, path, &args->key.store);
	if (exit_code)
		return exit_code;
	err = source_get(&src, key.bytes, key.len, get_part, &target);
	exit_code = get_finish(&target, path, &key, err);
	if (!exit_code && args->key.json)
		exit_code = get_json(args, path, &key, target.bytes);
	return source_close(&src, exit_code);
}

const struct command command_get = {
	.name = "get",
	.alias = "cat",
	.path = COMMAND_STORE,
	.operands = "PATH KEY",
	.summary = "print a value",
	.text = "Prints the value of KEY in the store on PATH, byte for byte. The checksum is\n"
		"compared before anything is printed, so a damaged value is never printed. If the\n"
		"key does not exist, the command prints no value and exits with 1.\n",
	.examples = "weir get demo.img greeting\n"
		    "weir get demo.img model.bin -o weights.bin\n"
		    "weir get -e demo.img 'odd\\x00key'\n",
	.options = get_options,
	.min_operands = 2,
	.max_operands = 2,
	.args_size = sizeof(struct get_args),
	.run = get_run,
};
