/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import.c - `weir import`: puts the keys and values of a stream into a store.
 *
 * Nothing in the stream is trusted: lengths count only after their checksum was compared, and no
 * more memory is taken than the store's longest value needs.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "cli/command.h"
#include "cli/key.h"
#include "cli/meter.h"
#include "cli/opening.h"
#include "cli/report.h"
#include "cli/stream.h"
#include "cli/tenant.h"

#define IMPORT_MANY 32u /* values put at a time ... */
#define IMPORT_STREAMS 32u
#define IMPORT_BYTES (16ull << 20) /* ... and their bytes, unless one is longer */

struct import_args {
	struct opening store;
	const char *file;
	unsigned json;
};

static const struct opt import_options[] = {
	{ .name = "file",
	  .letter = 'f',
	  .type = OPT_STRING,
	  .offset = offsetof(struct import_args, file),
	  .arg = "FILE",
	  .file = OPT_READS,
	  .help = "read FILE (default: standard input)" },
	OPENING_OPTIONS(offsetof(struct import_args, store)),
	PUT_ROOM_OPTION(offsetof(struct import_args, store)),
	JSON_OPTION(offsetof(struct import_args, json)),
	OPT_END,
};

struct import_run {
	const char *path, *source;
	struct weir_store *s;
	struct stream_in in;
	struct meter meter;
	uint64_t max_value;
	/* The tenant of the last record, and its stream. */
	char tenant[WEIR_TENANT_SHOWN_MAX + 1];
	uint32_t stream;
	uint64_t tenants; /* records of tenants that came */
	/* Of each stream here: the streams there whose tenants came into it, a bit each, and the
	 * sum of their shares. */
	uint32_t from[IMPORT_STREAMS], share[IMPORT_STREAMS];
	/* The values that are put together. */
	struct weir_store_op op[IMPORT_MANY];
	struct stream_record record[IMPORT_MANY];
	uint32_t count;
	uint64_t bytes;
	/* What was done. */
	uint64_t seen, seen_bytes, records, value_bytes, failed, evicted;
	bool stopped; /* the store takes no more */
};

static void import_failed(struct import_run *i, const struct stream_record *r, const char *why)
{
	char key[KEY_TEXT_MAX];

	meter_clear(&i->meter);
	i->failed++;
	report_error("%s: key %s was not put: %s", i->path, key_escape(r->key, r->key_len, key),
		     why);
}

/* Returns true if no device of the store writes any more: its filesystem is full, or it has failed.
 */
static bool import_is_stopped(struct import_run *i)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;

	if (weir_store_get_info(i->s, &info) < 0)
		return false;
	for (uint32_t n = 0; n < info.devices; n++) {
		struct weir_store_stats stats = WEIR_STORE_STATS_INIT;

		if (!weir_store_get_device_stats(i->s, n, &stats) && !stats.read_only)
			return false;
	}
	return true;
}

/* Puts the values that were gathered. */
static void import_flush(struct import_run *i)
{
	uint64_t failed = i->failed;
	bool full = false;
	char why[400];
	uint32_t n;

	if (i->count)
		weir_store_put_many(i->s, i->op, i->count);
	for (n = 0; n < i->count; n++) {
		const struct weir_store_op *op = &i->op[n];

		if (op->result) {
			/* Nobody holds keys of this store, so it is the filesystem that is full. */
			full |= op->result == -ENOSPC;
			import_failed(i, &i->record[n],
				      weir_store_op_strerror(op, why, sizeof(why)));
		} else {
			i->records++;
			i->value_bytes += op->value_len;
		}
		free(op->buf);
	}
	i->stopped |= full || (i->failed > failed && import_is_stopped(i));
	i->count = 0;
	i->bytes = 0;
	meter_show(&i->meter, i->seen_bytes, 0);
}

/* Finds the stream of the tenant of R. Returns 0 or an exit code. */
static int import_stream(struct import_run *i, const struct stream_record *r)
{
	int exit_code = 0;

	if (!r->tenant_len)
		i->stream = 0;
	else if (strcmp(r->tenant, i->tenant) != 0)
		exit_code = tenant_stream(i->s, i->path, r->tenant, &i->stream);
	memcpy(i->tenant, r->tenant, sizeof(i->tenant));
	return exit_code;
}

