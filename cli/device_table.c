/* SPDX-License-Identifier: Apache-2.0 */
/* device_table.c - how the devices of a store are, as a table and as JSON. One thread. */
#include <errno.h>

#include "base/parse.h"
#include "cli/device_table.h"
#include "cli/report.h"
#include "cli/table.h"

static const char *device_state(const struct weir_store_device *device)
{
	static const char *const words[] = { [WEIR_STORE_DEVICE_GOOD] = "good",
					     [WEIR_STORE_DEVICE_STOPPED] = "stopped",
					     [WEIR_STORE_DEVICE_MISSING] = "missing",
					     [WEIR_STORE_DEVICE_FAILING] = "failing" };

	return device->state < sizeof(words) / sizeof(words[0]) ? words[device->state] : "unknown";
}

/* Fills in what there is to say about device N. Returns 0 or -errno. */
static int device_look(struct source *src, uint32_t n, struct weir_store_device *device,
		       struct weir_store_stats *stats)
{
	int err;

	*device = (struct weir_store_device)WEIR_STORE_DEVICE_INIT;
	*stats = (struct weir_store_stats)WEIR_STORE_STATS_INIT;
	err = source_device(src, n, device);
	if (err || device->state == WEIR_STORE_DEVICE_MISSING)
		return err;
	return source_device_stats(src, n, stats);
}

/* Says what failed on the devices on which something did. */
static int device_table_why(struct source *src, FILE *out)
{
	struct weir_store_device device;
	struct weir_store_stats stats;
	uint32_t n;
	int err;

	for (n = 0; !(err = device_look(src, n, &device, &stats)); n++)
		if (device.failed_ios)
			fprintf(out, "  device %u: %llu ios failed, and the first was: %s\n", n + 1,
				(unsigned long long)device.failed_ios,
				device.why ? device.why : "?");
	return err == -ENOENT ? 0 : err;
}

int device_table_print(struct source *src, FILE *out)
{
	struct weir_store_device device;
	struct weir_store_stats stats;
	struct table t = { .columns = "rlrrrl" };
	char number[32], entries[32], values[32], free_segments[32];
	uint32_t n;
	int err;

	table_row(&t, "device", "state", "entries", "values", "segments free", "path");
	for (n = 0; !(err = device_look(src, n, &device, &stats)); n++)
		table_row(&t, table_count(n + 1, number, sizeof(number)), device_state(&device),
			  table_count(stats.entries, entries, sizeof(entries)),
			  format_size(stats.live_bytes, values, sizeof(values)),
			  table_count(stats.free_segments, free_segments, sizeof(free_segments)),
			  device.path ? device.path : "-");
	if (err == -ENOENT)
		err = table_print(&t, 2, out);
	table_free(&t);
	return err ? err : device_table_why(src, out);
}

static json_t *device_json(const struct weir_store_device *device,
			   const struct weir_store_stats *stats)
{
	return json_pack("{s:I, s:s, s:o, s:o, s:I, s:I, s:I, s:I, s:I}", "device",
			 (json_int_t)device->number + 1, "state", device_state(device), "path",
			 device->path ? report_text(device->path) : json_null(), "why",
			 device->why ? report_text(device->why) : json_null(), "entries",
			 (json_int_t)stats->entries, "live_bytes", (json_int_t)stats->live_bytes,
			 "used_segments", (json_int_t)stats->used_segments, "free_segments",
			 (json_int_t)stats->free_segments, "failed_ios",
			 (json_int_t)device->failed_ios);
}

json_t *device_table_json(struct source *src)
{
	struct weir_store_device device;
	struct weir_store_stats stats;
	json_t *all = json_array();
	uint32_t n;
	int err = 0;

	for (n = 0; all && !(err = device_look(src, n, &device, &stats)); n++)
		if (json_array_append_new(all, device_json(&device, &stats)))
			break;
	if (err == -ENOENT)
		return all;
	json_decref(all);
	return NULL;
}
