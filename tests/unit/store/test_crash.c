/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_crash.c - the promise of the store, on a drive that is switched off at any command.
 *
 * Random operations run until the power goes (any subset of what was not flushed stays) or the
 * process is killed (all that has completed stays). Then the store is opened again. For each key,
 * the history says what may be there: the last version that was promised to survive, or a later
 * one.
 */
#include <errno.h>

#include "memdisk.h"

#define KEYS 24u
#define HISTORY 4096u
#define RUN_MAX 12u
#define VALUE_MAX 9000u
/* The sanitizers are slow, so there are fewer rounds; see rig.h. */
#if defined(__SANITIZE_THREAD__)
#define LIVES_DIVISOR 8u
#elif defined(__SANITIZE_ADDRESS__) || defined(WEIR_FEWER_ROUNDS)
#define LIVES_DIVISOR 4u
#else
#define LIVES_DIVISOR 1u
#endif

static struct rig rig = { .engine = "posix" };

struct version {
	uint64_t version; /* 0: not there */
	size_t length;
};

struct key_model {
	struct version history[HISTORY];
	unsigned count;
	unsigned acked; /* the newest version that was acknowledged */
	unsigned floor; /* no older version may be found */
};

static struct key_model model[KEYS];
static uint64_t state, version;
static uint8_t values[RUN_MAX][VALUE_MAX];
static int evicts; /* keys may be missing */
static int faults; /* writes and flushes fail */
/* Keys are put into random streams, and a new stream may come at any time. */
static int tenants;
static uint32_t streams;

/* A miss is a version like others: it is the first version of each key. */
static void model_reset(unsigned key, struct version v)
{
	model[key].history[0] = v;
	model[key].count = 1;
	model[key].acked = model[key].floor = 0;
}

static unsigned model_add(unsigned key, uint64_t v, size_t length)
{
	struct key_model *m = &model[key];

	assert_true(m->count < HISTORY);
	m->history[m->count] = (struct version){ v, length };
	return m->count++;
}

/* Returns what the store says about KEY, as a version. */
static struct version look(unsigned key)
{
	static uint8_t value[VALUE_MAX], want[VALUE_MAX];
	uint64_t id = key;
	size_t length = 0;
	unsigned n;
	int err = weir_store_get(rig.s, &id, sizeof(id), value, sizeof(value), &length);

	if (err == -ENOENT)
		return (struct version){ 0, 0 };
	if (err)
		fail_msg("get of key %u: %s", key, weir_error());
	for (n = model[key].count; n-- > 0;) {
		struct version v = model[key].history[n];

		if (!v.version || v.length != length)
			continue;
		rig_value(key, v.version, want, length);
		if (!memcmp(value, want, length))
			return v;
	}
	fail_msg("key %u has bytes that it never had", key);
	return (struct version){ 0, 0 };
}

/* Returns true if V is one of the versions that KEY may have. */
static int may_be(unsigned key, struct version v)
{
	unsigned n;

	if (!v.version && evicts)
		return 1;
	for (n = model[key].floor; n < model[key].count; n++)
		if (model[key].history[n].version == v.version)
			return 1;
	return 0;
}

static void check_all(struct version found[KEYS])
{
	unsigned key;

	for (key = 0; key < KEYS; key++) {
		struct version v = look(key);

		if (!may_be(key, v))
			fail_msg("key %u: version %llu, and %llu had to survive", key,
				 (unsigned long long)v.version,
				 (unsigned long long)model[key].history[model[key].floor].version);
		if (found)
			found[key] = v;
	}
}

static void op_make(struct weir_store_op *op, uint64_t *key, uint8_t *value, unsigned *index)
{
	size_t length = 1 + rig_random(&state) % VALUE_MAX;
	uint64_t dice = rig_random(&state) % 10;

	memset(op, 0, sizeof(*op));
	*key = rig_random(&state) % KEYS;
	op->key = key;
	op->key_len = sizeof(*key);
	op->flags = rig_random(&state) % 3 ? 0 : WEIR_PUT_DURABLE;
	op->stream = (uint16_t)(tenants ? rig_random(&state) % streams : 0);
	op->kind = dice < 7 ? WEIR_STORE_PUT : dice < 9 ? WEIR_STORE_DELETE : WEIR_STORE_SYNC;
	if (op->kind == WEIR_STORE_PUT) {
		*index = model_add((unsigned)*key, ++version, length);
		rig_value(*key, version, value, length);
		op->value = value;
		op->value_len = length;
	} else if (op->kind == WEIR_STORE_DELETE) {
		*index = model_add((unsigned)*key, 0, 0);
	}
}

