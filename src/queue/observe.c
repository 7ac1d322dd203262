/* SPDX-License-Identifier: Apache-2.0 */
/*
 * observe.c - answers what other processes ask about a queue that is no store's. See observe.h.
 *
 * Each request is answered on the thread of its connection, from counters that any thread may read
 * at any time. So a client never reaches the lanes, whoever runs them.
 */
#include "queue/observe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "control/place.h"
#include "control/server.h"
#include "control/text.h"
#include "control/wire.h"
#include "queue/lane/lane.h"
#include "queue/load.h"

/* What a queue needs of that. */
struct observe {
	struct control *control;
	struct observe *next_kept;
};

int observe_answer_info(struct weir_queue *q, struct control_conn *conn)
{
	struct weir_queue_info info = WEIR_QUEUE_INFO_INIT, plain;
	int err = weir_queue_get_info(q, &info);
	struct control_text t = { .length = 0 };

	plain = info;
	plain.engine = plain.engine_why = plain.scheduler = NULL;
	control_text_add(&t, &plain, sizeof(plain));
	control_text_string(&t, info.engine);
	control_text_string(&t, info.engine_why);
	control_text_string(&t, info.scheduler);
	return control_answer(conn, err, t.bytes, t.length);
}

static int observe_load(struct weir_queue *q, struct control_conn *conn)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	int err = out ? 0 : -ENOMEM;

	if (out) {
		fprintf(out, "time %llu\n", (unsigned long long)clock_now());
		load_write(q, 1, out);
		if (ferror(out))
			err = -ENOMEM;
		if (fclose(out))
			err = -ENOMEM;
	}
	err = err ? control_end(conn, error_sys(err, "what the queue has done"))
		  : control_answer_long(conn, text, length);
	free(text);
	return err;
}

static int observe_request(void *user, struct control_conn *conn, const struct control_request *r)
{
	struct weir_queue *q = user;

	switch (r->kind) {
	case CONTROL_HELLO:
		return control_answer_hello(conn, NULL);
	case CONTROL_QUEUE:
		return observe_answer_info(q, conn);
	case CONTROL_LOAD:
		return observe_load(q, conn);
	case CONTROL_TENANT: /* there are none */
		return control_end(conn, error_set(-ENOENT, "a queue has no tenants"));
	default:
		return control_end(conn, error_set(-EOPNOTSUPP,
						   "request %u is about a store, and this is a "
						   "queue without one",
						   r->kind));
	}
}

void observe_start(struct weir_queue *q)
{
	static const uint8_t no_store[16];
	char name[CONTROL_NAME_BYTES];
	struct control_opts opts = { .answer = observe_request, .user = q };

	if (q->opts.watched)
		q->observe = calloc(1, sizeof(*q->observe));
	if (!q->observe)
		return;
	opts.name = control_name(name, no_store, q->info);
	if (!control_start(&q->observe->control, &opts))
		return;
	free(q->observe);
	q->observe = NULL;
}

void observe_stop(struct weir_queue *q)
{
	if (!q->observe)
		return;
	control_stop(q->observe->control);
	control_free(q->observe->control);
	free(q->observe);
	q->observe = NULL;
}

/* The memory stays: threads of the parent may have been changing it. A list keeps it, so that it is
 * no leak. */
void observe_leave(struct weir_queue *q)
{
	static struct observe *kept;
	struct observe *o = q->observe;

	if (!o)
		return;
	control_leave(o->control);
	o->next_kept = kept;
	kept = o;
	q->observe = NULL;
}
