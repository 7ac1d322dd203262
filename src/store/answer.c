/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.c - answers what other processes ask about a store that is open for writing.
 *
 * Each request is one call of the public functions, on the thread of its connection; the loop does
 * the work, as for any other thread. So a client never waits for anything but its own request, and
 * the loop never waits for a client. This file owns s->answers.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <weir/metrics.h>
#include <weir/tenant.h>

#include "base/clock.h"
#include "base/error.h"
#include "control/place.h"
#include "control/server.h"
#include "control/text.h"
#include "control/wire.h"
#include "queue/loop.h"
#include "queue/observe.h"
#include "store/answer.h"
#include "store/load.h"
#include "store/parts.h"
#include "store/shares.h"

#define ANSWER_ALIGN 4096u
/* Values in memory for clients, together; a longer one waits until it is alone. */
#define ANSWER_ROOM (64ull << 20)
#define ANSWER_STEP_NS NSEC_PER_MSEC

/* What a socket needs beside the store. */
struct answers {
	struct control *control;
	pthread_mutex_t lock;
	pthread_cond_t freed;
	uint64_t used;	       /* bytes of values in memory, under the lock */
	struct shares *shares; /* other processes that use the store */
	struct answers *next_kept;
};

static int answer_info(struct weir_store *s, struct control_conn *conn)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT, plain;
	int err = weir_store_get_info(s, &info);
	struct control_text t = { .length = 0 };

	plain = info;
	plain.placement_why = plain.control_path = plain.control_why = NULL;
	control_text_add(&t, &plain, sizeof(plain));
	control_text_string(&t, info.placement_why);
	control_text_string(&t, info.control_path);
	control_text_string(&t, info.control_why);
	return control_answer(conn, err, t.bytes, t.length);
}

static int answer_stats(struct weir_store *s, struct control_conn *conn)
{
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;
	int err = weir_store_get_stats(s, &stats);

	return control_answer(conn, err, &stats, sizeof(stats));
}

/* Returns 0 with the number in R, or -EINVAL. */
static int answer_number(const struct control_request *r, uint32_t *number)
{
	if (r->length != sizeof(*number))
		return error_set(-EINVAL, "a number of %u bytes: it has 4", r->length);
	memcpy(number, r->body, sizeof(*number));
	return 0;
}

static int answer_stream(struct weir_store *s, struct control_conn *conn,
			 const struct control_request *r)
{
	struct weir_store_stream info = WEIR_STORE_STREAM_INIT;
	uint32_t n = 0;
	int err = answer_number(r, &n);

	if (!err)
		err = weir_store_get_stream(s, n, &info);
	return control_answer(conn, err, &info, sizeof(info));
}

static int answer_tenant(struct weir_store *s, struct control_conn *conn,
			 const struct control_request *r)
{
	struct weir_store_tenant info = WEIR_STORE_TENANT_INIT;
	uint32_t n = 0;
	int err = answer_number(r, &n);

	if (!err)
		err = weir_store_get_tenant(s, n, &info);
	return control_answer(conn, err, &info, sizeof(info));
}

static int answer_device(struct weir_store *s, struct control_conn *conn,
			 const struct control_request *r)
{
	struct weir_store_device device = WEIR_STORE_DEVICE_INIT, plain;
	struct control_text t = { .length = 0 };
	uint32_t n = 0;
	int err = answer_number(r, &n);

	if (!err)
		err = weir_store_get_device(s, n, &device);
	plain = device;
	plain.path = plain.why = NULL;
	plain.queue = NULL;
	control_text_add(&t, &plain, sizeof(plain));
	control_text_string(&t, device.path);
	control_text_string(&t, device.why);
	return control_answer(conn, err, t.bytes, t.length);
}

static int answer_device_stats(struct weir_store *s, struct control_conn *conn,
			       const struct control_request *r)
{
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;
	uint32_t n = 0;
	int err = answer_number(r, &n);

	if (!err)
		err = weir_store_get_device_stats(s, n, &stats);
	return control_answer(conn, err, &stats, sizeof(stats));
}

