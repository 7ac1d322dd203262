/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_property.c - every submitted io ends exactly once, with the right bytes.
 *
 * Random ios of every operation, size, memory, flag, priority and submitter, so that they merge,
 * split, bounce and wait, on an engine that refuses and fails some and completes in any order. The
 * test runs once with one thread in virtual time, where a lost wake-up is a sleep without an end,
 * and once with four submitters and real workers (meant for TSan too). Meanwhile limits and
 * schedulers change. WEIR_TEST_ROUNDS=N runs N times as many.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "op_stats.h"
#include "base/clock.h"
#include "ram.h"

#define SUBMITTERS 4u
#define REGION (RAM_BLOCKS / SUBMITTERS) /* number of blocks that belong to one submitter */
#define SLOTS 48u
#define BLOCKS_MAX 24u
#define PIECES_MAX 5u
#define ARENA (32u * RAM_BLOCK)
#define UNKNOWN UINT32_MAX /* as a version: the content is not known */

struct slot {
	struct weir_io io;
	struct iovec iov[PIECES_MAX];
	char *memory; /* ARENA bytes, aligned to a block */
	uint32_t from, blocks, version;
	uint32_t begun, ended; /* ended: atomic */
	bool busy;
};

struct submitter {
	pthread_t thread;
	uint32_t number;
	uint64_t seed;
	uint64_t left, errors; /* ios still to submit; ios that failed */
	uint32_t last_from, last_end;
	bool backwards, mirrored;
	uint32_t next_version;
	uint8_t op;
	uint32_t version[REGION]; /* content of each block; 0: zeroes */
	bool taken[REGION];
	struct slot slots[SLOTS];
	char *arena;
	char *mirror; /* a second memory, in the order of the blocks */
	char flat[BLOCKS_MAX * RAM_BLOCK];
};

static struct submitter submitters[SUBMITTERS];
static bool one_thread;
static uint64_t ended_ios; /* atomic */
static uint32_t nr_scheds, switches;

static uint32_t pick(struct submitter *s, uint32_t n)
{
	s->seed = s->seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((s->seed >> 33) % n);
}

static void pattern(const struct submitter *s, uint32_t block, uint32_t version, char *out)
{
	uint64_t word =
		((uint64_t)(s->number * REGION + block) << 32 | version) * 0x9e3779b97f4a7c15ull;

	for (unsigned i = 0; i < RAM_BLOCK / 8; i++, word += 0x100000001b3ull)
		memcpy(out + 8 * i, version ? &word : &(uint64_t){ 0 }, 8);
}

/* Copies between the memory of an io and FLAT. */
static void copy_memory(const struct weir_io *io, char *flat, bool to_io)
{
	struct iovec whole = { io->buf, io->length };
	const struct iovec *iov = io->iovcnt ? io->iov : &whole;

	for (uint32_t i = 0; i < (io->iovcnt ? io->iovcnt : 1); i++) {
		if (to_io)
			memcpy(iov[i].iov_base, flat, iov[i].iov_len);
		else
			memcpy(flat, iov[i].iov_base, iov[i].iov_len);
		flat += iov[i].iov_len;
	}
}

/* Splits the memory of SLOT's io into pieces, some of which do not suit the device. */
static void make_pieces(struct submitter *s, struct slot *slot)
{
	uint32_t n = 1 + pick(s, PIECES_MAX), unit = pick(s, 4) ? RAM_BLOCK : 1;
	uint64_t left = slot->io.length;
	char *at = slot->memory;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t take = i + 1 < n ? pick(s, (uint32_t)left + 1) / unit * unit : left;

		slot->iov[i] = (struct iovec){ at, take };
		at += take + (pick(s, 2) ? RAM_BLOCK : 0);
		left -= take;
	}
	slot->io.iov = slot->iov;
	slot->io.iovcnt = n;
}

static bool is_free(const struct submitter *s, uint32_t from, uint32_t blocks)
{
	if (from >= REGION || blocks > REGION - from)
		return false;
	for (uint32_t b = from; b < from + blocks; b++)
		if (s->taken[b])
			return false;
	return true;
}

/* Chooses a place, mostly behind or before the last one, so that many ios can be merged. */
static bool choose_place(struct submitter *s, struct slot *slot)
{
	slot->blocks = 1 + pick(s, pick(s, 8) ? 4 : BLOCKS_MAX);
	for (unsigned tries = 0; tries < 4; tries++) {
		if (tries || !pick(s, 12))
			slot->from = pick(s, REGION);
		else if (s->backwards)
			/* a number that wraps is not free */
			slot->from = s->last_from - slot->blocks;
		else
			slot->from = s->last_end;
		if (is_free(s, slot->from, slot->blocks))
			return true;
	}
	return false;
}

