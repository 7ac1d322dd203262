/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_merge_limits.c - the contents of merged commands: their memory, registered or not, the
 * device's limits, and the result of each io.
 */
#include <errno.h>
#include <string.h>

#include "blocks.h"

static void use_pieces(struct weir_io *io, const struct iovec *iov, uint32_t n)
{
	io->iov = iov;
	io->iovcnt = n;
}

static char *buffer(unsigned block)
{
	return blocks_memory[block];
}

static void register_blocks(unsigned from, unsigned to)
{
	assert_int_equal(weir_queue_register(rig.q, buffer(from), (size_t)(to - from) * BLOCK), 0);
}

/* Appends an io of N blocks behind the last one, with memory from block BLOCK_AT on. */
static void append(unsigned n, unsigned block_at)
{
	unsigned from = blocks_nr_ios ? (unsigned)((blocks_io[blocks_nr_ios - 1].offset +
						    blocks_io[blocks_nr_ios - 1].length) /
						   BLOCK)
				      : 0;

	blocks_make(W, from, from + n)->buf = buffer(block_at);
}

static void contiguous_registered_memory_stays_registered(void **state)
{
	(void)state;
	blocks_reset(0);
	blocks_open("none");
	register_blocks(0, 100);
	for (unsigned i = 0; i < 32; i++)
		append(1, i);
	blocks_stage(0);
	assert_int_equal(rig.nr_log, 1);
	blocks_expect_cmd(0, 0, 32);
	assert_int_equal(rig.log[0].iovcnt, 1);
	assert_int_equal(rig.log[0].buf_index, 0);
	assert_ptr_equal(rig.log[0].iov[0].iov_base, buffer(0));
	assert_int_equal(rig.log[0].iov[0].iov_len, 32 * BLOCK);
	blocks_close();
	/* Merged at the front too, and when a gap closes. */
	blocks_reset(0);
	blocks_open("none");
	register_blocks(0, 100);
	blocks_make(W, 2, 3)->buf = buffer(12);
	blocks_make(W, 0, 1)->buf = buffer(10);
	blocks_make(W, 1, 2)->buf = buffer(11);
	blocks_stage(0);
	assert_int_equal(rig.nr_log, 1);
	blocks_expect_cmd(0, 0, 3);
	assert_int_equal(rig.log[0].iovcnt, 1);
	assert_int_equal(rig.log[0].buf_index, 0);
	assert_ptr_equal(rig.log[0].iov[0].iov_base, buffer(10));
	blocks_close();
}

static void contiguous_memory_is_one_piece(void **state)
{
	(void)state;
	blocks_reset(0);
	rig.info.max_segments = 2;
	blocks_open("none");
	for (unsigned i = 0; i < 32; i++)
		append(1, i);
	blocks_stage(0);
	assert_int_equal(rig.nr_log, 1);
	assert_int_equal(rig.log[0].iovcnt, 1);
	assert_int_equal(rig.log[0].iov[0].iov_len, 32 * BLOCK);
	blocks_close();
}

static void registered_and_not_stay_two(void **state)
{
	(void)state;
	for (unsigned odd = 0; odd < 2; odd++) {
		blocks_reset(0);
		blocks_open("mq-deadline");
		register_blocks(0, 10);
		append(1, odd ? 10 : 9);
		append(1, odd ? 9 : 10);
		blocks_stage(0);
		assert_int_equal(rig.nr_log, 2);
		blocks_close();
	}
}

/*
 * A command from two buffers, or from two places of one, cannot be a registered command: merging
 * is still useful while it is short.
 */
static void scattered_registered_memory(void **state)
{
	(void)state;
	for (unsigned two = 0; two < 2; two++) {
		for (unsigned n = 8; n <= 16; n += 8) {
			blocks_reset(0);
			blocks_open("none");
			if (two) {
				register_blocks(0, 100);
				register_blocks(100, 200);
			} else {
				register_blocks(0, 200);
			}
			append(n, 0);
			append(n, 100 + n);
			blocks_stage(0);
			if (n == 8) { /* 64 KiB in total */
				assert_int_equal(rig.nr_log, 1);
				assert_int_equal(rig.log[0].iovcnt, 2);
				assert_int_equal(rig.log[0].buf_index, -1);
			} else {
				assert_int_equal(rig.nr_log, 2);
				assert_int_equal(rig.log[0].buf_index, 0);
				assert_int_equal(rig.log[1].buf_index, two);
			}
			blocks_close();
		}
	}
}