static int answer_why(struct weir_store *s, struct control_conn *conn,
		      const struct control_request *r)
{
	struct weir_store_why why = WEIR_STORE_WHY_INIT;
	int err = weir_store_get_why(s, r->body, r->length, &why);

	return control_answer(conn, err, &why, sizeof(why));
}

static int answer_exists(struct weir_store *s, struct control_conn *conn,
			 const struct control_request *r)
{
	size_t length = 0;
	int err = weir_store_exists(s, r->body, r->length, &length);
	uint64_t value_len = length;

	return control_answer(conn, err, &value_len, sizeof(value_len));
}

/* Waits until LENGTH more bytes may be in memory. */
static int answer_take_room(struct answers *a, const struct control_conn *conn, uint64_t length)
{
	pthread_mutex_lock(&a->lock);
	while (a->used && a->used + length > ANSWER_ROOM && !control_is_stopping(conn)) {
		struct timespec until;
		uint64_t wall = clock_wall() + 100 * NSEC_PER_MSEC;

		until.tv_sec = (time_t)(wall / NSEC_PER_SEC);
		until.tv_nsec = (long)(wall % NSEC_PER_SEC);
		pthread_cond_timedwait(&a->freed, &a->lock, &until);
	}
	a->used += length;
	pthread_mutex_unlock(&a->lock);
	return control_is_stopping(conn) ? -ESHUTDOWN : 0;
}

static void answer_give_room(struct answers *a, uint64_t length)
{
	pthread_mutex_lock(&a->lock);
	a->used -= length;
	pthread_cond_broadcast(&a->freed);
	pthread_mutex_unlock(&a->lock);
}

static int answer_metrics(struct weir_store *s, struct control_conn *conn,
			  const struct control_request *r)
{
	uint32_t format = 0;
	size_t length = 0;
	char *text = NULL;
	int err = answer_number(r, &format);

	if (!err)
		err = weir_store_metrics(s, (enum weir_metrics_format)format, &text, &length);
	if (err)
		return control_end(conn, err);
	err = control_answer_long(conn, text, length);
	weir_metrics_free(text);
	return err;
}

static int answer_load(struct weir_store *s, struct control_conn *conn)
{
	size_t length = 0;
	char *text = NULL;
	int err = load_text(s, &text, &length);

	if (err)
		return control_end(conn, err);
	err = control_answer_long(conn, text, length);
	free(text);
	return err;
}

/* Gets the value, of LENGTH bytes, into memory, and sends it. Returns -EMSGSIZE if it has become
 * longer; *LENGTH is the new one. */
static int answer_get_value(struct weir_store *s, struct control_conn *conn,
			    const struct control_request *r, size_t *length)
{
	size_t capacity = *length;
	void *value = aligned_alloc(ANSWER_ALIGN,
				    (capacity + ANSWER_ALIGN) / ANSWER_ALIGN * ANSWER_ALIGN);
	int err;

	if (!value)
		return control_end(
			conn, error_set(-ENOMEM, "no memory for a value of %zu bytes", capacity));
	err = weir_store_get(s, r->body, r->length, value, capacity, length);
	if (!err)
		err = control_answer_long(conn, value, *length);
	else if (err != -EMSGSIZE)
		err = control_end(conn, err);
	free(value);
	return err;
}

static int answer_get(struct weir_store *s, struct control_conn *conn,
		      const struct control_request *r)
{
	size_t length = 0, taken;
	int err = weir_store_exists(s, r->body, r->length, &length);

	if (err)
		return control_end(conn, err);
	do {
		taken = length;
		err = answer_take_room(s->answers, conn, taken);
		if (!err)
			err = answer_get_value(s, conn, r, &length);
		answer_give_room(s->answers, taken);
	} while (err == -EMSGSIZE && !control_is_stopping(conn));
	return err;
}

