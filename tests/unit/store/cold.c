/* SPDX-License-Identifier: Apache-2.0 */
/* cold.c - a store whose oldest segments keep keys that are put once. */
#include <errno.h>
#include <stdio.h>

#include "cold.h"
#include "store/format/xxh.h"

struct rig cold_rig = { .engine = "posix" };
uint8_t *cold_image;
uint64_t cold_version[KEYS];
uint64_t cold_saved[KEYS];

int cold_put(uint64_t key, uint32_t flags)
{
	int err = rig_put(&cold_rig, key, cold_version[key] + 1, VALUE, flags);

	cold_version[key] += !err;
	return err;
}

int cold_churn(unsigned n)
{
	int err = 0;

	for (unsigned i = 0; i < n && !err; i++)
		err = cold_put(COLD + i % HOT, 0);
	return err;
}

int cold_set_up(void **state)
{
	(void)state;
	memset(cold_version, 0, sizeof(cold_version));
	memdisk_set_up(&cold_rig, IMAGE, SEGMENT, 7);
	for (uint64_t key = 0; key < COLD; key++) {
		assert_int_equal(cold_put(key, WEIR_PUT_DURABLE), 0);
		assert_int_equal(cold_churn(key < TOGETHER ? 0 : 2), 0);
	}
	assert_int_equal(weir_store_sync(cold_rig.s), 0);
	memdisk_close(&cold_rig);
	cold_image = malloc(memdisk.bytes);
	memcpy(cold_image, memdisk.now, memdisk.bytes);
	memcpy(cold_saved, cold_version, sizeof(cold_saved));
	memdisk_power_on(&cold_rig);
	return 0;
}

int cold_tear_down(void **state)
{
	(void)state;
	memdisk_no_fails();
	memdisk.fails_too = NULL;
	memdisk.fail_error = -EIO;
	memdisk_tear_down(&cold_rig);
	free(cold_image);
	cold_image = NULL;
	return 0;
}

void cold_restore(void)
{
	memdisk_restore(cold_image);
	memcpy(cold_version, cold_saved, sizeof(cold_version));
	memdisk_power_on(&cold_rig);
}

struct weir_store_stats cold_stats(void)
{
	struct weir_store_stats now;

	rig_stats(&cold_rig, &now);
	return now;
}

unsigned cold_check(const char *when, unsigned n, bool blind)
{
	unsigned unread = 0;

	for (uint64_t key = 0; key < KEYS; key++) {
		int found =
			rig_get(&cold_rig, key, cold_version[key] ? cold_version[key] : 1, VALUE);

		if (blind && found == -EIO && cold_version[key])
			unread++;
		else if (found != (cold_version[key] ? 1 : -ENOENT))
			fail_msg("%s, read %u: key %u, version %u: %d", when, n, (unsigned)key,
				 (unsigned)cold_version[key], found);
	}
	assert_int_equal(cold_stats().evicted_entries, 0);
	assert_int_equal(cold_stats().damaged_entries, 0);
	return unread;
}

uint64_t cold_place(uint64_t key)
{
	uint8_t value[VALUE];

	rig_value(key, cold_version[key], value, VALUE);
	for (uint64_t at = FIRST; at < FIRST + SEGMENTS * SEGMENT; at += BLOCK)
		if (!memcmp(memdisk.now + at, value, VALUE))
			return at;
	fail_msg("key %u is nowhere", (unsigned)key);
	return 0;
}

static uint64_t bad_from, bad_to; /* reads that touch these bytes fail */
uint64_t cold_heals_from;
uint64_t cold_worn;

int cold_is_bad(const struct weir_cmd *cmd)
{
	uint64_t end = cmd->offset + cmd->length;
	bool heals =
		cold_heals_from && cmd->offset < cold_heals_from + BLOCK && end > cold_heals_from;

	if (cmd->op == WEIR_OP_READ)
		return heals || (cmd->offset < bad_to && end > bad_from);
	if (cmd->op != WEIR_OP_WRITE)
		return 0;
	if (heals)
		cold_heals_from = 0;
	return cold_worn && cmd->offset < cold_worn + BLOCK && end > cold_worn;
}

void cold_bad_reads(uint64_t from, uint64_t bytes)
{
	bad_from = from;
	bad_to = from + bytes;
	cold_heals_from = cold_worn = 0;
	memdisk.fails_too = cold_is_bad;
}

uint64_t cold_segment(uint64_t at)
{
	return FIRST + (at - FIRST) / SEGMENT * SEGMENT;
}

void cold_supersede(void)
{
	for (uint64_t key = 0; key < COLD; key += 3)
		assert_int_equal(cold_put(key, WEIR_PUT_DURABLE), 0);
	for (uint64_t key = 1; key < COLD; key += 3) {
		assert_int_equal(rig_delete(&cold_rig, key, WEIR_PUT_DURABLE), 0);
		cold_version[key] = 0;
	}
	assert_int_equal(cold_churn(2 * ROUND), 0);
	for (uint64_t key = 0; key < COLD; key += 6) {
		assert_int_equal(rig_delete(&cold_rig, key, WEIR_PUT_DURABLE), 0);
		cold_version[key] = 0;
	}
	assert_int_equal(cold_churn(2 * ROUND), 0);
	assert_int_equal(weir_store_sync(cold_rig.s), 0);
}

void cold_check_image(void)
{
	struct weir_check_result result = WEIR_CHECK_RESULT_INIT;
	char line[400], payload[20], expected[20];
	uint8_t value[VALUE];
	unsigned lines = 0, there = 0;
	uint64_t key;
	FILE *out = memdisk_recover(&cold_rig);

	if (!out)
		return;
	for (; fgets(line, sizeof(line), out); lines++) {
		unsigned long long swapped;

		assert_int_equal(sscanf(line, "%*s %*s %*s %16s %*s %16llx", payload, &swapped), 2);
		key = __builtin_bswap64(swapped);
		assert_true(key < KEYS && cold_version[key]);
		rig_value(key, cold_version[key], value, VALUE);
		snprintf(expected, sizeof(expected), "%016llx",
			 (unsigned long long)XXH3_64bits(value, VALUE));
		assert_string_equal(payload, expected);
	}
	assert_int_equal(pclose(out), 0);
	for (key = 0; key < KEYS; key++)
		there += cold_version[key] > 0;
	assert_int_equal(lines, there);
	assert_int_equal(weir_store_check(cold_rig.path, NULL, &result), 0);
	assert_int_equal(result.entries, there);
	assert_int_equal(result.damage, 0);
}
