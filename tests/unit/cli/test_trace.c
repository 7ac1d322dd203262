/* SPDX-License-Identifier: Apache-2.0 */
/* test_trace.c - the reader accepts valid traces, and names the line of an error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/base.h>

#include "cli/trace.h"

static int read_as(struct trace *t, const char *text, size_t len, const struct trace_opts *opts)
{
	FILE *in = fmemopen((void *)(uintptr_t)text, len, "r");
	int err;

	assert_non_null(in);
	*t = (struct trace){ 0 };
	err = trace_read(t, in, "t.jsonl", opts);
	fclose(in);
	return err;
}

static int read_bytes(struct trace *t, const char *text, size_t len, size_t limit)
{
	struct trace_opts opts = {
		.limit = limit,
		.block_bytes = 4096,
		.tiers = TRACE_ALL_TIERS,
	};

	return read_as(t, text, len, &opts);
}

static int read_text(struct trace *t, const char *text)
{
	return read_bytes(t, text, strlen(text), 0);
}

static void test_requests(void **state)
{
	struct trace t;

	(void)state;
	assert_int_equal(read_text(&t, "{\"timestamp\": 5, \"hash_ids\": [1, 2, 1], \"x\": {}}\n"
				       "{\"hash_ids\":[],\"timestamp\":7.5}\n"
				       "{\"timestamp\": 8, \"hash_ids\": [9223372036854775807]}"),
			 0);
	assert_int_equal(t.count, 3);
	assert_int_equal(t.id_count, 4);
	assert_int_equal(t.requests[0].time_ns, 5000000);
	assert_int_equal(t.requests[0].count, 3);
	assert_int_equal(trace_ids(&t, 0)[1], 2);
	assert_int_equal(trace_ids(&t, 0)[2], 1);
	assert_int_equal(t.requests[1].time_ns, 7500000);
	assert_int_equal(t.requests[1].count, 0);
	assert_int_equal(trace_ids(&t, 2)[0], INT64_MAX);
	trace_free(&t);
	assert_null(t.requests);
}

static void test_empty_lines(void **state)
{
	struct trace t;

	(void)state;
	assert_int_equal(read_text(&t, "\n  \t\r\n{\"hash_ids\": [3]}\r\n\n"), 0);
	assert_int_equal(t.count, 1);
	trace_free(&t);
	assert_int_equal(read_text(&t, "\n"), 0);
	assert_int_equal(t.count, 0);
	trace_free(&t);
}

/* A request without a time gets the time of the one before it. */
static void test_missing_time(void **state)
{
	struct trace t;

	(void)state;
	assert_int_equal(read_text(&t, "{\"hash_ids\": []}\n{\"timestamp\": 3, \"hash_ids\": []}\n"
				       "{\"hash_ids\": []}\n"),
			 0);
	assert_int_equal(t.requests[0].time_ns, 0);
	assert_int_equal(t.requests[2].time_ns, 3000000);
	trace_free(&t);
}

static void test_limit(void **state)
{
	static const char text[] = "{\"hash_ids\": [1]}\n{\"hash_ids\": [2]}\nnot JSON\n";
	struct trace t;

	(void)state;
	assert_int_equal(read_bytes(&t, text, strlen(text), 2), 0);
	assert_int_equal(t.count, 2);
	trace_free(&t);
	assert_int_equal(read_bytes(&t, text, strlen(text), 3), -EINVAL);
	trace_free(&t);
}