/* Says why the stream cannot be read on, and where. Returns the exit code. */
static int import_broken(const struct import_run *i, const char *why, uint64_t at)
{
	return report_error("%s: %s (at byte %" PRIu64 " of the stream, after %" PRIu64 " keys)",
			    i->source, why, at, i->seen);
}

/*
 * Adds the tenant of R, which began at byte AT, and gives its stream the share that it had. Tenants
 * of several streams may come into one stream here: then it gets their shares together. Returns 0
 * or an exit code.
 */
static int import_tenant(struct import_run *i, const struct stream_record *r, uint64_t at)
{
	uint32_t from = 1u << r->value_checksum % IMPORT_STREAMS, *share;
	int exit_code;

	if (r->number != i->tenants++)
		return import_broken(i, "the stream lacks records of tenants", at);
	exit_code = import_stream(i, r);
	if (exit_code || i->stream >= IMPORT_STREAMS || i->from[i->stream] & from)
		return exit_code;
	i->from[i->stream] |= from;
	share = &i->share[i->stream];
	*share = *share + r->value_len < 100 ? *share + (uint32_t)r->value_len : 100;
	if (r->value_len && weir_store_set_share(i->s, i->stream, *share) < 0)
		return report_failed(i->path);
	return 0;
}

/* Takes the value of record R, which stands in place i->count. Returns 0 or an exit code. */
static int import_value(struct import_run *i, struct stream_record *r)
{
	struct weir_store_op *op = &i->op[i->count];
	char why[100], length[32];
	void *buf = NULL;

	if (r->value_len <= i->max_value && posix_memalign(&buf, 4096, r->value_len))
		return report_error("out of memory");
	if (stream_read_value(&i->in, buf, r->value_len) < 0) {
		free(buf);
		return import_broken(i, weir_error(), i->in.at);
	}
	i->seen++;
	i->seen_bytes += r->value_len;
	if (!buf || stream_checksum(buf, r->value_len) != r->value_checksum) {
		snprintf(why, sizeof(why), "its value of %s is longer than the store takes",
			 format_size(r->value_len, length, sizeof(length)));
		import_failed(i, r, buf ? "its value is damaged in the stream" : why);
		free(buf);
		return 0;
	}
	*op = (struct weir_store_op)WEIR_STORE_OP_INIT;
	op->key = r->key;
	op->key_len = r->key_len;
	op->value = buf;
	op->value_len = r->value_len;
	op->stream = (uint16_t)i->stream;
	i->bytes += r->value_len;
	if (++i->count == IMPORT_MANY || i->bytes >= IMPORT_BYTES)
		import_flush(i);
	return 0;
}

/* Compares the end record with what was read. Returns the exit code. */
static int import_end(const struct import_run *i, const struct stream_record *end)
{
	if (end->number != i->seen || end->value_len != i->seen_bytes)
		return report_error("the stream says that it has %" PRIu64 " keys, and %" PRIu64
				    " came: it is not whole",
				    end->number, i->seen);
	if (end->value_checksum)
		report_note("the export had left out %" PRIu64 " keys that it could not read",
			    end->value_checksum);
	return i->failed ? REPORT_FAILED : REPORT_OK;
}

/* Reads a record, and handles it. Returns 0, or an exit code with *END set. */
static int import_record(struct import_run *i, bool *end)
{
	struct stream_record *r = &i->record[i->count];
	uint64_t at = i->in.at;
	int exit_code;

	*end = true;
	if (stream_read_record(&i->in, r) < 0)
		return import_broken(i, weir_error(), at);
	if (r->type == STREAM_VALUE && r->number != i->seen)
		return import_broken(i, "the stream lacks records", at);
	if (r->type == STREAM_END)
		return import_end(i, r);
	if (r->type == STREAM_TENANT) {
		exit_code = import_tenant(i, r, at);
	} else {
		exit_code = import_stream(i, r);
		if (!exit_code)
			exit_code = import_value(i, r);
	}
	*end = exit_code != 0;
	return exit_code;
}

static int import_records(struct import_run *i)
{
	bool end = false;
	int exit_code = 0;

	while (!end && !i->stopped)
		exit_code = import_record(i, &end);
	return exit_code;
}

