/* SPDX-License-Identifier: Apache-2.0 */
/* source.c - looks at a store here, or in the process that has it open. See source.h. */
#include "cli/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/devices.h"
#include "cli/report.h"

#define SOURCE_ALIGN 4096u
#define SOURCE_TIMEOUT_NS (5 * NSEC_PER_SEC) /* without --wait */

/* Finds the process that has the store with UUID, or for zeroes the queue, on the path open. */
static int source_find(struct source *src, const uint8_t uuid[16])
{
	if (!src->buf)
		src->buf = malloc(CONTROL_DATA_MAX);
	if (!src->buf)
		return error_sys(-ENOMEM, "%s", src->path);
	return control_find(&src->owner, uuid, src->path, src->timeout_ns, NULL);
}

/* Asks the process that has the store open. Returns 0 or -errno with weir_error() set. */
static int source_connect(struct source *src, const struct opening *o)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	int err = opening_peek(&info, src->path, o);

	return err ? err : source_find(src, info.uuid);
}

static const uint8_t source_no_store[16]; /* where the socket of a queue has a UUID */

/* Another process has the store, as BUSY says: asks it, or else waits for it. */
static int source_ask(struct source *src, const struct opening *o, const char *busy)
{
	int err = source_connect(src, o);

	if (!err && o->tracing.path)
		report_note("--trace sees the ios of this process only, and process %d has the "
			    "store",
			    source_pid(src));
	if (!err)
		return 0;
	if (err != -ENOENT)
		return report_failed(src->path);
	if (!o->wait_ns)
		return report_error("%s; %s", busy, weir_error());
	if (opening_try(&src->s, src->path, o, OPENING_READ_ONLY))
		return report_failed(src->path);
	return 0;
}

static void source_begin(struct source *src, const char *path, const struct opening *o)
{
	memset(src, 0, sizeof(*src));
	src->timeout_ns = o->wait_ns ? o->wait_ns : SOURCE_TIMEOUT_NS;
	src->path = path;
	src->owner.fd = -1;
}

int source_open_busy(struct source *src, const char *path, const struct opening *o)
{
	char busy[ERROR_BYTES];
	int exit_code;

	snprintf(busy, sizeof(busy), "%s", weir_error());
	source_begin(src, path, o);
	exit_code = source_ask(src, o, busy);
	return exit_code ? source_close(src, exit_code) : 0;
}

int source_open_other(struct source *src, const char *path, const struct opening *o)
{
	int err;

	source_begin(src, path, o);
	src->queue = !source_find(src, source_no_store);
	err = src->queue ? 0 : source_connect(src, o);
	if (err == -ENOENT)
		err = source_close(src, report_error("%s: no process that has it open for writing "
						     "can be asked; if one has, %s",
						     path, weir_error()));
	else if (err)
		err = source_close(src, report_failed(path));
	return err;
}

int source_again(struct source *src, const struct opening *o)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	int err;

	control_disconnect(&src->owner);
	src->queue = !source_find(src, source_no_store);
	if (src->queue)
		return 0;
	err = opening_look(&info, src->path, o);
	return err ? err : source_find(src, info.uuid);
}

/* A reader that does not find a key should know that the store has lost some. */
static int source_note_damage(struct source *src)
{
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;

	if (source_stats(src, &stats) < 0)
		return source_close(src, report_failed(src->path));
	opening_note_damage(&stats, src->path);
	return 0;
}

int source_open(struct source *src, const char *path, const struct opening *o)
{
	struct opening now = *o;
	int err, exit_code = opening_check(o);

	source_begin(src, path, o);
	if (exit_code)
		return exit_code;
	now.wait_ns = 0;
	err = opening_try(&src->s, path, &now, OPENING_READ_ONLY);
	if (!err) {
		devices_notes(src->s, path);
		return source_note_damage(src);
	}
	if (err != -EBUSY)
		return report_failed(path);
	exit_code = source_open_busy(src, path, o);
	return exit_code ? exit_code : source_note_damage(src);
}

int source_close(struct source *src, int exit_code)
{
	free(src->buf);
	src->buf = NULL;
	if (!src->s) {
		control_disconnect(&src->owner);
		return exit_code;
	}
	return opening_close(src->s, src->path, exit_code);
}

int source_pid(const struct source *src)
{
	if (src->s)
		return 0;
	return src->owner.pid ? src->owner.pid : (int)src->owner.hello.pid;
}

/*
 * Asks for a struct of SIZE bytes that begins with its size, as control_take_struct(). *GOT is the
 * length of the answer, which is in src->buf.
 */
