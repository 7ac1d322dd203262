/* SPDX-License-Identifier: Apache-2.0 */
/* describe.c - describes stores as JSON. Owns nothing; any thread may call it. */
#include <stdio.h>

#include "cli/describe.h"
#include "cli/report.h"

const char *describe_uuid(const uint8_t uuid[16], char text[DESCRIBE_UUID_MAX])
{
	char *out = text;

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		snprintf(out, 3, "%02x", uuid[i]);
		out += 2;
	}
	return text;
}

const char *describe_kind(enum weir_device_kind kind)
{
	switch (kind) {
	case WEIR_DEVICE_FILE:
		return "file";
	case WEIR_DEVICE_BLOCK:
		return "block device";
	case WEIR_DEVICE_NVME_CHAR:
		return "NVMe character device";
	case WEIR_DEVICE_NULL:
		return "null device";
	}
	return "device";
}

json_t *describe_store(const char *schema, const char *path, const struct weir_store_info *info)
{
	char uuid[DESCRIBE_UUID_MAX];

	return json_pack("{s:s, s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "schema",
			 schema, "path", report_text(path), "uuid", describe_uuid(info->uuid, uuid),
			 "version", (json_int_t)info->version, "capacity_bytes",
			 (json_int_t)info->capacity_bytes, "block_bytes",
			 (json_int_t)info->block_bytes, "segment_bytes",
			 (json_int_t)info->segment_bytes, "segments", (json_int_t)info->segments,
			 "max_value_bytes", (json_int_t)info->max_value_bytes, "epoch",
			 (json_int_t)info->epoch, "revision", (json_int_t)info->revision);
}

json_t *describe_latency(const struct weir_latency *l)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "count", (json_int_t)l->count, "p50_ns",
			 (json_int_t)l->p50_ns, "p90_ns", (json_int_t)l->p90_ns, "p99_ns",
			 (json_int_t)l->p99_ns, "p999_ns", (json_int_t)l->p999_ns, "max_ns",
			 (json_int_t)l->max_ns);
}
