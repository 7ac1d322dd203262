/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fdp.c - `weir fdp`: shows what an NVMe drive supports of Flexible Data Placement, and its
 * counters.
 */
#include <inttypes.h>
#include <string.h>

#include <weir/fdp.h>

#include "base/parse.h"
#include "cli/command.h"
#include "cli/opening.h"
#include "cli/report.h"
#include "cli/table.h"

struct fdp_args {
	unsigned json;
};

static const struct opt fdp_options[] = {
	JSON_OPTION(offsetof(struct fdp_args, json)),
	OPT_END,
};

static const char *fdp_isolation(uint32_t isolation)
{
	switch (isolation) {
	case WEIR_FDP_INITIALLY:
		return "initially isolated";
	case WEIR_FDP_PERSISTENTLY:
		return "persistently isolated";
	default:
		return "unknown";
	}
}

/*
 * Returns the bytes written to the media for each byte that hosts wrote; 0: no host wrote anything
 * yet.
 */
static double fdp_waf(const struct weir_fdp *fdp)
{
	return fdp->host_bytes ? (double)fdp->media_bytes / (double)fdp->host_bytes : 0;
}

static int fdp_print_placements(const struct weir_fdp *fdp)
{
	struct table t = { .columns = "rrrl" };
	char id[16], handle[16], left[32];
	int err;

	table_row(&t, "PLACEMENT", "HANDLE", "LEFT", "TYPE");
	for (uint32_t i = 0; i < fdp->nr_placements; i++) {
		const struct weir_fdp_placement *p = &fdp->placements[i];

		snprintf(id, sizeof(id), "%u", p->id);
		snprintf(handle, sizeof(handle), "%u", p->handle);
		format_size(p->left_bytes, left, sizeof(left));
		table_row(&t, id, handle, left, fdp_isolation(p->isolation));
	}
	err = table_print(&t, 0, stdout);
	table_free(&t);
	return err;
}

static void fdp_print_counts(const struct weir_fdp *fdp)
{
	char size[32];

	printf("  reclaim unit     %s\n", format_size(fdp->unit_bytes, size, sizeof(size)));
	printf("  reclaim groups   %u\n", fdp->reclaim_groups);
	printf("  handles          %u\n", fdp->handles);
	printf("  written by hosts %s\n", format_size(fdp->host_bytes, size, sizeof(size)));
	printf("  written to media %s\n", format_size(fdp->media_bytes, size, sizeof(size)));
	printf("  erased           %s\n", format_size(fdp->erased_bytes, size, sizeof(size)));
	if (fdp->host_bytes)
		printf("  WAF              %.3f (media bytes / host bytes, since the drive was "
		       "new)\n",
		       fdp_waf(fdp));
}

static void fdp_print_events(const struct weir_fdp *fdp)
{
	if (fdp->nr_events)
		printf("\nEvents:\n");
	for (uint32_t i = 0; i < fdp->nr_events; i++) {
		const struct weir_fdp_event *e = &fdp->events[i];

		printf("  at %" PRIu64 " ms of the drive's clock: %s", e->time_ms, e->what);
		if (e->placement >= 0)
			printf(" (placement %d)", e->placement);
		printf("\n");
	}
}

static int fdp_print(const char *path, const struct weir_fdp *fdp)
{
	if (!fdp->nvme) {
		printf("%s: not an NVMe drive; only NVMe drives have FDP: name one, such as "
		       "/dev/ng0n1\n",
		       path);
		return 0;
	}
	if (!fdp->supported) {
		printf("%s: the drive has no FDP\n", path);
		return 0;
	}
	if (!fdp->enabled) {
		printf("%s: the drive has FDP, but it is not enabled for this namespace (nvme "
		       "fdp feature enables it, before the namespace is made)\n",
		       path);
		return 0;
	}
	if (fdp->partial) {
		printf("%s: FDP is enabled in endurance group %u; without CAP_SYS_ADMIN only its "
		       "placement ids can be read\n",
		       path, fdp->endurance_group);
	} else {
		printf("%s: FDP is enabled: configuration %u of endurance group %u\n", path,
		       fdp->configuration, fdp->endurance_group);
		fdp_print_counts(fdp);
	}
	printf("\n");
	if (fdp_print_placements(fdp) < 0)
		return report_error("out of memory");
	fdp_print_events(fdp);
	return 0;
}

