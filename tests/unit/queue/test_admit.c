/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_admit.c - the distribution of scarce tags. Every account gets one within a bounded number
 * of completions, whatever others do, under every scheduler; and each submitter gets its share
 * where submitters are known.
 *
 * The drive completes one command at a time, when the test says so. The ios of a flood submit
 * themselves again in `end`.
 */
#include <errno.h>
#include <string.h>

#include "base/prng.h"
#include "rig.h"

#define IOS_MAX 4096
#define BLOCK 4096u
#define US 1000ull
#define MS (1000 * US)

static struct client {
	struct weir_io io; /* must be the first member */
	bool again;	   /* it submits itself once more in `end` */
	unsigned ends;
} clients[IOS_MAX];

static char memory[64 * BLOCK] __attribute__((aligned(4096)));
static unsigned nr_clients;
static uint64_t ended;
static bool stopping;
static struct prng prng;

static uint64_t somewhere(void)
{
	return prng_below(&prng, (1u << 30) / BLOCK - 64) * BLOCK;
}

static void on_end(struct weir_io *io)
{
	struct client *c = (struct client *)io;

	ended++;
	c->ends++;
	if (!c->again || stopping)
		return;
	io->offset = somewhere();
	assert_int_equal(weir_queue_submit(rig.q, io), 0);
}

/* Makes a read or write of SUBMITTER, which give() submits. */
static struct weir_io *make(enum weir_op op, uint32_t submitter)
{
	struct client *c = &clients[nr_clients++];

	assert_true(nr_clients <= IOS_MAX);
	*c = (struct client){ .again = false };
	if (op == WEIR_OP_READ)
		weir_io_read(&c->io, somewhere(), memory, BLOCK);
	else if (op == WEIR_OP_WRITE)
		weir_io_write(&c->io, somewhere(), memory, BLOCK);
	else
		weir_io_flush(&c->io);
	c->io.submitter = submitter;
	c->io.end = on_end;
	return &c->io;
}

static struct client *give(struct weir_io *io)
{
	assert_int_equal(weir_queue_submit(rig.q, io), 0);
	return (struct client *)io;
}

/* Keeps N ios of SUBMITTER outstanding all the time. */
static void flood(unsigned n, enum weir_op op, uint32_t submitter, uint16_t flags, uint16_t prio)
{
	while (n--) {
		struct weir_io *io = make(op, submitter);

		io->flags = flags;
		io->prio = prio;
		((struct client *)io)->again = true;
		give(io);
	}
}

static void start(const char *sched, uint32_t nr_requests)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	nr_clients = 0;
	ended = 0;
	stopping = false;
	prng_seed(&prng, 1);
	rig_init();
	rig.own_clock = true;
	rig.now_ns = 1000 * MS;
	rig.hold = true;
	rig.info.write_cache = 1;
	opts.scheduler = sched;
	opts.depth = 4;
	opts.nr_requests = nr_requests;
	opts.depth_bytes = UINT64_MAX;
	rig_open(&opts, NULL);
}

/* Completes one command; the drive takes 50 us for it, or longer where the scheduler idles. */
static void one_ends(void)
{
	rig.allowed = 1;
	rig.now_ns += 50 * US;
	for (int turns = 0; rig.allowed; turns++) {
		assert_true(turns < 10000);
		assert_true(weir_queue_poll(rig.q) >= 0);
		rig.now_ns += rig.allowed ? 100 * US : 0;
	}
	/* All others see only now what `end` submitted. */
	assert_true(weir_queue_poll(rig.q) >= 0);
}

/* Returns true if every part of it has a tag. */
static bool admitted(const struct client *c)
{
	return c->ends || io_priv(&c->io)->cursor == c->io.length;
}

/* Asserts that C has its tags after at most MOST completions. */
static void tags_within(const struct client *c, unsigned most)
{
	unsigned n = 0;

	assert_true(weir_queue_poll(rig.q) >= 0);
	for (; !admitted(c) && n <= most; n++)
		one_ends();
	if (n > most)
		fail_msg("%s: no tag after %u completions", rig.q->sched_ops->name, most);
}

static void ends_within(const struct client *c, unsigned most)
{
	for (unsigned n = 0; !c->ends && n < most; n++)
		one_ends();
	if (!c->ends)
		fail_msg("%s: not ended after %u completions", rig.q->sched_ops->name, most);
}