/* Servers log hashes of 64 bits, signed or not, and names; different ones must stay different. */
static void test_ids(void **state)
{
	static const char text[] =
		"{\"request\": 99999999999999999999, \"s\": \"\\\"14029467366897019727\","
		" \"hash_ids\": [14029467366897019727, 18446744073709551615, 9223372036854775808,"
		" -1, -2, -9223372036854775808, -6493771038274123721, 6493771038274123721, 0,"
		" \"a\", \"b\", \"abcdefgh\", \"abcdefghi\", \"012\", 18446744073709551616,"
		" \"\", \"-0\"]}\n"
		"{\"hash_ids\": [\"14029467366897019727\", \"-1\", \"a\", 18446744073709551616]}";
	struct trace t;

	(void)state;
	assert_int_equal(read_text(&t, text), 0);
	assert_int_equal(t.requests[0].count, 17);
	assert_true(t.ids[0] == 14029467366897019727u && t.ids[1] == UINT64_MAX);
	for (size_t i = 0; i < 17; i++)
		for (size_t j = 0; j < i; j++)
			assert_true(t.ids[i] != t.ids[j]);
	assert_true(trace_ids(&t, 1)[0] == t.ids[0]);
	assert_true(trace_ids(&t, 1)[1] == t.ids[3]);
	assert_true(trace_ids(&t, 1)[2] == t.ids[9]);
	assert_true(trace_ids(&t, 1)[3] == t.ids[14]);
	trace_free(&t);
}

/* Bailian's times are in seconds. The first request decides on the unit, unless the caller does. */
static void test_seconds(void **state)
{
	static const char bailian[] =
		"{\"chat_id\": 7, \"parent_chat_id\": -1, \"timestamp\": 61.25, \"input_length\": "
		"9,"
		" \"output_length\": 2, \"type\": \"text\", \"turn\": 1, \"hash_ids\": [1, 2]}\n"
		"{\"timestamp\": 62, \"hash_ids\": [3]}\n";
	static const char mooncake[] = "{\"timestamp\": 61.25, \"hash_ids\": [1]}\n"
				       "{\"chat_id\": 1, \"timestamp\": 62, \"hash_ids\": [1]}\n";
	struct trace_opts opts = { .format = TRACE_MOONCAKE };
	struct trace t;

	(void)state;
	assert_int_equal(read_text(&t, bailian), 0);
	assert_int_equal(t.format, TRACE_BAILIAN);
	assert_int_equal(t.requests[0].time_ns, 61250000000);
	assert_int_equal(t.requests[1].time_ns, 62000000000);
	trace_free(&t);
	assert_int_equal(read_text(&t, mooncake), 0);
	assert_int_equal(t.format, TRACE_MOONCAKE);
	assert_int_equal(t.requests[1].time_ns, 62000000);
	trace_free(&t);
	assert_int_equal(read_as(&t, bailian, strlen(bailian), &opts), 0);
	assert_int_equal(t.requests[0].time_ns, 61250000);
	trace_free(&t);
	opts.format = TRACE_BAILIAN;
	assert_int_equal(read_as(&t, mooncake, strlen(mooncake), &opts), 0);
	assert_int_equal(t.requests[1].time_ns, 62000000000);
	trace_free(&t);
}

#define HEADER "Timestamp,Operation,Object_Size_Bytes,Tier,Key,Phase\n"

static const char rows[] = HEADER "1740553426.5,Write,131072,Tier-0,layer0/user0,Prefill\n"
				  "1740553427,Read,4097,Tier-2,\"a,\"\"b\"\"\",Decode\n"
				  "\r\n"
				  "1740553428,Write,0,Tier-1,x,Evict\r\n"
				  "1740553429,Read,4096,Tier-2,layer0/user0,";

/*
 * An object has as many blocks as are needed to hold it; each row that names it has the same
 * blocks.
 */
static void test_objects(void **state)
{
	uint64_t room[32], again[32];
	struct trace t;

	(void)state;
	assert_int_equal(read_text(&t, rows), 0);
	assert_int_equal(t.format, TRACE_MLPERF);
	assert_int_equal(t.count, 4);
	assert_int_equal(t.skipped, 0);
	assert_int_equal(t.requests[0].time_ns / 1000, 1740553426500000);
	assert_true(t.requests[0].kind == TRACE_WRITE && t.requests[1].kind == TRACE_READ);
	assert_int_equal(t.requests[0].count, 32);
	assert_int_equal(t.requests[1].count, 2);
	assert_int_equal(t.requests[2].count, 0);
	assert_int_equal(t.requests[3].count, 1);
	assert_ptr_equal(trace_blocks(&t, 0, room), room);
	for (size_t i = 0; i < 32; i++)
		for (size_t j = 0; j < i; j++)
			assert_true(room[i] != room[j]);
	assert_true(trace_blocks(&t, 3, again)[0] == room[0]);
	assert_true(trace_blocks(&t, 1, again)[0] != room[0]);
	assert_true(trace_ids(&t, 1)[0] != trace_ids(&t, 2)[0]);
	trace_free(&t);
}

