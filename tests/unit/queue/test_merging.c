/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_merging.c - which ios become one command, and which must not; that memory, limits and
 * results stay right when they do. What others stage is taken at once: a second thread stages,
 * then the owner polls. With real bytes: test_merged_data.c.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "rig.h"

#define N 300
#define BLOCK 4096u
#define R WEIR_OP_READ
#define W WEIR_OP_WRITE
#define D WEIR_OP_DISCARD

static struct weir_io ios[N];
static unsigned nr_ios, nr_ends;
/* Blocks that do not touch one another: every second one is used unless a test says otherwise. */
static char memory[2 * N][BLOCK] __attribute__((aligned(4096)));

static void on_end(struct weir_io *io)
{
	(void)io;
	nr_ends++;
}

/* The next io: blocks FROM to TO, TO excluded, in memory of its own. */
static struct weir_io *make(uint8_t op, unsigned from, unsigned to)
{
	struct weir_io *io = &ios[nr_ios];

	weir_io_write(io, (uint64_t)from * BLOCK, memory[2 * (size_t)nr_ios],
		      (uint64_t)(to - from) * BLOCK);
	io->op = op;
	io->end = on_end;
	nr_ios++;
	return io;
}

static void *stage_all(void *arg)
{
	for (unsigned i = *(unsigned *)arg; i < nr_ios; i++)
		assert_int_equal(weir_queue_submit(rig.q, &ios[i]), 0);
	return NULL;
}

/* Another thread submits what was made from FIRST on; the lane takes it at once. */
static void stage(unsigned first)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, stage_all, &first), 0);
	pthread_join(thread, NULL);
	assert_true(weir_queue_poll(rig.q) >= 0);
}

/* The owner itself submits it. */
static void give(unsigned first)
{
	stage_all(&first);
	assert_true(weir_queue_poll(rig.q) >= 0);
}

static void reset(unsigned nomerges)
{
	rig_init();
	rig.hold = true;
	rig.nomerges = nomerges;
	rig.info.max_segments = 128;
	rig.info.max_io_bytes = 1 << 20;
	nr_ios = nr_ends = 0;
}

static void open_with(const char *scheduler)
{
	rig_open(&(struct weir_queue_opts){ .size = sizeof(struct weir_queue_opts),
					    .scheduler = scheduler },
		 NULL);
	assert_int_equal(weir_queue_poll(rig.q), 0); /* this thread is the owner */
}

static void close_all(void)
{
	rig.hold = false;
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(nr_ends, nr_ios);
	rig_close();
}

static void expect_cmd(unsigned n, unsigned from, unsigned to)
{
	assert_true(n < rig.nr_log);
	assert_int_equal(rig.log[n].offset, (uint64_t)from * BLOCK);
	assert_int_equal(rig.log[n].length, (uint64_t)(to - from) * BLOCK);
}

static struct weir_queue_stats stats(void)
{
	struct weir_queue_stats s = WEIR_QUEUE_STATS_INIT;

	assert_int_equal(weir_queue_stats(rig.q, &s), 0);
	return s;
}

static void behind(void **state)
{
	(void)state;
	reset(0);
	open_with("none");
	make(W, 3, 4);
	make(W, 4, 5);
	stage(0);
	assert_int_equal(rig.nr_log, 1);
	expect_cmd(0, 3, 5);
	assert_int_equal(rig.log[0].iovcnt, 2);
	assert_ptr_equal(rig.log[0].iov[0].iov_base, memory[0]);
	assert_ptr_equal(rig.log[0].iov[1].iov_base, memory[2]);
	assert_int_equal(stats().back_merges, 1);
	assert_int_equal(stats().front_merges, 0);
	close_all();
}

static void before(void **state)
{
	(void)state;
	reset(0);
	open_with("none");
	make(R, 4, 5);
	make(R, 3, 4);
	stage(0);
	assert_int_equal(rig.nr_log, 1);
	expect_cmd(0, 3, 5);
	assert_ptr_equal(rig.log[0].iov[0].iov_base, memory[2]);
	assert_ptr_equal(rig.log[0].iov[1].iov_base, memory[0]);
	assert_int_equal(stats().front_merges, 1);
	close_all();
	assert_int_equal(memory[0][0], (char)0xa5);
	assert_int_equal(memory[2][BLOCK - 1], (char)0xa5);
}