static void stop(void)
{
	stopping = true;
	rig.hold = false;
	for (unsigned i = 0; i < nr_clients; i++) {
		while (io_priv(&clients[i].io)->state == DONE_PENDING) {
			assert_true(weir_queue_poll(rig.q) >= 0);
			rig.now_ns += MS;
		}
		assert_true(clients[i].ends > 0);
	}
	rig_close();
}

static const char *const scheds[] = { "none", "mq-deadline", "kyber", "bfq",
				      "noop", "deadline",    "cfq",   "pace" };
#define SCHEDS (sizeof(scheds) / sizeof(scheds[0]))

/* The rule: an io has its tag after as many completions as ios came before it. */
static void every_account_gets_a_tag(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCHEDS; i++) {
		struct client *c[3];

		start(scheds[i], 256);
		flood(300, WEIR_OP_READ, 0, 0, 0);
		for (int round = 0; round < 3; round++) {
			c[0] = (struct client *)make(WEIR_OP_WRITE, 1);
			c[0]->io.flags = WEIR_IO_BACKGROUND;
			give(&c[0]->io);
			c[1] = give(make(WEIR_OP_WRITE, 2));
			c[2] = give(make(WEIR_OP_READ, 3));
			for (int k = 0; k < 3; k++) {
				tags_within(c[k], 300);
				ends_within(c[k], 20000);
			}
		}
		stop();
	}
}

/* Several new submitters, which bfq raises, leave 6/16 of the tags to synchronous writes. */
static void beside_raised_submitters(void **state)
{
	struct client *awaited, *background;

	(void)state;
	start("bfq", 256);
	for (uint32_t submitter = 1; submitter <= 8; submitter++)
		flood(40, WEIR_OP_READ, submitter, 0, 0);
	awaited = give(make(WEIR_OP_WRITE, 20));
	background = (struct client *)make(WEIR_OP_WRITE, 21);
	background->io.flags = WEIR_IO_BACKGROUND;
	give(&background->io);
	tags_within(awaited, 256);
	tags_within(background, 256);
	ends_within(awaited, 20000);
	ends_within(background, 20000);
	stop();
}

/* Reads alone hold more tags than the limit of writes. */
static void async_depth_limits_writes_not_reads(void **state)
{
	struct client *c;

	(void)state;
	start("mq-deadline", 256);
	assert_int_equal(weir_queue_set(rig.q, "async_depth", "8"), 0);
	flood(24, WEIR_OP_READ, 0, 0, 0);
	for (unsigned i = 0; i < 8; i++) {
		c = (struct client *)make(WEIR_OP_WRITE, 0);
		c->io.flags = i % 2 ? WEIR_IO_BACKGROUND : 0;
		give(&c->io);
		tags_within(c, 0);
	}
	/* The ninth waits for a write: synchronous ones and others count together. */
	c = give(make(WEIR_OP_WRITE, 0));
	assert_true(weir_queue_poll(rig.q) >= 0);
	assert_false(admitted(c));
	assert_true(weir_queue_set(rig.q, "async_depth", "9") == 0);
	tags_within(c, 0);
	ends_within(c, 20000);
	stop();
}

/*
 * Writes of class IDLE hold all tags of writes, and stay in the scheduler while there are reads of
 * a higher class: other writes do not wait for them.
 */
static void a_limit_filled_by_a_lower_class(void **state)
{
	struct client *c;

	(void)state;
	start("mq-deadline", 256);
	assert_int_equal(weir_queue_set(rig.q, "async_depth", "4"), 0);
	assert_int_equal(weir_queue_set(rig.q, "prio_aging_expire", "1000000000"), 0);
	flood(24, WEIR_OP_READ, 0, 0, 0);
	flood(40, WEIR_OP_WRITE, 0, 0, WEIR_PRIO_IDLE);
	c = give(make(WEIR_OP_WRITE, 0));
	tags_within(c, 1);
	ends_within(c, 2000);
	stop();
}

/*
 * A lower class has at most half of the tags while a higher one wants some. Its requests stay
 * there, but leave the higher class enough tags to choose from.
 */