static int source_struct(struct source *src, enum control_kind kind, const void *body,
			 size_t length, void *out, size_t size, size_t *rest, size_t *got)
{
	int err = control_ask_one(&src->owner, kind, body, length, src->buf, CONTROL_DATA_MAX, got);

	return err ? err : control_take_struct(&src->owner, src->buf, *got, out, size, rest);
}

/* Takes the strings behind a struct, from AT to GOT. A string that is missing is NULL. */
static void source_take_strings(const struct source *src, size_t at, size_t got,
				char text[SOURCE_STRINGS][SOURCE_STRING_BYTES],
				const char *out[SOURCE_STRINGS])
{
	for (size_t i = 0; i < SOURCE_STRINGS; i++) {
		size_t length;

		out[i] = NULL;
		if (at >= got || !src->buf[at++])
			continue;
		length = strnlen(src->buf + at, got - at);
		snprintf(text[i], SOURCE_STRING_BYTES, "%.*s", (int)length, src->buf + at);
		out[i] = text[i];
		at += length + 1;
	}
}

int source_info(struct source *src, struct weir_store_info *info)
{
	const char *strings[SOURCE_STRINGS];
	size_t rest = 0, got = 0;
	int err;

	if (src->s)
		return weir_store_get_info(src->s, info);
	err = source_struct(src, CONTROL_INFO, NULL, 0, info, sizeof(*info), &rest, &got);
	if (err)
		return err;
	source_take_strings(src, rest, got, src->strings[0], strings);
	info->placement_why = strings[0];
	info->control_path = strings[1];
	info->control_why = strings[2];
	return 0;
}

int source_queue(struct source *src, struct weir_queue_info *info)
{
	const char *strings[SOURCE_STRINGS];
	size_t rest = 0, got = 0;
	int err;

	if (src->s)
		return weir_queue_get_info(weir_store_queue(src->s), info);
	err = source_struct(src, CONTROL_QUEUE, NULL, 0, info, sizeof(*info), &rest, &got);
	if (err)
		return err;
	source_take_strings(src, rest, got, src->strings[1], strings);
	info->engine = strings[0] ? strings[0] : "?";
	info->engine_why = strings[1] ? strings[1] : "?";
	info->scheduler = strings[2] ? strings[2] : "?";
	return 0;
}

int source_stats(struct source *src, struct weir_store_stats *stats)
{
	size_t rest, got;

	if (src->s)
		return weir_store_get_stats(src->s, stats);
	return source_struct(src, CONTROL_STATS, NULL, 0, stats, sizeof(*stats), &rest, &got);
}

int source_stream(struct source *src, uint32_t stream, struct weir_store_stream *info)
{
	size_t rest, got;

	if (src->s)
		return weir_store_get_stream(src->s, stream, info);
	return source_struct(src, CONTROL_STREAM, &stream, sizeof(stream), info, sizeof(*info),
			     &rest, &got);
}

int source_tenant(struct source *src, uint32_t n, struct weir_store_tenant *info)
{
	size_t rest, got;
	int err;

	if (src->s)
		return weir_store_get_tenant(src->s, n, info);
	err = source_struct(src, CONTROL_TENANT, &n, sizeof(n), info, sizeof(*info), &rest, &got);
	if (!err && info->name_len > WEIR_TENANT_SHOWN_MAX)
		return control_odd(&src->owner);
	return err;
}

int source_device(struct source *src, uint32_t n, struct weir_store_device *device)
{
	const char *strings[SOURCE_STRINGS];
	size_t rest = 0, got = 0;
	int err;

	if (src->s)
		return weir_store_get_device(src->s, n, device);
	err = source_struct(src, CONTROL_DEVICE, &n, sizeof(n), device, sizeof(*device), &rest,
			    &got);
	if (err)
		return err;
	source_take_strings(src, rest, got, src->strings[2], strings);
	device->path = strings[0];
	device->why = strings[1];
	device->queue = NULL;
	return 0;
}

int source_device_stats(struct source *src, uint32_t n, struct weir_store_stats *stats)
{
	size_t rest, got;

	if (src->s)
		return weir_store_get_device_stats(src->s, n, stats);
	return source_struct(src, CONTROL_DEVICE_STATS, &n, sizeof(n), stats, sizeof(*stats), &rest,
			     &got);
}