static void test_tiers(void **state)
{
	struct trace_opts opts = { .block_bytes = 4096, .tiers = 1u << 2, .limit = 1 };
	struct trace t;

	(void)state;
	assert_int_equal(read_as(&t, rows, strlen(rows), &opts), 0);
	assert_int_equal(t.count, 1);
	assert_int_equal(t.skipped, 1);
	assert_int_equal(t.requests[0].count, 2);
	trace_free(&t);
}

/* Columns are found by their names. */
static void test_columns(void **state)
{
	static const char text[] = "Key,\"Tier\",Object_Size_Bytes,More,Operation,Timestamp\n"
				   "k,Tier-1,5000,,Read,3\n";
	struct trace t;

	(void)state;
	assert_int_equal(read_text(&t, text), 0);
	assert_int_equal(t.requests[0].time_ns, 3000000000);
	assert_int_equal(t.requests[0].count, 2);
	trace_free(&t);
}

struct bad {
	const char *text;
	const char *says; /* part of the error message */
};

static const struct bad bads[] = {
	{ "{\"hash_ids\": [1]}\n\n[1, 2]\n", "t.jsonl:3: not a JSON object" },
	{ "17\n", "t.jsonl:1: not JSON: " },
	{ "{\"timestamp\": 1}\n", "t.jsonl:1: \"hash_ids\" is missing" },
	{ "{\"hash_ids\": {}}\n", "\"hash_ids\" is not an array" },
	{ "{\"hash_ids\": null}\n", "\"hash_ids\" is not an array" },
	{ "{\"hash_ids\": [1, null]}\n", "\"hash_ids\"[1] is not an id" },
	{ "{\"hash_ids\": [1.0]}\n", "\"hash_ids\"[0] is not an id" },
	{ "{\"hash_ids\": [14029467366897019727.5]}\n", "\"hash_ids\"[0] is not an id" },
	{ "{\"hash_ids\": [14029467366897019727-5]}\n", "t.jsonl:1: not JSON: " },
	{ "{\"hash_ids\": [], \"timestamp\": 14029467366897019727}\n",
	  "\"timestamp\" is not a number" },
	{ "{\"hash_ids\": [], \"timestamp\": \"1\"}\n", "\"timestamp\" is not a number" },
	{ "{\"hash_ids\": [], \"timestamp\": -1}\n", "\"timestamp\" is not a number from 0 to" },
	{ "{\"hash_ids\": [], \"timestamp\": 1e300}\n", "\"timestamp\" is not a number from 0 to" },
	{ "{\"hash_ids\": [1]\n", "t.jsonl:1: not JSON: " },
	{ "{\"hash_ids\": [1]} {}\n", "t.jsonl:1: not JSON: end of file expected" },
	{ "{\"hash_ids\": [1], \"hash_ids\": [2]}\n", "t.jsonl:1: not JSON: duplicate" },
	{ "\xff\xfd\n", "t.jsonl:1: not JSON: " },
	{ "{\"chat_id\": 1, \"hash_ids\": [], \"timestamp\": \"1\"}\n",
	  "\"timestamp\" is not a number of seconds" },
	{ "{\"chat_id\": 1, \"hash_ids\": [], \"timestamp\": 1e10}\n",
	  "\"timestamp\" is not a number from 0 to 9223372036 seconds" },
	{ "Timestamp,Operation,Object_Size_Bytes,Key\n",
	  "t.jsonl:1: the header has no column Tier" },
	{ HEADER "1,Read,1,Tier-2,k\n", "t.jsonl:2: 5 fields, but the header has 6" },
	{ HEADER "1,Read,1,Tier-2,k,Decode,\n", "t.jsonl:2: 7 fields" },
	{ HEADER "\nnow,Read,1,Tier-2,k,\n", "t.jsonl:3: Timestamp: \"now\" is not" },
	{ HEADER ",Read,1,Tier-2,k,\n", "Timestamp: \"\" is not" },
	{ HEADER "nan,Read,1,Tier-2,k,\n", "Timestamp is not a number from 0" },
	{ HEADER "-1,Read,1,Tier-2,k,\n", "Timestamp is not a number from 0" },
	{ HEADER "1,Delete,1,Tier-2,k,\n", "Operation: \"Delete\" is not Read or Write" },
	{ HEADER "1,Read,-1,Tier-2,k,\n", "Object_Size_Bytes: \"-1\" is not" },
	{ HEADER "1,Read,1.5,Tier-2,k,\n", "Object_Size_Bytes: \"1.5\" is not" },
	{ HEADER "1,Read,18446744073709551615,Tier-2,k,\n", "--block-bytes" },
	{ HEADER "1,Read,1,Tier-3,k,\n", "Tier: \"Tier-3\" is not" },
	{ HEADER "1,Read,1,Tier-,k,\n", "Tier: \"Tier-\" is not" },
	{ HEADER "1,Read,1,NVMe,k,\n", "Tier: \"NVMe\" is not" },
	{ HEADER "1,Read,1,Tier-2,,\n", "Key: \"\" is not" },
	{ HEADER "1,Read,1,Tier-2,\"k,\n", "t.jsonl:2: field 5: a quoted field does not end" },
	{ HEADER "1,Read,1,Tier-2,\"k\"x,\n", "t.jsonl:2: field 5: " },
	{ HEADER "{\"hash_ids\": [1]}\n", "t.jsonl:2: 1 fields" },
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		struct trace t;

		assert_int_equal(read_text(&t, bads[i].text), -EINVAL);
		if (!strstr(weir_error(), bads[i].says))
			fail_msg("\"%s\" does not say \"%s\"", weir_error(), bads[i].says);
		trace_free(&t);
	}
}

