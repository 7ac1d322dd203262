/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_loop.c - a store inside the event loop of a program with one thread, here with epoll.
 *
 * The program opens the store with `attach`, so the store has no thread of its own: nothing moves
 * unless this thread polls. The store's descriptor becomes readable when there is something to do.
 * A timer in the same loop stands for the program's other work, such as sockets.
 *
 * Prints
 *     10 ticks, 10 puts, 0 errors
 */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <weir/weir.h>

#define TICKS 10

/* One put for each tick: its operation, key and value live until `end`. */
static struct put {
	struct weir_store_op op;
	char key[16];
} all_puts[TICKS];
static int ticks, ended, errors;

static void on_end(struct weir_store_op *op)
{
	char text[256];

	if (op->result < 0) {
		warnx("%s", weir_store_op_strerror(op, text, sizeof(text)));
		errors++;
	}
	ended++;
}

static void on_tick(struct weir_store *s, int timer)
{
	struct put *put;
	uint64_t expired;

	if (read(timer, &expired, sizeof(expired)) < 0)
		err(1, "timer");
	if (ticks == TICKS)
		return; /* the last puts have not ended yet */
	put = &all_puts[ticks];
	snprintf(put->key, sizeof(put->key), "tick-%d", ticks++);
	put->op = (struct weir_store_op)WEIR_STORE_OP_INIT;
	put->op.kind = WEIR_STORE_PUT;
	put->op.key = put->key;
	put->op.key_len = (uint32_t)strlen(put->key);
	put->op.value = "tock";
	put->op.value_len = 4;
	put->op.end = on_end;
	if (weir_store_submit(s, &put->op) < 0)
		errx(1, "%s", weir_error());
}

static void watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		err(1, "epoll");
}

static void run(struct weir_store *s, int store_fd)
{
	struct itimerspec every_ms = { { 0, 1000000 }, { 0, 1000000 } };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	struct epoll_event event;

	watch(epoll, store_fd);
	watch(epoll, timer);
	timerfd_settime(timer, 0, &every_ms, NULL);
	while (ended < TICKS) {
		if (epoll_wait(epoll, &event, 1, -1) < 1)
			continue; /* a signal came */
		if (event.data.fd == timer)
			on_tick(s, timer);
		/* The loop polls after each submission too: only a poll starts the operation. */
		if (weir_store_poll(s) < 0)
			errx(1, "%s", weir_error());
	}
	close(timer);
	close(epoll);
}

int main(void)
{
	struct weir_store_format_opts format = WEIR_STORE_FORMAT_OPTS_INIT;
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	struct weir_store *s;
	int fd;

	format.create_bytes = 128 << 20;
	format.force = 1;
	opts.attach = 1;
	if (weir_store_format("event.img", &format) < 0 ||
	    weir_store_open(&s, "event.img", &opts) < 0)
		errx(1, "%s", weir_error());
	fd = weir_store_fd(s);
	if (fd < 0)
		errx(1, "%s", weir_error());
	run(s, fd); /* the descriptor belongs to the store: closing the store closes it */
	printf("%d ticks, %d puts, %d errors\n", ticks, ended, errors);
	if (weir_store_close(s) < 0)
		errx(1, "%s", weir_error());
	return errors != 0;
}
