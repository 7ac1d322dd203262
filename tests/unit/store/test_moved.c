/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_moved.c - keys that move from one stream to another, and power cuts that leave them alive in
 * both.
 */
#include <errno.h>

#include "memdisk.h"

#define IMAGE (5u << 19)
#define SEGMENT (64u << 10)
#define VALUE 400u

static struct rig rig;

static int setup(void **state)
{
	const uint32_t *block = *state;

	memset(&rig, 0, sizeof(rig));
	rig.engine = "posix";
	/* The tests wait until a key that they read is evicted. */
	rig.policy = WEIR_POLICY_FIFO;
	rig_make(&rig, IMAGE, SEGMENT, *block);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_remove(&rig);
	return 0;
}

static uint64_t conflicts(void)
{
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;

	assert_int_equal(weir_store_get_stats(rig.s, &stats), 0);
	return stats.recovered_conflicts;
}

/* Fills the stream of tenant b until key 0 was evicted, and key 1, which lies behind it. Its
 * segment is nearly empty at first, so both are appended again once. */
static void evict_oldest(void)
{
	for (uint64_t key = 1000; rig_version(&rig, 0, 3, VALUE); key++)
		assert_int_equal(rig_put(&rig, key, 1, VALUE, RIG_STREAM(2)), 0);
}

/* Key 1 is put into one stream, deleted, and put into another, whose segment is older. The last two
 * are not flushed. */
static void move_key(unsigned n)
{
	uint32_t a, b;

	memdisk_load(&rig, 4096, n);
	memdisk_power_on(&rig);
	assert_true(weir_store_add_tenant(rig.s, "a", &a) >= 0);
	assert_true(weir_store_add_tenant(rig.s, "b", &b) >= 0);
	assert_int_equal(rig_put(&rig, 0, 1, VALUE, RIG_STREAM(b)), 0);
	assert_int_equal(rig_put(&rig, 1, 1, VALUE, RIG_STREAM(a) | WEIR_PUT_DURABLE), 0);
	assert_int_equal(weir_store_delete(rig.s, &(uint64_t){ 1 }, sizeof(uint64_t), 0), 0);
	assert_int_equal(rig_put(&rig, 1, 2, VALUE, RIG_STREAM(b)), 0);
	memdisk_power_off(&rig);
}

/* A power cut that keeps the last put and loses the tombstone leaves the key alive twice. The newer
 * version counts. When it is evicted, the older one does not come back. */
static void the_older_version_does_not_come_back(void **state)
{
	unsigned n, twice = 0, seen[3] = { 0 };

	(void)state;
	for (n = 0; n < 24; n++) {
		uint64_t version;

		move_key(n);
		memdisk_power_on(&rig);
		version = rig_version(&rig, 1, 3, VALUE);
		seen[version]++;
		if (conflicts()) {
			twice++;
			assert_int_equal(version, 2);
			evict_oldest();
			assert_int_equal(rig_version(&rig, 1, 3, VALUE), 0);
			memdisk_power_off(&rig);
			memdisk_power_on(&rig);
			assert_int_equal(rig_version(&rig, 1, 3, VALUE), 0);
			assert_int_equal(conflicts(), 0);
		}
		memdisk_power_off(&rig);
		memdisk_free();
	}
	/* Each possible result was met. */
	assert_true(twice && seen[0] && seen[1] && seen[2] > twice);
}

/* A recovery that is switched off at any command and run again ends as an undisturbed one. */
static void an_interrupted_recovery_settles_it_too(void **state)
{
	unsigned n, cut, twice = 0;

	(void)state;
	for (n = 0; n < 24; n++) {
		move_key(n);
		memdisk_power_on(&rig);
		twice += conflicts() > 0;
		cut = conflicts() ? 100 : 1;
		memdisk_power_off(&rig);
		memdisk_free();
		for (; cut > 3 * RIG_EVERY; cut -= 3 * RIG_EVERY) {
			move_key(n);
			memdisk_on(cut);
			if (!memdisk_open(&rig))
				memdisk_close(&rig);
			memdisk_cut();
			memdisk_power_on(&rig);
			assert_int_equal(rig_version(&rig, 1, 3, VALUE), 2);
			evict_oldest();
			memdisk_power_off(&rig);
			memdisk_power_on(&rig);
			assert_int_equal(rig_version(&rig, 1, 3, VALUE), 0);
			memdisk_power_off(&rig);
			memdisk_free();
		}
	}
	assert_true(twice);
}

static int delete_key(uint64_t key, uint32_t flags)
{
	return weir_store_delete(rig.s, &key, sizeof(key), flags);
}