int source_why(struct source *src, const void *key, uint32_t key_len, struct weir_store_why *why)
{
	size_t rest, got;

	if (src->s)
		return weir_store_get_why(src->s, key, key_len, why);
	return source_struct(src, CONTROL_WHY, key, key_len, why, sizeof(*why), &rest, &got);
}

/* Receives an answer of any length. */
static int source_text(struct source *src, FILE *into)
{
	size_t length;
	int err;

	while ((err = control_next(&src->owner, src->buf, CONTROL_DATA_MAX, &length)) == 1)
		fwrite(src->buf, 1, length, into);
	return err;
}

/* Asks for an answer of any length, which *TEXT gets. */
static int source_ask_text(struct source *src, enum control_kind kind, const void *body,
			   size_t size, char **text, size_t *length)
{
	FILE *into;
	int err, lost;

	*text = NULL;
	err = control_ask(&src->owner, kind, body, size);
	if (err)
		return err;
	into = open_memstream(text, length);
	if (!into)
		return error_sys(-ENOMEM, "%s", src->path);
	err = source_text(src, into);
	lost = ferror(into);
	lost |= fclose(into);
	return err ? err : lost ? error_sys(-ENOMEM, "%s", src->path) : 0;
}

int source_metrics(struct source *src, uint32_t format, char **text, size_t *length)
{
	if (src->s)
		return weir_store_metrics(src->s, (enum weir_metrics_format)format, text, length);
	return source_ask_text(src, CONTROL_METRICS, &format, sizeof(format), text, length);
}

int source_load(struct source *src, char **text, size_t *length)
{
	if (src->s)
		return error_set(-EOPNOTSUPP, "%s: no other process has it open", src->path);
	return source_ask_text(src, CONTROL_LOAD, NULL, 0, text, length);
}

/* Hands out the entries in LENGTH bytes of src->buf. */
static int source_entries(struct source *src, size_t length,
			  int (*fn)(const struct weir_store_entry *, void *), void *user,
			  struct weir_store_list_counts *counts)
{
	struct weir_store_entry entry = { .size = sizeof(entry) };
	struct control_entry e;
	size_t at = 0;
	int err;

	while ((err = control_take_entry(&src->owner, src->buf, length, &at, &e, &entry.key)) > 0) {
		if (!e.key_len) {
			counts->hidden = e.sequence;
			counts->unread = e.value_len;
			continue;
		}
		if (e.key_len > WEIR_KEY_MAX)
			return control_odd(&src->owner);
		entry.key_len = e.key_len;
		entry.stream = e.stream;
		entry.value_len = e.value_len;
		entry.sequence = e.sequence;
		err = fn(&entry, user);
		if (err)
			return err;
	}
	return err;
}

int source_list(struct source *src, const struct weir_list_opts *opts,
		int (*fn)(const struct weir_store_entry *entry, void *user), void *user,
		struct weir_store_list_counts *counts)
{
	size_t length;
	int err;

	if (src->s)
		return weir_store_list_counted(src->s, opts, fn, user, counts);
	err = control_ask(&src->owner, CONTROL_LIST, opts->prefix, opts->prefix_len);
	while (!err && (err = control_next(&src->owner, src->buf, CONTROL_DATA_MAX, &length)) == 1)
		err = source_entries(src, length, fn, user, counts);
	return err;
}

/* Gets a value from a store that is open here: as a whole, because its checksum covers all of
 * it. */
static int source_get_here(struct source *src, const void *key, uint32_t key_len,
			   int (*fn)(const void *, size_t, void *), void *user)
{
	size_t length = 0;
	void *value;
	int err = weir_store_exists(src->s, key, key_len, &length);

	if (err < 0)
		return err;
	value = aligned_alloc(SOURCE_ALIGN, (length + SOURCE_ALIGN) / SOURCE_ALIGN * SOURCE_ALIGN);
	if (!value)
		return error_set(-ENOMEM, "%s: out of memory for a value of %zu bytes", src->path,
				 length);
	err = weir_store_get(src->s, key, key_len, value, length, &length);
	if (!err)
		err = fn(value, length, user);
	free(value);
	return err;
}

int source_get(struct source *src, const void *key, uint32_t key_len,
	       int (*fn)(const void *data, size_t length, void *user), void *user)
{
	size_t length;
	int err;

	if (src->s)
		return source_get_here(src, key, key_len, fn, user);
	err = control_ask(&src->owner, CONTROL_GET, key, key_len);
	while (!err && (err = control_next(&src->owner, src->buf, CONTROL_DATA_MAX, &length)) == 1)
		err = fn(src->buf, length, user);
	return err;
}
