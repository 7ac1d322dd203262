/* SPDX-License-Identifier: Apache-2.0 */
/*
 * del.c - `weir del`: deletes keys.
 */
#include <errno.h>
#include <string.h>

#include "cli/command.h"
#include "cli/default.h"
#include "cli/key.h"
#include "cli/keyargs.h"
#include "cli/report.h"

struct del_args {
	struct keyargs key;
	unsigned durable;
};

static const struct opt del_options[] = {
	{ .name = "durable",
	  .letter = 'd',
	  .type = OPT_FLAG,
	  .offset = offsetof(struct del_args, durable),
	  .help = "wait until the deletion would survive a power cut" },
	KEYARGS_OPTIONS(offsetof(struct del_args, key)),
	OPT_END,
};

/* Reads KEY from OPERAND and deletes it. Returns 0, or -errno with weir_error() set. */
static int del_key(struct weir_store *s, const struct del_args *args, const char *operand,
		   struct key *key)
{
	int err = key_read(key, operand, args->key.escaped != 0);

	return err ? err
		   : weir_store_delete(s, key->bytes, key->len,
				       args->durable ? WEIR_PUT_DURABLE : WEIR_PUT_WRITTEN);
}

/* Reports that KEY is not in the store, and adds it to MISSING. Returns the exit code. */
static int del_missing(const char *path, const struct key *key, json_t *missing)
{
	char text[KEY_TEXT_MAX];

	key_escape(key->bytes, key->len, text);
	json_array_append_new(missing, json_string(text));
	return report_error("%s: there is no key \"%s\"%s", path, text, key_hint(key));
}

/*
 * Deletes the N keys and counts them in *DELETED; keys that are not in the store go to MISSING.
 * Stops at another error. Returns the exit code.
 */
static int del_keys(struct weir_store *s, const struct del_args *args, const char *path,
		    char **operands, int n, int *deleted, json_t *missing)
{
	int exit_code = REPORT_OK;
	struct key key;

	for (int i = 0; i < n; i++) {
		int err = del_key(s, args, operands[i], &key);

		if (!err)
			++*deleted;
		else if (err == -ENOENT)
			exit_code = del_missing(path, &key, missing);
		else
			return report_failed(path);
	}
	return exit_code;
}

static int del_json(const char *path, int keys, int deleted, json_t *missing)
{
	return report_json(json_pack("{s:s, s:o, s:i, s:i, s:o}", "schema", "weir.del.v1", "path",
				     report_text(path), "keys", keys, "deleted", deleted, "missing",
				     missing),
			   0);
}

/*
 * Checks the first operand if the store comes from WEIR_STORE: the user may have meant it as the
 * PATH of a store that does not exist. If so, the other operands are not keys of the default
 * store, and the command deletes nothing. Returns 0 or an exit code.
 */
static int del_check_default(struct weir_store *s, const struct del_args *args, char **operands,
			     int n)
{
	const char *store = default_store();
	struct key key;

	if (!store || n < 3 || strcmp(operands[0], store) != 0 ||
	    key_read(&key, operands[1], args->key.escaped != 0) < 0 ||
	    weir_store_exists(s, key.bytes, key.len, NULL) != -ENOENT)
		return 0;
	return report_error("\"%s\" is neither a store nor a key of WEIR_STORE (%s): nothing was "
			    "deleted",
			    operands[1], store);
}

static int del_run(void *arg, char **operands, int n)
{
	const struct del_args *args = arg;
	const char *path = operands[0];
	struct weir_store *s = NULL;
	json_t *missing;
	int deleted = 0, exit_code = opening_store(&s, path, &args->key.store, 0);

	if (exit_code)
		return exit_code;
	exit_code = del_check_default(s, args, operands, n);
	if (exit_code)
		return opening_close(s, path, exit_code);
	missing = json_array();
	exit_code = del_keys(s, args, path, operands + 1, n - 1, &deleted, missing);
	exit_code = opening_close(s, path, exit_code);
	if (!args->key.json)
		json_decref(missing);
	else if (del_json(path, n - 1, deleted, missing))
		exit_code = REPORT_FAILED;
	return exit_code;
}

const struct command command_del = {
	.name = "del",
	.alias = "rm",
	.path = COMMAND_STORE,
	.operands = "PATH KEY...",
	.summary = "delete keys",
	.text = "Deletes each KEY from the store on PATH. If a key does not exist, the command\n"
		"names it, deletes the others, and exits with 1.\n",
	.examples = "weir del demo.img greeting\n"
		    "weir del demo.img a b c --durable\n",
	.options = del_options,
	.min_operands = 2,
	.max_operands = -1,
	.args_size = sizeof(struct del_args),
	.run = del_run,
};