static const unsigned orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
				       { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
static const char *const schedulers[] = { "none", "mq-deadline", "kyber" };

/* 3-6, 6-7 and 7-9, in every order, staged by others or submitted by the owner itself. */
static void three_become_one_in_every_order(void **state)
{
	static const unsigned at[] = { 3, 6, 7, 9 };

	(void)state;
	for (unsigned n = 0; n < 3 * 6 * 2; n++) {
		reset(0);
		open_with(schedulers[n / 12]);
		for (unsigned i = 0; i < 3; i++) {
			unsigned part = orders[n / 2 % 6][i];

			make(W, at[part], at[part + 1]);
		}
		if (n % 2)
			stage(0);
		else
			give(0);
		assert_int_equal(rig.nr_log, 1);
		expect_cmd(0, 3, 9);
		/* Each io's memory stands where its offset says. */
		for (unsigned i = 0, piece = 0; i < 3; i++) {
			for (unsigned j = 0; j < 3; j++)
				if (orders[n / 2 % 6][j] == i)
					assert_ptr_equal(rig.log[0].iov[piece].iov_base,
							 ios[j].buf);
			piece++;
		}
		close_all();
	}
}

static void requests_become_one_when_a_gap_closes(void **state)
{
	(void)state;
	reset(0);
	open_with("none");
	make(W, 0, 1);
	make(W, 2, 3);
	make(W, 1, 2);
	stage(0);
	assert_int_equal(rig.nr_log, 1);
	expect_cmd(0, 0, 3);
	assert_int_equal(stats().request_merges, 1);
	assert_int_equal(rig.q->lanes[0].nr_tags - rig.q->lanes[0].nr_free, 1);
	close_all();
}

/* The drive is busy, so what comes waits in the scheduler and merges there, batch by batch. */
static void with_what_waits_in_the_scheduler(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		reset(0);
		rig_open(&(struct weir_queue_opts){ .size = sizeof(struct weir_queue_opts),
						    .scheduler = schedulers[n],
						    .depth = 1,
						    .nr_requests = 64 },
			 NULL);
		assert_int_equal(weir_queue_poll(rig.q), 0);
		make(W, 100, 101);
		give(0);
		for (unsigned i = 1; i <= 8; i++) {
			make(W, 9 - i, 10 - i); /* 8, 7, ... 1 */
			give(i);
		}
		make(W, 9, 10);
		give(9);
		assert_int_equal(rig.nr_log, 1);
		assert_int_equal(stats().front_merges, 7);
		assert_int_equal(stats().back_merges, 1);
		rig_complete(1);
		assert_int_equal(rig.nr_log, 2);
		expect_cmd(1, 1, 10);
		close_all();
	}
}

/* mq-deadline's hash and its sorted list find more than the last eight. */
static void mq_deadline_finds_any(void **state)
{
	(void)state;
	reset(0);
	rig_open(&(struct weir_queue_opts){ .size = sizeof(struct weir_queue_opts),
					    .scheduler = "mq-deadline",
					    .depth = 1,
					    .nr_requests = 128 },
		 NULL);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	make(W, 9000, 9001);
	give(0);
	for (unsigned i = 0; i < 40; i++)
		make(W, 10 * i + 5, 10 * i + 6);
	give(1);
	make(W, 6, 7); /* behind the first */
	give(41);
	make(W, 14, 15); /* before the second */
	give(42);
	make(W, 7, 14); /* and between them */
	give(43);
	assert_int_equal(stats().back_merges + stats().front_merges, 3);
	assert_int_equal(stats().request_merges, 1);
	rig_complete(1);
	expect_cmd(1, 5, 16);
	close_all();
}

