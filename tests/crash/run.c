/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.c - see run.h. The calling thread owns the loop of the store.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "queue/open.h"
#include "run.h"
#include "store/parts.h"
#include "store/store.h"

#define RUN_BLOCK 512u
#define RUN_SEGMENT 65536u
#define RUN_LONG 28000u /* two of them fill a segment */
#define RUN_POLLS 200000u
#define RUN_IDLE_POLLS 64u

/* The run that goes on now. */
static struct run *act_run;

bool run_wrong(struct run *run, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!*run->wrong)
		vsnprintf(run->wrong, sizeof(run->wrong), format, args);
	va_end(args);
	return false;
}

/* Formats files, and makes them the contents of the devices. */
static void run_format(uint32_t devices)
{
	struct weir_store_format_opts opts = WEIR_STORE_FORMAT_OPTS_INIT;
	uint64_t bytes = drive.device_bytes;
	char name[DRIVE_DEVICES][64];
	const char *path[DRIVE_DEVICES] = { NULL };
	int fd[DRIVE_DEVICES], err;

	for (uint32_t n = 0; n < devices; n++) {
		path[n] = strcpy(name[n], "/tmp/weir-crash-XXXXXX");
		fd[n] = mkstemp(name[n]);
		CHECK(fd[n] >= 0 && !ftruncate(fd[n], (off_t)bytes));
	}
	opts.segment_bytes = RUN_SEGMENT;
	opts.block_bytes = RUN_BLOCK;
	opts.force = 2;
	err = weir_store_format_many(path, devices, &opts);
	if (err)
		fprintf(stderr, "crash: format: %s\n", weir_error());
	for (uint32_t n = 0; n < devices; n++) {
		CHECK(!err && pread(fd[n], drive.now + n * bytes, bytes, 0) == (ssize_t)bytes);
		close(fd[n]);
		unlink(path[n]);
	}
}

static void run_open_device(struct run *run, uint32_t n)
{
	struct weir_queue_opts queue = WEIR_QUEUE_OPTS_INIT;
	char name[64];

	snprintf(name, sizeof(name), "null:%llu", (unsigned long long)drive.device_bytes);
	CHECK(!weir_device_open(&run->dev[n], name, NULL));
	queue.depth_bytes = UINT64_MAX;
	queue.nomerges = 2;
	CHECK(!queue_open(&run->queue[n], run->dev[n], &queue, drive_engine(n), NULL));
	CHECK(!weir_queue_attach(run->queue[n], 0));
}

void run_make(struct run *run, uint32_t devices, uint32_t segments)
{
	static const struct model_found nothing[MODEL_KEYS];

	run->devices = devices;
	drive_make(devices, (uint64_t)(segments + 2) * RUN_SEGMENT);
	run_format(devices);
	for (uint32_t n = 0; n < devices; n++)
		run_open_device(run, n);
	cache_make(&run->cache);
	model_restart(&run->model, nothing);
	memset(run->wrong, 0, sizeof(run->wrong));
}

void run_free(struct run *run)
{
	CHECK(!run->s);
	for (uint32_t n = 0; n < run->devices; n++) {
		CHECK(!weir_queue_close(run->queue[n]));
		weir_device_close(run->dev[n]);
	}
	journal_reset(&run->journal);
	free(run->journal.events);
	memset(&run->journal, 0, sizeof(run->journal));
	cache_free(&run->cache);
	drive_free();
}

/* Notes that KEY was evicted: before what is put under it now. */
static void run_evicted(struct run *run, uint32_t key)
{
	struct model_key *k = &run->model.key[key];
	uint32_t at = k->count;

	for (struct act *a = run->acts; a < run->acts + RUN_ACTS; a++)
		if (a->busy && a->op.key && a->key == key) {
			at = a->version < at ? a->version : at;
			a->version++;
		}
	CHECK(k->count < MODEL_VERSIONS);
	memmove(&k->version[at + 1], &k->version[at], (k->count++ - at) * sizeof(k->version[0]));
	k->version[at] =
		(struct model_version){ .submitted = run->journal.count, .acked = MODEL_NEVER };
}

/* A free mark is written: the keys that live in its segment are evicted now. Those that live there
 * no longer, because they were appended again or superseded, must stay. */
