/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fuzz.c - images with random damage: opening, listing, reading and writing end, report what
 * is lost, and never give other bytes.
 *
 * It uses a drive in memory, so that an image is a copy. WEIR_TEST_ROUNDS makes it longer.
 */
#include <errno.h>
#include <unistd.h>

#include "memdisk.h"
#include "store/format/format.h"

#define BYTES (1u << 20)
#define SEGMENT (64u << 10)
#define KEYS 40u
#define VALUE_MAX 20000u
#define VERSIONS 64u
#define ROUNDS 150u

static struct rig rig = { .engine = "posix" };
static uint64_t state;
static uint32_t block;

struct version {
	uint64_t version;
	size_t length;
};

/* All versions that each key ever had. */
static struct version history[KEYS][VERSIONS];
static unsigned versions[KEYS];
/* The version that was put or deleted after the damage: no older one may be found. */
static unsigned newest[KEYS];
static uint64_t version;

static void check(uint64_t key)
{
	static uint8_t got[VALUE_MAX], want[VALUE_MAX];
	size_t length = 0;
	unsigned n;
	int err = weir_store_get(rig.s, &key, sizeof(key), got, sizeof(got), &length);

	if (err) {
		assert_true(err == -ENOENT || (err == -EBADMSG && !newest[key]));
		return;
	}
	for (n = newest[key]; n < versions[key]; n++) {
		if (history[key][n].length != length)
			continue;
		rig_value(key, history[key][n].version, want, length);
		if (!memcmp(got, want, length))
			return;
	}
	fail_msg("key %llu has bytes that it may not have", (unsigned long long)key);
}

static void put(uint64_t key)
{
	struct version v = { ++version, 1 + rig_random(&state) % VALUE_MAX };

	if (versions[key] == VERSIONS)
		return;
	newest[key] = versions[key];
	history[key][versions[key]++] = v;
	assert_int_equal(rig_put(&rig, key, v.version, v.length, rig_random(&state) % 4 == 0), 0);
}

static int see(const struct weir_store_entry *entry, void *user)
{
	uint64_t key;

	assert_int_equal(entry->key_len, sizeof(key));
	memcpy(&key, entry->key, sizeof(key));
	assert_true(key < KEYS);
	++*(uint64_t *)user;
	return 0;
}

static void work(unsigned n)
{
	uint64_t key;

	while (n--) {
		key = rig_random(&state) % KEYS;
		if (rig_random(&state) % 4)
			put(key);
		else if (!weir_store_delete(rig.s, &key, sizeof(key), 0))
			newest[key] = versions[key];
	}
}

/* Returns a random offset: sometimes in a superblock, often at a place where a structure is. */
static uint64_t anywhere(void)
{
	uint64_t segments = (BYTES - 2 * 65536) / SEGMENT, dice = rig_random(&state) % 8;
	uint64_t at = 65536 + rig_random(&state) % segments * SEGMENT;

	if (dice == 0)
		return rig_random(&state) % BYTES;
	if (dice == 1)
		return rig_random(&state) % 2 * (BYTES - 65536) + rig_random(&state) % 4096;
	if (dice == 2)
		return at + rig_random(&state) % 128;
	if (dice == 3)
		return at + SEGMENT - 1 - rig_random(&state) % 128;
	if (dice == 4)
		return at + SEGMENT - 1 - rig_random(&state) % (2 * block);
	return at + rig_random(&state) % (SEGMENT / block) * block + rig_random(&state) % 160;
}

static void damage(void)
{
	uint64_t at = anywhere(), from = at / block * block, other;

	switch (rig_random(&state) % 5) {
	case 0:
		memset(memdisk.now + from, 0, block);
		break;
	case 1:
		memset(memdisk.now + from, (int)rig_random(&state), block);
		break;
	case 2:
		other = anywhere() / block * block;
		if (other != from)
			memcpy(memdisk.now + from, memdisk.now + other, block);
		break;
	case 3:
		memdisk.now[at] = (uint8_t)rig_random(&state);
		break;
	default:
		memdisk.now[at] ^= (uint8_t)(1u << rig_random(&state) % 8);
		break;
	}
}

/* Repairs one superblock copy, so that the store must open. */
static void keep_one_superblock(const uint8_t *good)
{
	uint64_t at = rig_random(&state) % 2 * (BYTES - 65536);

	memcpy(memdisk.now + at, good + at, 4096);
}

static void one_round(const uint8_t *good)
{
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;
	struct weir_store_list_counts counts = WEIR_STORE_LIST_COUNTS_INIT;
	uint64_t key, listed = 0, n = 1 + rig_random(&state) % 12;
	int err;

	memset(newest, 0, sizeof(newest));
	memcpy(memdisk.now, good, BYTES);
	while (n--)
		damage();
	keep_one_superblock(good);
	memcpy(memdisk.medium, memdisk.now, BYTES);
	memdisk_power_on(&rig);
	err = weir_store_list_counted(rig.s, NULL, see, &listed, &counts);
	assert_int_equal(err, counts.hidden ? -EBADMSG : 0);
	assert_int_equal(weir_store_get_stats(rig.s, &stats), 0);
	/* Each entry that is alive is listed, or counted as hidden. */
	assert_int_equal(counts.listed, listed);
	assert_int_equal(listed + counts.hidden, stats.entries);
	assert_true(!counts.unread && stats.entries <= KEYS);
	for (key = 0; key < KEYS; key++)
		check(key);
	work(20);
	for (key = 0; key < KEYS; key++)
		check(key);
	assert_int_equal(memdisk_close(&rig), 0);
	memdisk_power_on(&rig);
	for (key = 0; key < KEYS; key++)
		check(key);
	assert_int_equal(memdisk_close(&rig), 0);
}

/* Makes an image with a history; half of the images are as a power cut leaves them. */
static void make_image(const uint8_t *empty, uint8_t *good)
{
	memset(versions, 0, sizeof(versions));
	memcpy(memdisk.now, empty, BYTES);
	memcpy(memdisk.medium, empty, BYTES);
	memdisk_power_on(&rig);
	work(40 + (unsigned)(rig_random(&state) % 60));
	if (rig_random(&state) % 2)
		memdisk_cut();
	memdisk_close(&rig);
	memcpy(good, memdisk.now, BYTES);
}

static void damaged(void **arg)
{
	const char *rounds = getenv("WEIR_TEST_ROUNDS");
	unsigned n = rounds ? (unsigned)atoi(rounds) : ROUNDS, saved[KEYS];
	uint8_t *good = malloc(BYTES), *empty = malloc(BYTES);

	block = *(const uint32_t *)*arg;
	state = block;
	rig_make(&rig, BYTES, SEGMENT, block);
	memdisk_load(&rig, block, 7);
	memcpy(empty, memdisk.now, BYTES);
	alarm(30 + n);
	for (unsigned round = 0; round < n; round++) {
		if (round % 16 == 0) {
			make_image(empty, good);
			memcpy(saved, versions, sizeof(saved));
		}
		memcpy(versions, saved, sizeof(saved));
		one_round(good);
	}
	alarm(0);
	rig.s = NULL;
	memdisk_free();
	free(empty);
	free(good);
	rig_remove(&rig);
}

int main(void)
{
	static uint32_t blocks[] = { 4096, 512 };
	const struct CMUnitTest tests[] = {
		{ "blocks_4096", damaged, NULL, NULL, &blocks[0] },
		{ "blocks_512", damaged, NULL, NULL, &blocks[1] },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
