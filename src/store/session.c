/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.c - moves requests and answers of one client between its socket and the store. See
 * session.h.
 *
 * The thread never blocks on the socket, and the loop of the store never waits for the thread: it
 * only notes what has ended. At most SESSION_SLOTS answers can wait, so nothing here grows.
 */
#include "store/session.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"

#define SESSION_BEGIN_NS (5 * NSEC_PER_SEC) /* the memory must have come by then */

static bool session_is_stopping(const struct session *x)
{
	return __atomic_load_n(&x->stopping, __ATOMIC_ACQUIRE);
}

void session_stop(struct session *x)
{
	__atomic_store_n(&x->stopping, 1, __ATOMIC_RELEASE);
	session_kick(x);
	/* It may still wait for the client's memory. */
	shutdown(x->fd, SHUT_RD);
}

static bool session_has_room(const struct session *x)
{
	return sizeof(x->out) - x->out_length >= sizeof(struct share_answer);
}

static void session_answer(struct session *x, const struct slot *slot)
{
	struct share_answer answer = { slot->tag, slot->op.result, slot->op.value_len };

	memcpy(x->out + x->out_length, &answer, sizeof(answer));
	x->out_length += sizeof(answer);
}

static int session_send(struct session *x)
{
	ssize_t n = x->out_length ? send(x->fd, x->out, x->out_length, MSG_NOSIGNAL) : 0;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	x->out_length -= (size_t)n;
	memmove(x->out, x->out + n, x->out_length);
	return 0;
}

/* Answers what has ended, as far as the client takes it. If some of it stays, then because `out` is
 * full, which is sent as soon as the client takes more: nobody kicks this thread for what stays. */
static int session_finish(struct session *x)
{
	struct slot_list taken;
	struct slot *slot;
	int err = session_send(x);

	session_take(x, &taken);
	while (!err && taken.first && session_has_room(x)) {
		while (session_has_room(x) && (slot = slot_list_pop(&taken))) {
			session_answer(x, slot);
			slot_list_add(&x->free, slot);
			x->running--;
		}
		err = session_send(x);
	}
	pthread_mutex_lock(&x->lock);
	slot_list_append(&taken, &x->ended);
	slot_list_append(&x->ended, &taken);
	pthread_mutex_unlock(&x->lock);
	return err;
}

static int session_receive(struct session *x)
{
	ssize_t n;

	if (x->in_length == sizeof(x->in))
		return 0;
	n = recv(x->fd, x->in + x->in_length, sizeof(x->in) - x->in_length, 0);
	if (!n)
		return -EPIPE;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	x->in_length += (size_t)n;
	return 0;
}

/* Sleeps until the client or the store has something for this thread. */
static void session_wait(const struct session *x)
{
	struct pollfd p[2] = { { .fd = x->event, .events = POLLIN }, { .fd = x->fd } };
	uint64_t count;

	if (x->in_length < sizeof(x->in))
		p[1].events |= POLLIN;
	if (x->out_length)
		p[1].events |= POLLOUT;
	/* A hang-up would be reported again and again while nothing is asked for. */
	if (!p[1].events)
		p[1].fd = -1;
	if (poll(p, 2, -1) > 0 && p[0].revents)
		(void)!read(x->event, &count, sizeof(count));
}

/* Waits until all requests have ended; nobody reads their answers. */
static void session_drain(struct session *x)
{
	struct pollfd p = { .fd = x->event, .events = POLLIN };

	for (;;) {
		struct slot_list taken;
		uint64_t count;

		session_take(x, &taken);
		x->running -= taken.count;
		if (!x->running)
			return;
		if (poll(&p, 1, -1) > 0)
			(void)!read(x->event, &count, sizeof(count));
	}
}

static int session_serve(struct session *x)
{
	int err = session_receive(x);

	if (!err)
		err = session_begin(x);
	if (!err)
		err = session_finish(x);
	return err;
}

void session_run(struct session *x)
{
	struct share_answer begun = { SHARE_TAG_BEGUN, 0, 0 };
	int err = control_arena_take(&x->arena, x->max_memory, x->fd,
				     clock_deadline(clock_now(), SESSION_BEGIN_NS));

	memcpy(x->out, &begun, sizeof(begun));
	x->out_length = sizeof(begun);
	while (!err && !session_is_stopping(x)) {
		err = session_serve(x);
		if (!err)
			session_wait(x);
	}
	/* The client learns at once that nobody answers it any more. */
	shutdown(x->fd, SHUT_RDWR);
	session_drain(x);
	control_arena_free(&x->arena);
}

struct session *session_make(struct weir_store *s, int fd, uint64_t max_memory)
{
	struct session *x = calloc(1, sizeof(*x));

	if (!x) {
		close(fd);
		error_sys(-ENOMEM, "cannot share the store");
		return NULL;
	}
	x->store = s;
	x->fd = fd;
	x->max_memory = max_memory;
	x->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&x->lock, NULL);
	fork_fd_watch(&x->fd_watch, &x->fd);
	fork_fd_watch(&x->event_watch, &x->event);
	slot_list_init(&x->ended);
	slot_list_init(&x->free);
	for (size_t i = 0; i < SESSION_SLOTS; i++)
		slot_list_add(&x->free, &x->slots[i]);
	if (x->event >= 0)
		return x;
	error_sys(-errno, "cannot share the store");
	session_free(x);
	return NULL;
}

void session_free(struct session *x)
{
	session_leave(x);
	pthread_mutex_destroy(&x->lock);
	free(x);
}

void session_leave(struct session *x)
{
	fork_fd_close(&x->fd_watch);
	fork_fd_close(&x->event_watch);
}