static int exists_key(uint64_t key)
{
	return weir_store_exists(rig.s, &key, sizeof(key), NULL);
}

static void two_tenants(uint32_t stream[2])
{
	assert_true(weir_store_add_tenant(rig.s, "a", &stream[0]) >= 0 &&
		    weir_store_add_tenant(rig.s, "b", &stream[1]) >= 0);
}

/* Deletes KEY and puts VERSION of it into STREAM; the power cut loses only the delete. Both logs
 * have an open segment, so that no flush comes between the two. */
static void cut_between(uint64_t key, uint64_t version, uint32_t stream)
{
	uint8_t *before = malloc(memdisk.bytes), *after = malloc(memdisk.bytes);
	uint64_t at;

	memcpy(before, memdisk.now, memdisk.bytes);
	assert_int_equal(delete_key(key, 0), 0);
	memcpy(after, memdisk.now, memdisk.bytes);
	assert_int_equal(rig_put(&rig, key, version, VALUE, RIG_STREAM(stream)), 0);
	memdisk_kill(&rig);
	for (at = 0; at < memdisk.bytes; at += memdisk.sector)
		if (memcmp(before + at, after + at, memdisk.sector) != 0) {
			memcpy(memdisk.now + at, before + at, memdisk.sector);
			memcpy(memdisk.medium + at, before + at, memdisk.sector);
		}
	free(before);
	free(after);
}

/* Segments from before the last open take no more records. After this, each log has an open one. */
static void open_segments(const uint32_t stream[2])
{
	assert_int_equal(rig_put(&rig, 900, 1, VALUE, RIG_STREAM(stream[0]) | WEIR_PUT_DURABLE), 0);
	assert_int_equal(rig_put(&rig, 901, 1, VALUE, RIG_STREAM(stream[1]) | WEIR_PUT_DURABLE), 0);
}

/* The record that lost had superseded an older one. Neither comes back when the winner is
 * deleted. */
static void nor_does_what_it_superseded(void **state)
{
	uint32_t stream[2];

	(void)state;
	memdisk_load(&rig, 512, 1);
	memdisk_power_on(&rig);
	two_tenants(stream);
	assert_int_equal(rig_put(&rig, 1, 1, VALUE, RIG_STREAM(stream[0])), 0);
	assert_int_equal(rig_put(&rig, 1, 2, VALUE, RIG_STREAM(stream[0])), 0);
	open_segments(stream);
	cut_between(1, 3, stream[1]);
	memdisk_power_on(&rig);
	assert_int_equal(conflicts(), 1);
	assert_int_equal(rig_version(&rig, 1, 3, VALUE), 3);
	assert_int_equal(delete_key(1, WEIR_PUT_DURABLE), 0);
	memdisk_power_off(&rig);
	memdisk_power_on(&rig);
	assert_int_equal(rig_version(&rig, 1, 3, VALUE), 0);
	memdisk_power_off(&rig);
	memdisk_free();
}

/* The record that wins may be in the log that is read first. Only the other one is struck: the key
 * is there in the next life too. */
static void the_first_log_wins(void **state)
{
	uint32_t stream[2];

	(void)state;
	memdisk_load(&rig, 512, 1);
	memdisk_power_on(&rig);
	two_tenants(stream);
	assert_int_equal(rig_put(&rig, 1, 1, VALUE, RIG_STREAM(stream[1])), 0);
	open_segments(stream);
	cut_between(1, 2, stream[0]);
	memdisk_power_on(&rig);
	assert_int_equal(conflicts(), 1);
	assert_int_equal(rig_version(&rig, 1, 3, VALUE), 2);
	/* Only the process ends, so the next life sees all that this one has struck. */
	memdisk_kill(&rig);
	memdisk_power_on(&rig);
	assert_int_equal(conflicts(), 0);
	assert_int_equal(rig_version(&rig, 1, 3, VALUE), 2);
	memdisk_power_off(&rig);
	memdisk_free();
}

/* What recovery struck is on the medium before anything else happens. So the key may be deleted
 * without a flush; then it is as it was, or gone. */
