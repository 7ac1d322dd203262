/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_learned.c - what a scheduler has learned is kept and given back; and what is no such state
 * is refused in words, whatever its bytes are, and changes nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/clock.h"
#include "base/prng.h"
#include "queue/learned_text.h"
#include "rig.h"

#define BLOCK 4096u
#define TEXT 16384u
#define TURNS 30000
#define SEC 1000000000ull

static char memory[BLOCK] __attribute__((aligned(4096)));
static char text[TEXT];
static size_t length;
static struct prng prng;

static int set_up(void **state)
{
	(void)state;
	rig_init();
	prng_seed(&prng, 1);
	rig.own_clock = true;
	rig.now_ns = SEC;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_close();
	return 0;
}

static void open_sched(const char *scheduler, uint32_t lanes)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	opts.scheduler = scheduler;
	opts.lanes = lanes;
	rig_open(&opts, NULL);
	assert_int_equal(weir_queue_attach(rig.q, 0), 0);
}

/* Reads and writes one block after the other, each of which takes US microseconds. */
static void work(unsigned n, uint64_t us)
{
	struct weir_io io;

	rig.hold = true;
	for (unsigned i = 0; i < n; i++) {
		if (i % 2)
			weir_io_read(&io, i * BLOCK, memory, BLOCK);
		else
			weir_io_write(&io, i * BLOCK, memory, BLOCK);
		assert_int_equal(weir_queue_submit(rig.q, &io), 0);
		assert_int_equal(weir_queue_poll(rig.q), 0);
		rig.now_ns += us * 1000;
		rig_complete(1);
	}
	rig.hold = false;
}

static void save(void)
{
	assert_int_equal(weir_queue_save_state(rig.q, text, sizeof(text), &length), 0);
	assert_int_equal(strlen(text), length);
}

static const char *get(const char *name)
{
	static char value[4][64];
	static unsigned turn;
	char *to = value[turn++ % 4];

	assert_int_equal(weir_queue_get(rig.q, name, to, sizeof(value[0])), 0);
	return to;
}

/* Writes to TO, of TEXT bytes, the first N bytes of FROM and the checksum that they should have. */
static size_t sign(char *to, const char *from, size_t n)
{
	memmove(to, from, n);
	return n + (size_t)snprintf(to + n, TEXT - n, "checksum %016" PRIx64 "\n",
				    (uint64_t)XXH3_64bits(from, n));
}

/* Replaces OLD in the state by NEW and signs it again. */
static void change(const char *old, const char *new)
{
	char changed[TEXT], *at = strstr(text, old);

	assert_non_null(at);
	*strstr(text, "checksum ") = '\0';
	snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, new,
		 at + strlen(old));
	length = sign(text, changed, strlen(changed));
}

static void refused(int err, const char *words)
{
	char before[64];

	snprintf(before, sizeof(before), "%s", get("read_lone"));
	assert_int_equal(weir_queue_load_state(rig.q, text, length), err);
	if (!strstr(weir_error(), words))
		fail_msg("'%s' is not in: %s", words, weir_error());
	assert_string_equal(get("read_lone"), before);
}

static void what_was_learned_comes_back(void **state)
{
	static const char *const names[] = { "read_lone", "write_lone" };
	char values[2][64], lane[TEXT];

	(void)state;
	open_sched("pace", 1);
	assert_int_equal(weir_queue_save_state(rig.q, text, sizeof(text), NULL), -ENODATA);
	work(2, 80);
	assert_int_equal(weir_queue_save_state(rig.q, text, sizeof(text), NULL), -ENODATA);
	work(200, 80);
	save();
	for (int i = 0; i < 2; i++)
		snprintf(values[i], sizeof(values[0]), "%s", get(names[i]));
	assert_string_equal(values[0], "80000");
	snprintf(lane, sizeof(lane), "%s", strstr(text, "\nlane 0 "));
	*strstr(lane, "checksum ") = '\0';
	assert_int_equal(weir_queue_close(rig.q), 0);
	open_sched("pace", 1);
	assert_int_equal(weir_queue_load_state(rig.q, text, length), 0);
	for (int i = 0; i < 2; i++)
		assert_string_equal(get(names[i]), values[i]);
	/* what nothing has changed is the same when it is saved again */
	save();
	assert_non_null(strstr(text, lane));
	/* It goes on learning: after 20 s of slower reads it has forgotten the faster ones. */
	work(30000, 800);
	assert_string_equal(get("read_lone"), "800000");
}

/* Makes the state one that was saved DAYS ago, and in which a trial of the last knob rests for a
 * second. Writes its line with the date to LINE. */