static void a_lower_class_leaves_half_of_the_tags(void **state)
{
	unsigned n = 0;

	(void)state;
	start("mq-deadline", 64);
	flood(200, WEIR_OP_READ, 0, 0, WEIR_PRIO_BE(4));
	flood(200, WEIR_OP_READ, 0, 0, WEIR_PRIO_IDLE);
	for (int i = 0; i < 2000; i++)
		one_ends();
	for (unsigned i = 0; i < 200; i++)
		n += io_priv(&clients[i].io)->cursor == BLOCK;
	assert_in_range(n, 31, 33);
	stop();
}

/* Its parts get one tag at a time, and no other io overtakes it. */
static void an_io_of_many_parts(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCHEDS; i++) {
		struct client *c;

		start(scheds[i], 16);
		assert_int_equal(weir_queue_set(rig.q, "max_sectors_kb", "4"), 0);
		flood(40, WEIR_OP_READ, 0, 0, 0);
		c = (struct client *)make(WEIR_OP_WRITE, 0);
		c->io.length = sizeof(memory);
		give(&c->io);
		ends_within(c, 40000);
		stop();
	}
}

static void flushes_and_what_waits_for_them(void **state)
{
	static const uint16_t flags[] = { WEIR_IO_PREFLUSH, WEIR_IO_FUA,
					  WEIR_IO_PREFLUSH | WEIR_IO_FUA | WEIR_IO_BACKGROUND };
	(void)state;
	for (size_t i = 0; i < SCHEDS; i++) {
		start(scheds[i], 16);
		flood(40, WEIR_OP_READ, 0, 0, 0);
		for (size_t k = 0; k < sizeof(flags) / sizeof(flags[0]); k++) {
			struct client *flush, *write = (struct client *)make(WEIR_OP_WRITE, 1);

			write->io.flags = flags[k];
			give(&write->io);
			flush = give(make(WEIR_OP_FLUSH, 1));
			ends_within(write, 20000);
			ends_within(flush, 20000);
		}
		stop();
	}
}

/* Returns the number of tags that SUBMITTER holds. */
static unsigned held_by(uint32_t submitter)
{
	unsigned n = 0;

	for (unsigned i = 0; i < nr_clients; i++)
		n += clients[i].io.submitter == submitter && clients[i].again &&
		     io_priv(&clients[i].io)->cursor == clients[i].io.length;
	return n;
}

static void shares_come_back_within_one_round(void **state)
{
	static const char *const by_submitter[] = { "bfq", "cfq" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		start(by_submitter[i], 64);
		flood(1500, WEIR_OP_READ, 1, 0, 0);
		one_ends();
		assert_int_equal(held_by(1), 64);
		/* Behind more than a thousand ios. */
		flood(40, WEIR_OP_READ, 2, 0, 0);
		for (int n = 0; n < 64; n++)
			one_ends();
		assert_in_range(held_by(2), 31, 33);
		assert_in_range(held_by(1), 31, 33);
		for (int n = 0; n < 1000; n++) {
			one_ends();
			assert_in_range(held_by(2), 31, 33);
		}
		stop();
	}
}

/* The weights are those of bfq; in cfq they follow from the levels. */
static void shares_follow_weights(void **state)
{
	(void)state;
	start("bfq", 64);
	assert_int_equal(weir_queue_submitter_set_weight(rig.q, 2, 300), 0);
	flood(500, WEIR_OP_READ, 1, 0, 0);
	flood(100, WEIR_OP_READ, 2, 0, 0);
	for (int n = 0; n < 200; n++)
		one_ends();
	assert_in_range(held_by(2), 47, 49);
	/* The weight is used with the next io that waits. */
	assert_int_equal(weir_queue_submitter_set_weight(rig.q, 2, 100), 0);
	for (int n = 0; n < 400; n++)
		one_ends();
	assert_in_range(held_by(2), 31, 33);
	stop();
	start("cfq", 60);
	flood(100, WEIR_OP_READ, 1, 0, WEIR_PRIO_BE(0));
	flood(100, WEIR_OP_READ, 2, 0, WEIR_PRIO_BE(6));
	for (int n = 0; n < 1000; n++)
		one_ends();
	assert_in_range(held_by(1), 44, 46);
	stop();
}

/* Returns the number of tags that all from FIRST to LAST hold. */
static unsigned held_from(uint32_t first, uint32_t last)
{
	unsigned n = 0;

	for (uint32_t submitter = first; submitter <= last; submitter++)
		n += held_by(submitter);
	return n;
}

static const char *const weighing[] = { "bfq", "pace" };

/* The tags of a group are those of one submitter: with one member, with many, and beside others
 * without a group. Background ios share the tags of their kind in the same way. */