static void run_freeing(uint64_t offset)
{
	struct run *run = act_run;
	struct weir_store *part = parts_get(run->s, (uint32_t)(offset / drive.device_bytes));
	const struct layout *lay = part->io.lay;
	uint64_t hash[2], segment;
	struct index_value value;

	segment = (offset % drive.device_bytes - lay->data_offset) / lay->segment_bytes;
	for (uint64_t key = 0; key < MODEL_KEYS; key++) {
		CHECK(!weir_store_hash(run->s, &key, sizeof(key), hash));
		if (logs_find(part->logs, hash, &value) &&
		    layout_position_segment(lay, value.position) == segment)
			run_evicted(run, (uint32_t)key);
	}
}

void run_place(struct run *run)
{
	uint64_t hash[2];

	for (uint64_t key = 0; key < MODEL_KEYS; key++) {
		CHECK(!weir_store_hash(run->s, &key, sizeof(key), hash));
		run->model.device[key] =
			(uint8_t)parts_of_hash(run->s, hash)->io.super.device_index;
	}
}

int run_open(struct run *run)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	int err;

	opts.attach = 1;
	opts.batch_bytes = 16 << 10;
	act_run = run;
	drive.freeing = run_freeing;
	drive.off = false;
	run->faulty = false;
	err = weir_store_open_queues(&run->s, run->queue, run->devices, &opts);
	if (err)
		run->s = NULL;
	return err;
}

void run_off(struct run *run)
{
	drive.off = true;
	drive.journal = NULL;
	weir_store_close(run->s);
	run->s = NULL;
	CHECK(!run->busy);
}

void run_close(struct run *run)
{
	int err;

	run_settle(run);
	err = weir_store_close(run->s);
	run->s = NULL;
	if (err && !run->faulty)
		run_wrong(run, "closing failed: %s", weir_error());
}

/* What a listing fills in. */
struct looking {
	struct run *run;
	struct model_found *found;
	unsigned listed;
};

static int run_see(const struct weir_store_entry *entry, void *user)
{
	struct looking *l = user;
	uint64_t key = MODEL_KEYS;

	if (entry->key_len == sizeof(key))
		memcpy(&key, entry->key, sizeof(key));
	if (key >= MODEL_KEYS || l->found[key].sequence) {
		run_wrong(l->run, "the listing has a key that was never put, or one twice");
		return 1;
	}
	l->found[key].sequence = entry->sequence;
	l->found[key].stream = entry->stream;
	l->found[key].length = (uint32_t)entry->value_len;
	l->listed++;
	return 0;
}

static bool run_look_at(struct run *run, uint64_t key, struct model_found *found)
{
	static uint8_t value[MODEL_VALUE_MAX + 4096] __attribute__((aligned(4096)));
	size_t length = 0;
	int err = weir_store_get(run->s, &key, sizeof(key), value, sizeof(value), &length);

	if (err && err != -ENOENT)
		return run_wrong(run, "get of key %u: %s", (unsigned)key, weir_error());
	if (!err != !!found->sequence || (!err && found->length != length))
		return run_wrong(run, "key %u: a get and the listing do not agree", (unsigned)key);
	found->hash = err ? 0 : model_hash(value, length);
	return true;
}

bool run_look(struct run *run, struct model_found found[MODEL_KEYS])
{
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;
	struct looking l = { run, found, 0 };

	memset(found, 0, MODEL_KEYS * sizeof(*found));
	if (weir_store_list(run->s, run_see, &l))
		return run_wrong(run, "listing: %s", weir_error());
	for (uint64_t key = 0; key < MODEL_KEYS; key++)
		if (!run_look_at(run, key, &found[key]))
			return false;
	CHECK(!weir_store_get_stats(run->s, &stats));
	if (stats.entries != l.listed)
		return run_wrong(run, "%llu entries, and %u in the listing",
				 (unsigned long long)stats.entries, l.listed);
	if (stats.recovered_bad_headers)
		return run_wrong(run, "a segment header was called damaged");
	return true;
}

/* Operations */