/* A long registered command is not given up for a short neighbour, on either side. */
static void long_registered_commands_stay_registered(void **state)
{
	(void)state;
	for (unsigned front = 0; front < 2; front++) {
		blocks_reset(0);
		blocks_open("none");
		register_blocks(0, 200);
		blocks_make(W, 10, 110)->buf = buffer(0);
		blocks_make(W, front ? 9 : 110, front ? 10 : 111)->buf = buffer(150);
		blocks_stage(0);
		assert_int_equal(rig.nr_log, 2);
		assert_int_equal(rig.log[0].buf_index, 0);
		blocks_close();
	}
	/* Short ones may be merged without limit, one page for each saved command. */
	blocks_reset(0);
	blocks_open("none");
	register_blocks(0, 200);
	for (unsigned i = 0; i < 60; i++)
		append(1, 2 * i);
	blocks_stage(0);
	assert_int_equal(rig.nr_log, 1);
	blocks_close();
}

static void length_limit(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		blocks_reset(0);
		rig.info.max_io_bytes = 8ull * BLOCK;
		blocks_open(blocks_schedulers[n]);
		blocks_make(W, 0, 5);
		blocks_make(W, 5, 9); /* one block too many */
		blocks_make(W, 9, 13);
		blocks_stage(0);
		assert_int_equal(rig.nr_log, 2);
		blocks_expect_cmd(0, 0, 5);
		blocks_expect_cmd(1, 5, 13);
		blocks_close();
	}
}

/* A request that was full once stays alone, even if a later io would fit. */
static void a_full_request_is_not_tried_again(void **state)
{
	(void)state;
	for (unsigned segments = 0; segments < 2; segments++) {
		static struct iovec iov[3];

		blocks_reset(0);
		rig.info.max_io_bytes = segments ? 1 << 20 : 8 * BLOCK;
		rig.info.max_segments = segments ? 3 : 128;
		blocks_open("none");
		blocks_make(W, 10, 12);
		blocks_make(W, 12, 14);
		if (segments) {
			for (unsigned i = 0; i < 3; i++)
				iov[i] = (struct iovec){ buffer(100 + 2 * i), BLOCK };
			blocks_make(W, 14, 17);
			use_pieces(&blocks_io[2], iov, 3);
		} else {
			blocks_make(W, 14, 20);
		}
		blocks_make(W, 9, 10); /* this one would fit */
		blocks_stage(0);
		assert_int_equal(rig.nr_log, 3);
		blocks_expect_cmd(0, 10, 14);
		blocks_expect_cmd(2, 9, 10);
		blocks_close();
	}
}

static void parts_of_a_split_io_stay_alone(void **state)
{
	(void)state;
	blocks_reset(0);
	rig.info.max_io_bytes = 8ull * BLOCK;
	blocks_open("mq-deadline");
	blocks_make(W, 0, 12);
	blocks_make(W, 12, 13);
	blocks_stage(0);
	assert_int_equal(rig.nr_log, 3);
	blocks_expect_cmd(0, 0, 8);
	blocks_expect_cmd(1, 8, 12);
	blocks_expect_cmd(2, 12, 13);
	blocks_close();
}

static void bounced_ios_stay_alone(void **state)
{
	(void)state;
	for (unsigned odd = 0; odd < 2; odd++) {
		blocks_reset(0);
		blocks_open("none");
		blocks_make(W, 1, 2);
		blocks_make(W, 2, 3);
		blocks_io[odd].buf = buffer(50) + 1;
		blocks_stage(0);
		assert_int_equal(rig.nr_log, 2);
		assert_int_equal(blocks_stats().bounced, 1);
		blocks_close();
	}
}

