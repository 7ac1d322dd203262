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
	  .help = "write the value to FILE (-: standard output); an\n"
		  "existing file is replaced after the whole value was\n"
		  "written" },
	KEYARGS_OPTIONS(offsetof(struct get_args, key)),
	OPT_END,
};

/*
 * Writes the value to a file or to stdout. The exit code is 0 only if all of it was written.
 */
static int get_write(const char *output, const void *value, size_t len)
{
	struct output out;

	if (!strcmp(output, "-")) {
		/* If the write fails, report_finish() prints the error. */
		return fwrite(value, 1, len, stdout) == len ? REPORT_OK : REPORT_FAILED;
	}
	if (output_open(&out, output) < 0)
		return report_error("%s", weir_error());
	if (fwrite(value, 1, len, out.file) != len) {
		int err = errno;

		output_drop(&out);
		return report_error("%s: %s", output, strerror(err));
	}
	return output_close(&out) < 0 ? report_error("%s", weir_error()) : REPORT_OK;
}

static int get_failed(const char *path, const struct key *key, int err)
{
	char text[KEY_TEXT_MAX];

	if (err == -ENOENT)
		return report_error("%s: there is no key \"%s\"", path,
				    key_escape(key->bytes, key->len, text));
	return report_failed(path);
}

/* Reads the value of KEY into newly allocated memory. Returns 0 or -errno with weir_error() set. */
static int get_value(struct weir_store *s, const struct key *key, void **value, size_t *len)
{
	int err = weir_store_exists(s, key->bytes, key->len, len);

	if (err < 0)
		return err;
	*value = aligned_alloc(GET_ALIGN, (*len + GET_ALIGN) / GET_ALIGN * GET_ALIGN);
	if (!*value)
		return -ENOMEM;
	return weir_store_get(s, key->bytes, key->len, *value, *len, len);
}

/* Prints the result. With --json the value itself can go to --output only. */
static int get_print(const struct get_args *args, const char *path, const struct key *key,
		     const void *value, size_t len)
{
	char text[KEY_TEXT_MAX];
	int exit_code = 0;

	if (args->output || !args->key.json)
		exit_code = get_write(args->output ? args->output : "-", value, len);
	if (exit_code || !args->key.json)
		return exit_code;
	return report_json(json_pack("{s:s, s:o, s:s, s:I, s:o}", "schema", "weir.get.v1", "path",
				     report_text(path), "key",
				     key_escape(key->bytes, key->len, text), "value_bytes",
				     (json_int_t)len, "output", report_text(args->output)),
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
static int get_check_output(const struct get_args *args, const char *path)
{
	if (!args->output)
		return 0;
	if (args->key.json && get_is_stdout(args->output))
		return report_usage("--output %s: with --json the JSON goes to standard output: "
				    "name a file for the value",
				    args->output);
	return output_check("--output", args->output, &path, 1);
}

static int get_run(void *arg, char **operands, int n)
{
	const struct get_args *args = arg;
	const char *path = operands[0];
	struct weir_store *s = NULL;
	void *value = NULL;
	struct key key;
	size_t len = 0;
	int err, exit_code;

	(void)n;
	if (key_read(&key, operands[1], args->key.escaped != 0) < 0)
		return report_error("%s", weir_error());
	exit_code = get_check_output(args, path);
	if (exit_code)
		return exit_code;
	exit_code = opening_store(&s, path, &args->key.store, OPENING_READ_ONLY);
	if (exit_code)
		return exit_code;
	err = get_value(s, &key, &value, &len);
	if (err == -ENOMEM && !value)
		exit_code = report_error("%s: out of memory for a value of %zu bytes", path, len);
	else if (err < 0)
		exit_code = get_failed(path, &key, err);
	else
		exit_code = get_print(args, path, &key, value, len);
	free(value);
	return opening_close(s, path, exit_code);
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