static void discards_need_not_touch(void **state)
{
	(void)state;
	reset(0);
	rig.max_discard_ranges = 4;
	open_with("none");
	for (unsigned i = 0; i < 6; i++)
		make(D, 50 * i, 50 * i + 1 + i);
	stage(0);
	assert_int_equal(rig.nr_log, 2);
	assert_int_equal(rig.log[0].iovcnt, 4);
	assert_int_equal(rig.log[0].length, (1 + 2 + 3 + 4) * BLOCK);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(rig.log[0].ranges[i].offset, 50ull * i * BLOCK);
		assert_int_equal(rig.log[0].ranges[i].length, (1ull + i) * BLOCK);
	}
	/* The one behind the limit begins the next. */
	assert_int_equal(rig.log[1].iovcnt, 2);
	assert_int_equal(stats().discard_merges, 4);
	close_all();
}

static void discards_of_one_range_must_touch(void **state)
{
	(void)state;
	reset(0);
	open_with("none");
	make(D, 0, 2);
	make(D, 10, 11);
	make(D, 2, 4);
	stage(0);
	assert_int_equal(rig.nr_log, 2);
	expect_cmd(0, 0, 4);
	assert_int_equal(rig.log[0].iovcnt, 0);
	close_all();
}

static void discards_stay_below_the_longest(void **state)
{
	(void)state;
	reset(0);
	rig.max_discard_ranges = 16;
	rig.info.discard_max_bytes = 8ull * BLOCK;
	open_with("mq-deadline");
	for (unsigned i = 0; i < 4; i++)
		make(D, 50 * i, 50 * i + 3);
	stage(0);
	assert_int_equal(rig.nr_log, 2);
	assert_int_equal(rig.log[0].length, 6 * BLOCK);
	close_all();
}

/* nomerges 1 keeps what is cheap: the last, and the batch; 2 keeps nothing. */
static void nomerges(void **state)
{
	static const unsigned expect[] = { 3, 4, 44 };

	(void)state;
	for (unsigned level = 0; level <= 2; level++) {
		reset(level);
		rig_open(&(struct weir_queue_opts){ .size = sizeof(struct weir_queue_opts),
						    .scheduler = "mq-deadline",
						    .depth = 1,
						    .nr_requests = 128 },
			 NULL);
		assert_int_equal(weir_queue_poll(rig.q), 0);
		make(W, 9000, 9001);
		give(0);
		for (unsigned i = 0; i < 40; i++)
			make(W, 100 + i, 101 + i); /* a run: the batch */
		give(1);
		make(W, 500, 501);
		give(41);
		make(W, 501, 502); /* what was merged or inserted last, once it is that */
		give(42);
		make(W, 140, 141); /* only the hash finds it */
		give(43);
		rig.hold = false;
		assert_int_equal(weir_queue_wait(rig.q), 0);
		if (level == 1) /* last_merge stays with the run until that is served */
			assert_in_range(rig.nr_log, 4, 5);
		else
			assert_int_equal(rig.nr_log, expect[level]);
		close_all();
	}
}

/* Two neighbours of which the second differs: they stay two. */
static void change(unsigned what, struct weir_io *io)
{
	switch (what) {
	case 0:
		io->submitter = 7;
		break;
	case 1:
		io->placement = 3;
		break;
	case 2:
		io->op = R;
		break;
	case 3:
		io->prio = WEIR_PRIO_BE(5);
		break;
	case 4:
		io->prio = WEIR_PRIO_RT(4);
		break;
	case 5:
		io->flags = WEIR_IO_FUA;
		break;
	case 6:
		io->flags = WEIR_IO_NOMERGE;
		break;
	case 7:
		io->flags = WEIR_IO_PREFLUSH;
		break;
	case 8:
		io->op = WEIR_OP_WRITE_ZEROES;
		break;
	default:
		io->op = D;
	}
}

static void never_across(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 3 * 10 * 2 * 2; n++) {
		unsigned odd = n / 3 % 2, reverse = n / 6 % 2;

		reset(0);
		rig_open(&(struct weir_queue_opts){ .size = sizeof(struct weir_queue_opts),
						    .scheduler = schedulers[n % 3],
						    .depth = 1,
						    .nr_requests = 64 },
			 NULL);
		assert_int_equal(weir_queue_poll(rig.q), 0);
		make(R, 5000, 5001);
		give(0);
		make(W, reverse ? 2 : 1, reverse ? 3 : 2);
		make(W, reverse ? 1 : 2, reverse ? 2 : 3);
		change(n / 12, &ios[1 + odd]);
		give(1);
		close_all();
		for (unsigned i = 0; i < rig.nr_log; i++)
			assert_true(rig.log[i].length <= BLOCK);
	}
}