static void op_acknowledged(const struct weir_store_op *op, uint64_t key, unsigned index)
{
	struct key_model *m = &model[key];

	if (op->kind == WEIR_STORE_SYNC)
		return;
	/* The answer that a key is not there is a promise too, also if a put of it failed before.
	 * An answer after the drive is gone says nothing. */
	if (op->result && (op->kind != WEIR_STORE_DELETE || op->result != -ENOENT || memdisk.off))
		return;
	if (index > m->acked)
		m->acked = index;
	/* After a kill, everything acknowledged is there; after a power cut, everything flushed. */
	if ((memdisk.keep || op->flags & WEIR_PUT_DURABLE) && index > m->floor)
		m->floor = index;
}

/* Adds a tenant, or asks for one again: it must get the same stream. */
static void do_tenant(void)
{
	char name[2] = { (char)('a' + rig_random(&state) % 6), 0 };
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	uint32_t stream, again;

	if (weir_store_add_tenant(rig.s, name, &stream) >= 0) {
		assert_int_equal(weir_store_add_tenant(rig.s, name, &again), 0);
		assert_int_equal(stream, again);
	}
	weir_store_get_info(rig.s, &info);
	streams = info.streams;
}

/* Runs several operations at once. Returns 0 when the drive is gone. */
static int do_run(void)
{
	struct weir_store_op ops[RUN_MAX];
	uint64_t keys[RUN_MAX];
	unsigned index[RUN_MAX], acked[KEYS], n = 1 + (unsigned)(rig_random(&state) % RUN_MAX), i;
	int synced = 0;

	if (tenants && (!streams || rig_random(&state) % 8 == 0))
		do_tenant();
	for (i = 0; i < KEYS; i++)
		acked[i] = model[i].acked;
	for (i = 0; i < n; i++)
		op_make(&ops[i], &keys[i], values[i], &index[i]);
	weir_store_run(rig.s, ops, n);
	for (i = 0; i < n; i++) {
		op_acknowledged(&ops[i], keys[i], index[i]);
		synced |= ops[i].kind == WEIR_STORE_SYNC && !ops[i].result;
	}
	/* Everything that was acknowledged before the sync was submitted is durable. */
	for (i = 0; synced && i < KEYS; i++)
		if (acked[i] > model[i].floor)
			model[i].floor = acked[i];
	return !memdisk.off;
}

static int open_it(void)
{
	/* The rules are the same if the queue merges several writes of the store. */
	memdisk.merge = !memdisk.merge;
	return memdisk_open(&rig);
}

/* Opens the store without disturbance and reads what is there. */
static void recover(struct version found[KEYS])
{
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;

	memdisk_on(0);
	if (open_it())
		fail_msg("open: %s", weir_error());
	assert_int_equal(weir_store_get_stats(rig.s, &stats), 0);
	assert_int_equal(stats.recovered_bad_headers, 0);
	check_all(found);
	assert_int_equal(weir_store_get_stats(rig.s, &stats), 0);
	assert_int_equal(stats.checksum_errors, 0);
	memdisk_cut();
	memdisk_on(0);
	memdisk_close(&rig);
}

/* Recovery is switched off at every few commands; it must end with the same entries as without. */
static void recover_cut(const struct version want[KEYS], uint8_t *image)
{
	struct version found[KEYS];
	uint64_t cut;
	int err = -1, key;

	for (cut = 1; err; cut += 1 + rig_random(&state) % 12) {
		memcpy(memdisk.now, image, memdisk.bytes);
		memcpy(memdisk.medium, image, memdisk.bytes);
		memdisk_on(cut);
		err = open_it();
		if (!err)
			memdisk_close(&rig);
		memdisk_cut();
		/* This happens twice in a row, the second time at another command. */
		memdisk_on(1 + rig_random(&state) % 150);
		if (!open_it())
			memdisk_close(&rig);
		memdisk_cut();
		recover(found);
		for (key = 0; key < (int)KEYS; key++)
			assert_int_equal(found[key].version, want[key].version);
	}
}

/* In addition, a write or a flush fails now and then. */
static void maybe_fail(void)
{
	memdisk.fails = faults && rig_random(&state) % 20 == 0;
	memdisk.fail_op = rig_random(&state) % 4 ? WEIR_OP_WRITE : WEIR_OP_FLUSH;
	memdisk.fail_to = memdisk.bytes;
}