/* Chooses an operation: runs of one kind, otherwise little could be merged. */
static uint8_t choose_op(struct submitter *s)
{
	static const uint8_t ops[] = { WEIR_OP_READ,	WEIR_OP_READ,  WEIR_OP_READ,
				       WEIR_OP_WRITE,	WEIR_OP_WRITE, WEIR_OP_WRITE,
				       WEIR_OP_DISCARD, WEIR_OP_FLUSH, WEIR_OP_WRITE_ZEROES };

	if (!pick(s, 5) || s->op == WEIR_OP_FLUSH)
		s->op = ops[pick(s, sizeof(ops))];
	if (!pick(s, 10))
		s->backwards = !s->backwards;
	if (!pick(s, 10))
		s->mirrored = !s->mirrored;
	return s->op;
}

static void choose_flags(struct submitter *s, struct weir_io *io)
{
	static const uint16_t prios[] = { WEIR_PRIO_BE(1), WEIR_PRIO_RT(0), WEIR_PRIO_IDLE, 4 };

	io->flags = 0;
	io->submitter = s->number;
	if (pick(s, 3))
		return;
	if (!pick(s, 3))
		io->flags |= WEIR_IO_BACKGROUND;
	if (!pick(s, 16))
		io->flags |= WEIR_IO_NOMERGE;
	if (!pick(s, 20))
		io->flags |= WEIR_IO_NOWAIT;
	if (!pick(s, 16))
		io->flags |= WEIR_IO_FUA;
	if (!pick(s, 24))
		io->flags |= WEIR_IO_PREFLUSH;
	io->prio = pick(s, 6) ? 0 : prios[pick(s, 4)];
	io->submitter += pick(s, 8) ? 0 : 10;
	io->placement = pick(s, 16) ? 0 : 1;
}

static void fill(struct submitter *s, struct slot *slot)
{
	slot->version = ++s->next_version;
	for (uint32_t b = 0; b < slot->blocks; b++)
		pattern(s, slot->from + b, slot->version, s->flat + (size_t)b * RAM_BLOCK);
	copy_memory(&slot->io, s->flat, true);
}

static void on_end(struct weir_io *io);

static void prepare(struct submitter *s, struct slot *slot)
{
	struct weir_io *io = &slot->io;
	uint8_t op = choose_op(s);

	if (!choose_place(s, slot))
		op = WEIR_OP_FLUSH;
	if (op == WEIR_OP_FLUSH)
		slot->blocks = 0;
	weir_io_write(io, (uint64_t)(s->number * REGION + slot->from) * RAM_BLOCK, slot->memory,
		      (uint64_t)slot->blocks * RAM_BLOCK);
	io->op = op;
	for (uint32_t b = 0; b < slot->blocks; b++)
		s->taken[slot->from + b] = true;
	s->last_from = slot->from;
	s->last_end = slot->from + slot->blocks;
	if (s->mirrored)
		io->buf = s->mirror + (size_t)slot->from * RAM_BLOCK;
	else if (!pick(s, 8))
		io->buf = slot->memory + 1 + pick(s, RAM_BLOCK);
	if (!s->mirrored && io->length && !pick(s, 4))
		make_pieces(s, slot);
	if (op == WEIR_OP_WRITE)
		fill(s, slot);
	choose_flags(s, io);
	io->end = on_end;
	io->user = slot;
}

static void check_read(struct submitter *s, const struct slot *slot)
{
	char expected[RAM_BLOCK];

	copy_memory(&slot->io, s->flat, false);
	for (uint32_t b = 0; b < slot->blocks; b++) {
		uint32_t version = s->version[slot->from + b];

		if (version == UNKNOWN)
			continue;
		pattern(s, slot->from + b, version, expected);
		assert_memory_equal(s->flat + (size_t)b * RAM_BLOCK, expected, RAM_BLOCK);
	}
}

static void set_versions(struct submitter *s, const struct slot *slot, uint32_t version)
{
	for (uint32_t b = slot->from; b < slot->from + slot->blocks; b++)
		s->version[b] = version;
}

/* Checks that SLOT's io did what its result says. */
static void check(struct submitter *s, struct slot *slot)
{
	const struct weir_io *io = &slot->io;

	if (io->result == -EAGAIN || io->result == -EMSGSIZE) { /* nr_requests may be 1 */
		assert_true(io->flags & WEIR_IO_NOWAIT);
	} else if (io->result) {
		assert_int_equal(io->result, -EIO);
		assert_true(ram.fail_every);
		s->errors++;
		if (io->op != WEIR_OP_READ && io->op != WEIR_OP_FLUSH)
			set_versions(s, slot, UNKNOWN);
	} else if (io->op == WEIR_OP_READ) {
		check_read(s, slot);
	} else if (io->op != WEIR_OP_FLUSH) {
		set_versions(s, slot,
			     io->op == WEIR_OP_WRITE	 ? slot->version
			     : io->op == WEIR_OP_DISCARD ? UNKNOWN
							 : 0);
	}
	for (uint32_t b = slot->from; b < slot->from + slot->blocks; b++) {
		s->taken[b] = false;
		if (one_thread && !io->result && (io->flags & WEIR_IO_FUA) &&
		    (io->op == WEIR_OP_WRITE || io->op == WEIR_OP_WRITE_ZEROES))
			assert_true(ram_stable(s->number * REGION + b));
	}
	slot->busy = false;
}

