/* SPDX-License-Identifier: Apache-2.0 */
/*
 * damage.c - damages each structure of an image in each way. Nothing beyond what is damaged is
 * lost, what is lost is reported, no get brings other bytes, the second recovery finds the same,
 * and the store works on.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "map.h"
#include "proof.h"
#include "second.h"
#include "seeds.h"

#define DAMAGE_VARIANTS 4u /* of a bit and of a byte */

enum damage {
	DAMAGE_BIT,
	DAMAGE_BYTE,
	DAMAGE_ZERO,
	DAMAGE_STALE,	/* what this place held in an earlier life */
	DAMAGE_OTHER,	/* what it holds in another store */
	DAMAGE_SWAPPED, /* changed places with another structure of the kind */
	DAMAGE_SHIFTED, /* one sector behind its place */
	DAMAGES,
};

static const char *const damage_names[DAMAGES] = {
	"bit", "byte", "zero", "stale", "other store", "swapped", "shifted",
};

static struct run run;
static struct map map;
static struct second second;
static struct model_found found[MODEL_KEYS]; /* before the damage, as `model` */
static struct model model;
static uint64_t ids[MODEL_KEYS][2], random_state;
static uint8_t *image, *stale, *other;
static uint64_t (*counts)[DAMAGES];
static char trying[128];

static uint8_t *at_place(uint8_t *in, const struct place *p)
{
	return in + (uint64_t)p->sector * DRIVE_SECTOR;
}

static size_t place_bytes(const struct place *p)
{
	return (size_t)p->sectors * DRIVE_SECTOR;
}

/* Returns the next place of the kind and size of P, or NULL. */
static struct place *place_like(const struct place *p)
{
	for (struct place *q = map.place; q < map.place + map.count; q++)
		if (q > p && q->kind == p->kind && q->sectors == p->sectors)
			return q;
	return NULL;
}

/* Damages P on the drive. Returns the keys that this may cost or bring back. */
static uint64_t damage_do(const struct place *p, enum damage damage)
{
	uint8_t *to = at_place(drive.now, p);
	const struct place *q;
	size_t n = drive_random(&random_state) % p->bytes;

	switch (damage) {
	case DAMAGE_BIT:
		to[n] ^= (uint8_t)(1u << drive_random(&random_state) % 8);
		break;
	case DAMAGE_BYTE:
		to[n] = (uint8_t)drive_random(&random_state);
		break;
	case DAMAGE_ZERO:
		memset(to, 0, place_bytes(p));
		break;
	case DAMAGE_STALE:
		memcpy(to, at_place(stale, p), place_bytes(p));
		return p->keys | p->back;
	case DAMAGE_OTHER:
		memcpy(to, at_place(other, p), place_bytes(p));
		break;
	case DAMAGE_SWAPPED:
		q = place_like(p);
		/* Both superblock copies are too much. */
		if (!q || p->kind == PLACE_SUPER)
			break;
		memcpy(to, at_place(image, q), place_bytes(q));
		memcpy(at_place(drive.now, q), at_place(image, p), place_bytes(p));
		return p->keys | q->keys;
	default:
		memmove(to + DRIVE_SECTOR, to, place_bytes(p) - DRIVE_SECTOR);
		memcpy(to, at_place(image, p) - (p->sector ? DRIVE_SECTOR : 0), DRIVE_SECTOR);
		break;
	}
	return p->keys;
}

/* Gets all keys. A value that does not verify has the hash 1, as second.c has it. */
static void damage_get(struct model_found now[MODEL_KEYS])
{
	static uint8_t value[MODEL_VALUE_MAX + 4096] __attribute__((aligned(4096)));
	size_t length;

	memset(now, 0, MODEL_KEYS * sizeof(*now));
	for (uint64_t key = 0; key < MODEL_KEYS; key++) {
		int err = weir_store_get(run.s, &key, sizeof(key), value, sizeof(value), &length);

		if (err && err != -ENOENT && err != -EBADMSG)
			run_wrong(&run, "get of key %u: %s", (unsigned)key, weir_error());
		if (err == -ENOENT)
			continue;
		now[key].length = (uint32_t)length;
		now[key].hash = err ? 1 : model_hash(value, length);
	}
}