static void groups_are_accounts(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		uint16_t flags = i < 2 ? 0 : WEIR_IO_BACKGROUND;
		enum weir_op op = flags ? WEIR_OP_WRITE : WEIR_OP_READ;
		unsigned all = 0;

		start(weighing[i % 2], 64);
		/* one member, whose number is not the group's; fifty; and nobody */
		assert_int_equal(weir_queue_submitter_set_group(rig.q, 1, 1000), 0);
		for (uint32_t s = 100; s < 150; s++)
			assert_int_equal(weir_queue_submitter_set_group(rig.q, s, 2000), 0);
		flood(100, op, 1, flags, 0);
		for (uint32_t s = 100; s < 150; s++)
			flood(20, op, s, flags, 0);
		flood(100, op, 7, flags, 0);
		for (int n = 0; n < 400; n++)
			one_ends();
		all = held_by(1) + held_by(7) + held_from(100, 149);
		assert_in_range(all, flags ? 31 : 63, 64);
		assert_in_range(held_by(1), all / 3 - 1, all / 3 + 1);
		assert_in_range(held_by(7), all / 3 - 1, all / 3 + 1);
		assert_in_range(held_from(100, 149), all / 3 - 1, all / 3 + 1);
		stop();
	}
}

/* The weight of a group is set while its ios are under way, members come and go, and the weight of
 * a member does not count. */
static void groups_change_while_ios_wait(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		start(weighing[i], 64);
		for (uint32_t s = 1; s <= 4; s++)
			assert_int_equal(weir_queue_submitter_set_group(rig.q, s, 50), 0);
		for (uint32_t s = 1; s <= 4; s++)
			flood(50, WEIR_OP_READ, s, 0, 0);
		flood(200, WEIR_OP_READ, 9, 0, 0);
		for (int n = 0; n < 400; n++)
			one_ends();
		assert_in_range(held_from(1, 4), 31, 33);
		assert_int_equal(weir_queue_submitter_set_weight(rig.q, 50, 300), 0);
		assert_int_equal(weir_queue_submitter_set_weight(rig.q, 1, 1), 0);
		for (int n = 0; n < 1000; n++)
			one_ends();
		assert_in_range(held_from(1, 4), 47, 49);
		/* a member leaves for good, and another one for a group of its own */
		assert_int_equal(weir_queue_submitter_gone(rig.q, 1), 0);
		for (int n = 0; n < 400; n++)
			one_ends();
		assert_in_range(held_from(1, 4), 47, 49);
		assert_int_equal(weir_queue_submitter_set_group(rig.q, 4, 4), 0);
		for (int n = 0; n < 2000; n++)
			one_ends();
		/* 300 : 100 : 100 */
		assert_in_range(held_from(1, 3), 37, 40);
		assert_in_range(held_by(4), 12, 14);
		assert_in_range(held_by(9), 12, 14);
		assert_int_equal(weir_queue_submitter_set_weight(rig.q, 50, 100), 0);
		/* bfq serves one for thousands of ios before it goes on to the next */
		for (int n = 0; n < 9000; n++)
			one_ends();
		assert_in_range(held_from(1, 3), 20, 23);
		stop();
	}
}

/* A group that is in another one is that for its own ios only. */
static void groups_have_no_groups(void **state)
{
	(void)state;
	start("pace", 60);
	assert_int_equal(weir_queue_submitter_set_group(rig.q, 1, 2), 0);
	assert_int_equal(weir_queue_submitter_set_group(rig.q, 2, 3), 0);
	for (uint32_t s = 1; s <= 3; s++)
		flood(100, WEIR_OP_READ, s, 0, 0);
	for (int n = 0; n < 400; n++)
		one_ends();
	assert_in_range(held_by(1), 29, 31);
	assert_in_range(held_from(2, 3), 29, 31);
	stop();
}

/* Taking a submitter out of a group that it never was in takes no place among the settings. */
static void no_group_needs_no_settings(void **state)
{
	(void)state;
	start("pace", 16);
	for (uint32_t s = 1; s <= 5000; s++)
		assert_int_equal(weir_queue_submitter_set_group(rig.q, s, s), 0);
	for (uint32_t s = 1; s <= 4096; s++)
		assert_int_equal(weir_queue_submitter_set_group(rig.q, s, 9000), 0);
	assert_int_equal(weir_queue_submitter_set_group(rig.q, 4097, 9000), -ENOSPC);
	assert_int_equal(weir_queue_submitter_set_group(rig.q, 4097, 4097), 0);
	stop();
}

