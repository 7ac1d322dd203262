/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fsck.c - `weir fsck`: checks a store that nobody has open, and repairs it.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#include <weir/fsck.h>
#include <weir/store.h>

#include "base/parse.h"
#include "cli/command.h"
#include "cli/devices.h"
#include "cli/key.h"
#include "cli/meter.h"
#include "cli/opening.h"
#include "cli/report.h"

struct fsck_args {
	struct opening store;
	unsigned data;
	unsigned repair;
	unsigned json;
};

static const struct opt fsck_options[] = {
	{ .name = "data",
	  .type = OPT_FLAG,
	  .offset = offsetof(struct fsck_args, data),
	  .help = "also read every value, and verify its checksum" },
	{ .name = "repair",
	  .type = OPT_FLAG,
	  .offset = offsetof(struct fsck_args, repair),
	  .help = "drop what is damaged, and nothing else; it may be\n"
		  "interrupted, and made again" },
	CLOSED_OPTIONS(offsetof(struct fsck_args, store)),
	JSON_OPTION(offsetof(struct fsck_args, json)),
	OPT_END,
};

/* One run of the command. */
struct fsck_run {
	const struct fsck_args *args;
	struct meter meter;
	json_t *findings;
};

static void fsck_found_json(struct fsck_run *run, const struct weir_finding *f)
{
	bool segment = f->segment != WEIR_FINDING_NO_SEGMENT;
	char key[KEY_TEXT_MAX];

	json_array_append_new(
		run->findings,
		json_pack("{s:s, s:b, s:I, s:o, s:o, s:o, s:I, s:I, s:o, s:s}", "kind",
			  weir_finding_name(f->kind), "damage", (int)f->damage, "device",
			  (json_int_t)f->device, "path",
			  f->path ? report_text(f->path) : json_null(), "segment",
			  segment ? json_integer(f->segment) : json_null(), "block",
			  segment ? json_integer(f->block) : json_null(), "offset",
			  (json_int_t)f->offset, "length", (json_int_t)f->length, "key",
			  f->key ? json_string(key_escape(f->key, f->key_len, key)) : json_null(),
			  "what", f->text));
}

static void fsck_found(void *user, const struct weir_finding *f)
{
	struct fsck_run *run = user;
	char key[KEY_TEXT_MAX];

	if (run->args->json) {
		fsck_found_json(run, f);
		return;
	}
	meter_clear(&run->meter);
	printf("%s: %s: ", f->damage ? "damage" : "note", weir_finding_name(f->kind));
	if (f->devices > 1)
		printf("device %" PRIu32 "%s%s%s%s", f->device, f->path ? " (" : "",
		       f->path ? f->path : "", f->path ? ")" : "", f->path ? ", " : ": ");
	if (f->segment != WEIR_FINDING_NO_SEGMENT)
		printf("segment %" PRIu32 ", block %" PRIu32 ", ", f->segment, f->block);
	if (f->path)
		printf("at 0x%" PRIx64 ": ", f->offset);
	printf("%s", f->text);
	if (f->key)
		printf(" (key %s)", key_escape(f->key, f->key_len, key));
	if (f->cause)
		printf(": %s", f->cause);
	printf("\n");
}

static void fsck_progress(void *user, uint64_t done, uint64_t total)
{
	struct fsck_run *run = user;

	meter_show(&run->meter, done, total);
}

/* Prints how much is damaged, and what to do about it. */
static void fsck_print_damage(const char *path, const struct fsck_args *args,
			      const struct weir_check_result *r)
{
	printf("%s: %" PRIu64 " damaged %s, %" PRIu64 " %s\n", path, r->damage,
	       r->damage == 1 ? "place" : "places", r->notes, r->notes == 1 ? "note" : "notes");
	if (r->order)
		printf("%s: of these, %" PRIu64
		       " contradict each other in their order. No value is "
		       "damaged by that, so a\nrepair drops nothing for it: `weir export %s | weir "
		       "import NEW` makes a store without it\n",
		       path, r->order, path);
	if (!args->repair && r->damage > r->order + r->unreadable)
		printf("%s: with --repair this command drops what is damaged, and nothing else\n",
		       path);
}

static void fsck_print(const char *path, const struct fsck_args *args,
		       const struct weir_check_result *r)
{
	char size[32];

	if (r->devices > 1 || r->absent)
		printf("%s: %" PRIu64 " of the %" PRIu64 " devices of the store were checked\n",
		       path, r->devices, r->devices + r->absent);
	printf("%s: %" PRIu64 " segments (%" PRIu64 " used), %" PRIu64 " batches, %" PRIu64
	       " records; live: %" PRIu64 " %s of %s\n",
	       path, r->segments, r->used_segments, r->batches, r->records, r->entries,
	       r->entries == 1 ? "entry" : "entries",
	       format_size(r->live_bytes, size, sizeof(size)));
	if (args->data)
		printf("%s: %" PRIu64 " values of %s were read and verified\n", path, r->verified,
		       format_size(r->verified_bytes, size, sizeof(size)));
	if (r->repaired)
		printf("%s: repaired: %" PRIu64 " records were dropped, %" PRIu64
		       " segments were freed\n",
		       path, r->dropped_records, r->freed_segments);
	if (r->damage || r->notes)
		fsck_print_damage(path, args, r);
	else
		printf("%s: clean\n", path);
}

