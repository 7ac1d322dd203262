/* SPDX-License-Identifier: Apache-2.0 */
/* source.c - looks at a store here, or in the process that has it open. See source.h. */
#include "cli/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/devices.h"
#include "cli/report.h"

#define SOURCE_ALIGN 4096u
#define SOURCE_TIMEOUT_NS (5 * NSEC_PER_SEC) /* without --wait */

/* Asks the process that has the store with UUID, on the device at PATH, open. */
static int source_connect_device(struct source *src, const uint8_t uuid[16], const char *path,
				 const struct opening *o)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;
	struct weir_device *dev;
	int err;

	opts.flags = WEIR_DEVICE_READ_ONLY;
	err = weir_device_open(&dev, path, &opts);
	if (err)
		return err;
	err = control_connect(&src->owner, uuid, weir_device_get_info(dev),
			      o->wait_ns ? o->wait_ns : SOURCE_TIMEOUT_NS);
	weir_device_close(dev);
	return err;
}

/*
 * Asks the process that has the store open. The owner of a store on several devices has one socket,
 * for one of them. Returns 0 or -errno with weir_error() set.
 */
static int source_connect(struct source *src, const struct opening *o)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	int err = opening_peek(&info, src->path, o);
	char *text, *rest, *path;

	if (err)
		return err;
	src->buf = malloc(CONTROL_DATA_MAX);
	text = strdup(src->path);
	if (!src->buf || !text) {
		free(text);
		return error_sys(-ENOMEM, "%s", src->path);
	}
	rest = text;
	err = -ENOENT;
	if (!access(text, F_OK))
		err = source_connect_device(src, info.uuid, text, o);
	while (err == -ENOENT && strchr(src->path, ',') && (path = strsep(&rest, ",")))
		err = source_connect_device(src, info.uuid, path, o);
	free(text);
	return err;
}

/* Another process has the store, as BUSY says: asks it, or else waits for it. */
static int source_ask(struct source *src, const struct opening *o, const char *busy)
{
	int err = source_connect(src, o);

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

static void source_begin(struct source *src, const char *path)
{
	memset(src, 0, sizeof(*src));
	src->path = path;
	src->owner.fd = -1;
}

int source_open_busy(struct source *src, const char *path, const struct opening *o)
{
	char busy[ERROR_BYTES];
	int exit_code;

	snprintf(busy, sizeof(busy), "%s", weir_error());
	source_begin(src, path);
	exit_code = source_ask(src, o, busy);
	return exit_code ? source_close(src, exit_code) : 0;
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

	source_begin(src, path);
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

static int source_odd(const struct source *src)
{
	return error_set(-EPROTO, "%s: what pid %d answers is not understood", src->path,
			 source_pid(src));
}

/* Asks for an answer of one part, which is in src->buf then. Returns 0 or -errno. */
static int source_one(struct source *src, enum control_kind kind, const void *body, size_t length,
		      size_t *got)
{
	char end[CONTROL_END_MAX];
	size_t more;
	int err = control_ask(&src->owner, kind, body, length);

	if (!err)
		err = control_next(&src->owner, src->buf, CONTROL_DATA_MAX, got);
	if (err == 1) {
		err = control_next(&src->owner, end, sizeof(end), &more);
		return err == 1 ? source_odd(src) : err;
	}
	return err ? err : source_odd(src);
}

/*
 * Asks for a struct of SIZE bytes that begins with its size. It is the owner's: fields that the
 * owner does not know stay as they are, and those that only the owner knows are dropped. *REST is
 * where the strings behind it begin.
 */
static int source_struct(struct source *src, enum control_kind kind, const void *body,
			 size_t length, void *out, size_t size, size_t *rest, size_t *got)
{
	size_t its;
	int err = source_one(src, kind, body, length, got);

	if (err)
		return err;
	if (*got < sizeof(its))
		return source_odd(src);
	memcpy(&its, src->buf, sizeof(its));
	if (its < sizeof(its) || its > *got)
		return source_odd(src);
	*rest = its;
	if (its > size)
		its = size;
	memcpy((char *)out + sizeof(its), src->buf + sizeof(its), its - sizeof(its));
	memcpy(out, &its, sizeof(its));
	return 0;
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
		return source_odd(src);
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

int source_metrics(struct source *src, uint32_t format, char **text, size_t *length)
{
	FILE *into;
	int err, lost;

	if (src->s)
		return weir_store_metrics(src->s, (enum weir_metrics_format)format, text, length);
	*text = NULL;
	err = control_ask(&src->owner, CONTROL_METRICS, &format, sizeof(format));
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

/* Hands out the entries in LENGTH bytes of src->buf. */
static int source_entries(struct source *src, size_t length,
			  int (*fn)(const struct weir_store_entry *, void *), void *user,
			  struct weir_store_list_counts *counts)
{
	struct control_entry e;
	size_t at = 0;
	int err = 0;

	while (!err && at < length) {
		struct weir_store_entry entry = { .size = sizeof(entry) };

		if (length - at < sizeof(e))
			return source_odd(src);
		memcpy(&e, src->buf + at, sizeof(e));
		at += sizeof(e);
		if (e.key_len > WEIR_KEY_MAX || e.key_len > length - at)
			return source_odd(src);
		if (!e.key_len) {
			counts->hidden = e.sequence;
			counts->unread = e.value_len;
			continue;
		}
		entry.key = src->buf + at;
		entry.key_len = e.key_len;
		entry.stream = e.stream;
		entry.value_len = e.value_len;
		entry.sequence = e.sequence;
		at += e.key_len;
		err = fn(&entry, user);
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