/* Who leaves and comes back while tags are scarce has its weight from its first io on. */
static void who_comes_back_has_its_weight(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		start(weighing[i], 64);
		assert_int_equal(weir_queue_submitter_set_weight(rig.q, 2, 300), 0);
		ends_within(give(make(WEIR_OP_READ, 2)), 2);
		assert_int_equal(weir_queue_submitter_gone(rig.q, 2), 0);
		/* others take what it had */
		for (uint32_t submitter = 0; submitter < 1100; submitter++)
			ends_within(give(make(WEIR_OP_READ, 10000 + submitter)), 2);
		flood(500, WEIR_OP_READ, 1, 0, 0);
		one_ends();
		/* one io at a time waits in its line: this is when its weight is looked up */
		flood(100, WEIR_OP_READ, 2, 0, 0);
		for (int n = 0; n < 200; n++)
			one_ends();
		assert_in_range(held_by(2), 47, 49);
		stop();
	}
}

/* More submitters than the queue can distinguish. */
static void many_submitters(void **state)
{
	(void)state;
	start("bfq", 64);
	for (uint32_t submitter = 0; submitter < 3000; submitter++)
		give(make(WEIR_OP_READ, submitter));
	for (unsigned i = 0; i < 3000; i++)
		ends_within(&clients[i], 6000);
	/* Entries of submitters that have left are used again. */
	for (uint32_t submitter = 0; submitter < 1000; submitter++)
		ends_within(give(make(WEIR_OP_READ, 10000 + submitter)), 2);
	stop();
}

/* No io is lost when many accounts have waiting ios and the scheduler is switched. */
static void a_switch_while_all_wait(void **state)
{
	(void)state;
	start("bfq", 16);
	for (uint32_t submitter = 0; submitter < 30; submitter++) {
		flood(3, WEIR_OP_READ, submitter, 0, 0);
		flood(3, WEIR_OP_WRITE, submitter, submitter % 2 ? WEIR_IO_BACKGROUND : 0, 0);
	}
	for (size_t i = 0; i < 2 * SCHEDS; i++) {
		for (int n = 0; n < 50; n++)
			one_ends();
		assert_int_equal(weir_queue_set(rig.q, "scheduler", scheds[i % SCHEDS]), 0);
	}
	for (int n = 0; n < 2000; n++)
		one_ends();
	for (unsigned i = 0; i < nr_clients; i++)
		assert_true(clients[i].ends > 3);
	stop();
}

/* One read of SUBMITTER that is due at DEADLINE, or never (0). */
static struct client *give_due(uint32_t submitter, uint64_t deadline)
{
	struct weir_io *io = make(WEIR_OP_READ, submitter);

	io->deadline_ns = deadline;
	return give(io);
}

/* A tag goes to the io of a submitter that is due first, where the scheduler heeds deadlines. One
 * that is late has no right to that, and nor has one that nobody waits for. */
static void who_is_due_goes_before_others(void **state)
{
	struct client *soon, *later, *late, *plain, *background;
	struct weir_io *io;

	(void)state;
	start("pace", 8);
	flood(200, WEIR_OP_READ, 1, 0, 0);
	plain = give_due(1, 0);
	late = give_due(1, rig.now_ns);
	later = give_due(1, rig.now_ns + 200 * MS);
	soon = give_due(1, rig.now_ns + 100 * MS);
	io = make(WEIR_OP_WRITE, 1);
	io->flags = WEIR_IO_BACKGROUND;
	io->deadline_ns = rig.now_ns + 100 * MS;
	background = give(io);
	tags_within(soon, 1);
	assert_false(admitted(later));
	tags_within(later, 1);
	for (int i = 0; i < 100; i++)
		one_ends();
	assert_false(admitted(plain) || admitted(late) || background->ends);
	tags_within(late, 120);
	assert_true(admitted(plain));
	stop();
}

static void nobody_jumps_where_deadlines_are_not_heeded(void **state)
{
	struct client *due;

	(void)state;
	start("kyber", 8);
	flood(200, WEIR_OP_READ, 1, 0, 0);
	due = give_due(1, rig.now_ns + 100 * MS);
	for (int i = 0; i < 100; i++)
		one_ends();
	assert_false(admitted(due));
	stop();
}