static void go(struct submitter *s, struct slot *slot)
{
	prepare(s, slot);
	s->left--;
	slot->busy = true;
	slot->begun++;
	assert_int_equal(weir_queue_submit(rig.q, &slot->io), 0);
}

/* In virtual time all runs in this thread, and every other io is submitted again at once. */
static void on_end(struct weir_io *io)
{
	struct slot *slot = io->user;
	struct submitter *s = &submitters[0];
	uint32_t begun = slot->begun; /* after `end` its submitter may use it again */

	__atomic_fetch_add(&ended_ios, 1, __ATOMIC_RELAXED);
	assert_int_equal(__atomic_add_fetch(&slot->ended, 1, __ATOMIC_RELEASE), begun);
	if (!one_thread)
		return;
	check(s, slot);
	if (s->left && pick(s, 2))
		go(s, slot);
}

/* Counts the switches that have finished. */
static void count_switches(void)
{
	static const struct sched_ops *last;
	const struct sched_ops *ops = __atomic_load_n(&rig.q->sched_ops, __ATOMIC_ACQUIRE);

	switches += ops != last;
	last = ops;
}

/*
 * Changes that may happen to a queue at any time, from outside; ROUND is a counter. None of them
 * may lose an io: more such changes belong in this function.
 */
static void disturb(uint32_t round)
{
	static const uint64_t bytes[] = { 1, 8192, 65536, UINT64_MAX };
	static const char *const levels[] = { "0", "1", "2", "0" };

	switch (round % 4) {
	case 0:
		assert_int_equal(weir_queue_set_depth(rig.q, 1 + round / 4 % 16), 0);
		break;
	case 1:
		assert_int_equal(weir_queue_set_depth_bytes(rig.q, bytes[round / 4 % 4]), 0);
		break;
	case 2:
		assert_int_equal(weir_queue_set(rig.q, "nomerges", levels[round / 4 % 4]), 0);
		break;
	default:
		assert_int_equal(weir_queue_set(rig.q, "scheduler",
						sched_table[(round / 4) % nr_scheds]->name),
				 0);
	}
	count_switches();
}

static void register_memory(uint32_t index, char *base, size_t length)
{
	ram.registered[index] = (struct iovec){ base, length };
	assert_int_equal(weir_queue_register(rig.q, base, length), 0);
}

static void begin(uint32_t n, uint64_t ios, unsigned seed)
{
	memset(submitters, 0, sizeof(submitters));
	ended_ios = 0;
	for (uint32_t t = 0; t < n; t++) {
		struct submitter *s = &submitters[t];

		s->number = t;
		s->seed = seed * 31 + t;
		s->left = ios / n;
		s->arena = aligned_alloc(4096, SLOTS * ARENA);
		assert_non_null(s->arena);
		for (uint32_t i = 0; i < SLOTS; i++)
			s->slots[i].memory = s->arena + (size_t)i * ARENA;
		s->mirror = aligned_alloc(4096, REGION * RAM_BLOCK);
		assert_non_null(s->mirror);
		/* Half of the memory is registered. */
		register_memory(2 * t, s->arena, SLOTS / 2 * ARENA);
		register_memory(2 * t + 1, s->mirror, REGION / 2 * RAM_BLOCK);
	}
}

/* Checks that the queue is empty again and every io ended once. */
static void finish(uint32_t n, uint64_t ios)
{
	struct weir_queue_stats stats = WEIR_QUEUE_STATS_INIT;
	uint64_t ended = 0, errors = 0;

	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(weir_queue_get_stats(rig.q, &stats), 0);
	for (enum weir_op op = 0; op < WEIR_OP_COUNT; op++)
		ended += op_stats(rig.q, op).ios;
	assert_int_equal(ended, ios);
	assert_int_equal(__atomic_load_n(&ended_ios, __ATOMIC_RELAXED), ios);
	assert_int_equal(stats.requests, ram.commands);
	/* Checks that all kinds of events did happen. */
	assert_true(stats.back_merges && stats.front_merges && stats.discard_merges);
	assert_true(stats.splits && stats.bounced && stats.registered && stats.requeues);
	for (uint32_t t = 0; t < n; t++) {
		struct submitter *s = &submitters[t];

		assert_int_equal(s->left, 0);
		errors += s->errors;
		for (uint32_t i = 0; i < SLOTS; i++)
			assert_int_equal(s->slots[i].begun, s->slots[i].ended);
		free(s->arena);
		free(s->mirror);
	}
	assert_true(errors || !ram.failed);
}

