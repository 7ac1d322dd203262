/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link.c - the thread that talks with the owner. See remote.h.
 *
 * It sends as many requests as there are slots and room for, and waits for whatever happens first.
 * Somebody waits for a get, so gets go before puts, and puts have neither all slots nor all room.
 * Of its kind the first request that waits for room gets it, because all that hold some end without
 * it. Gets without an end would leave no room for puts for ever: so after LINK_AHEAD of them
 * nothing else begins before a put has, unless one is under way.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "remote/remote.h"

/* A copy of so many bytes takes so long that the owner should begin meanwhile. */
#define LINK_FLUSH_BYTES (128u << 10)
/* After so many bytes of puts the answers are looked at: a copy takes some 100 us. */
#define LINK_ROUND_BYTES (1u << 20)
#define LINK_SLOTS_KEPT 64u /* that puts leave to others */
#define LINK_AHEAD 16u	    /* so puts have a 17th beside a flood of gets */
#define LINK_REQUEST_BYTES (sizeof(struct share_request) + SHARE_KEY_MAX)
#define LINK_TAG_PING SHARE_SLOTS

int link_make(struct weir_remote *r)
{
	struct remote_link *l = &r->link;

	remote_list_init(&l->puts);
	remote_list_init(&l->others);
	for (uint32_t i = 0; i < SHARE_SLOTS; i++)
		l->free[i] = SHARE_SLOTS - 1 - i;
	l->nr_free = SHARE_SLOTS;
	return extents_make(&l->room, r->arena.bytes);
}

void link_kick(const struct weir_remote *r)
{
	uint64_t one = 1;

	CHECK(write(r->event, &one, sizeof(one)) == sizeof(one));
}

void remote_end(struct weir_remote *r, struct weir_store_op *op)
{
	struct remote_batch *batch = remote_op(op)->batch;

	memset(op->priv, 0, sizeof(op->priv));
	if (op->end) {
		op->end(op);
	} else if (batch) {
		pthread_mutex_lock(&r->lock);
		if (!--batch->left)
			pthread_cond_broadcast(&r->changed);
		pthread_mutex_unlock(&r->lock);
	}
}

static bool link_is_busy(const struct remote_link *l)
{
	return l->nr_free < SHARE_SLOTS;
}

static bool link_waits(const struct remote_link *l)
{
	return l->puts.first || l->others.first;
}

/* Moves what was submitted to the waiting. Returns true if the remote store is being closed. */
static bool link_take(struct weir_remote *r)
{
	struct remote_list taken;
	struct weir_store_op *op;
	bool stopping;

	remote_list_init(&taken);
	pthread_mutex_lock(&r->lock);
	remote_list_append(&taken, &r->queue);
	stopping = r->stopping;
	pthread_mutex_unlock(&r->lock);
	while ((op = remote_list_pop(&taken)))
		remote_list_add(op->kind == WEIR_STORE_PUT ? &r->link.puts : &r->link.others, op);
	return stopping;
}

static int link_send(struct weir_remote *r)
{
	struct remote_link *l = &r->link;
	ssize_t n = l->out_length ? send(r->fd, l->out, l->out_length, MSG_NOSIGNAL) : 0;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -EPIPE;
	l->out_length -= (size_t)n;
	memmove(l->out, l->out + n, l->out_length);
	return 0;
}

/* Returns true if it is a put's turn: gets have passed it for long enough. */
static bool link_is_turn_of_put(const struct remote_link *l)
{
	return l->puts.first && !l->nr_puts && l->ahead >= LINK_AHEAD;
}

/* Returns true if the put OP may be sent beside those that are under way. */
static bool link_may_put(const struct weir_remote *r, const struct weir_store_op *op)
{
	const struct remote_link *l = &r->link;

	if (link_is_turn_of_put(l))
		return true;
	return l->nr_free > LINK_SLOTS_KEPT &&
	       (!l->nr_puts || l->put_bytes + op->value_len <= r->arena.bytes / 2);
}

static bool link_is_late(const struct weir_store_op *op)
{
	return op->deadline_ns && op->kind != WEIR_STORE_EXISTS && op->deadline_ns <= clock_now();
}

/* Begins the first operation of LIST. Returns false if it has to wait on, or if there is none. */
static bool link_begin(struct weir_remote *r, struct remote_list *list)
{
	struct remote_link *l = &r->link;
	struct weir_store_op *op = list->first;
	uint32_t tag;

	if (!op || !l->nr_free || sizeof(l->out) - l->out_length < LINK_REQUEST_BYTES)
		return false;
	if (link_is_late(op)) {
		remote_list_pop(list);
		op->result = -ETIMEDOUT;
		remote_end(r, op);
		return true;
	}
	tag = l->free[l->nr_free - 1];
	if (!transfer_begin(r, op, tag))
		return false;
	if (!link_is_busy(l))
		l->heard_ns = clock_now();
	remote_list_pop(list);
	l->slots[tag] = op;
	l->nr_free--;
	if (op->kind == WEIR_STORE_PUT) {
		l->put_bytes += op->value_len;
		l->nr_puts++;
		l->ahead = 0;
	} else if (l->puts.first) {
		l->ahead++;
	}
	return true;
}