static void test_nul_bytes(void **state)
{
	static const char text[] = "{\"hash_ids\":\0[1]}\n";
	struct trace t;

	(void)state;
	assert_int_equal(read_bytes(&t, text, sizeof(text) - 1, 0), -EINVAL);
	assert_non_null(strstr(weir_error(), "t.jsonl:1:"));
	trace_free(&t);
}

static void test_huge_line(void **state)
{
	enum { IDS = 200000 };
	size_t room = IDS * 8 + 64, len;
	char *text = malloc(room);
	struct trace t;

	(void)state;
	assert_non_null(text);
	len = (size_t)snprintf(text, room, "{\"hash_ids\": [0");
	for (int i = 1; i < IDS; i++)
		len += (size_t)snprintf(text + len, room - len, ",%d", i);
	len += (size_t)snprintf(text + len, room - len, "]}\n");
	assert_int_equal(read_bytes(&t, text, len, 0), 0);
	assert_int_equal(t.requests[0].count, IDS);
	assert_int_equal(trace_ids(&t, 0)[IDS - 1], IDS - 1);
	trace_free(&t);
	free(text);
}

static void test_files(void **state)
{
	struct trace_opts opts = { .block_bytes = 4096 };
	struct trace t = { 0 };

	(void)state;
	assert_int_equal(trace_load(&t, "/nonexistent/trace.jsonl", &opts), -ENOENT);
	assert_non_null(strstr(weir_error(), "/nonexistent/trace.jsonl"));
	trace_free(&t);
	assert_int_equal(trace_load(&t, "/", &opts), -EISDIR);
	trace_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),	    cmocka_unit_test(test_requests),
		cmocka_unit_test(test_empty_lines), cmocka_unit_test(test_missing_time),
		cmocka_unit_test(test_limit),	    cmocka_unit_test(test_bad),
		cmocka_unit_test(test_nul_bytes),   cmocka_unit_test(test_huge_line),
		cmocka_unit_test(test_files),	    cmocka_unit_test(test_seconds),
		cmocka_unit_test(test_objects),	    cmocka_unit_test(test_tiers),
		cmocka_unit_test(test_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
