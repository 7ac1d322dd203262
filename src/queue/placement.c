/* SPDX-License-Identifier: Apache-2.0 */
/*
 * placement.c - how much was written by each placement id of the drive.
 *
 * The list of ids is made when the queue is opened and never changes; a lane has a counter for
 * each. A write that names none counts for id 0, which is where the drive puts it. Counting is the
 * lane's owner's; summing up is anybody's, at any time.
 */
#include "queue/placement.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/opts.h"
#include "device/device.h"

static int by_id(const void *a, const void *b)
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
	qsort(q->placements, n, sizeof(*q->placements), by_id);
	q->nr_placements = n;
	return 0;
}

int placement_init(struct lane *lane)
{
	if (!lane->q->nr_placements)
		return 0;
	lane->placed = calloc(lane->q->nr_placements, sizeof(*lane->placed));
	return lane->placed ? 0 : -ENOMEM;
}

void placement_count(struct lane *lane, const struct weir_io *io)
{
	const struct weir_queue *q = lane->q;
	const uint16_t *id = bsearch(&io->placement, q->placements, q->nr_placements,
				     sizeof(*q->placements), by_id);
	struct placed *placed;

	if (!id) /* only 0: others were refused */
		return;
	placed = &lane->placed[id - q->placements];
	hist_add(&placed->ios, 1);
	if (io->result)
		hist_add(&placed->errors, 1);
	else
		hist_add(&placed->bytes, io->length);
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
	return opts_give(stats, stats->size, &sum, sizeof(sum));
}