static void what_is_struck_is_durable(void **state)
{
	uint32_t stream[2];
	unsigned n, seen[4] = { 0 };

	(void)state;
	for (n = 0; n < 16; n++) {
		memdisk_load(&rig, 512, n);
		memdisk_power_on(&rig);
		two_tenants(stream);
		assert_int_equal(rig_put(&rig, 1, 1, VALUE, RIG_STREAM(stream[0])), 0);
		open_segments(stream);
		cut_between(1, 2, stream[1]);
		memdisk_power_on(&rig);
		assert_int_equal(conflicts(), 1);
		/* The only flush is the first one that its own segment needs. */
		assert_int_equal(delete_key(1, 0), 0);
		memdisk_power_off(&rig);
		memdisk_power_on(&rig);
		seen[rig_version(&rig, 1, 3, VALUE)]++;
		memdisk_power_off(&rig);
		memdisk_free();
	}
	assert_int_equal(seen[1], 0);
	assert_true(seen[0] && seen[2]);
}

/* Makes the image: in one footer, key 1 (moved and deleted) was struck before, and key 2 must be
 * struck now. The footer has several blocks. */
static void make_struck_twice(uint32_t stream[2])
{
	uint64_t key;

	memdisk_load(&rig, 512, 1);
	memdisk_power_on(&rig);
	two_tenants(stream);
	for (key = 1; key <= 30; key++)
		assert_int_equal(rig_put(&rig, key, 1, VALUE, RIG_STREAM(stream[0])), 0);
	open_segments(stream);
	cut_between(1, 2, stream[1]);
	memdisk_power_on(&rig);
	assert_int_equal(conflicts(), 1);
	open_segments(stream);
	assert_int_equal(delete_key(1, WEIR_PUT_DURABLE), 0);
	cut_between(2, 2, stream[1]);
}

static uint8_t *save_image(void)
{
	uint8_t *image = malloc(memdisk.bytes);

	memcpy(image, memdisk.medium, memdisk.bytes);
	return image;
}

/* Returns how many commands a recovery of IMAGE takes. */
static unsigned commands_of(const uint8_t *image)
{
	unsigned n;

	memdisk_restore(image);
	memdisk_power_on(&rig);
	n = (unsigned)memdisk.commands;
	memdisk_power_off(&rig);
	return n;
}

/* Recovers IMAGE, switched off at every command, TIMES each, and again undisturbed; then LOOK
 * checks. */
static void cut_everywhere(const uint8_t *image, unsigned times, void (*look)(void))
{
	unsigned cut, n, commands = commands_of(image);

	for (cut = 1; cut <= commands + 1; cut += RIG_EVERY)
		for (n = 0; n < times; n++) {
			memdisk_restore(image);
			memdisk_on(cut);
			if (!memdisk_open(&rig))
				memdisk_close(&rig);
			memdisk_cut();
			memdisk_power_on(&rig);
			look();
			memdisk_power_off(&rig);
		}
}

static void look_struck_twice(void)
{
	uint64_t key;

	assert_int_equal(rig_version(&rig, 1, 3, VALUE), 0);
	assert_int_equal(rig_version(&rig, 2, 3, VALUE), 2);
	for (key = 3; key <= 30; key++)
		assert_int_equal(rig_version(&rig, key, 3, VALUE), 1);
}

/* If striking could damage a footer in part, its segment would be walked. */
static void striking_tears_no_footer(void **state)
{
	uint32_t stream[2];
	uint8_t *image;

	(void)state;
	make_struck_twice(stream);
	image = save_image();
	cut_everywhere(image, 4, look_struck_twice);
	free(image);
	memdisk_free();
}

static uint64_t found[31];

static void note_found(void)
{
	for (uint64_t key = 1; key <= 30; key++)
		found[key] = rig_version(&rig, key, 3, VALUE);
}

/* If a new footer is written over the damaged one only in part, key 1 may not be struck any
 * more. */
static void look_found(void)
{
	for (uint64_t key = 1; key <= 30; key++)
		if (key > 1 || rig_version(&rig, key, 3, VALUE))
			assert_int_equal(rig_version(&rig, key, 3, VALUE), found[key]);
}

/* Finds the first trailer from segment FROM on; returns how many segments on it is. */
static unsigned next_trailer(unsigned from)
{
	for (; from < IMAGE / SEGMENT - 2; from++)
		if (!memcmp(memdisk.medium + 65536 + (uint64_t)(from + 1) * SEGMENT - 128,
			    "weirFOT1", 8))
			break;
	return from;
}

/* Every footer is damaged in turn. Then its segment is walked, and an interrupted recovery ends as
 * an undisturbed one. */