static bool damage_ever(uint32_t key, uint64_t hash)
{
	for (uint32_t n = 0; n < run.ever[key].count; n++)
		if (run.ever[key].hash[n] == hash)
			return true;
	return false;
}

static void damage_check_keys(const struct place *p, enum damage damage, uint64_t keys,
			      const struct model_found now[MODEL_KEYS])
{
	bool bad_value = p->kind == PLACE_PAYLOAD && p->sealed && damage != DAMAGE_SWAPPED;

	for (uint32_t key = 0; key < MODEL_KEYS; key++) {
		uint64_t hash = now[key].hash;

		if (!(keys >> key & 1) && hash != found[key].hash)
			run_wrong(&run, "key %u is not touched, and has changed", key);
		if (hash > 1 && !damage_ever(key, hash))
			run_wrong(&run, "key %u has bytes that it never had", key);
		/* A damaged value must be called so; it is not just missing. */
		if (keys >> key & 1 && bad_value && hash != 1)
			run_wrong(&run, "key %u: its damaged value is not called so", key);
	}
}

static void damage_check_counts(const struct place *p, enum damage damage)
{
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;
	bool header = p->kind == PLACE_HEADER || p->kind == PLACE_FREE;

	CHECK(!weir_store_get_stats(run.s, &stats));
	/* What an earlier life wrote there is valid, so nobody can tell. */
	if (header && damage != DAMAGE_STALE && !stats.recovered_bad_headers)
		run_wrong(&run, "a damaged header is not counted");
	if (!header && stats.recovered_bad_headers)
		run_wrong(&run, "a header is called damaged, and is not");
}

static int damage_put(uint64_t key, uint64_t number)
{
	uint64_t value[40] = { key, number, random_state };

	return weir_store_put(run.s, &key, sizeof(key), value, sizeof(value), WEIR_PUT_DURABLE);
}

static bool damage_has(uint64_t key, uint64_t number)
{
	uint64_t value[40];
	size_t length = 0;

	return !weir_store_get(run.s, &key, sizeof(key), value, sizeof(value), &length) &&
	       length == sizeof(value) && value[0] == key && value[1] == number;
}

/* The store works on: what is put now is there after the next open, and what is deleted is not. */
static void damage_work(void)
{
	uint64_t gone = 3;
	int err = 0;

	for (uint64_t key = 0; key < 3; key++)
		err |= damage_put(key, 2 * key + 7);
	if (err)
		run_wrong(&run, "a put failed: %s", weir_error());
	err = weir_store_delete(run.s, &gone, sizeof(gone), WEIR_PUT_DURABLE);
	if (err && err != -ENOENT)
		run_wrong(&run, "a delete failed: %s", weir_error());
	if (weir_store_close(run.s))
		run_wrong(&run, "closing failed: %s", weir_error());
	run.s = NULL;
	if (run_open(&run)) {
		run_wrong(&run, "opening again: %s", weir_error());
		return;
	}
	for (uint64_t key = 0; key < 3; key++)
		if (!damage_has(key, 2 * key + 7))
			run_wrong(&run, "key %u was put after the damage, and is lost",
				  (unsigned)key);
	if (!weir_store_exists(run.s, &gone, sizeof(gone), NULL))
		run_wrong(&run, "a delete after the damage was undone");
	run_off(&run);
}

static void damage_one(const struct place *p, enum damage damage)
{
	struct model_found now[MODEL_KEYS];
	const char *why;
	uint64_t keys;

	run.model = model;
	drive_load(image);
	keys = damage_do(p, damage);
	if (!memcmp(drive.now, image, drive.bytes))
		return;
	counts[p->kind][damage]++;
	snprintf(trying, sizeof(trying), "%s at sector %u (%s): %s", map_kind_name(p->kind),
		 p->sector, p->sealed ? "sealed" : "not sealed", damage_names[damage]);
	if (second.pid)
		second_ask(&second, drive.now);
	if (run_open(&run)) {
		run_wrong(&run, "opening: %s", weir_error());
		return;
	}
	damage_get(now);
	why = second.pid ? second_differs(&second, ids, now) : NULL;
	if (why)
		run_wrong(&run, "%s", why);
	damage_check_keys(p, damage, keys, now);
	damage_check_counts(p, damage);
	damage_work();
}

