/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dump.c - `weir dump`: shows the structures of a store: where a key is and was.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <weir/dump.h>
#include <weir/store.h>

#include "base/parse.h"
#include "cli/command.h"
#include "cli/describe.h"
#include "cli/devices.h"
#include "cli/dump.h"
#include "cli/key.h"
#include "cli/opening.h"
#include "cli/report.h"

struct dump_args {
	struct opening store;
	const char *segment;
	const char *batch;
	const char *key;
	unsigned escaped;
	unsigned all;
	unsigned freed;
	unsigned json;
	uint64_t batches, records; /* that were shown */
};

static const struct opt dump_options[] = {
	{ .name = "segment",
	  .letter = 's',
	  .type = OPT_STRING,
	  .offset = offsetof(struct dump_args, segment),
	  .arg = "N",
	  .help = "show segment N with its batches and records" },
	{ .name = "batch",
	  .letter = 'b',
	  .type = OPT_STRING,
	  .offset = offsetof(struct dump_args, batch),
	  .arg = "N:B",
	  .help = "show the batch at block B of segment N" },
	{ .name = "key",
	  .letter = 'k',
	  .type = OPT_STRING,
	  .offset = offsetof(struct dump_args, key),
	  .arg = "KEY",
	  .help = "show every version of KEY that is on the device" },
	{ .name = "escaped",
	  .letter = 'e',
	  .type = OPT_FLAG,
	  .offset = offsetof(struct dump_args, escaped),
	  .help = "KEY is written as `weir ls` prints it" },
	{ .name = "all",
	  .letter = 'a',
	  .type = OPT_FLAG,
	  .offset = offsetof(struct dump_args, all),
	  .help = "show the batches and records of every segment" },
	{ .name = "freed",
	  .type = OPT_FLAG,
	  .offset = offsetof(struct dump_args, freed),
	  .help = "show also what is left over in free segments" },
	CLOSED_OPTIONS(offsetof(struct dump_args, store)),
	JSON_OPTION(offsetof(struct dump_args, json)),
	OPT_END,
};

const char *dump_time(uint64_t ns, char text[DUMP_TIME_MAX])
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;

	if (!ns || !gmtime_r(&seconds, &tm) ||
	    !strftime(text, DUMP_TIME_MAX, "%Y-%m-%d %H:%M:%S UTC", &tm))
		snprintf(text, DUMP_TIME_MAX, "-");
	return text;
}

static void dump_super(void *user, const struct weir_dump_super *d)
{
	char uuid[DESCRIBE_UUID_MAX], created[DUMP_TIME_MAX], segment[32], device[32];

	(void)user;
	if (d->devices > 1 && d->copy == 1)
		printf("device %" PRIu32 " of %" PRIu32 ": %s\n", d->device, d->devices, d->path);
	printf("superblock %" PRIu32 " at 0x%" PRIx64 ": %s%s\n", d->copy, d->offset, d->state,
	       d->counts ? ", counts" : "");
	if (strcmp(d->state, "valid") != 0)
		return;
	printf("  uuid %s, formatted %s\n", describe_uuid(d->uuid, uuid),
	       dump_time(d->created_ns, created));
	printf("  revision %" PRIu64 ", epoch %" PRIu64 ", %s, %" PRIu64
	       " segments of %s, blocks of "
	       "%" PRIu32 " B\n",
	       d->revision, d->epoch, format_size(d->device_bytes, device, sizeof(device)),
	       d->segments, format_size(d->segment_bytes, segment, sizeof(segment)),
	       d->block_bytes);
	printf("  streams %" PRIu32 ", tenants %" PRIu32 ", out of use %" PRIu32 "\n", d->streams,
	       d->tenants, d->out_of_use);
}

static void dump_segment(void *user, const struct weir_dump_segment *d)
{
	const struct dump_args *args = user;
	char bytes[32];

	if (!args->segment && !d->records && !strcmp(d->state, "free"))
		return;
	printf("segment %" PRIu32 " at 0x%" PRIx64 ": %s, generation %" PRIu64 ".%" PRIu64,
	       d->segment, d->offset, d->state, d->epoch, d->counter);
	/* Some segments are begun before anything is put into them. */
	if (*d->footer && !d->batches)
		printf(", stream %" PRIu32 ", no batch, footer %s", d->stream, d->footer);
	else if (*d->footer)
		printf(", stream %" PRIu32 ", %" PRIu64 " record%s in %" PRIu64
		       " batch%s, live %" PRIu64 " (%s), footer %s",
		       d->stream, d->records, d->records == 1 ? "" : "s", d->batches,
		       d->batches == 1 ? "" : "es", d->live_records,
		       format_size(d->live_bytes, bytes, sizeof(bytes)), d->footer);
	printf("\n");
}