static void act_acknowledge(struct run *run, struct act *a, uint32_t now)
{
	struct model *m = &run->model;
	struct model_version *v;

	if (a->op.kind == WEIR_STORE_SYNC) {
		CHECK(m->syncs < MODEL_SYNCS);
		m->sync[m->syncs].submitted = a->submitted;
		m->sync[m->syncs++].acked = now;
		return;
	}
	v = &m->key[a->key].version[a->version];
	v->acked = now;
	v->durable = a->op.flags & WEIR_PUT_DURABLE;
}

static void act_ended(struct weir_store_op *op)
{
	struct act *a = op->user;
	struct run *run = act_run;
	bool absent = op->kind == WEIR_STORE_DELETE && op->result == -ENOENT;

	a->busy = false;
	run->busy--;
	if (drive.off)
		return;
	if (!op->result || absent)
		act_acknowledge(run, a, run->journal.count);
	else if (!run->faulty)
		run_wrong(run, "an operation failed without a fault: %s", strerror(-op->result));
}

static struct act *act_new(struct run *run, uint32_t kind)
{
	struct act *a = run->acts;

	while (a->busy)
		CHECK(++a < run->acts + RUN_ACTS);
	memset(&a->op, 0, sizeof(a->op));
	a->op.kind = kind;
	a->op.end = act_ended;
	a->op.user = a;
	a->submitted = run->journal.count;
	return a;
}

static void act_submit(struct run *run, struct act *a)
{
	int err;

	a->busy = true;
	run->busy++;
	act_run = run;
	err = weir_store_submit(run->s, &a->op);
	if (!err)
		return;
	a->busy = false;
	run->busy--;
	run_wrong(run, "an operation was refused: %s", weir_error());
}

static void act_key(struct run *run, struct act *a, uint32_t key, const struct model_version *v)
{
	a->key = key;
	a->op.key = &a->key;
	a->op.key_len = sizeof(a->key);
	a->version = (uint32_t)(v - run->model.key[key].version);
}

void run_put(struct run *run, uint32_t key, uint32_t length, uint32_t flags, uint32_t stream)
{
	struct act *a = act_new(run, WEIR_STORE_PUT);
	struct model_version *v = model_put(&run->model, key, a->value, length, run->journal.count);

	act_key(run, a, key, v);
	run->ever[key].hash[run->ever[key].count++ % RUN_EVER] = v->hash;
	a->op.value = a->value;
	a->op.value_len = v->length;
	a->op.flags = flags;
	a->op.stream = (uint16_t)stream;
	act_submit(run, a);
}

void run_delete(struct run *run, uint32_t key, uint32_t flags)
{
	struct act *a = act_new(run, WEIR_STORE_DELETE);

	act_key(run, a, key, model_gone(&run->model, key, run->journal.count));
	a->op.flags = flags;
	act_submit(run, a);
}

void run_sync(struct run *run)
{
	act_submit(run, act_new(run, WEIR_STORE_SYNC));
}

static void run_wait(struct run *run)
{
	for (unsigned n = 0; run->busy && n < RUN_POLLS; n++)
		weir_store_poll(run->s);
	if (run->busy)
		run_wrong(run, "operations do not end");
	CHECK(!run->busy);
}

/* Everything that was acknowledged is there, unless its segment was freed. */
static void run_audit(struct run *run)
{
	for (uint64_t key = 0; key < MODEL_KEYS; key++) {
		bool there = !weir_store_exists(run->s, &key, sizeof(key), NULL);
		const struct model_key *k = &run->model.key[key];
		const struct model_version *last = &k->version[k->count - 1];

		if (model_is_there(&run->model, (uint32_t)key) && !there)
			run_wrong(run, "key %u has left, and its segment was not freed",
				  (unsigned)key);
		if (there && !last->hash && last->acked != MODEL_NEVER)
			run_wrong(run, "key %u is there, and was deleted", (unsigned)key);
	}
}

void run_settle(struct run *run)
{
	run_wait(run);
	run_audit(run);
}

void run_fill(struct run *run)
{
	run_put(run, MODEL_SMALL + run->fillers++ % (MODEL_KEYS - MODEL_SMALL), RUN_LONG, 0, 0);
	run_settle(run);
}

/* Steps */

const char *const step_names[STEP_COUNT] = {
	"put",	   "overwrite", "delete",    "reclaim",	 "seal",       "sync",
	"durable", "bad-flush", "bad-write", "bad-read", "bad-footer", "tenant",
	"crash",   "reopen",	"fill",	     "bad-move",
};