/* Priority 0 means the default, and a level without a class means best effort. */
static void the_same_priority_in_other_words_merges(void **state)
{
	(void)state;
	reset(0);
	open_with("none");
	make(W, 1, 2);
	make(W, 2, 3)->prio = WEIR_PRIO_BE(4);
	make(W, 3, 4)->prio = 4;
	make(W, 4, 5)->flags = WEIR_IO_BACKGROUND; /* no reason to stay apart */
	stage(0);
	assert_int_equal(rig.nr_log, 1);
	expect_cmd(0, 1, 5);
	close_all();
}

static char *buffer(unsigned block)
{
	return memory[block];
}

static void register_blocks(unsigned from, unsigned to)
{
	assert_int_equal(weir_queue_register(rig.q, buffer(from), (size_t)(to - from) * BLOCK), 0);
}

/* The next io, of N blocks behind the last one, in memory from block BLOCK_AT on. */
static void append(unsigned n, unsigned block_at)
{
	unsigned from =
		nr_ios ? (unsigned)((ios[nr_ios - 1].offset + ios[nr_ios - 1].length) / BLOCK) : 0;

	make(W, from, from + n)->buf = buffer(block_at);
}

static void contiguous_registered_memory_stays_fixed(void **state)
{
	(void)state;
	reset(0);
	open_with("none");
	register_blocks(0, 100);
	for (unsigned i = 0; i < 32; i++)
		append(1, i);
	stage(0);
	assert_int_equal(rig.nr_log, 1);
	expect_cmd(0, 0, 32);
	assert_int_equal(rig.log[0].iovcnt, 1);
	assert_int_equal(rig.log[0].buf_index, 0);
	assert_ptr_equal(rig.log[0].iov[0].iov_base, buffer(0));
	assert_int_equal(rig.log[0].iov[0].iov_len, 32 * BLOCK);
	close_all();
	/* From the front too, and when a gap closes. */
	reset(0);
	open_with("none");
	register_blocks(0, 100);
	make(W, 2, 3)->buf = buffer(12);
	make(W, 0, 1)->buf = buffer(10);
	make(W, 1, 2)->buf = buffer(11);
	stage(0);
	assert_int_equal(rig.nr_log, 1);
	expect_cmd(0, 0, 3);
	assert_int_equal(rig.log[0].iovcnt, 1);
	assert_int_equal(rig.log[0].buf_index, 0);
	assert_ptr_equal(rig.log[0].iov[0].iov_base, buffer(10));
	close_all();
}

static void contiguous_memory_is_one_piece(void **state)
{
	(void)state;
	reset(0);
	rig.info.max_segments = 2;
	open_with("none");
	for (unsigned i = 0; i < 32; i++)
		append(1, i);
	stage(0);
	assert_int_equal(rig.nr_log, 1);
	assert_int_equal(rig.log[0].iovcnt, 1);
	assert_int_equal(rig.log[0].iov[0].iov_len, 32 * BLOCK);
	close_all();
}

static void registered_and_not_stay_two(void **state)
{
	(void)state;
	for (unsigned odd = 0; odd < 2; odd++) {
		reset(0);
		open_with("mq-deadline");
		register_blocks(0, 10);
		append(1, odd ? 10 : 9);
		append(1, odd ? 9 : 10);
		stage(0);
		assert_int_equal(rig.nr_log, 2);
		close_all();
	}
}

/* One command from two buffers, or from two places of one, cannot be fixed: that pays while it is
 * short. */