/* Entries for a client, until they fill a frame. */
struct answer_list {
	struct control_conn *conn;
	size_t length;
	int err;
	uint8_t bytes[64 << 10];
};

static void answer_list_flush(struct answer_list *l)
{
	if (l->length && !l->err)
		l->err = control_send(l->conn, l->bytes, l->length);
	l->length = 0;
}

static int answer_entry(const struct weir_store_entry *e, void *user)
{
	struct control_entry entry = { e->sequence, e->value_len, e->stream, e->key_len };
	struct answer_list *l = user;

	if (l->length + sizeof(entry) + e->key_len > sizeof(l->bytes))
		answer_list_flush(l);
	memcpy(l->bytes + l->length, &entry, sizeof(entry));
	memcpy(l->bytes + l->length + sizeof(entry), e->key, e->key_len);
	l->length += sizeof(entry) + e->key_len;
	if (control_is_stopping(l->conn))
		l->err = -ESHUTDOWN;
	return l->err ? 1 : 0;
}

/* Adds what the listing could not name: an entry without a key. */
static void answer_list_hidden(struct answer_list *l, const struct weir_store_list_counts *counts)
{
	struct control_entry entry = { counts->hidden, counts->unread, 0, 0 };

	if (l->length + sizeof(entry) > sizeof(l->bytes))
		answer_list_flush(l);
	memcpy(l->bytes + l->length, &entry, sizeof(entry));
	l->length += sizeof(entry);
}

static int answer_list(struct weir_store *s, struct control_conn *conn,
		       const struct control_request *r)
{
	struct weir_list_opts opts = WEIR_LIST_OPTS_INIT;
	struct weir_store_list_counts counts = WEIR_STORE_LIST_COUNTS_INIT;
	struct answer_list *l = malloc(sizeof(*l));
	int err;

	if (!l)
		return control_end(conn, error_sys(-ENOMEM, "cannot list the keys"));
	l->conn = conn;
	l->length = 0;
	l->err = 0;
	opts.prefix = r->body;
	opts.prefix_len = r->length;
	err = weir_store_list_counted(s, &opts, answer_entry, l, &counts);
	if (counts.hidden || counts.unread)
		answer_list_hidden(l, &counts);
	answer_list_flush(l);
	if (l->err)
		err = l->err;
	else
		err = control_end(conn, err);
	free(l);
	return err;
}

static int answer_add_tenant(struct weir_store *s, struct control_conn *conn,
			     const struct control_request *r)
{
	char name[WEIR_TENANT_NAME_MAX + 1];
	uint32_t stream = 0;
	int err = 0;

	if (r->length >= sizeof(name))
		err = error_set(-EINVAL, "a tenant's name of %u bytes: the longest has %u",
				r->length, WEIR_TENANT_NAME_MAX);
	snprintf(name, sizeof(name), "%.*s", (int)r->length, (const char *)r->body);
	if (!err)
		err = weir_store_add_tenant(s, name, &stream);
	if (err > 0) /* the tenant is new */
		err = 0;
	return control_answer(conn, err, &stream, sizeof(stream));
}

static int answer_request(void *user, struct control_conn *conn, const struct control_request *r)
{
	struct weir_store *s = user;

	switch (r->kind) {
	case CONTROL_HELLO:
		return control_answer_hello(conn, s->io.super.uuid);
	case CONTROL_INFO:
		return answer_info(s, conn);
	case CONTROL_STATS:
		return answer_stats(s, conn);
	case CONTROL_QUEUE:
		return observe_answer_info(weir_store_queue(s), conn);
	case CONTROL_STREAM:
		return answer_stream(s, conn, r);
	case CONTROL_TENANT:
		return answer_tenant(s, conn, r);
	case CONTROL_DEVICE:
		return answer_device(s, conn, r);
	case CONTROL_DEVICE_STATS:
		return answer_device_stats(s, conn, r);
	case CONTROL_METRICS:
		return answer_metrics(s, conn, r);
	case CONTROL_LOAD:
		return answer_load(s, conn);
	case CONTROL_WHY:
		return answer_why(s, conn, r);
	case CONTROL_EXISTS:
		return answer_exists(s, conn, r);
	case CONTROL_GET:
		return answer_get(s, conn, r);
	case CONTROL_LIST:
		return answer_list(s, conn, r);
	case CONTROL_SHARE:
		return shares_begin(s->answers->shares, conn);
	case CONTROL_ADD_TENANT:
		return answer_add_tenant(s, conn, r);
	default:
		return control_end(conn, error_set(-EOPNOTSUPP, "no such request: %u", r->kind));
	}
}

