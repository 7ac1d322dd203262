/* SPDX-License-Identifier: Apache-2.0 */
/* devices.c - names, notes and tables of the devices of a store. One thread. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "cli/devices.h"
#include "cli/report.h"
#include "cli/table.h"

int devices_each(const char *text, int (*fn)(const char *path, void *user), void *user)
{
	char *copy, *rest, *path;
	int result = 0;

	if (!strchr(text, ',') || !access(text, F_OK))
		return fn(text, user);
	copy = rest = strdup(text);
	if (!copy)
		return report_error("out of memory");
	while (!result && (path = strsep(&rest, ",")))
		result = fn(path, user);
	free(copy);
	return result;
}

char *devices_join(char *const *paths, int n)
{
	size_t length = 1;
	char *text;

	for (int i = 0; i < n; i++) {
		length += strlen(paths[i]) + 1;
		if (n == 1 || !strchr(paths[i], ','))
			continue;
		report_usage("%s: devices of one store are named with commas between them, so "
			     "give all in one operand, or each without a comma",
			     paths[i]);
		return NULL;
	}
	text = calloc(1, length);
	if (!text) {
		report_error("out of memory");
		return NULL;
	}
	for (int i = 0; i < n; i++) {
		strcat(text, i ? "," : "");
		strcat(text, paths[i]);
	}
	return text;
}

static const char *devices_state(const struct weir_store_device *device)
{
	static const char *const words[] = { [WEIR_STORE_DEVICE_GOOD] = "good",
					     [WEIR_STORE_DEVICE_STOPPED] = "stopped",
					     [WEIR_STORE_DEVICE_MISSING] = "missing" };

	return words[device->state];
}

void devices_notes(struct weir_store *s, const char *path)
{
	struct weir_store_device device = WEIR_STORE_DEVICE_INIT;
	uint32_t n;

	for (n = 0; !weir_store_get_device(s, n, &device); n++)
		if (device.state == WEIR_STORE_DEVICE_MISSING)
			report_note("%s: opened without device %u of the store, and without the "
				    "keys that lie there%s%s",
				    path, n + 1, device.why ? ": " : "",
				    device.why ? device.why : "");
}

/* Fills in what there is to say about device N. Returns 0 or -errno. */
static int devices_look(struct weir_store *s, uint32_t n, struct weir_store_device *device,
			struct weir_store_stats *stats)
{
	int err;

	*device = (struct weir_store_device)WEIR_STORE_DEVICE_INIT;
	*stats = (struct weir_store_stats)WEIR_STORE_STATS_INIT;
	err = weir_store_get_device(s, n, device);
	if (err || device->state == WEIR_STORE_DEVICE_MISSING)
		return err;
	return weir_store_get_device_stats(s, n, stats);
}

int devices_print(struct weir_store *s, FILE *out)
{
	struct weir_store_device device;
	struct weir_store_stats stats;
	struct table t = { .columns = "rlrrrl" };
	char number[32], entries[32], values[32], free_segments[32];
	uint32_t n;
	int err;

	table_row(&t, "device", "state", "entries", "values", "segments free", "path");
	for (n = 0; !(err = devices_look(s, n, &device, &stats)); n++)
		table_row(&t, table_count(n + 1, number, sizeof(number)), devices_state(&device),
			  table_count(stats.entries, entries, sizeof(entries)),
			  format_size(stats.live_bytes, values, sizeof(values)),
			  table_count(stats.free_segments, free_segments, sizeof(free_segments)),
			  device.path ? device.path : "-");
	if (err == -ENOENT)
		err = table_print(&t, 2, out);
	table_free(&t);
	return err;
}

static json_t *devices_json_one(const struct weir_store_device *device,
				const struct weir_store_stats *stats)
{
	return json_pack("{s:I, s:s, s:o, s:o, s:I, s:I, s:I, s:I}", "device",
			 (json_int_t)device->number + 1, "state", devices_state(device), "path",
			 device->path ? report_text(device->path) : json_null(), "why",
			 device->why ? report_text(device->why) : json_null(), "entries",
			 (json_int_t)stats->entries, "live_bytes", (json_int_t)stats->live_bytes,
			 "used_segments", (json_int_t)stats->used_segments, "free_segments",
			 (json_int_t)stats->free_segments);
}

json_t *devices_json(struct weir_store *s)
{
	struct weir_store_device device;
	struct weir_store_stats stats;
	json_t *all = json_array();
	uint32_t n;
	int err = 0;

	for (n = 0; all && !(err = devices_look(s, n, &device, &stats)); n++)
		if (json_array_append_new(all, devices_json_one(&device, &stats)))
			break;
	if (err == -ENOENT)
		return all;
	json_decref(all);
	return NULL;
}
