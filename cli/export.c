/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export.c - `weir export`: writes every key and value of a store to a stream.
 *
 * Values are read many at a time. A value that cannot be read or is damaged is named and left out.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/parse.h"
#include "cli/command.h"
#include "cli/key.h"
#include "cli/meter.h"
#include "cli/opening.h"
#include "cli/output.h"
#include "cli/report.h"
#include "cli/stream.h"

#define EXPORT_MANY 32u		   /* values read at a time ... */
#define EXPORT_BYTES (16ull << 20) /* ... and their bytes, unless one is longer */
#define EXPORT_STREAMS 32u

struct export_args {
	struct opening store;
	const char *file;
	unsigned json;
};

static const struct opt export_options[] = {
	{ .name = "file",
	  .letter = 'f',
	  .type = OPT_STRING,
	  .offset = offsetof(struct export_args, file),
	  .arg = "FILE",
	  .file = OPT_WRITES,
	  .help = "write to FILE (default: standard output)" },
	OPENING_OPTIONS(offsetof(struct export_args, store)),
	JSON_OPTION(offsetof(struct export_args, json)),
	OPT_END,
};

struct export_run {
	const char *path;
	struct weir_store *s;
	const char *file; /* NULL: the stream goes to standard output */
	FILE *out;
	struct meter meter;
	uint64_t total; /* bytes of all values */
	char tenant[EXPORT_STREAMS][WEIR_TENANT_SHOWN_MAX + 1];
	/* The values that are read together. */
	struct weir_store_op op[EXPORT_MANY];
	struct stream_record record[EXPORT_MANY];
	uint32_t count;
	uint64_t bytes;
	/* What was done. */
	uint64_t records, value_bytes, failed, hidden;
	bool whole;  /* the stream has its end */
	int stopped; /* why nothing more is read; 0: nothing is the matter */
	int why;     /* the errno of the first write of the stream that failed */
};

/* Finds the tenant of each stream: of several in one stream, the first one. Writes a record for
 * each tenant. */
static void export_tenants(struct export_run *e)
{
	struct weir_store_tenant row = WEIR_STORE_TENANT_INIT;
	struct weir_store_stream info = WEIR_STORE_STREAM_INIT;

	for (uint32_t n = 0; !weir_store_get_tenant(e->s, n, &row); n++) {
		struct stream_record r = { .type = STREAM_TENANT,
					   .tenant_len = row.name_len,
					   .number = n,
					   .value_checksum = row.stream };

		if (row.stream < EXPORT_STREAMS && !*e->tenant[row.stream])
			memcpy(e->tenant[row.stream], row.name, row.name_len);
		if (!weir_store_get_stream(e->s, row.stream, &info))
			r.value_len = info.share;
		memcpy(r.tenant, row.name, row.name_len);
		stream_write_record(e->out, &r);
	}
}

static void export_failed(struct export_run *e, const struct stream_record *r,
			  const struct weir_store_op *op)
{
	char key[KEY_TEXT_MAX], why[400];

	meter_clear(&e->meter);
	e->failed++;
	report_error("%s: key %s is left out: %s", e->path, key_escape(r->key, r->key_len, key),
		     weir_store_op_strerror(op, why, sizeof(why)));
}

static void export_write(struct export_run *e, struct stream_record *r,
			 const struct weir_store_op *op)
{
	if (op->result == -ENOENT) /* it was evicted meanwhile */
		return;
	if (op->result) {
		export_failed(e, r, op);
		return;
	}
	r->value_len = op->value_len;
	r->value_checksum = stream_checksum(op->buf, op->value_len);
	r->number = e->records++;
	e->value_bytes += op->value_len;
	stream_write_record(e->out, r);
	fwrite(op->buf, 1, op->value_len, e->out);
}

/* Returns -EIO if the stream cannot be written, and keeps why. */
static int export_ferror(struct export_run *e)
{
	if (!ferror(e->out))
		return 0;
	e->why = e->why ? e->why : errno;
	return -EIO;
}

/* Reads and writes the values that were gathered. Returns 0 or -errno. */
static int export_flush(struct export_run *e)
{
	uint32_t n;

	/* Each operation has its own result. */
	if (e->count)
		weir_store_get_many(e->s, e->op, e->count);
	for (n = 0; n < e->count; n++) {
		export_write(e, &e->record[n], &e->op[n]);
		free(e->op[n].buf);
	}
	e->count = 0;
	e->bytes = 0;
	meter_show(&e->meter, e->value_bytes, e->total);
	return export_ferror(e);
}

static int export_entry(const struct weir_store_entry *entry, void *user)
{
	struct export_run *e = user;
	struct weir_store_op *op = &e->op[e->count];
	struct stream_record *r = &e->record[e->count];
	const char *tenant = entry->stream < EXPORT_STREAMS ? e->tenant[entry->stream] : "";
	void *buf;

	if (posix_memalign(&buf, 4096, entry->value_len))
		return e->stopped = -ENOMEM;
	*r = (struct stream_record){ .type = STREAM_VALUE,
				     .key_len = entry->key_len,
				     .tenant_len = (uint32_t)strlen(tenant) };
	memcpy(r->key, entry->key, entry->key_len);
	memcpy(r->tenant, tenant, r->tenant_len);
	*op = (struct weir_store_op)WEIR_STORE_OP_INIT;
	op->key = r->key;
	op->key_len = r->key_len;
	op->buf = buf;
	op->capacity = entry->value_len;
	e->count++;
	e->bytes += entry->value_len;
	if (e->count == EXPORT_MANY || e->bytes >= EXPORT_BYTES)
		e->stopped = export_flush(e);
	return e->stopped;
}