static uint8_t *damage_copy(const uint8_t *from)
{
	uint8_t *copy = malloc(drive.bytes);

	CHECK(copy);
	memcpy(copy, from, drive.bytes);
	return copy;
}

/* Makes the image, what it was in an earlier life, and another store of the same kind. */
static bool damage_images(const struct seed *seed, bool killed)
{
	if (!seed_make(&run, seed))
		return false;
	other = damage_copy(run.cache.medium);
	run_free(&run);
	memset(&run, 0, sizeof(run));
	if (!seed_make(&run, seed))
		return false;
	stale = damage_copy(run.cache.medium);
	CHECK(!run_open(&run));
	run_put(&run, 0, 0, 0, 0);
	run_put(&run, 1, 0, 0, 0);
	run_put(&run, 2, 0, WEIR_PUT_DURABLE, 0);
	run_settle(&run);
	run_delete(&run, 3, 0);
	run_fill(&run);
	run_put(&run, 4, 0, 0, 0);
	run_settle(&run);
	if (killed)
		run_off(&run);
	else
		run_close(&run);
	drive.off = false;
	image = damage_copy(drive.now);
	return !*run.wrong && run_restart(&run);
}

static void damage_map(void)
{
	drive.off = false;
	drive_load(image);
	CHECK(!run_open(&run));
	CHECK(run_look(&run, found));
	map_make(&map, &run, image, found);
	map_stale(&map, &run, image, stale, found);
	for (uint64_t key = 0; key < MODEL_KEYS; key++)
		CHECK(!weir_store_hash(run.s, &key, sizeof(key), ids[key]));
	run_off(&run);
	model = run.model;
}

/* Damages everything in the image of one seed. */
static bool damage_seed(const struct seed *seed, bool killed, const char *path)
{
	if (damage_images(seed, killed)) {
		damage_map();
		if (path)
			second_start(&second, path, 1, drive.bytes);
	}
	for (uint32_t n = 0; n < map.count && !*run.wrong; n++)
		for (int d = 0; d < DAMAGES && !*run.wrong; d++)
			for (unsigned v = 0; v < (d <= DAMAGE_BYTE ? DAMAGE_VARIANTS : 1); v++)
				if (!*run.wrong)
					damage_one(&map.place[n], (enum damage)d);
	if (*run.wrong)
		printf("# %s: %s\n", trying, run.wrong);
	return !*run.wrong;
}

static void damage_aborted(int number)
{
	(void)number;
	printf("# %s: a check of the store fails, or it hangs\n", trying);
	fflush(stdout);
	_exit(1);
}

static bool damage_child(const struct seed *seed, bool killed, const char *path)
{
	int status, pid;

	fflush(stdout);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		signal(SIGABRT, damage_aborted);
		signal(SIGALRM, damage_aborted);
		alarm(240);
		exit(!damage_seed(seed, killed, path));
	}
	waitpid(pid, &status, 0);
	return !status;
}

static void damage_report(void)
{
	char name[96];

	for (int kind = 0; kind < PLACE_KINDS; kind++) {
		printf("# %s:", map_kind_name((enum place_kind)kind));
		for (int d = 0; d < DAMAGES; d++) {
			printf(" %s %llu", damage_names[d], (unsigned long long)counts[kind][d]);
			snprintf(name, sizeof(name), "%s: %s", map_kind_name((enum place_kind)kind),
				 damage_names[d]);
			proof_count("damage", name, counts[kind][d]);
		}
		printf("\n");
	}
}

int main(int argc, char **argv)
{
	/* A failed batch comes back if the footer that leaves it out is damaged. */
	static const char *const left_out = "failed-batch";
	unsigned n, number = 0;
	bool good = true;

	counts = mmap(NULL, PLACE_KINDS * sizeof(*counts), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(counts != MAP_FAILED);
	proof_begin("crash_damage");
	for (n = 0; n < 2 * seed_count_single(); n++) {
		const struct seed *seed = &seeds[n / 2];
		bool one;

		if (!strcmp(seed->name, left_out))
			continue;
		one = damage_child(seed, n % 2, argc > 1 ? argv[1] : NULL);
		printf("%sok %u - %s, %s\n", one ? "" : "not ", ++number, seed->name,
		       n % 2 ? "killed" : "closed");
		good &= one;
	}
	damage_report();
	printf("1..%u\n", number);
	return !good;
}