static json_t *fdp_json_placements(const struct weir_fdp *fdp)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < fdp->nr_placements; i++) {
		const struct weir_fdp_placement *p = &fdp->placements[i];

		json_array_append_new(list, json_pack("{s:i, s:i, s:I, s:I, s:s}", "placement",
						      (int)p->id, "handle", (int)p->handle,
						      "left_bytes", (json_int_t)p->left_bytes,
						      "left_s", (json_int_t)p->left_s, "type",
						      fdp_isolation(p->isolation)));
	}
	return list;
}

static json_t *fdp_json_events(const struct weir_fdp *fdp)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < fdp->nr_events; i++) {
		const struct weir_fdp_event *e = &fdp->events[i];
		json_t *placement = e->placement < 0 ? json_null() : json_integer(e->placement);

		json_array_append_new(list, json_pack("{s:s, s:I, s:b, s:o}", "what", e->what,
						      "time_ms", (json_int_t)e->time_ms, "by_drive",
						      (int)e->by_drive, "placement", placement));
	}
	return list;
}

static int fdp_print_json(const char *path, const struct weir_fdp *fdp)
{
	json_t *root = json_pack(
		"{s:s, s:o, s:b, s:b, s:b, s:b, s:i, s:i, s:i, s:i, s:I}", "schema", "weir.fdp.v1",
		"path", report_text(path), "nvme", (int)fdp->nvme, "supported", (int)fdp->supported,
		"enabled", (int)fdp->enabled, "partial", (int)fdp->partial, "endurance_group",
		(int)fdp->endurance_group, "configuration", (int)fdp->configuration,
		"reclaim_groups", (int)fdp->reclaim_groups, "handles", (int)fdp->handles,
		"unit_bytes", (json_int_t)fdp->unit_bytes);
	json_t *counts =
		json_pack("{s:I, s:I, s:I, s:o, s:o, s:o}", "host_bytes",
			  (json_int_t)fdp->host_bytes, "media_bytes", (json_int_t)fdp->media_bytes,
			  "erased_bytes", (json_int_t)fdp->erased_bytes, "waf",
			  fdp->host_bytes ? json_real(fdp_waf(fdp)) : json_null(), "placements",
			  fdp_json_placements(fdp), "events", fdp_json_events(fdp));

	if (root && counts)
		json_object_update_missing(root, counts);
	json_decref(counts);
	return report_json(root, 0);
}

static int fdp_run(void *arg, char **operands, int n)
{
	const struct fdp_args *args = arg;
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;
	struct weir_device *dev = NULL;
	struct weir_fdp *fdp = NULL;
	int exit_code;

	(void)n;
	opts.flags = WEIR_DEVICE_READ_ONLY;
	if (weir_device_open(&dev, operands[0], &opts) < 0)
		return report_failed(operands[0]);
	if (weir_fdp_read(&fdp, dev) < 0)
		exit_code = report_failed(operands[0]);
	else
		exit_code =
			args->json ? fdp_print_json(operands[0], fdp) : fdp_print(operands[0], fdp);
	weir_fdp_free(fdp);
	weir_device_close(dev);
	return exit_code;
}

const struct command command_fdp = {
	.name = "fdp",
	.path = COMMAND_STORE,
	.operands = "PATH",
	.summary = "show what an NVMe drive supports of Flexible Data Placement",
	.text = "Asks the drive behind PATH, such as /dev/ng0n1, for its placement ids, for the\n"
		"space left in the reclaim unit of each, and for the bytes that it wrote to its\n"
		"medium for each byte that hosts wrote (WAF). A drive without FDP is no error, "
		"and\n"
		"a PATH that is not an NVMe drive is no error either.\n",
	.examples = "weir fdp /dev/ng0n1\n"
		    "weir fdp /dev/ng0n1 --json\n",
	.options = fdp_options,
	.min_operands = 1,
	.max_operands = 1,
	.args_size = sizeof(struct fdp_args),
	.run = fdp_run,
};