static int export_all(struct export_run *e)
{
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	struct weir_store_list_counts counts = WEIR_STORE_LIST_COUNTS_INIT;
	struct stream_record end = { .type = STREAM_END };
	char why[512];
	int err, hides;

	if (weir_store_get_info(e->s, &info) < 0 || weir_store_get_stats(e->s, &stats) < 0)
		return report_failed(e->path);
	e->total = stats.live_bytes;
	meter_begin(&e->meter, "export");
	stream_write_head(e->out, info.uuid, clock_wall());
	export_tenants(e);
	hides = err = weir_store_list_counted(e->s, NULL, export_entry, e, &counts);
	/* What was listed is worth keeping, also if damage hides other keys. */
	e->hidden = counts.hidden + counts.unread;
	if (e->hidden && hides < 0)
		err = e->stopped;
	if (e->hidden)
		snprintf(why, sizeof(why), "%s", weir_error());
	if (!err)
		err = export_flush(e);
	while (e->count)
		free(e->op[--e->count].buf);
	end.number = e->records;
	end.value_len = e->value_bytes;
	end.value_checksum = e->failed + e->hidden;
	if (!err)
		stream_write_record(e->out, &end);
	meter_clear(&e->meter);
	if (export_ferror(e))
		/* That of standard output is said at the end. */
		return e->file ? report_error("%s: %s", e->file, strerror(e->why)) : REPORT_FAILED;
	if (err == -ENOMEM)
		return report_error("out of memory");
	if (err)
		return report_failed(e->path);
	e->whole = true;
	if (e->hidden)
		return report_error("%s: %" PRIu64 " keys are left out: %s", e->path, e->hidden,
				    why);
	return e->failed ? REPORT_FAILED : REPORT_OK;
}

static int export_done(const struct export_run *e, const struct export_args *args, int exit_code)
{
	char bytes[32];
	int err;

	if (args->json) {
		err = report_json(json_pack("{s:s, s:o, s:o, s:I, s:I, s:I, s:I}", "schema",
					    "weir.export.v1", "path", report_text(e->path), "file",
					    report_text(args->file), "records",
					    (json_int_t)e->records, "value_bytes",
					    (json_int_t)e->value_bytes, "failed",
					    (json_int_t)e->failed, "hidden", (json_int_t)e->hidden),
				  0);
		return exit_code ? exit_code : err;
	}
	if (args->file)
		printf("%s: %" PRIu64 " keys with %s were exported to %s\n", e->path, e->records,
		       format_size(e->value_bytes, bytes, sizeof(bytes)), args->file);
	return exit_code;
}

static int export_check(const struct export_args *args)
{
	const char *file = args->file ? args->file : "-";

	if (args->json && !strcmp(file, "-"))
		return report_usage("--json needs --file: the stream goes to standard output");
	if (!strcmp(file, "-") && isatty(STDOUT_FILENO))
		return report_usage("the stream is not for a terminal: use --file, or > FILE");
	return 0;
}

static int export_run(void *arg, char **operands, int n)
{
	const struct export_args *args = arg;
	struct export_run *e;
	struct output out;
	int exit_code = export_check(args);

	(void)n;
	e = exit_code ? NULL : calloc(1, sizeof(*e));
	if (!e)
		return exit_code ? exit_code : report_error("out of memory");
	e->path = operands[0];
	e->file = args->file && strcmp(args->file, "-") != 0 ? args->file : NULL;
	exit_code = opening_store(&e->s, e->path, &args->store, OPENING_READ_ONLY);
	if (!exit_code && output_open(&out, args->file ? args->file : "-") < 0)
		exit_code = report_failed(args->file);
	else if (!exit_code) {
		e->out = out.file;
		exit_code = export_all(e);
		/* An export that left keys out is a whole stream all the same. */
		if (!e->whole)
			output_drop(&out);
		else if (output_close(&out) < 0)
			exit_code = report_failed(args->file);
		else
			exit_code = export_done(e, args, exit_code);
	}
	if (e->s)
		exit_code = opening_close(e->s, e->path, exit_code);
	free(e);
	return exit_code;
}

const struct command command_export = {
	.name = "export",
	.path = COMMAND_STORE,
	.operands = "PATH",
	.summary = "write all keys and values to a stream, for backup and moving",
	.text = "Writes every key of the store on PATH with its tenant and its value, and the\n"
		"tenants with their shares, to standard output or FILE. `weir import` reads the\n"
		"stream. The store is not changed. A value\n"
		"that is damaged or cannot be read is named and left out; keys that damage hides\n"
		"are left out and counted. The stream is whole all the same, and the exit code\n"
		"is 1.\n",
	.examples = "weir export demo.img -f demo.weir\n"
		    "weir export demo.img | zstd > demo.weir.zst\n"
		    "weir export demo.img | ssh host weir import /dev/nvme1n1\n",
	.options = export_options,
	.min_operands = 1,
	.max_operands = 1,
	.args_size = sizeof(struct export_args),
	.run = export_run,
};