/* Says what the store could not keep of what was put, or had before. Returns the exit code. */
static int import_kept(struct import_run *i, int exit_code)
{
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;

	if (i->stopped)
		exit_code = report_error("%s: the store takes no more, so the import ended after "
					 "%" PRIu64 " keys: mend that, and import the stream again",
					 i->path, i->seen);
	if (weir_store_get_stats(i->s, &stats) < 0)
		return report_failed(i->path);
	i->evicted = stats.evicted_entries;
	if (i->evicted)
		report_note("%s: the store is smaller than what was put into it: it has evicted "
			    "%" PRIu64 " keys, the oldest first",
			    i->path, i->evicted);
	return exit_code;
}

static int import_all(struct import_run *i)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	int exit_code;

	if (weir_store_get_info(i->s, &info) < 0)
		return report_failed(i->path);
	i->max_value = info.max_value_bytes;
	meter_begin(&i->meter, "import");
	if (stream_read_head(&i->in) < 0)
		return report_error("%s: %s", i->source, weir_error());
	exit_code = import_records(i);
	/* What came before a damaged place is kept. */
	import_flush(i);
	meter_clear(&i->meter);
	if (!i->stopped && weir_store_sync(i->s) < 0)
		exit_code = report_failed(i->path);
	exit_code = import_kept(i, exit_code);
	return exit_code || !i->failed ? exit_code : REPORT_FAILED;
}

static int import_done(const struct import_run *i, const struct import_args *args, int exit_code)
{
	char bytes[32];

	if (args->json)
		report_json(json_pack("{s:s, s:o, s:b, s:I, s:I, s:I, s:I}", "schema",
				      "weir.import.v1", "path", report_text(i->path), "whole",
				      !exit_code, "records", (json_int_t)i->records, "value_bytes",
				      (json_int_t)i->value_bytes, "failed", (json_int_t)i->failed,
				      "evicted", (json_int_t)i->evicted),
			    0);
	else
		printf("%s: %" PRIu64 " keys with %s were imported%s\n", i->path, i->records,
		       format_size(i->value_bytes, bytes, sizeof(bytes)),
		       exit_code ? "; the import is not whole" : "");
	return exit_code;
}

static int import_run(void *arg, char **operands, int n)
{
	const struct import_args *args = arg;
	bool named = args->file && strcmp(args->file, "-") != 0;
	struct import_run *i = calloc(1, sizeof(*i));
	int exit_code = REPORT_OK;

	(void)n;
	if (!i)
		return report_error("out of memory");
	i->path = operands[0];
	i->source = named ? args->file : "standard input";
	i->in.file = named ? fopen(args->file, "rbe") : stdin;
	if (!i->in.file)
		exit_code = report_error("%s: %s", args->file, strerror(errno));
	if (!exit_code)
		exit_code = opening_store(&i->s, i->path, &args->store, 0);
	if (!exit_code) {
		exit_code = import_done(i, args, import_all(i));
		exit_code = opening_close(i->s, i->path, exit_code);
	}
	if (named && i->in.file)
		fclose(i->in.file);
	free(i);
	return exit_code;
}

const struct command command_import = {
	.name = "import",
	.path = COMMAND_STORE,
	.operands = "PATH",
	.summary = "put the keys and values that `weir export` wrote",
	.text = "Reads a stream from standard input or FILE, and puts each key with its value "
		"into\n"
		"the store on PATH, for the tenant that it belonged to. Keys that are there "
		"already\n"
		"get the value of the stream. A value that is damaged or too long is named and "
		"left\n"
		"out; the import ends where the stream itself is damaged, and where the store\n"
		"takes no more, as on a full filesystem. In these cases the exit code is 1. A\n"
		"store that is too small keeps the newest keys, and a note says how many left.\n"
		"What was imported is durable; after ^C, import the stream again.\n",
	.examples = "weir import new.img -f demo.weir\n"
		    "zstd -dc demo.weir.zst | weir import new.img\n",
	.options = import_options,
	.min_operands = 1,
	.max_operands = 1,
	.args_size = sizeof(struct import_args),
	.run = import_run,
};