static void step_reclaim(struct run *run)
{
	uint64_t before = drive.free_marks;

	for (unsigned n = 0; n < 40 && drive.free_marks == before && !*run->wrong; n++)
		run_fill(run);
}

static uint64_t run_aside(const struct run *run)
{
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;

	CHECK(!weir_store_get_stats(run->s, &stats));
	return stats.aside_segments;
}

/* Reads fail while the next segment is reclaimed. It is freed if nothing was to survive; otherwise
 * it is set aside, and puts fail when no more segments may be. */
static void step_bad_move(struct run *run)
{
	uint64_t before = drive.free_marks, aside = run_aside(run);

	run->faulty = true;
	drive_fail(DRIVE_FAIL_READ, 0, 3);
	for (unsigned n = 0;
	     n < 40 && drive.free_marks == before && drive.fault_times && !*run->wrong; n++)
		run_fill(run);
	drive_fail(DRIVE_FAIL_READ, 0, 0);
	run_fill(run);
	run->move_faults += run_aside(run) > aside;
}

static void step_seal(struct run *run)
{
	uint64_t before = drive.footers;

	for (unsigned n = 0; n < 5 && drive.footers == before && !*run->wrong; n++)
		run_fill(run);
}

/* A key is deleted in its log and put into another. */
static void step_tenant(struct run *run)
{
	uint32_t stream = 0;

	if (weir_store_add_tenant(run->s, "other", &stream) < 0)
		stream = 0;
	run_delete(run, 4, 0);
	run_put(run, 4, 0, 0, run->moves++ % 2 ? 0 : stream);
}

static void step_fault(struct run *run, enum drive_fault fault)
{
	run->faulty = true;
	drive_fail(fault, 0, 1);
	run_put(run, 5, 0, 0, 0);
	run_sync(run);
	run_settle(run);
	drive_fail(fault, 0, 0);
}

static void step_reopen(struct run *run)
{
	int err;

	run_close(run);
	err = run_open(run);
	if (err)
		run_wrong(run, "opening failed: %s", weir_error());
}

/* A read at open fails. The open may fail then, but what it left must be all there. */
static void step_bad_read(struct run *run)
{
	int err;

	run_close(run);
	drive_fail(DRIVE_FAIL_READ, (unsigned)(drive_random(&run->random) % 24), 4);
	err = run_open(run);
	run->read_faults += drive.fault_times < 4;
	drive_fail(DRIVE_FAIL_READ, 0, 0);
	if (err && err != -EIO)
		run_wrong(run, "opening with a failed read: %s", weir_error());
	if (err && run_open(run))
		run_wrong(run, "opening after a failed read: %s", weir_error());
}

/* Chooses what the power cut of a program leaves. */
static bool crash_choose(struct image_choice *choice, void *user)
{
	struct run *run = user;

	if (drive_random(&run->random) % 3)
		return true;
	drive_load(run->cache.medium);
	image_make(&run->cache, choice);
	return false;
}

bool run_restart(struct run *run)
{
	struct model_found found[MODEL_KEYS];
	bool good = true;

	cache_begin(&run->cache, drive.now);
	drive_load(run->cache.medium);
	if (run_open(run))
		return run_wrong(run, "opening: %s", weir_error());
	good = run_look(run, found);
	run_off(run);
	drive_load(run->cache.medium);
	model_restart(&run->model, found);
	journal_reset(&run->journal);
	return good;
}

/* Lets the power go, and chooses what that leaves. Returns false if something is wrong. */
static bool step_power(struct run *run, bool overlap)
{
	struct image_limits limits = { 0, 12 };

	for (uint64_t n = overlap ? drive_random(&run->random) % 6 : 0; n; n--)
		weir_store_poll(run->s);
	run_off(run);
	drive_load(run->cache.medium);
	if (run->life_ended)
		run->life_ended(run);
	else
		for (uint32_t i = 0; i < run->journal.count; i++)
			cache_step(&run->cache, &run->journal, i);
	image_each(&run->cache, false, &limits, crash_choose, run);
	if (!run_restart(run))
		return false;
	drive.journal = &run->journal;
	return true;
}