static void damaged_footers_too(void **state)
{
	uint32_t stream[2];
	uint8_t *good, *image;
	unsigned at;

	(void)state;
	make_struck_twice(stream);
	good = save_image();
	for (at = next_trailer(0); at < IMAGE / SEGMENT - 2; at = next_trailer(at + 1)) {
		memdisk_restore(good);
		memdisk.medium[65536 + (uint64_t)(at + 1) * SEGMENT - 64] ^= 1;
		image = save_image();
		memdisk_restore(image);
		memdisk_power_on(&rig);
		assert_true(conflicts() > 0);
		assert_int_equal(rig_version(&rig, 2, 3, VALUE), 2);
		note_found();
		memdisk_power_off(&rig);
		cut_everywhere(image, 1, look_found);
		memdisk_restore(good);
		free(image);
	}
	free(good);
	memdisk_free();
}

/* The operations on key 1, one after another; each begins when the one before has completed. */
struct step {
	struct weir_store_op op;
	uint64_t key;
	int result; /* the expected result */
};

static struct step steps[3];
static unsigned step_count, steps_done;

static void step_ended(struct weir_store_op *op)
{
	/* An answer after the power is gone says nothing. */
	if (memdisk.off)
		return;
	assert_int_equal(op->result, steps[steps_done].result);
	if (++steps_done < step_count)
		assert_int_equal(weir_store_submit(rig.s, &steps[steps_done].op), 0);
	else
		memdisk_off();
}

static void step(uint32_t kind, uint32_t flags, int result)
{
	static uint8_t value[VALUE];
	struct step *at = &steps[step_count++];

	memset(at, 0, sizeof(*at));
	at->key = 1;
	at->result = result;
	at->op.kind = kind;
	at->op.flags = flags & 0xffu;
	at->op.stream = (uint16_t)(flags >> 8);
	at->op.key = &at->key;
	at->op.key_len = sizeof(at->key);
	at->op.value = value;
	at->op.value_len = sizeof(value);
	at->op.end = step_ended;
}

/* The next write fails, and may be there in part or whole. The power goes with the last answer, or
 * when nothing moves because the footer that leaves out that write does not complete. */
static void run_failing(uint64_t hold_end)
{
	unsigned n;

	memdisk.fail_op = WEIR_OP_WRITE;
	memdisk.fail_to = memdisk.bytes;
	memdisk.fails = 1;
	memdisk.hold_end = hold_end;
	steps_done = 0;
	assert_int_equal(weir_store_submit(rig.s, &steps[0].op), 0);
	for (n = 0; steps_done < step_count && n < 300; n++)
		assert_int_equal(weir_store_poll(rig.s), 0);
	memdisk_power_off(&rig);
	memdisk.hold_end = 0;
}

/* A put failed in one log. It does not come back when the key was put into another log and deleted
 * there, nor when it was deleted at once. So neither is answered before the footer is there. */
static void a_failed_put_stays_away(void **state)
{
	uint32_t stream[2];
	unsigned n, held, done;

	(void)state;
	for (n = 0; n < 48; n++) {
		held = n / 2 % 2;
		memdisk_load(&rig, 512, n);
		memdisk_power_on(&rig);
		two_tenants(stream);
		open_segments(stream);
		step_count = 0;
		step(WEIR_STORE_PUT, RIG_STREAM(stream[0]), -EIO);
		if (n % 2)
			step(WEIR_STORE_PUT, RIG_STREAM(stream[1]), 0);
		step(WEIR_STORE_DELETE, WEIR_PUT_DURABLE, n % 2 ? 0 : -ENOENT);
		/* The segment of the first stream is the first of all. */
		run_failing(held ? 65536 + SEGMENT : 0);
		done = steps_done == step_count;
		memdisk_power_on(&rig);
		if (done)
			assert_int_equal(exists_key(1), -ENOENT);
		assert_int_equal(done, !held);
		memdisk_power_off(&rig);
		memdisk_free();
	}
}

int main(void)
{
	static uint32_t large = 4096, small = 512;
	const struct CMUnitTest tests[] = {
		{ "the_older_version_does_not_come_back", the_older_version_does_not_come_back,
		  setup, teardown, &large },
		{ "an_interrupted_recovery_settles_it_too", an_interrupted_recovery_settles_it_too,
		  setup, teardown, &large },
		{ "nor_does_what_it_superseded", nor_does_what_it_superseded, setup, teardown,
		  &small },
		{ "the_first_log_wins", the_first_log_wins, setup, teardown, &small },
		{ "what_is_struck_is_durable", what_is_struck_is_durable, setup, teardown, &small },
		{ "striking_tears_no_footer", striking_tears_no_footer, setup, teardown, &small },
		{ "damaged_footers_too", damaged_footers_too, setup, teardown, &small },
		{ "a_failed_put_stays_away", a_failed_put_stays_away, setup, teardown, &small },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
