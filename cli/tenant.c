/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenant.c - the stream of a tenant for `weir put`, and all streams for `weir stat`.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/parse.h"
#include "cli/key.h"
#include "cli/report.h"
#include "cli/table.h"
#include "cli/tenant.h"

#define NAMES_MAX 4096

/* Prints a note if the new tenant NAME shares its stream, or its stream a placement id. */
static void tenant_note(struct weir_store *s, const char *name, uint32_t stream)
{
	struct weir_store_stream info = WEIR_STORE_STREAM_INIT;

	if (weir_store_get_stream(s, stream, &info))
		return;
	if (info.tenants > 1 || !stream)
		report_note("%s shares stream %" PRIu32
			    " with others: a store has one stream for each 8 segments, 32 at most",
			    name, stream);
	else if (info.sharing)
		report_note("stream %" PRIu32 " of %s shares placement id %" PRId32 " with %" PRIu32
			    " other%s: the drive has no more ids",
			    stream, name, info.placement, info.sharing,
			    info.sharing == 1 ? "" : "s");
}

int tenant_stream(struct weir_store *s, const char *path, const char *name, uint32_t *stream)
{
	int created;

	*stream = 0;
	if (!name)
		return 0;
	created = weir_store_add_tenant(s, name, stream);
	if (created < 0)
		return report_failed(path);
	if (created)
		tenant_note(s, name, *stream);
	return 0;
}

/* Calls FN for each tenant of STREAM, with the name as `weir ls` would print it. */
static int tenant_each(struct source *src, uint32_t stream,
		       void (*fn)(const char *name, void *user), void *user)
{
	struct weir_store_tenant row = WEIR_STORE_TENANT_INIT;
	char text[KEY_TEXT_MAX];
	uint32_t n;
	int err;

	for (n = 0; !(err = source_tenant(src, n, &row)); n++)
		if (row.stream == stream)
			fn(key_escape(row.name, row.name_len, text), user);
	return err == -ENOENT ? 0 : err;
}

static void tenant_append(const char *name, void *user)
{
	char *all = user;
	size_t used = strlen(all);

	snprintf(all + used, NAMES_MAX - used, "%s%s", used ? ", " : "", name);
}

static void tenant_row(struct table *t, uint32_t stream, const struct weir_store_stream *info,
		       const char *names)
{
	char number[16], entries[32], bytes[32], segments[16], share[32] = "-", placement[32] = "-";

	snprintf(number, sizeof(number), "%" PRIu32, stream);
	snprintf(segments, sizeof(segments), "%" PRIu32, info->segments);
	if (info->share)
		snprintf(share, sizeof(share), "%" PRIu32 " %%", info->share);
	if (info->placement >= 0)
		snprintf(placement, sizeof(placement), "%" PRId32 "%s", info->placement,
			 info->sharing ? " (shared)" : "");
	table_row(t, number, table_count(info->entries, entries, sizeof(entries)),
		  format_size(info->live_bytes, bytes, sizeof(bytes)), segments, share, placement,
		  *names	  ? names
		  : info->tenants ? "?"
				  : "(no tenant)");
}

int tenant_print(struct source *src, FILE *out)
{
	struct weir_store_stream info = WEIR_STORE_STREAM_INIT;
	struct table t = { .columns = "rrrrrrl" };
	char names[NAMES_MAX];
	uint32_t n;
	int err;

	table_row(&t, "stream", "entries", "values", "segments", "share", "placement id",
		  "tenants");
	for (n = 0; !(err = source_stream(src, n, &info)); n++) {
		names[0] = 0;
		err = tenant_each(src, n, tenant_append, names);
		if (err)
			break;
		tenant_row(&t, n, &info, names);
	}
	if (err == -ENOENT)
		err = table_print(&t, 2, out);
	table_free(&t);
	return err;
}

static void tenant_append_json(const char *name, void *user)
{
	json_array_append_new(user, json_string(name));
}

static json_t *tenant_stream_json(struct source *src, uint32_t n,
				  const struct weir_store_stream *info)
{
	json_t *names = json_array(), *placement;

	if (names && tenant_each(src, n, tenant_append_json, names)) {
		json_decref(names);
		return NULL;
	}
	placement = info->placement < 0 ? json_null() : json_integer(info->placement);
	return json_pack("{s:I, s:o, s:I, s:I, s:I, s:I, s:o, s:I}", "stream", (json_int_t)n,
			 "tenants", names, "entries", (json_int_t)info->entries, "live_bytes",
			 (json_int_t)info->live_bytes, "segments", (json_int_t)info->segments,
			 "share_percent", (json_int_t)info->share, "placement_id", placement,
			 "sharing", (json_int_t)info->sharing);
}

json_t *tenant_json(struct source *src)
{
	struct weir_store_stream info = WEIR_STORE_STREAM_INIT;
	json_t *all = json_array();
	uint32_t n;
	int err = 0;

	for (n = 0; all && !(err = source_stream(src, n, &info)); n++)
		if (json_array_append_new(all, tenant_stream_json(src, n, &info)))
			break;
	if (err == -ENOENT)
		return all;
	json_decref(all);
	return NULL;
}