static int answer_listen(struct weir_store *s, struct answers *a)
{
	struct control_opts opts = { .answer = answer_request, .user = s };
	const struct weir_device_info *info = weir_device_get_info(s->io.dev);
	char name[CONTROL_NAME_BYTES];

	if (info->kind == WEIR_DEVICE_NULL || !info->origin_device)
		return error_set(-ENOENT, "%s: no file, so nobody can ask for it",
				 weir_device_path(s->io.dev));
	opts.name = control_name(name, s->io.super.uuid, info);
	return control_start(&a->control, &opts);
}

static void answer_free(struct answers *a)
{
	if (a->shares)
		shares_free(a->shares);
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->freed);
	free(a);
}

static int answer_make(struct weir_store *s, uint64_t share_bytes_max)
{
	struct answers *a = calloc(1, sizeof(*a));
	int err;

	if (!a)
		return error_sys(-ENOMEM, "cannot answer on a control socket");
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->freed, NULL);
	s->answers = a;
	a->shares = shares_make(s, share_bytes_max);
	err = a->shares ? answer_listen(s, a) : error_sys(-ENOMEM, "cannot share the store");
	if (!err) {
		s->control_path = control_path(a->control);
		return 0;
	}
	s->answers = NULL;
	answer_free(a);
	return err;
}

int answer_start(struct weir_store *s, const struct weir_store_opts *opts)
{
	int err;

	if (opts->control == WEIR_CONTROL_OFF || s->io.read_only)
		return 0;
	err = answer_make(s, opts->share_bytes_max);
	if (err && opts->control == WEIR_CONTROL_ON)
		return err;
	if (err)
		snprintf(s->control_why, sizeof(s->control_why), "%s", weir_error());
	return 0;
}

/* Returns true if no other thread calls the store for a client. ANSWERS is a struct answers. */
static bool answer_is_quiet(const void *answers)
{
	const struct answers *a = answers;

	return control_is_quiet(a->control) && shares_are_quiet(a->shares);
}

static void answer_run_loop(struct weir_store *s, uint64_t deadline)
{
	if (s->parts)
		parts_wait_until(s->parts, answer_is_quiet, s->answers, deadline);
	else
		loop_run_until(s->io.q, answer_is_quiet, s->answers, deadline);
}

void answer_stop(struct weir_store *s)
{
	struct answers *a = s->answers;

	if (!a)
		return;
	control_stop(a->control);
	shares_stop(a->shares);
	/* Requests that are with the loop end when it runs, and this thread may be the one that
	 * runs it. */
	while (loop_is_mine(s->io.q) && !answer_is_quiet(a))
		answer_run_loop(s, clock_deadline(clock_now(), ANSWER_STEP_NS));
	control_free(a->control);
	s->control_path = NULL;
	s->answers = NULL;
	answer_free(a);
}

/* The memory stays: threads of the parent may have been changing it. A list keeps it, so that it is
 * no leak. */
void answer_leave(struct weir_store *s)
{
	static struct answers *kept;
	struct answers *a = s->answers;

	if (!a)
		return;
	control_leave(a->control);
	shares_leave(a->shares);
	a->next_kept = kept;
	kept = a;
	s->answers = NULL;
}