/* Runs operations until the drive goes, and checks what is left. */
static void one_life(int recovery_too)
{
	struct version found[KEYS];
	uint8_t *image;
	unsigned n;

	streams = 0;
	memdisk_on(1 + rig_random(&state) % 400);
	if (!open_it()) {
		for (n = 0; n < 60 && do_run(); n++)
			maybe_fail();
		memdisk_close(&rig);
	}
	memdisk.fails = 0;
	memdisk_cut();
	image = malloc(memdisk.bytes);
	memcpy(image, memdisk.medium, memdisk.bytes);
	recover(found);
	if (recovery_too)
		recover_cut(found, image);
	memcpy(memdisk.now, image, memdisk.bytes);
	memcpy(memdisk.medium, image, memdisk.bytes);
	free(image);
	for (n = 0; n < KEYS; n++)
		model_reset(n, found[n]);
}

struct scene {
	uint64_t bytes;
	uint32_t block, sector;
	int keep, evicts, faults, tenants;
	unsigned lives;
	uint32_t free_low, free_high;
};

static void survives(void **arg)
{
	const struct scene *scene = *arg;
	unsigned n;

	state = scene->bytes + scene->sector;
	version = 0;
	evicts = scene->evicts;
	faults = scene->faults;
	tenants = scene->tenants;
	rig.free_low = scene->free_low;
	rig.free_high = scene->free_high;
	for (n = 0; n < KEYS; n++)
		model_reset(n, (struct version){ 0, 0 });
	rig_make(&rig, scene->bytes, 64 << 10, scene->block);
	memdisk_load(&rig, scene->sector, 7);
	memdisk.keep = scene->keep;
	for (n = 0; n < scene->lives / LIVES_DIVISOR; n++)
		one_life(n % 8 == 7);
	memdisk_free();
	rig_remove(&rig);
}

int main(void)
{
	static struct scene power = { 12 << 20, 4096, 4096, 0, 0, 0, 0, 40, 0, 0 };
	static struct scene torn = { 1 << 20, 4096, 512, 0, 0, 0, 0, 70, 0, 0 };
	static struct scene full = { 1 << 20, 512, 512, 0, 0, 0, 0, 70, 0, 0 };
	static struct scene killed = { 1 << 20, 4096, 4096, 1, 0, 0, 0, 60, 0, 0 };
	static struct scene killed_large = { 12 << 20, 512, 512, 1, 0, 0, 0, 40, 0, 0 };
	static struct scene failing = { 1 << 20, 4096, 4096, 1, 1, 1, 0, 80, 0, 0 };
	static struct scene failing_power = { 1 << 20, 512, 512, 0, 1, 1, 0, 80, 0, 0 };
	static struct scene streams_power = { 12 << 20, 4096, 4096, 0, 0, 0, 1, 30, 0, 0 };
	static struct scene streams_full = { 5 << 19, 512, 512, 0, 0, 0, 1, 50, 0, 0 };
	static struct scene streams_killed = { 5 << 19, 4096, 4096, 1, 0, 0, 1, 30, 0, 0 };
	static struct scene streams_failing = { 5 << 19, 4096, 4096, 1, 1, 1, 1, 40, 0, 0 };
	static struct scene streams_failing_power = { 5 << 19, 512, 512, 0, 1, 1, 1, 40, 0, 0 };
	/* Segments are reclaimed in the background, too. */
	static struct scene marks_power = { 1 << 20, 512, 512, 0, 0, 0, 0, 50, 30, 50 };
	static struct scene marks_killed = { 1 << 20, 4096, 4096, 1, 0, 0, 0, 50, 30, 50 };
	static struct scene marks_failing = { 5 << 19, 512, 512, 0, 1, 1, 1, 40, 20, 40 };
	const struct CMUnitTest tests[] = {
		{ "power_cut", survives, NULL, NULL, &power },
		{ "power_cut_torn_blocks", survives, NULL, NULL, &torn },
		{ "power_cut_full", survives, NULL, NULL, &full },
		{ "killed_full", survives, NULL, NULL, &killed },
		{ "killed", survives, NULL, NULL, &killed_large },
		{ "failing_and_killed", survives, NULL, NULL, &failing },
		{ "failing_and_power_cut", survives, NULL, NULL, &failing_power },
		{ "streams_power_cut", survives, NULL, NULL, &streams_power },
		{ "streams_power_cut_full", survives, NULL, NULL, &streams_full },
		{ "streams_killed_full", survives, NULL, NULL, &streams_killed },
		{ "streams_failing_and_killed", survives, NULL, NULL, &streams_failing },
		{ "streams_failing_and_power_cut", survives, NULL, NULL, &streams_failing_power },
		{ "marks_power_cut", survives, NULL, NULL, &marks_power },
		{ "marks_killed", survives, NULL, NULL, &marks_killed },
		{ "marks_failing_and_power_cut", survives, NULL, NULL, &marks_failing },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