static int fsck_json(const char *path, const struct fsck_run *run,
		     const struct weir_check_result *r)
{
	json_t *counts = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "segments",
		(json_int_t)r->segments, "used_segments", (json_int_t)r->used_segments,
		"free_segments", (json_int_t)r->free_segments, "unsealed_segments",
		(json_int_t)r->unsealed_segments, "batches", (json_int_t)r->batches, "records",
		(json_int_t)r->records, "tombstones", (json_int_t)r->tombstones, "struck",
		(json_int_t)r->struck, "entries", (json_int_t)r->entries, "live_bytes",
		(json_int_t)r->live_bytes, "verified", (json_int_t)r->verified, "verified_bytes",
		(json_int_t)r->verified_bytes);

	return report_json(
		json_pack("{s:s, s:o, s:I, s:I, s:b, s:b, s:I, s:I, s:I, s:I, s:b, s:I, s:I, s:o, "
			  "s:o}",
			  "schema", "weir.fsck.v1", "path", report_text(path), "devices",
			  (json_int_t)r->devices, "absent_devices", (json_int_t)r->absent, "clean",
			  !r->damage, "data", (int)(run->args->data != 0), "damage",
			  (json_int_t)r->damage, "notes", (json_int_t)r->notes, "unreadable",
			  (json_int_t)r->unreadable, "order", (json_int_t)r->order, "repaired",
			  (int)r->repaired, "dropped_records", (json_int_t)r->dropped_records,
			  "freed_segments", (json_int_t)r->freed_segments, "counts", counts,
			  "findings", json_incref(run->findings)),
		0);
}

/* Checks the devices that PATH names. Returns an exit code. */
static int fsck_check(const struct fsck_args *args, const char *path)
{
	struct fsck_run run = { .args = args, .findings = json_array() };
	struct weir_check_opts opts = WEIR_CHECK_OPTS_INIT;
	struct weir_check_result result = WEIR_CHECK_RESULT_INIT;
	int exit_code = opening_check(&args->store);

	opts.data = args->data != 0;
	opts.repair = args->repair != 0;
	opts.engine = args->store.engine;
	opts.engine_opts = args->store.engine_opts;
	opts.lock_wait_ns = args->store.wait_ns;
	opts.found = fsck_found;
	opts.progress = fsck_progress;
	opts.user = &run;
	meter_begin(&run.meter, "fsck");
	if (!exit_code && tracing_begin(&args->store.tracing, &opts.trace))
		exit_code = report_error("%s", weir_error());
	if (!exit_code && weir_store_check(path, &opts, &result) < 0) {
		meter_clear(&run.meter);
		exit_code = report_failed(path);
	} else if (!exit_code) {
		meter_clear(&run.meter);
		if (args->json)
			exit_code = fsck_json(path, &run, &result);
		else
			fsck_print(path, args, &result);
		exit_code = exit_code || !result.damage ? exit_code : REPORT_FAILED;
	}
	json_decref(run.findings);
	return tracing_end(exit_code);
}

static int fsck_run(void *arg, char **operands, int n)
{
	char *path = devices_join(operands, n);
	int exit_code = path ? fsck_check(arg, path) : REPORT_USAGE;

	free(path);
	return exit_code;
}

const struct command command_fsck = {
	.name = "fsck",
	.alias = "check",
	.path = COMMAND_STORE,
	.files = COMMAND_ALL_FILES,
	.operands = "PATH...",
	.summary = "check a store that nobody has open, and repair it",
	.text = "Reads the structures of the store on PATH (superblocks, headers, batches, "
		"footers),\n"
		"compares them with each other, and prints each finding. PATH is one device of "
		"it,\n"
		"or several, which are checked together. Damage is what must not\n"
		"be; a note is what a power cut leaves and the next open settles. Nothing is\n"
		"written without --repair. The exit code is 0 if nothing is damaged, 1 if "
		"something\n"
		"is (also if it was repaired) or the check failed, and 2 for a wrong command "
		"line.\n",
	.examples = "weir fsck demo.img\n"
		    "weir fsck demo.img --data\n"
		    "weir fsck /dev/nvme0n1 /dev/nvme1n1 --data\n"
		    "weir fsck demo.img --data --repair && echo nothing was damaged\n"
		    "weir fsck demo.img --json | jq '.findings[] | select(.damage)'\n",
	.options = fsck_options,
	.min_operands = 1,
	.max_operands = WEIR_DEVICES_MAX,
	.args_size = sizeof(struct fsck_args),
	.run = fsck_run,
};