static void pieces_merge_with_pieces(void **state)
{
	static struct iovec a[2], b[3];

	(void)state;
	blocks_reset(0);
	blocks_open("none");
	a[0] = (struct iovec){ buffer(0), BLOCK };
	a[1] = (struct iovec){ buffer(10), BLOCK };
	b[0] = (struct iovec){ buffer(11), BLOCK }; /* continues where a[1] ends */
	b[1] = (struct iovec){ buffer(20), 2 * BLOCK };
	b[2] = (struct iovec){ buffer(30), BLOCK };
	for (unsigned front = 0; front < 2; front++) {
		unsigned first = blocks_nr_ios;

		blocks_make(W, front ? 102 : 0, front ? 106 : 2);
		blocks_make(W, front ? 100 : 2, front ? 102 : 6);
		use_pieces(&blocks_io[first + front], a, 2);
		use_pieces(&blocks_io[first + !front], b, 3);
		blocks_stage(first);
		assert_int_equal(rig.nr_log, 1 + front);
		blocks_expect_cmd(front, front * 100, front * 100 + 6);
		assert_int_equal(rig.log[front].iovcnt, 4);
		assert_ptr_equal(rig.log[front].iov[0].iov_base, buffer(0));
		assert_ptr_equal(rig.log[front].iov[1].iov_base, buffer(10));
		assert_int_equal(rig.log[front].iov[1].iov_len, 2 * BLOCK);
		assert_ptr_equal(rig.log[front].iov[2].iov_base, buffer(20));
		assert_ptr_equal(rig.log[front].iov[3].iov_base, buffer(30));
	}
	/* The caller's own list is unchanged. */
	assert_int_equal(a[1].iov_len, BLOCK);
	assert_ptr_equal(b[0].iov_base, buffer(11));
	blocks_close();
}

static void an_error_reaches_every_io(void **state)
{
	char text[128];

	(void)state;
	blocks_reset(0);
	blocks_open("none");
	blocks_make(W, 3, 6);
	blocks_make(W, 7, 9);
	blocks_make(W, 6, 7);
	blocks_stage(0);
	assert_int_equal(rig.nr_log, 1);
	rig.fail_offset = 3ull * BLOCK;
	rig.fail_error = -EIO;
	blocks_close();
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(blocks_io[i].result, -EIO);
		assert_int_equal(io_priv(&blocks_io[i])->failed_offset, blocks_io[i].offset);
		assert_null(strstr(weir_io_strerror(&blocks_io[i], text, sizeof(text)), "part"));
	}
	assert_int_equal(blocks_nr_ends, 3);
}

static void statistics_count_ios_and_bytes(void **state)
{
	(void)state;
	blocks_reset(0);
	blocks_open("none");
	for (unsigned i = 0; i < 10; i++)
		blocks_make(R, i, i + 1);
	blocks_stage(0);
	rig_complete(1);
	assert_int_equal(blocks_op_stats(R).ios, 10);
	assert_int_equal(blocks_op_stats(R).bytes, 10 * BLOCK);
	assert_int_equal(blocks_stats().requests, 1);
	assert_int_equal(blocks_stats().back_merges, 9);
	assert_int_equal(blocks_op_stats(R).device.count, 1);
	blocks_close();
}

/* A command counts as waiting since its oldest io arrived, in whichever request that was. */
static void a_command_waits_from_its_oldest_io_on(void **state)
{
	(void)state;
	blocks_reset(0);
	rig.own_clock = true;
	rig_open(&(struct weir_queue_opts){ .size = sizeof(struct weir_queue_opts),
					    .scheduler = "mq-deadline",
					    .depth = 1,
					    .nr_requests = 16 },
		 NULL);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	blocks_make(R, 100, 101);
	blocks_give(0);
	for (unsigned i = 0; i < 3; i++) { /* above, below, between */
		static const unsigned at[] = { 2, 0, 1 };

		rig.now_ns += 1000000;
		blocks_make(W, at[i], at[i] + 1);
		blocks_give(1 + i);
	}
	assert_int_equal(blocks_stats().request_merges, 1);
	rig.now_ns += 6000000;
	rig_complete(1);
	assert_int_equal(rig.nr_log, 2);
	assert_true(blocks_op_stats(W).wait.max_ns >= 8000000 * 15 / 16);
	blocks_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contiguous_registered_memory_stays_registered),
		cmocka_unit_test(contiguous_memory_is_one_piece),
		cmocka_unit_test(registered_and_not_stay_two),
		cmocka_unit_test(scattered_registered_memory),
		cmocka_unit_test(long_registered_commands_stay_registered),
		cmocka_unit_test(length_limit),
		cmocka_unit_test(a_full_request_is_not_tried_again),
		cmocka_unit_test(parts_of_a_split_io_stay_alone),
		cmocka_unit_test(bounced_ios_stay_alone),
		cmocka_unit_test(pieces_merge_with_pieces),
		cmocka_unit_test(an_error_reaches_every_io),
		cmocka_unit_test(a_command_waits_from_its_oldest_io_on),
		cmocka_unit_test(statistics_count_ios_and_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
