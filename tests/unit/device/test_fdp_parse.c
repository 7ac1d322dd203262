/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A drive's replies about FDP: replies written out byte by byte, and replies that are wrong.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <weir/base.h>

#include "device/fdp_parse.h"

#define CONFIG_HEAD 16u
#define CONFIG_DESC 64u
#define STATUS_HEAD 16u
#define STATUS_DESC 32u
#define EVENTS_HEAD 64u
#define EVENT_BYTES 64u

static uint8_t isolation[FDP_HANDLES_MAX];
static struct weir_fdp fdp;

static void put(uint8_t *at, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

/* Writes a configuration with HANDLES handles to AT; returns its length in bytes. */
static unsigned configuration(uint8_t *at, unsigned handles, uint64_t unit)
{
	unsigned bytes = CONFIG_DESC + 4 * handles;

	memset(at, 0, bytes);
	put(at, bytes, 2);
	put(at + 4, 3, 4);
	put(at + 8, handles, 2);
	put(at + 16, unit, 8);
	for (unsigned i = 0; i < handles; i++)
		at[CONFIG_DESC + 4 * i] = (uint8_t)(1 + i % 2);
	return bytes;
}

static void configurations(void **state)
{
	uint8_t log[1024] = { 0 };
	unsigned first = configuration(log + CONFIG_HEAD, 2, 1000);
	unsigned bytes = CONFIG_HEAD + first;

	(void)state;
	bytes += configuration(log + bytes, 4, 0x123456789aull);
	put(log + 4, bytes, 4);
	log[0] = 1;
	assert_int_equal(fdp_config_bytes(log), bytes);
	memset(&fdp, 0, sizeof(fdp));
	assert_int_equal(fdp_parse_config(log, bytes, &fdp, isolation), 0);
	assert_int_equal(fdp.handles, 2);
	assert_int_equal(fdp.unit_bytes, 1000);
	fdp.configuration = 1;
	assert_int_equal(fdp_parse_config(log, bytes, &fdp, isolation), 0);
	assert_int_equal(fdp.handles, 4);
	assert_int_equal(fdp.reclaim_groups, 3);
	assert_true(fdp.unit_bytes == 0x123456789aull);
	assert_int_equal(isolation[0], WEIR_FDP_INITIALLY);
	assert_int_equal(isolation[1], WEIR_FDP_PERSISTENTLY);
	assert_int_equal(isolation[3], WEIR_FDP_PERSISTENTLY);
	assert_int_equal(isolation[4], WEIR_FDP_UNKNOWN);
	fdp.configuration = 2;
	assert_int_equal(fdp_parse_config(log, bytes, &fdp, isolation), -EBADMSG);
	assert_non_null(strstr(weir_error(), "configuration 2"));
}

static void configurations_that_lie(void **state)
{
	uint8_t log[256] = { 0 };
	unsigned bytes = CONFIG_HEAD + configuration(log + CONFIG_HEAD, 4, 1);

	(void)state;
	memset(&fdp, 0, sizeof(fdp));
	for (unsigned cut = 0; cut < bytes; cut++)
		assert_int_equal(fdp_parse_config(log, cut, &fdp, isolation), -EBADMSG);
	put(log + CONFIG_HEAD + 8, 5, 2);
	assert_int_equal(fdp_parse_config(log, bytes, &fdp, isolation), -EBADMSG);
	assert_non_null(strstr(weir_error(), "no room for its 5 handles"));
	put(log + CONFIG_HEAD, 0, 2);
	assert_int_equal(fdp_parse_config(log, bytes, &fdp, isolation), -EBADMSG);
}

static void placements(void **state)
{
	uint8_t data[STATUS_HEAD + 3 * STATUS_DESC] = { 0 };
	struct weir_fdp_placement out[4];

	(void)state;
	memset(isolation, WEIR_FDP_UNKNOWN, sizeof(isolation));
	isolation[7] = WEIR_FDP_PERSISTENTLY;
	put(data + 14, 3, 2);
	for (unsigned i = 0; i < 3; i++) {
		put(data + STATUS_HEAD + i * STATUS_DESC, 0x1000 + i, 2);
		put(data + STATUS_HEAD + i * STATUS_DESC + 2, 7 * i, 2);
		put(data + STATUS_HEAD + i * STATUS_DESC + 4, 60 * i, 4);
		put(data + STATUS_HEAD + i * STATUS_DESC + 8, 100 + i, 8);
	}
	assert_int_equal(fdp_placement_count(data), 3);
	assert_int_equal(fdp_parse_placements(data, sizeof(data), 4096, isolation, out, 4), 3);
	assert_int_equal(out[1].id, 0x1001);
	assert_int_equal(out[1].handle, 7);
	assert_int_equal(out[1].left_s, 60);
	assert_int_equal(out[1].left_bytes, 101 * 4096);
	assert_int_equal(out[1].isolation, WEIR_FDP_PERSISTENTLY);
	assert_int_equal(out[2].isolation, WEIR_FDP_UNKNOWN);
	assert_int_equal(fdp_parse_placements(data, sizeof(data), 4096, isolation, out, 2), 2);
	/* The count is more than the reply contains. */
	put(data + 14, 65535, 2);
	assert_int_equal(fdp_parse_placements(data, sizeof(data), 4096, isolation, out, 4), 3);
	/* The handle does not exist, and the room is beyond 64 bits. */
	put(data + STATUS_HEAD + 2, 65535, 2);
	put(data + STATUS_HEAD + 8, UINT64_MAX, 8);
	assert_int_equal(fdp_parse_placements(data, sizeof(data), 4096, isolation, out, 4), 3);
	assert_true(out[0].left_bytes == UINT64_MAX);
	assert_int_equal(out[0].isolation, WEIR_FDP_UNKNOWN);
}

static void statistics(void **state)
{
	uint8_t log[64] = { 0 };

	(void)state;
	put(log, 0x0102030405060708ull, 8);
	put(log + 16, 2, 8);
	put(log + 24, 1, 8);
	put(log + 32, 3, 8);
	fdp_parse_stats(log, &fdp);
	assert_true(fdp.host_bytes == 0x0102030405060708ull);
	assert_true(fdp.media_bytes == UINT64_MAX);
	assert_int_equal(fdp.erased_bytes, 3);
}

static void events(void **state)
{
	uint8_t log[EVENTS_HEAD + 3 * EVENT_BYTES] = { 0 };
	struct weir_fdp_event out[4];

	(void)state;
	put(log, 3, 4);
	log[EVENTS_HEAD] = 0x80;
	log[EVENTS_HEAD + EVENT_BYTES] = 3;
	log[EVENTS_HEAD + EVENT_BYTES + 1] = 1;
	put(log + EVENTS_HEAD + EVENT_BYTES + 2, 0xbeef, 2);
	put(log + EVENTS_HEAD + EVENT_BYTES + 4, 0xffff060504030201ull, 8);
	log[EVENTS_HEAD + 2 * EVENT_BYTES] = 0x7f;
	assert_int_equal(fdp_parse_events(log, sizeof(log), out, 4), 3);
	assert_int_equal(out[0].by_drive, 1);
	assert_int_equal(out[0].placement, -1);
	assert_int_equal(out[1].by_drive, 0);
	assert_int_equal(out[1].placement, 0xbeef);
	assert_true(out[1].time_ms == 0x060504030201ull);
	assert_non_null(strstr(out[1].what, "invalid placement id"));
	assert_non_null(strstr(out[2].what, "another event of the host"));
	assert_int_equal(fdp_parse_events(log, sizeof(log), out, 1), 1);
	put(log, UINT32_MAX, 4);
	assert_int_equal(fdp_parse_events(log, sizeof(log), out, 4), 3);
}

/* Random bytes of any length, in memory that ends where they end. */
static void any_bytes(void **state)
{
	struct weir_fdp_placement p[8];
	struct weir_fdp_event e[8];

	(void)state;
	srand(1);
	for (unsigned turn = 0; turn < 20000; turn++) {
		size_t bytes = EVENTS_HEAD + (size_t)rand() % 300;
		uint8_t *log = malloc(bytes);

		assert_non_null(log);
		for (size_t i = 0; i < bytes; i++)
			log[i] = (uint8_t)(rand() % 3 ? 0 : rand());
		fdp.configuration = (uint32_t)rand() % 3;
		(void)fdp_parse_config(log, bytes, &fdp, isolation);
		assert_true(fdp_parse_placements(log, bytes, 512, isolation, p, 8) <= 8);
		assert_true(fdp_parse_events(log, bytes, e, 8) <= 8);
		fdp_parse_stats(log, &fdp);
		free(log);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(configurations), cmocka_unit_test(configurations_that_lie),
		cmocka_unit_test(placements),	  cmocka_unit_test(statistics),
		cmocka_unit_test(events),	  cmocka_unit_test(any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