static void scattered_registered_memory(void **state)
{
	(void)state;
	for (unsigned two = 0; two < 2; two++) {
		for (unsigned n = 8; n <= 16; n += 8) {
			reset(0);
			open_with("none");
			if (two) {
				register_blocks(0, 100);
				register_blocks(100, 200);
			} else {
				register_blocks(0, 200);
			}
			append(n, 0);
			append(n, 100 + n);
			stage(0);
			if (n == 8) { /* 64 KiB together */
				assert_int_equal(rig.nr_log, 1);
				assert_int_equal(rig.log[0].iovcnt, 2);
				assert_int_equal(rig.log[0].buf_index, -1);
			} else {
				assert_int_equal(rig.nr_log, 2);
				assert_int_equal(rig.log[0].buf_index, 0);
				assert_int_equal(rig.log[1].buf_index, two);
			}
			close_all();
		}
	}
}

/* A long fixed command is not given up for a short neighbour, on either side. */
static void long_fixed_memory_stays_fixed(void **state)
{
	(void)state;
	for (unsigned front = 0; front < 2; front++) {
		reset(0);
		open_with("none");
		register_blocks(0, 200);
		make(W, 10, 110)->buf = buffer(0);
		make(W, front ? 9 : 110, front ? 10 : 111)->buf = buffer(150);
		stage(0);
		assert_int_equal(rig.nr_log, 2);
		assert_int_equal(rig.log[0].buf_index, 0);
		close_all();
	}
	/* Short ones may gather without end, one page for each command that they save. */
	reset(0);
	open_with("none");
	register_blocks(0, 200);
	for (unsigned i = 0; i < 60; i++)
		append(1, 2 * i);
	stage(0);
	assert_int_equal(rig.nr_log, 1);
	close_all();
}

static void length_limit(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		reset(0);
		rig.info.max_io_bytes = 8ull * BLOCK;
		open_with(schedulers[n]);
		make(W, 0, 5);
		make(W, 5, 9); /* one block too many */
		make(W, 9, 13);
		stage(0);
		assert_int_equal(rig.nr_log, 2);
		expect_cmd(0, 0, 5);
		expect_cmd(1, 5, 13);
		close_all();
	}
}

/* Whoever was full once stays alone, even where a later io would fit. */
static void who_is_full_is_not_tried_again(void **state)
{
	(void)state;
	for (unsigned segments = 0; segments < 2; segments++) {
		static struct iovec iov[3];

		reset(0);
		rig.info.max_io_bytes = segments ? 1 << 20 : 8 * BLOCK;
		rig.info.max_segments = segments ? 3 : 128;
		open_with("none");
		make(W, 10, 12);
		make(W, 12, 14);
		if (segments) {
			for (unsigned i = 0; i < 3; i++)
				iov[i] = (struct iovec){ buffer(100 + 2 * i), BLOCK };
			make(W, 14, 17);
			weir_io_writev(&ios[2], 14ull * BLOCK, iov, 3);
			ios[2].end = on_end;
		} else {
			make(W, 14, 20);
		}
		make(W, 9, 10); /* this one would fit */
		stage(0);
		assert_int_equal(rig.nr_log, 3);
		expect_cmd(0, 10, 14);
		expect_cmd(2, 9, 10);
		close_all();
	}
}

static void parts_of_a_split_io_stay_alone(void **state)
{
	(void)state;
	reset(0);
	rig.info.max_io_bytes = 8ull * BLOCK;
	open_with("mq-deadline");
	make(W, 0, 12);
	make(W, 12, 13);
	stage(0);
	assert_int_equal(rig.nr_log, 3);
	expect_cmd(0, 0, 8);
	expect_cmd(1, 8, 12);
	expect_cmd(2, 12, 13);
	close_all();
}

static void bounced_ios_stay_alone(void **state)
{
	(void)state;
	for (unsigned odd = 0; odd < 2; odd++) {
		reset(0);
		open_with("none");
		make(W, 1, 2);
		make(W, 2, 3);
		ios[odd].buf = buffer(50) + 1;
		stage(0);
		assert_int_equal(rig.nr_log, 2);
		assert_int_equal(stats().bounced, 1);
		close_all();
	}
}

