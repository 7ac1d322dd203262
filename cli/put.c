/* SPDX-License-Identifier: Apache-2.0 */
/*
 * put.c - `weir put`: stores one value.
 */
#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "cli/apart.h"
#include "cli/command.h"
#include "cli/input.h"
#include "cli/key.h"
#include "cli/keyargs.h"
#include "cli/report.h"
#include "cli/tenant.h"

struct put_args {
	struct keyargs key;
	unsigned durable;
	const char *tenant;
};

static const struct opt put_options[] = {
	{ .name = "durable",
	  .letter = 'd',
	  .type = OPT_FLAG,
	  .offset = offsetof(struct put_args, durable),
	  .help = "wait until the value would survive a power cut" },
	{ .name = "tenant",
	  .letter = 't',
	  .type = OPT_STRING,
	  .offset = offsetof(struct put_args, tenant),
	  .arg = "NAME",
	  .help = "put a new key into the stream of this tenant;\n"
		  "`weir stat` shows the streams" },
	PLACEMENT_OPTION(offsetof(struct put_args, key.store.placement),
			 "give streams FDP placement ids of their own, or not\n"
			 "(default: as the store was formatted)"),
	KEYARGS_OPTIONS(offsetof(struct put_args, key)),
	OPT_END,
};

static int put_json(const char *path, const struct key *key, const struct input *value, int durable,
		    uint32_t stream)
{
	char text[KEY_TEXT_MAX];

	return report_json(json_pack("{s:s, s:o, s:s, s:I, s:b, s:I}", "schema", "weir.put.v1",
				     "path", report_text(path), "key",
				     key_escape(key->bytes, key->len, text), "value_bytes",
				     (json_int_t)value->len, "durable", durable, "stream",
				     (json_int_t)stream),
			   0);
}

static int put_into(struct weir_store *s, const struct put_args *args, const struct key *key,
		    const struct input *value, uint32_t stream)
{
	struct weir_store_op op = WEIR_STORE_OP_INIT;

	op.kind = WEIR_STORE_PUT;
	op.flags = args->durable ? WEIR_PUT_DURABLE : WEIR_PUT_WRITTEN;
	op.stream = (uint16_t)stream;
	op.key = key->bytes;
	op.key_len = (uint32_t)key->len;
	op.value = value->data;
	op.value_len = value->len;
	return weir_store_run(s, &op, 1);
}

static int put_value(const struct put_args *args, const char *path, const struct key *key,
		     const struct input *value)
{
	struct weir_store *s = NULL;
	uint32_t stream;
	int exit_code = opening_store(&s, path, &args->key.store, 0);

	if (exit_code)
		return exit_code;
	exit_code = tenant_stream(s, path, args->tenant, &stream);
	if (!exit_code && put_into(s, args, key, value, stream) < 0)
		exit_code = report_failed(path);
	exit_code = opening_close(s, path, exit_code);
	if (!exit_code && args->key.json)
		exit_code = put_json(path, key, value, args->durable != 0, stream);
	return exit_code;
}

/*
 * Prints that the value NAME is too long. It has LEN bytes, or more if its length is known only
 * after reading all. So the advice is for the next power of two.
 */
static int put_too_long(const char *path, const char *name, size_t len,
			const struct weir_store_info *info)
{
	char most[32], advice[160];
	uint64_t fit = 1;

	while (fit < len && fit < 1ull << 62)
		fit *= 2;
	return report_error("%s: longer than %s, the longest value of %s: %s", name,
			    format_size_word(info->max_value_bytes, most, sizeof(most)), path,
			    weir_store_advise(info, fit, advice, sizeof(advice)));
}

/* Reads the value, but not more than the store can hold. Returns 0 or an exit code. */
static int put_read(const struct put_args *args, const char *path, const char *file,
		    struct input *value)
{
	const char *name = strcmp(file, "-") ? file : "standard input";
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	int exit_code = opening_check(&args->key.store), err;

	if (!exit_code)
		exit_code = apart_check_input(file);
	if (!exit_code)
		exit_code = opening_ask(&info, path, &args->key.store);
	if (exit_code)
		return exit_code;
	err = input_read(value, file, info.max_value_bytes);
	if (err == -EFBIG)
		return put_too_long(path, name, value->len, &info);
	if (err < 0)
		return report_error("%s", weir_error());
	if (!value->len)
		return report_error("%s is empty: a value has at least one byte", name);
	return 0;
}

/*
 * Runs `weir put`. It asks the store for its limits, then reads the whole value, and opens the
 * store only after that: standard input may be slow, or may come from a `weir get` that reads the
 * same store.
 */
static int put_run(void *arg, char **operands, int n)
{
	const struct put_args *args = arg;
	struct input value = { .data = NULL };
	struct key key;
	int exit_code;

	if (key_read(&key, operands[1], args->key.escaped != 0) < 0)
		return report_error("%s", weir_error());
	exit_code = put_read(args, operands[0], n > 2 ? operands[2] : "-", &value);
	if (!exit_code)
		exit_code = put_value(args, operands[0], &key, &value);
	input_free(&value);
	return exit_code;
}

const struct command command_put = {
	.name = "put",
	.path = COMMAND_STORE,
	.files = 1 << 2,
	.operands = "PATH KEY [FILE|-]",
	.summary = "store a value",
	.text = "Stores the bytes of FILE, or of standard input, under KEY in the store on PATH,\n"
		"and replaces an older value. When the command returns, the value survives the "
		"end\n"
		"of any process; with --durable it survives a power cut too.\n\n"
		"With --tenant a new key goes to the stream of that tenant. Data of one stream is\n"
		"written, and later reclaimed, together; on a drive with FDP it also lies "
		"together.\n"
		"A key that exists stays in its stream.\n",
	.examples = "weir put demo.img greeting hello.txt\n"
		    "echo hello | weir put demo.img greeting\n"
		    "weir put demo.img model.bin weights.bin --durable\n"
		    "weir put demo.img chat-17 cache.bin --tenant alice\n",
	.options = put_options,
	.min_operands = 2,
	.max_operands = 3,
	.args_size = sizeof(struct put_args),
	.run = put_run,
};