/* Begins puts, of LINK_ROUND_BYTES or a little more. */
static int link_begin_puts(struct weir_remote *r)
{
	struct remote_link *l = &r->link;
	uint64_t bytes = 0;
	int err = 0;

	l->more = false;
	while (!err && l->puts.first && link_may_put(r, l->puts.first)) {
		uint64_t length = l->puts.first->value_len;

		l->more = bytes >= LINK_ROUND_BYTES;
		if (l->more || !link_begin(r, &l->puts))
			break;
		bytes += length;
		if (length >= LINK_FLUSH_BYTES)
			err = link_send(r);
	}
	return err;
}

/* Begins what is no put, until it is a put's turn. */
static void link_begin_others(struct weir_remote *r)
{
	while (!link_is_turn_of_put(&r->link) && link_begin(r, &r->link.others))
		;
}

static int link_begin_all(struct weir_remote *r)
{
	int err;

	link_begin_others(r);
	err = link_send(r);
	if (!err)
		err = link_begin_puts(r);
	/* If it was a put's turn, that put may have begun, or was too late. Perhaps nothing is
	 * under way then whose answer would let the others begin. */
	if (!err)
		link_begin_others(r);
	return err ? err : link_send(r);
}

static int link_answer(struct weir_remote *r, const struct share_answer *a)
{
	struct remote_link *l = &r->link;
	struct weir_store_op *op;

	if (a->tag == LINK_TAG_PING && l->asked) {
		l->asked = false;
		return 0;
	}
	if (a->tag >= SHARE_SLOTS || !l->slots[a->tag])
		return -EPROTO;
	op = l->slots[a->tag];
	l->slots[a->tag] = NULL;
	l->free[l->nr_free++] = a->tag;
	if (op->kind == WEIR_STORE_PUT) {
		l->put_bytes -= op->value_len;
		l->nr_puts--;
	}
	transfer_end(r, op, a);
	remote_end(r, op);
	return 0;
}

/* Receives what the owner has sent, and ends the operations of it. */
static int link_receive(struct weir_remote *r)
{
	struct remote_link *l = &r->link;
	ssize_t n = recv(r->fd, l->in + l->in_length, sizeof(l->in) - l->in_length, 0);
	struct share_answer answer;
	size_t at = 0;
	int err = 0;

	if (n <= 0)
		return n && (errno == EAGAIN || errno == EINTR) ? 0 : -EPIPE;
	l->heard_ns = clock_now();
	l->in_length += (size_t)n;
	for (; !err && l->in_length - at >= sizeof(answer); at += sizeof(answer)) {
		memcpy(&answer, l->in + at, sizeof(answer));
		err = link_answer(r, &answer);
	}
	l->in_length -= at;
	memmove(l->in, l->in + at, l->in_length);
	return err;
}

/* Asks an owner that is silent whether it is alive; one that was asked in vain has ended. The time
 * for its answer begins with the question: this thread may have stood still itself before. */
static int link_doubt(struct weir_remote *r)
{
	struct remote_link *l = &r->link;
	uint64_t now = clock_now(), half = r->opts.quiet_ns / 2;
	struct share_request ping = { .kind = SHARE_PING, .tag = LINK_TAG_PING };

	if (!link_is_busy(l) || now - l->heard_ns < half)
		return 0;
	if (l->doubt_ns <= l->heard_ns)
		l->doubt_ns = now;
	else if (now - l->doubt_ns >= half)
		return -ETIMEDOUT;
	if (l->asked || sizeof(l->out) - l->out_length < sizeof(ping))
		return 0;
	memcpy(l->out + l->out_length, &ping, sizeof(ping));
	l->out_length += sizeof(ping);
	l->asked = true;
	return link_send(r);
}

static void link_wait(const struct weir_remote *r)
{
	struct pollfd p[2] = { { .fd = r->event, .events = POLLIN },
			       { .fd = r->fd, .events = POLLIN } };
	uint64_t part = r->opts.quiet_ns / 4 / NSEC_PER_MSEC + 1;
	int timeout = r->link.more ? 0 : link_is_busy(&r->link) ? (int)part : -1;
	uint64_t count;

	if (r->link.out_length)
		p[1].events |= POLLOUT;
	if (poll(p, 2, timeout) > 0 && p[0].revents)
		(void)!read(r->event, &count, sizeof(count));
}

/* Ends all operations with ERR: their memory is the caller's alone. */
static void link_end_all(struct weir_remote *r, int err)
{
	struct remote_link *l = &r->link;
	struct weir_store_op *op;

	pthread_mutex_lock(&r->lock);
	r->error = err;
	remote_list_append(&l->others, &l->puts);
	remote_list_append(&l->others, &r->queue);
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	for (uint32_t i = 0; i < SHARE_SLOTS; i++) {
		op = l->slots[i];
		l->slots[i] = NULL;
		if (op) {
			op->result = err;
			remote_end(r, op);
		}
	}
	while ((op = remote_list_pop(&l->others))) {
		op->result = err;
		remote_end(r, op);
	}
}

void *link_run(void *arg)
{
	struct weir_remote *r = arg;
	int err = 0;

	for (;;) {
		bool stopping = link_take(r);

		err = link_begin_all(r);
		if (!err)
			err = link_receive(r);
		/* What was answered has made room. */
		if (!err && link_waits(&r->link))
			err = link_begin_all(r);
		if (!err)
			err = link_doubt(r);
		if (err || (stopping && !link_waits(&r->link) && !link_is_busy(&r->link)))
			break;
		link_wait(r);
	}
	link_end_all(r, err ? err : -ESHUTDOWN);
	/* The owner learns at once that it can free the memory. */
	shutdown(r->fd, SHUT_RDWR);
	return NULL;
}