static void make_old(unsigned days, char *line, size_t size)
{
	char then[64], tail[64], resting[80];
	char *usual, *rest;

	snprintf(then, sizeof(then), "%.*s", (int)strcspn(strstr(text, "saved "), "\n"),
		 strstr(text, "saved "));
	snprintf(line, size, "saved %" PRIu64, (uint64_t)(clock_wall() / SEC - days * 86400ull));
	change(then, line);
	/* The numbers end with the time that this trial rests, and the usual latency. */
	usual = strstr(text, "\nchecksum ");
	while (*--usual != ' ')
		;
	for (rest = usual - 1; *rest != ' '; rest--)
		;
	snprintf(tail, sizeof(tail), "%.*s\n", (int)strcspn(rest, "\n"), rest);
	snprintf(resting, sizeof(resting), " 1000000000%.*s\n", (int)strcspn(usual, "\n"), usual);
	change(tail, resting);
}

/* What is loaded gets no younger by being saved, while time passes. What was learned is new. */
static void nothing_new_is_as_old(void **state)
{
	char line[64];

	(void)state;
	open_sched("pace", 1);
	work(200, 80);
	save();
	make_old(10, line, sizeof(line));
	assert_int_equal(weir_queue_load_state(rig.q, text, length), 0);
	rig.now_ns += SEC / 2;
	save();
	assert_non_null(strstr(text, line));
	assert_null(strstr(text, " 1000000000 "));
	/* Another scheduler and back: it is still the state that was loaded. */
	assert_int_equal(weir_queue_set(rig.q, "scheduler", "none"), 0);
	assert_int_equal(weir_queue_set(rig.q, "scheduler", "pace"), 0);
	save();
	assert_non_null(strstr(text, line));
	work(200, 60);
	save();
	assert_null(strstr(text, line));
}

/* A state is given to the scheduler also when it comes back after another one. */
static void a_switch_and_back(void **state)
{
	(void)state;
	open_sched("pace", 1);
	work(200, 80);
	save();
	assert_int_equal(weir_queue_set(rig.q, "scheduler", "kyber"), 0);
	assert_int_equal(weir_queue_save_state(rig.q, text, sizeof(text), NULL), -EOPNOTSUPP);
	assert_int_equal(weir_queue_load_state(rig.q, text, length), -EOPNOTSUPP);
	assert_non_null(strstr(weir_error(), "kyber"));
	assert_int_equal(weir_queue_set(rig.q, "scheduler", "pace"), 0);
	assert_string_equal(get("read_lone"), "0");
	assert_int_equal(weir_queue_load_state(rig.q, text, length), 0);
	assert_string_equal(get("read_lone"), "80000");
	assert_int_equal(weir_queue_set(rig.q, "scheduler", "none"), 0);
	assert_int_equal(weir_queue_set(rig.q, "scheduler", "pace"), 0);
	assert_string_equal(get("read_lone"), "80000");
}

static void room_for_the_text(void **state)
{
	char small[TEXT];
	size_t needed = 0;

	(void)state;
	open_sched("pace", 1);
	work(200, 80);
	save();
	assert_int_equal(weir_queue_save_state(rig.q, NULL, 0, &needed), -ENOSPC);
	assert_int_equal(needed, length);
	assert_int_equal(weir_queue_save_state(rig.q, small, needed, NULL), -ENOSPC);
	assert_int_equal(weir_queue_save_state(rig.q, small, needed + 1, NULL), 0);
	assert_string_equal(small, text);
}

/* Each lane learns by itself, and a lane that had nothing to do has nothing to say. */
static void lanes_and_workers(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	struct weir_io io;

	(void)state;
	rig.own_clock = false;
	opts.scheduler = "pace";
	opts.workers = 1;
	rig_open(&opts, NULL);
	for (unsigned i = 0; i < 2000; i++) {
		weir_io_read(&io, i % 100 * BLOCK, memory, BLOCK);
		assert_int_equal(weir_queue_submit(rig.q, &io), 0);
		assert_int_equal(weir_io_wait(rig.q, &io, UINT64_MAX), 0);
	}
	/* What the worker has learned since it showed it last is not there yet. */
	while (weir_queue_save_state(rig.q, text, sizeof(text), &length) == -ENODATA) {
		weir_io_read(&io, 0, memory, BLOCK);
		assert_int_equal(weir_queue_submit(rig.q, &io), 0);
		assert_int_equal(weir_io_wait(rig.q, &io, UINT64_MAX), 0);
	}
	assert_int_equal(weir_queue_load_state(rig.q, text, length), 0);
	change("lanes 1", "lanes 2");
	refused(-EINVAL, "2 lanes");
}

