/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ask.c - asks the owner about the store, on a connection of its own. See weir/remote.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <weir/tenant.h>

#include "base/error.h"
#include "base/opts.h"
#include "queue/loop.h"
#include "remote/remote.h"

static int ask_connect(struct weir_remote *r, struct control_client *cl)
{
	int err = remote_check(r);

	if (err)
		return err;
	if (loop_in_callback())
		return error_in_callback("ask the owner of a store");
	return control_connect(cl, r->uuid, &r->device, r->opts.answer_ns);
}

int weir_remote_get_stats(struct weir_remote *r, struct weir_store_stats *stats)
{
	struct weir_store_stats all = WEIR_STORE_STATS_INIT;
	struct control_client cl;
	size_t got = 0, rest;
	char *buf;
	int err = ask_connect(r, &cl);

	if (err)
		return err;
	buf = malloc(CONTROL_DATA_MAX);
	err = buf ? 0 : error_sys(-ENOMEM, "cannot ask for statistics");
	if (!err)
		err = control_ask_one(&cl, CONTROL_STATS, NULL, 0, buf, CONTROL_DATA_MAX, &got);
	if (!err)
		err = control_take_struct(&cl, buf, got, &all, sizeof(all), &rest);
	free(buf);
	control_disconnect(&cl);
	return err ? err : opts_give(stats, OPTS_SIZE(stats), &all, all.size);
}

int weir_remote_add_tenant(struct weir_remote *r, const char *tenant, uint32_t *stream)
{
	char buf[CONTROL_END_MAX];
	struct control_client cl;
	size_t got = 0;
	int err = strlen(tenant) > WEIR_TENANT_NAME_MAX
			  ? error_set(-EINVAL, "a tenant's name of %zu bytes", strlen(tenant))
			  : ask_connect(r, &cl);

	if (err)
		return err;
	err = control_ask_one(&cl, CONTROL_ADD_TENANT, tenant, strlen(tenant), buf, sizeof(buf),
			      &got);
	if (!err && got != sizeof(*stream))
		err = control_odd(&cl);
	if (!err)
		memcpy(stream, buf, sizeof(*stream));
	control_disconnect(&cl);
	return err;
}

/* Hands out the entries in the GOT bytes of BUF. */
static int ask_entries(const struct control_client *cl, const void *buf, size_t got,
		       int (*fn)(const struct weir_store_entry *entry, void *user), void *user)
{
	struct weir_store_entry entry = { .size = sizeof(entry) };
	struct control_entry e;
	size_t at = 0;
	int err;

	while ((err = control_take_entry(cl, buf, got, &at, &e, &entry.key)) > 0) {
		if (e.key_len > WEIR_KEY_MAX)
			return control_odd(cl);
		entry.key_len = e.key_len;
		entry.stream = e.stream;
		entry.value_len = e.value_len;
		entry.sequence = e.sequence;
		err = e.key_len ? fn(&entry, user) : 0;
		if (err)
			return err;
	}
	return err;
}

int weir_remote_list(struct weir_remote *r, const void *prefix, uint32_t prefix_len,
		     int (*fn)(const struct weir_store_entry *entry, void *user), void *user)
{
	struct control_client cl;
	size_t got;
	char *buf;
	int err = ask_connect(r, &cl);

	if (err)
		return err;
	buf = malloc(CONTROL_DATA_MAX);
	err = buf ? control_ask(&cl, CONTROL_LIST, prefix, prefix_len)
		  : error_sys(-ENOMEM, "cannot list the keys");
	while (!err && (err = control_next(&cl, buf, CONTROL_DATA_MAX, &got)) > 0)
		err = ask_entries(&cl, buf, got, fn, user);
	free(buf);
	control_disconnect(&cl);
	return err;
}
