/* SPDX-License-Identifier: Apache-2.0 */
/*
 * placement.c - the placement ids of the drive, and how much was written by each.
 *
 * The list of ids is made when the queue is opened and never changes; each lane counts the writes
 * (lane/placed.c), and here they are added up. Any thread, at any time.
 */
#include "queue/placement.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/opts.h"
#include "device/device.h"

static int placement_cmp(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

int placement_open(struct weir_queue *q)
{
	uint32_t n;
	const struct weir_fdp_placement *found = device_placements(q->dev, &n);

	if (!n)
		return 0;
	q->placements = calloc(n, sizeof(*q->placements));
	if (!q->placements)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		q->placements[i] = found[i].id;
	qsort(q->placements, n, sizeof(*q->placements), placement_cmp);
	q->nr_placements = n;
	return 0;
}

int weir_queue_get_placement_stats(struct weir_queue *q, size_t index,
				   struct weir_placement_stats *stats)
{
	struct weir_placement_stats sum = WEIR_PLACEMENT_STATS_INIT;
	int err = queue_check_process(q);

	if (err)
		return err;
	if (index >= q->nr_placements)
		return error_set(-ENOENT, "%s: %u placement ids, and none behind these",
				 weir_device_path(q->dev), q->nr_placements);
	sum.id = q->placements[index];
	for (uint32_t i = 0; i < q->nr_lanes; i++) {
		const struct placed *placed = &q->lanes[i].placed[index];

		sum.ios += __atomic_load_n(&placed->ios, __ATOMIC_RELAXED);
		sum.bytes += __atomic_load_n(&placed->bytes, __ATOMIC_RELAXED);
		sum.errors += __atomic_load_n(&placed->errors, __ATOMIC_RELAXED);
	}
	return opts_give(stats, OPTS_SIZE(stats), &sum, sizeof(sum));
}
