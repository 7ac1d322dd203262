/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_kept.c - a call that succeeds leaves weir_error() as it was, also where some of its steps
 * failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <weir/weir.h>

#include "base/error.h"

#define POISON "the text of an older error"

static char path[64];	  /* of a file */
static char new_path[80]; /* of no file */
static struct weir_io io;
static struct weir_store_op op;
static char memory[8192] __attribute__((aligned(4096)));

static void poison(void)
{
	error_set(-1, POISON);
}

static int list_stop(const struct weir_store_entry *entry, void *user)
{
	(void)entry;
	(void)user;
	return 0;
}

/* EXPRESSION succeeds, and leaves the text of an older error alone. */
#define KEEPS(expression)                                                                          \
	do {                                                                                       \
		poison();                                                                          \
		if ((expression) < 0)                                                              \
			fail_msg("%s: %s", #expression, weir_error());                             \
		if (strcmp(weir_error(), POISON))                                                  \
			fail_msg("%s left: %s", #expression, weir_error());                        \
	} while (0)

static void success_keeps_text_queue(void **state)
{
	struct weir_queue_stats stats = WEIR_QUEUE_STATS_INIT;
	struct weir_op_stats op_stats = WEIR_OP_STATS_INIT;
	struct weir_device *file = NULL;
	struct weir_queue *q = NULL;
	char text[64];

	(void)state;
	KEEPS(weir_error_name("force", NULL));
	KEEPS(weir_device_open(&file, path, NULL));
	KEEPS(weir_engine_probe("auto", file, text, sizeof(text)));
	KEEPS(weir_queue_open(&q, file, NULL));
	KEEPS(weir_queue_attach(q, 0));
	weir_io_read(&io, 0, memory, 4096);
	KEEPS(weir_queue_submit(q, &io));
	KEEPS(weir_io_wait(q, &io, UINT64_MAX));
	KEEPS(weir_queue_poll(q));
	KEEPS(weir_queue_fd(q));
	KEEPS(weir_queue_set(q, "scheduler", "bfq"));
	KEEPS(weir_queue_get(q, "nr_requests", text, sizeof(text)));
	KEEPS(weir_queue_submitter_set_weight(q, 1, 200));
	KEEPS(weir_queue_get_stats(q, &stats));
	KEEPS(weir_queue_get_op_stats(q, WEIR_OP_READ, &op_stats));
	KEEPS(weir_queue_wait(q));
	KEEPS(weir_queue_detach(q));
	KEEPS(weir_queue_close(q));
	weir_device_close(file);
}

static void success_keeps_text_store(void **state)
{
	struct weir_store_format_opts opts = WEIR_STORE_FORMAT_OPTS_INIT;
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	struct weir_store *s = NULL;
	uint32_t stream;

	(void)state;
	/* It looks for the file first, and finds none. */
	opts.create_bytes = 128u << 20;
	KEEPS(weir_store_format(new_path, &opts));
	KEEPS(weir_store_peek(&info, new_path, NULL));
	KEEPS(weir_store_open(&s, new_path, NULL));
	KEEPS(weir_store_put(s, "key", 3, memory, 5000, WEIR_PUT_DURABLE));
	KEEPS(weir_store_get(s, "key", 3, memory, sizeof(memory), NULL));
	KEEPS(weir_store_exists(s, "key", 3, NULL));
	KEEPS(weir_store_add_tenant(s, "somebody", &stream));
	KEEPS(weir_store_list(s, list_stop, NULL));
	op = (struct weir_store_op)WEIR_STORE_OP_INIT;
	op.kind = WEIR_STORE_SYNC;
	KEEPS(weir_store_submit(s, &op));
	KEEPS(weir_store_wait(s, &op, UINT64_MAX));
	KEEPS(weir_store_delete(s, "key", 3, 0));
	KEEPS(weir_store_sync(s));
	KEEPS(weir_store_close(s));
}

static int set_up(void **state)
{
	const char *dir = getenv("TMPDIR");
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%.40s/weir-kept-XXXXXX", dir ? dir : "/tmp");
	fd = mkstemp(path);
	assert_true(fd >= 0 && !posix_fallocate(fd, 0, 1 << 20));
	close(fd);
	snprintf(new_path, sizeof(new_path), "%s.new", path);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	unlink(new_path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(success_keeps_text_queue),
		cmocka_unit_test(success_keeps_text_store),
	};

	return cmocka_run_group_tests_name("api_kept", tests, set_up, tear_down);
}