static void dump_batch(void *user, const struct weir_dump_batch *d)
{
	char written[DUMP_TIME_MAX];
	struct dump_args *args = user;

	args->batches++;
	printf("  batch at block %" PRIu32 ": %s, %" PRIu32 " record%s in %" PRIu32
	       " block%s, %s, watermark %" PRIu64 ".%" PRIu64 " block %" PRIu32 "%s\n",
	       d->block, d->state, d->records, d->records == 1 ? "" : "s", d->blocks,
	       d->blocks == 1 ? "" : "s", dump_time(d->time_ns, written), d->mark_epoch,
	       d->mark_counter, d->mark_block, d->freed ? " (freed)" : "");
}

const char *dump_state(const struct weir_dump_record *d)
{
	if (d->freed)
		return "freed";
	if (d->struck)
		return "struck";
	if (d->tombstone)
		return "deleted";
	return d->live ? "live" : "superseded";
}

static void dump_record(void *user, const struct weir_dump_record *d)
{
	char key[KEY_TEXT_MAX], written[DUMP_TIME_MAX];
	struct dump_args *args = user;

	args->records++;
	if (d->key)
		key_escape(d->key, d->key_len, key);
	printf("    %s %s: %s, sequence %" PRIu64, d->tombstone ? "tombstone" : "put",
	       d->key ? key : "(key not known)", dump_state(d), d->sequence);
	if (d->length)
		printf(", %" PRIu64 " bytes at 0x%" PRIx64, d->length, d->offset);
	if (args->key)
		printf(", device %" PRIu32 ", segment %" PRIu32 ", batch %" PRIu32 ", %s",
		       d->device, d->segment, d->batch_block, dump_time(d->time_ns, written));
	printf("\n");
}

static void dump_super_json(void *user, const struct weir_dump_super *d)
{
	char uuid[DESCRIBE_UUID_MAX];

	(void)user;
	report_json(json_pack("{s:s, s:I, s:I, s:o, s:i, s:b, s:s, s:I, s:s, s:I, s:I, s:I, s:I, "
			      "s:I, s:I, s:I, s:i, s:i, s:i, s:i}",
			      "schema", "weir.dump-super.v1", "device", (json_int_t)d->device,
			      "devices", (json_int_t)d->devices, "path", report_text(d->path),
			      "copy", (int)d->copy, "counts", (int)d->counts, "state", d->state,
			      "offset", (json_int_t)d->offset, "uuid", describe_uuid(d->uuid, uuid),
			      "revision", (json_int_t)d->revision, "epoch", (json_int_t)d->epoch,
			      "created_ns", (json_int_t)d->created_ns, "device_bytes",
			      (json_int_t)d->device_bytes, "capacity_bytes",
			      (json_int_t)d->capacity_bytes, "segment_bytes",
			      (json_int_t)d->segment_bytes, "segments", (json_int_t)d->segments,
			      "block_bytes", (int)d->block_bytes, "streams", (int)d->streams,
			      "tenants", (int)d->tenants, "out_of_use", (int)d->out_of_use),
		    1);
}

static void dump_segment_json(void *user, const struct weir_dump_segment *d)
{
	(void)user;
	report_json(json_pack("{s:s, s:I, s:I, s:I, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
			      "s:I, s:I, s:I}",
			      "schema", "weir.dump-segment.v1", "device", (json_int_t)d->device,
			      "segment", (json_int_t)d->segment, "stream", (json_int_t)d->stream,
			      "state", d->state, "footer", d->footer, "offset",
			      (json_int_t)d->offset, "epoch", (json_int_t)d->epoch, "counter",
			      (json_int_t)d->counter, "sequence", (json_int_t)d->sequence,
			      "time_ns", (json_int_t)d->time_ns, "batches", (json_int_t)d->batches,
			      "records", (json_int_t)d->records, "live_records",
			      (json_int_t)d->live_records, "live_bytes", (json_int_t)d->live_bytes,
			      "end_block", (json_int_t)d->end_block),
		    1);
}

static void dump_batch_json(void *user, const struct weir_dump_batch *d)
{
	struct dump_args *args = user;

	args->batches++;
	report_json(json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:b}",
			      "schema", "weir.dump-batch.v1", "device", (json_int_t)d->device,
			      "segment", (json_int_t)d->segment, "block", (json_int_t)d->block,
			      "blocks", (json_int_t)d->blocks, "records", (json_int_t)d->records,
			      "state", d->state, "offset", (json_int_t)d->offset, "time_ns",
			      (json_int_t)d->time_ns, "mark_epoch", (json_int_t)d->mark_epoch,
			      "mark_counter", (json_int_t)d->mark_counter, "mark_block",
			      (json_int_t)d->mark_block, "freed", (int)d->freed),
		    1);
}

static void dump_record_json(void *user, const struct weir_dump_record *d)
{
	char key[KEY_TEXT_MAX];
	struct dump_args *args = user;

	args->records++;
	report_json(
		json_pack("{s:s, s:I, s:o, s:s, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
			  "s:I}",
			  "schema", "weir.dump-record.v1", "device", (json_int_t)d->device, "key",
			  d->key ? json_string(key_escape(d->key, d->key_len, key)) : json_null(),
			  "state", dump_state(d), "tombstone", (int)d->tombstone, "again",
			  (int)d->again, "sequence", (json_int_t)d->sequence, "segment",
			  (json_int_t)d->segment, "batch_block", (json_int_t)d->batch_block,
			  "block", (json_int_t)d->block, "offset", (json_int_t)d->offset,
			  "value_bytes", (json_int_t)d->length, "stream", (json_int_t)d->stream,
			  "epoch", (json_int_t)d->epoch, "time_ns", (json_int_t)d->time_ns),
		1);
}

