/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A drive that takes too long: run.py limits its writes to RATE bytes a second, so commands behind
 * a long one wait. With a timeout, the kernel cancels such a command and the queue tries it again;
 * without one, the queue waits.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vm.h"

#define RATE (64u << 10)
#define SECONDS 4u /* how long a command behind the long write has to wait */
#define LONG (SECONDS * RATE)

static char *buf;

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void open_with_timeout(struct vm *v, uint64_t timeout_ns)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	char text[48];

	opts.engine = "uring_cmd";
	if (timeout_ns) {
		snprintf(text, sizeof(text), "timeout=%lluns", (unsigned long long)timeout_ns);
		opts.engine_opts = text;
	}
	vm_open(v, vm_ng(), &opts);
	if (!buf)
		buf = vm_alloc(VM_MIB);
}

/*
 * Submits a long write, and a short one that waits for it in the drive; returns how long that
 * took.
 */
static double short_after_long(struct vm *v, struct weir_io *io)
{
	double start;

	vm_fill(buf, VM_MIB, 3);
	vm_write(v, 0, buf, LONG);
	start = now_s();
	weir_io_write(io, VM_MIB, buf, v->block);
	vm_run(v, io);
	return now_s() - start;
}

static void without_one_it_is_waited_for(void **state)
{
	struct weir_io io;
	struct vm v;
	double took;

	(void)state;
	open_with_timeout(&v, 0);
	took = short_after_long(&v, &io);
	print_message("# the short write took %.1f s\n", took);
	assert_int_equal(io.result, 0);
	assert_true(took > SECONDS / 2.0);
	assert_int_equal(vm_stats(&v).resubmits, 0);
	vm_close(&v);
}

/*
 * The drive may be quick enough at last; otherwise nothing is known about the effect of the
 * command. Afterwards the drive works again.
 */
static void with_one_it_is_cancelled_and_tried_again(void **state)
{
	struct weir_io io;
	char words[256];
	struct vm v;
	double took;

	(void)state;
	open_with_timeout(&v, 1000000000);
	took = short_after_long(&v, &io);
	print_message("# after %.1f s: %s\n", took, weir_io_strerror(&io, words, sizeof(words)));
	assert_true(vm_stats(&v).resubmits > 0);
	if (io.result)
		assert_non_null(strstr(words, "outcome unknown"));
	vm_close(&v);
	open_with_timeout(&v, 0);
	vm_write(&v, 2 * VM_MIB, buf, v.block);
	vm_read(&v, 2 * VM_MIB, buf + VM_MIB / 2, v.block);
	assert_memory_equal(buf, buf + VM_MIB / 2, v.block);
	vm_close(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_one_it_is_waited_for),
		cmocka_unit_test(with_one_it_is_cancelled_and_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