/* Deadlines that are over are none: any number of such ios is in the way of no other. */
static void late_ones_are_in_nobodys_way(void **state)
{
	struct client *soon;

	(void)state;
	start("pace", 8);
	for (int i = 0; i < 200; i++)
		give_due(1, rig.now_ns + US);
	rig.now_ns += MS;
	assert_true(weir_queue_poll(rig.q) >= 0);
	soon = give_due(1, rig.now_ns + 100 * MS);
	tags_within(soon, 1);
	stop();
}

/* As many as may go before one io may go before the next one. */
static void jumps_begin_anew(void **state)
{
	struct client *soon[64];

	(void)state;
	start("pace", 8);
	for (int i = 0; i < 200; i++)
		give_due(1, 0);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 64; i++)
			soon[i] = give_due(1, rig.now_ns + 1000 * MS);
		for (int i = 0; i < 64; i++)
			tags_within(soon[i], 1);
		/* and one that was waiting */
		one_ends();
	}
	stop();
}

/* Ios that nobody waits for have no deadlines. */
static void background_ios_do_not_jump(void **state)
{
	struct weir_io *io;
	struct client *due;

	(void)state;
	start("pace", 8);
	flood(200, WEIR_OP_WRITE, 1, WEIR_IO_BACKGROUND, 0);
	io = make(WEIR_OP_WRITE, 1);
	io->flags = WEIR_IO_BACKGROUND;
	io->deadline_ns = rig.now_ns + 100 * MS;
	due = give(io);
	for (int i = 0; i < 100; i++)
		one_ends();
	assert_false(admitted(due));
	stop();
}

/* Where all ios of a submitter have deadlines, they go in that order. */
static void all_are_due(void **state)
{
	struct client *soon[50];

	(void)state;
	start("pace", 8);
	for (int i = 0; i < 200; i++)
		give_due(1, rig.now_ns + 1000 * MS);
	for (int i = 0; i < 50; i++)
		soon[i] = give_due(1, rig.now_ns + (500 - (uint64_t)i) * MS);
	for (int i = 49; i >= 0; i--)
		tags_within(soon[i], 1);
	stop();
}

/* Ios with deadlines of the same submitter come without end, each due before all that wait. */
static void those_that_are_due_do_not_keep_others_waiting_for_ever(void **state)
{
	struct client *plain;
	uint64_t deadline;

	(void)state;
	start("pace", 8);
	deadline = rig.now_ns + 100000 * MS;
	for (int i = 0; i < 20; i++)
		give_due(1, 0);
	plain = give_due(1, 0);
	/* of 65 tags one is for an io without a deadline, and 12 of these came before it */
	for (int i = 0; i < 13 * 65 && !admitted(plain); i++) {
		give_due(1, deadline -= MS);
		give_due(1, deadline -= MS);
		one_ends();
	}
	assert_true(admitted(plain));
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_account_gets_a_tag),
		cmocka_unit_test(beside_raised_submitters),
		cmocka_unit_test(async_depth_limits_writes_not_reads),
		cmocka_unit_test(a_limit_filled_by_a_lower_class),
		cmocka_unit_test(a_lower_class_leaves_half_of_the_tags),
		cmocka_unit_test(an_io_of_many_parts),
		cmocka_unit_test(flushes_and_what_waits_for_them),
		cmocka_unit_test(shares_come_back_within_one_round),
		cmocka_unit_test(shares_follow_weights),
		cmocka_unit_test(groups_are_accounts),
		cmocka_unit_test(groups_change_while_ios_wait),
		cmocka_unit_test(groups_have_no_groups),
		cmocka_unit_test(no_group_needs_no_settings),
		cmocka_unit_test(who_comes_back_has_its_weight),
		cmocka_unit_test(many_submitters),
		cmocka_unit_test(who_is_due_goes_before_others),
		cmocka_unit_test(late_ones_are_in_nobodys_way),
		cmocka_unit_test(all_are_due),
		cmocka_unit_test(jumps_begin_anew),
		cmocka_unit_test(background_ios_do_not_jump),
		cmocka_unit_test(nobody_jumps_where_deadlines_are_not_heeded),
		cmocka_unit_test(those_that_are_due_do_not_keep_others_waiting_for_ever),
		cmocka_unit_test(a_switch_while_all_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