/* Checks a lane; called by its owner, or while it has none. */
static void check_lane(const struct lane *lane)
{
	assert_int_equal(lane->tags.nr_free, lane->tags.nr);
	assert_int_equal(lane->waiting.nr, 0);
	assert_int_equal(lane->flush.nr_data, 0);
	assert_int_equal(lane->out.commands, 0);
	assert_int_equal(lane->out.bytes, 0);
	assert_false(lane->sched->ops->has_work(lane->sched));
}

static uint64_t nr_ios(uint64_t base)
{
	const char *rounds = getenv("WEIR_TEST_ROUNDS");

	return base * (rounds ? (uint64_t)strtoull(rounds, NULL, 10) : 1);
}

static const char *const schedulers[] = { "none", "mq-deadline", "kyber" };

static void options(struct weir_queue_opts *opts, unsigned n)
{
	*opts = (struct weir_queue_opts){ .size = sizeof(*opts),
					  .scheduler = schedulers[n % 3],
					  .depth = 16,
					  .nr_requests = 32,
					  .ctx_by = WEIR_QUEUE_CTX_BY_THREAD };
	ram.refuse_every = 7;
	ram.fail_every = n / 3 % 2 ? 97 : 0;
	ram.engine_flags = n / 6 % 2 ? ENGINE_NO_FUA : 0;
}

static void one_thread_in_virtual_time(void **state)
{
	uint64_t ios = nr_ios(6000);
	struct submitter *s = &submitters[0];

	(void)state;
	one_thread = true;
	for (unsigned n = 0; n < 12; n++) {
		struct weir_queue_opts opts;
		uint32_t round = 0;

		ram_init();
		ram.own_clock = true;
		ram.seed = n;
		options(&opts, n);
		ram_open(&opts);
		begin(1, ios, n);
		while (s->left) {
			for (uint32_t i = 0; i < SLOTS && s->left; i++)
				if (!s->slots[i].busy && pick(s, 2))
					go(s, &s->slots[i]);
			assert_true(weir_queue_poll_wait(rig.q, pick(s, 2) ? UINT64_MAX : 0) >= 0);
			if (!pick(s, 4))
				disturb(round++);
		}
		finish(1, ios);
		check_lane(&rig.q->lanes[0]);
		rig_close();
	}
}

static void wait_for(struct submitter *s, struct slot *slot)
{
	(void)weir_io_wait(rig.q, &slot->io, UINT64_MAX);
	/* Its `end` may still be running. */
	while (__atomic_load_n(&slot->ended, __ATOMIC_ACQUIRE) != slot->begun)
		sched_yield();
	check(s, slot);
}

/* Keeps the slots busy; if all are, it sleeps until an io has ended. */
static void *submit_all(void *arg)
{
	struct submitter *s = arg;

	while (s->left) {
		struct slot *slot = &s->slots[pick(s, SLOTS)];

		if (slot->busy)
			wait_for(s, slot);
		go(s, slot);
	}
	for (uint32_t i = 0; i < SLOTS; i++)
		if (s->slots[i].busy)
			wait_for(s, &s->slots[i]);
	return NULL;
}

static uint32_t cpus(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 2 : 1;
}

static void four_threads_and_two_lanes(void **state)
{
	uint64_t ios = nr_ios(8000);

	(void)state;
	one_thread = false;
	for (unsigned n = 0; n < 6; n++) {
		struct weir_queue_opts opts;
		uint32_t round = 0;

		ram_init();
		ram.seed = n;
		options(&opts, n);
		ram.engine_flags = n % 2 ? ENGINE_NO_FUA : 0;
		opts.lanes = cpus();
		opts.workers = 1;
		ram_open(&opts);
		begin(SUBMITTERS, ios, n);
		for (uint32_t t = 0; t < SUBMITTERS; t++)
			assert_int_equal(pthread_create(&submitters[t].thread, NULL, submit_all,
							&submitters[t]),
					 0);
		while (__atomic_load_n(&ended_ios, __ATOMIC_RELAXED) < ios) {
			disturb(round++);
			usleep(500);
		}
		for (uint32_t t = 0; t < SUBMITTERS; t++)
			pthread_join(submitters[t].thread, NULL);
		finish(SUBMITTERS, ios);
		rig_close();
	}
}

static void schedulers_were_switched(void **state)
{
	(void)state;
	assert_true(switches > 1000);
}

int main(void)
{
	while (sched_table[nr_scheds])
		nr_scheds++;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_thread_in_virtual_time),
		cmocka_unit_test(four_threads_and_two_lanes),
		cmocka_unit_test(schedulers_were_switched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