static void pieces_join_pieces(void **state)
{
	static struct iovec a[2], b[3];

	(void)state;
	reset(0);
	open_with("none");
	a[0] = (struct iovec){ buffer(0), BLOCK };
	a[1] = (struct iovec){ buffer(10), BLOCK };
	b[0] = (struct iovec){ buffer(11), BLOCK }; /* goes on where a[1] ends */
	b[1] = (struct iovec){ buffer(20), 2 * BLOCK };
	b[2] = (struct iovec){ buffer(30), BLOCK };
	for (unsigned front = 0; front < 2; front++) {
		unsigned first = nr_ios;

		make(W, front ? 102 : 0, front ? 106 : 2);
		make(W, front ? 100 : 2, front ? 102 : 6);
		weir_io_writev(&ios[first + front], ios[first + front].offset, a, 2);
		weir_io_writev(&ios[first + !front], ios[first + !front].offset, b, 3);
		ios[first].end = ios[first + 1].end = on_end;
		stage(first);
		assert_int_equal(rig.nr_log, 1 + front);
		expect_cmd(front, front * 100, front * 100 + 6);
		assert_int_equal(rig.log[front].iovcnt, 4);
		assert_ptr_equal(rig.log[front].iov[0].iov_base, buffer(0));
		assert_ptr_equal(rig.log[front].iov[1].iov_base, buffer(10));
		assert_int_equal(rig.log[front].iov[1].iov_len, 2 * BLOCK);
		assert_ptr_equal(rig.log[front].iov[2].iov_base, buffer(20));
		assert_ptr_equal(rig.log[front].iov[3].iov_base, buffer(30));
	}
	/* The caller's own list is as it was. */
	assert_int_equal(a[1].iov_len, BLOCK);
	assert_ptr_equal(b[0].iov_base, buffer(11));
	close_all();
}

static void an_error_reaches_every_io(void **state)
{
	char text[128];

	(void)state;
	reset(0);
	open_with("none");
	make(W, 3, 6);
	make(W, 7, 9);
	make(W, 6, 7);
	stage(0);
	assert_int_equal(rig.nr_log, 1);
	rig.fail_offset = 3ull * BLOCK;
	rig.fail_error = -EIO;
	close_all();
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(ios[i].result, -EIO);
		assert_int_equal(ios[i].q_failed_offset, ios[i].offset);
		assert_null(strstr(weir_io_strerror(&ios[i], text, sizeof(text)), "part"));
	}
	assert_int_equal(nr_ends, 3);
}

static void statistics_count_ios_and_bytes(void **state)
{
	(void)state;
	reset(0);
	open_with("none");
	for (unsigned i = 0; i < 10; i++)
		make(R, i, i + 1);
	stage(0);
	rig_complete(1);
	assert_int_equal(stats().op[R].ios, 10);
	assert_int_equal(stats().op[R].bytes, 10 * BLOCK);
	assert_int_equal(stats().requests, 1);
	assert_int_equal(stats().back_merges, 9);
	assert_int_equal(stats().op[R].device.count, 1);
	close_all();
}

/* What joins another needs no tag, so it does not wait for one, and no NOWAIT fails. */
static void joining_needs_no_tag(void **state)
{
	(void)state;
	reset(0);
	rig_open(&(struct weir_queue_opts){ .size = sizeof(struct weir_queue_opts),
					    .scheduler = "mq-deadline",
					    .depth = 1,
					    .nr_requests = 2 },
		 NULL);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	make(W, 100, 101);
	make(W, 1, 2);
	make(W, 50, 51); /* waits */
	make(W, 2, 3)->flags = WEIR_IO_NOWAIT;
	give(0);
	assert_int_equal(rig.q->lanes[0].nr_waiting, 1);
	close_all();
	assert_int_equal(ios[3].result, 0);
	assert_int_equal(rig.nr_log, 3);
}

/* As on Linux: 256 neighbours of 4 KiB, 128 segments a command. */
static void two_of_512_kib_from_256_of_4_kib(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 3 * 2 * 2; n++) {
		reset(n / 3 % 2 ? 2 : 0);
		open_with(schedulers[n % 3]);
		for (unsigned i = 0; i < 256; i++)
			make(R, i, i + 1);
		if (n / 6)
			stage(0);
		else
			give(0);
		if (n / 3 % 2) {
			rig.hold = false;
			assert_int_equal(weir_queue_wait(rig.q), 0);
			assert_int_equal(rig.nr_log, 256);
		} else {
			assert_int_equal(rig.nr_log, 2);
			for (unsigned i = 0; i < 2; i++) {
				expect_cmd(i, 128 * i, 128 * (i + 1));
				assert_int_equal(rig.log[i].iovcnt, 128);
			}
		}
		close_all();
	}
}