static void step_crash(struct run *run, bool overlap)
{
	if (step_power(run, overlap) && run_open(run))
		run_wrong(run, "opening after a crash: %s", weir_error());
}

/* The first write behind the superblocks fails at the open after a crash: a footer, if one is
 * written. The store opens all the same. */
static void step_bad_footer(struct run *run, bool overlap)
{
	if (!step_power(run, overlap))
		return;
	drive_fail(DRIVE_FAIL_WRITE, 2, 1);
	if (run_open(run))
		run_wrong(run, "opening with a footer that cannot be written: %s", weir_error());
	run->footer_faults += !drive.fault_times;
	drive_fail(DRIVE_FAIL_WRITE, 0, 0);
}

void run_step(struct run *run, enum step step, bool overlap)
{
	if (overlap && (step == STEP_RECLAIM || step == STEP_SEAL || step == STEP_BAD_FLUSH ||
			step == STEP_BAD_WRITE || step == STEP_BAD_MOVE))
		run_settle(run);
	switch (step) {
	case STEP_PUT:
		run_put(run, 1 + (uint32_t)(run->model.number % 3), 0, 0, 0);
		break;
	case STEP_OVERWRITE:
		run_put(run, 0, 0, 0, 0);
		break;
	case STEP_DELETE:
		run_delete(run, 0, 0);
		break;
	case STEP_SYNC:
		run_sync(run);
		break;
	case STEP_DURABLE:
		run_put(run, 1, 0, WEIR_PUT_DURABLE, 0);
		break;
	case STEP_TENANT:
		step_tenant(run);
		break;
	case STEP_RECLAIM:
		step_reclaim(run);
		break;
	case STEP_SEAL:
		step_seal(run);
		break;
	case STEP_BAD_FLUSH:
		step_fault(run, DRIVE_FAIL_FLUSH);
		break;
	case STEP_BAD_WRITE:
		step_fault(run, DRIVE_FAIL_WRITE);
		break;
	case STEP_BAD_READ:
		step_bad_read(run);
		break;
	case STEP_BAD_FOOTER:
		step_bad_footer(run, overlap);
		break;
	case STEP_CRASH:
		step_crash(run, overlap);
		break;
	case STEP_BAD_MOVE:
		step_bad_move(run);
		break;
	case STEP_FILL:
		run_put(run, MODEL_SMALL + run->fillers++ % (MODEL_KEYS - MODEL_SMALL), RUN_LONG, 0,
			0);
		break;
	default:
		step_reopen(run);
		break;
	}
	if (!overlap && run->s)
		run_settle(run);
}

/* Waits until the store does nothing more of its own, such as to reclaim a segment. */
static void run_idle(struct run *run)
{
	uint64_t commands;

	run_settle(run);
	do {
		commands = drive.commands;
		for (unsigned n = 0; n < RUN_IDLE_POLLS; n++)
			weir_store_poll(run->s);
	} while (commands != drive.commands);
}

/* At the end, what the running store says is what was acknowledged last. */
static void run_check_end(struct run *run)
{
	struct model_found found[MODEL_KEYS];

	run_idle(run);
	if (!run_look(run, found))
		return;
	for (uint32_t key = 0; key < MODEL_KEYS; key++) {
		const char *why = model_check(&run->model, key, &found[key], MODEL_NEVER - 1,
					      MODEL_NEVER - 1, true);

		if (why)
			run_wrong(run, "while running: %s", why);
	}
}

bool run_program(struct run *run, const struct program *p, unsigned fresh)
{
	run->from = fresh ? MODEL_NEVER : 0;
	for (unsigned n = 0; n < p->count && !*run->wrong; n++) {
		if (n == fresh)
			run->from = fresh ? run->journal.count : 0;
		run_step(run, p->step[n], p->overlap);
		/* A crash began a new life. All of it is new, or nothing yet. */
		if (p->step[n] == STEP_CRASH)
			run->from = n >= fresh ? 0 : MODEL_NEVER;
	}
	if (!*run->wrong)
		run_check_end(run);
	if (!run->s)
		return !*run->wrong;
	run_off(run);
	drive_load(run->cache.medium);
	if (run->life_ended)
		run->life_ended(run);
	return !*run->wrong;
}