static void what_is_refused(void **state)
{
	char whole[TEXT], then[64];
	size_t n;

	(void)state;
	open_sched("pace", 1);
	work(200, 80);
	save();
	memcpy(whole, text, sizeof(whole));
	n = length;
	length = 0;
	refused(-EINVAL, "no learned state");
#define AGAIN()                                                                                    \
	do {                                                                                       \
		memcpy(text, whole, sizeof(text));                                                 \
		length = n;                                                                        \
	} while (0)
	AGAIN();
	text[n / 2] ^= 1;
	refused(-EINVAL, "checksum");
	AGAIN();
	length--;
	refused(-EINVAL, "checksum");
	AGAIN();
	text[n / 2] = '\0';
	refused(-EINVAL, "checksum");
	AGAIN();
	change("weir-learned 1", "weir-learned 2");
	refused(-EPROTONOSUPPORT, "version 2");
	AGAIN();
	change("scheduler pace 1", "scheduler pace 2");
	refused(-EPROTONOSUPPORT, "version 2 of pace");
	AGAIN();
	change("scheduler pace", "scheduler race");
	refused(-EINVAL, "race");
	AGAIN();
	change("device null:1g", "device null:2g");
	refused(-EINVAL, "another device: null:2g");
	AGAIN();
	change("lane 0 ", "lane 1 ");
	refused(-EINVAL, "damaged");
	AGAIN();
	length = sign(text, whole, (size_t)(strstr(whole, "lane 0 ") - whole));
	refused(-EINVAL, "no lane");
	AGAIN();
	change("lane 0 1", "lane 0 99999991");
	refused(-EINVAL, "damaged");
	AGAIN();
	change(" 80000 ", " 18446744073709551615 ");
	refused(-EINVAL, "damaged");
	AGAIN();
	change(" 80000 ", " 18446744073709551616 ");
	refused(-EINVAL, "damaged");
	for (int days = -3; days <= 40; days++) {
		AGAIN();
		snprintf(then, sizeof(then), "%.*s", (int)strcspn(strstr(text, "saved "), "\n"),
			 strstr(text, "saved "));
		snprintf(memory, sizeof(memory), "saved %" PRIu64,
			 (uint64_t)((int64_t)(clock_wall() / SEC) - days * 86400 - 5));
		change(then, memory);
		if (days < -1)
			refused(-ESTALE, "future");
		else if (days >= WEIR_STATE_DAYS)
			refused(-ESTALE, "days old");
		else
			assert_int_equal(weir_queue_load_state(rig.q, text, length), 0);
	}
}

/* Garbles the state in one of several ways. Returns its length. */
static size_t garble(char *to, const char *whole, size_t n)
{
	unsigned changes = 1 + (unsigned)prng_below(&prng, 8);

	memcpy(to, whole, n);
	if (!prng_below(&prng, 4))
		n = prng_below(&prng, n + 1);
	for (unsigned i = 0; i < changes && n; i++) {
		size_t at = prng_below(&prng, n);

		switch (prng_below(&prng, 4)) {
		case 0: /* digits stay digits */
			if (to[at] >= '0' && to[at] <= '9')
				to[at] = (char)('0' + prng_below(&prng, 10));
			break;
		case 1:
			to[at] = (char)prng_below(&prng, 256);
			break;
		case 2:
			to[at] = " \n0"[prng_below(&prng, 3)];
			break;
		default: /* a part of it comes twice */
			memmove(to + at, whole + at / 2, n - at);
		}
	}
	return n;
}

static void random_bytes(void **state)
{
	static char whole[TEXT];
	unsigned taken = 0, refusals = 0;
	size_t n, body;

	(void)state;
	open_sched("pace", 1);
	work(200, 80);
	save();
	memcpy(whole, text, length);
	n = length;
	body = (size_t)(strstr(text, "checksum ") - text);
	for (int i = 0; i < TURNS; i++) {
		int err;

		if (i % 8 == 7) {
			length = prng_below(&prng, 600);
			for (size_t at = 0; at < length; at++)
				text[at] = (char)prng_below(&prng, 256);
		} else if (i % 8 == 6) {
			length = garble(text, whole, n);
		} else { /* behind the checksum */
			length = sign(text, text, garble(text, whole, body));
		}
		err = weir_queue_load_state(rig.q, text, length);
		if (err)
			assert_true(*weir_error());
		taken += !err;
		refusals += err != 0;
		/* it works with whatever it has taken */
		if (!err || i % 256 == 0)
			work(20, 1 + prng_below(&prng, 200));
	}
	assert_true(taken > 100 && refusals > 10000);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(what_was_learned_comes_back),
		T(nothing_new_is_as_old),
		T(a_switch_and_back),
		T(room_for_the_text),
		T(lanes_and_workers),
		T(what_is_refused),
		T(random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