/* A run that will be one command gathers; one that will not goes at the plug's 32. */
static void what_cannot_merge_does_not_gather(void **state)
{
	static const uint16_t flags[] = { WEIR_IO_NOMERGE, WEIR_IO_FUA, WEIR_IO_PREFLUSH, 0 };

	(void)state;
	for (unsigned n = 0; n < 4; n++) {
		reset(0);
		open_with("none");
		for (unsigned i = 0; i < 33; i++) {
			make(W, i, i + 1)->flags = flags[n];
			assert_int_equal(weir_queue_submit(rig.q, &ios[i]), 0);
		}
		assert_int_equal(rig.nr_log != 0, n != 3);
		close_all();
	}
}

static void an_io_that_may_not_wait_and_needs_a_split(void **state)
{
	(void)state;
	reset(0);
	rig.info.max_io_bytes = 8ull * BLOCK;
	open_with("none");
	make(W, 4, 20)->flags = WEIR_IO_NOWAIT;
	give(0);
	assert_int_equal(rig.nr_log, 0);
	assert_int_equal(ios[0].result, -EAGAIN);
	/* No part of it failed: it was not begun. */
	assert_int_equal(ios[0].q_failed_offset, ios[0].offset);
	close_all();
}

/* No room below: submitters take turns, one request each. */
static void none_serves_staging_queues_in_turns(void **state)
{
	(void)state;
	reset(0);
	rig_open(&(struct weir_queue_opts){ .size = sizeof(struct weir_queue_opts),
					    .scheduler = "none",
					    .depth = 1,
					    .nr_requests = 32 },
		 NULL);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	for (unsigned i = 0; i < 5; i++)
		make(W, 10 * i, 10 * i + 1);
	give(0);
	for (unsigned i = 0; i < 3; i++)
		make(R, 10 * i, 10 * i + 1);
	stage(5);
	for (unsigned i = 0; i < 8; i++)
		rig_complete(1);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(rig.log[i].op, i == 2 || i == 4 || i == 6 ? R : W);
	close_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(behind),
		cmocka_unit_test(before),
		cmocka_unit_test(three_become_one_in_every_order),
		cmocka_unit_test(requests_become_one_when_a_gap_closes),
		cmocka_unit_test(with_what_waits_in_the_scheduler),
		cmocka_unit_test(mq_deadline_finds_any),
		cmocka_unit_test(discards_need_not_touch),
		cmocka_unit_test(discards_of_one_range_must_touch),
		cmocka_unit_test(discards_stay_below_the_longest),
		cmocka_unit_test(nomerges),
		cmocka_unit_test(never_across),
		cmocka_unit_test(the_same_priority_in_other_words_merges),
		cmocka_unit_test(contiguous_registered_memory_stays_fixed),
		cmocka_unit_test(contiguous_memory_is_one_piece),
		cmocka_unit_test(registered_and_not_stay_two),
		cmocka_unit_test(scattered_registered_memory),
		cmocka_unit_test(long_fixed_memory_stays_fixed),
		cmocka_unit_test(length_limit),
		cmocka_unit_test(who_is_full_is_not_tried_again),
		cmocka_unit_test(parts_of_a_split_io_stay_alone),
		cmocka_unit_test(bounced_ios_stay_alone),
		cmocka_unit_test(pieces_join_pieces),
		cmocka_unit_test(an_error_reaches_every_io),
		cmocka_unit_test(statistics_count_ios_and_bytes),
		cmocka_unit_test(joining_needs_no_tag),
		cmocka_unit_test(two_of_512_kib_from_256_of_4_kib),
		cmocka_unit_test(what_cannot_merge_does_not_gather),
		cmocka_unit_test(an_io_that_may_not_wait_and_needs_a_split),
		cmocka_unit_test(none_serves_staging_queues_in_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