static int dump_number(const char *option, const char *text, uint32_t *n)
{
	uint64_t value;

	if (parse_number(text, 0, UINT32_MAX - 1, &value) < 0)
		return report_usage("--%s %s: %s", option, text, weir_error());
	*n = (uint32_t)value;
	return 0;
}

/* Reads "N:B". */
static int dump_read_batch(const char *text, struct weir_dump_opts *opts)
{
	const char *colon = strchr(text, ':');
	char segment[32];
	int exit_code;

	if (!colon || (size_t)(colon - text) >= sizeof(segment))
		return report_usage("--batch %s: a segment and a block, as in 12:33", text);
	memcpy(segment, text, (size_t)(colon - text));
	segment[colon - text] = '\0';
	opts->one_segment = opts->one_batch = 1;
	exit_code = dump_number("batch", segment, &opts->segment);
	return exit_code ? exit_code : dump_number("batch", colon + 1, &opts->batch);
}

/* Sets OPTS from ARGS. Returns 0 or an exit code. */
static int dump_choose(const struct dump_args *args, struct weir_dump_opts *opts, struct key *key)
{
	int exit_code = opening_check(&args->store);

	if (exit_code)
		return exit_code;
	if (!!args->segment + !!args->batch + !!args->key + !!args->all > 1)
		return report_usage("--segment, --batch, --key and --all exclude each other");
	if (args->segment) {
		opts->one_segment = 1;
		return dump_number("segment", args->segment, &opts->segment);
	}
	if (args->batch)
		return dump_read_batch(args->batch, opts);
	if (args->key) {
		if (key_read(key, args->key, args->escaped != 0) < 0)
			return report_usage("--key: %s", weir_error());
		opts->key = key->bytes;
		opts->key_len = key->len;
	}
	return 0;
}

/* Says that what one option names is not there. Returns the exit code. */
static int dump_none(const struct dump_args *args, const struct weir_dump_opts *opts,
		     const char *path)
{
	char key[KEY_TEXT_MAX];

	if (args->key && !args->records)
		return report_error("%s: no version of the key \"%s\" is on the device", path,
				    key_escape(opts->key, opts->key_len, key));
	if (args->batch && !args->batches)
		return report_error("%s: no batch begins at block %" PRIu32 " of segment %" PRIu32
				    " (`weir dump --segment %" PRIu32 "` shows its batches)",
				    path, opts->batch, opts->segment, opts->segment);
	return 0;
}

static int dump_run(void *arg, char **operands, int n)
{
	struct dump_args *args = arg;
	struct weir_dump_opts opts = WEIR_DUMP_OPTS_INIT;
	bool deep = args->segment || args->batch || args->key || args->all;
	struct key key;
	char *path;
	int exit_code = dump_choose(args, &opts, &key);

	if (exit_code)
		return exit_code;
	path = devices_join(operands, n);
	if (!path)
		return REPORT_USAGE;
	opts.engine = args->store.engine;
	opts.engine_opts = args->store.engine_opts;
	opts.lock_wait_ns = args->store.wait_ns;
	opts.freed = args->freed || args->key;
	opts.user = args;
	if (!args->key)
		opts.super = args->json ? dump_super_json : dump_super;
	opts.on_segment = args->json ? dump_segment_json : dump_segment;
	if (deep) {
		opts.on_batch = args->json ? dump_batch_json : dump_batch;
		opts.on_record = args->json ? dump_record_json : dump_record;
	}
	if (tracing_begin(&args->store.tracing, &opts.trace))
		exit_code = report_error("%s", weir_error());
	else if (weir_store_dump(path, &opts) < 0)
		exit_code = report_failed(path);
	else
		exit_code = dump_none(args, &opts, path);
	free(path);
	return tracing_end(exit_code);
}

const struct command command_dump = {
	.name = "dump",
	.path = COMMAND_STORE,
	.files = COMMAND_ALL_FILES,
	.operands = "PATH...",
	.summary = "show the structures of a store that nobody writes",
	.text = "Prints the superblocks of the store on PATH, and its used segments in the order "
		"of their\n"
		"logs; batches and records too, of the segment, batch or key that an option "
		"names.\n"
		"PATH is one device of the store, or several, which are shown one after another.\n"
		"Values are not read, and nothing is written.\n",
	.examples = "weir dump demo.img\n"
		    "weir dump demo.img --segment 3\n"
		    "weir dump demo.img --batch 3:1\n"
		    "weir dump demo.img --key greeting\n"
		    "weir dump demo.img --all --json | jq -r 'select(.state == \"live\") | .key'\n",
	.options = dump_options,
	.min_operands = 1,
	.max_operands = WEIR_DEVICES_MAX,
	.args_size = sizeof(struct dump_args),
	.run = dump_run,
};
