/* SPDX-License-Identifier: Apache-2.0 */
/*
 * placed.c - counts writes by the placement id that they name.
 *
 * A write that names none counts for id 0, which is where the drive puts it. Owns lane->placed. The
 * lane's owner.
 */
#include "queue/lane/placed.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "queue/lane/queue.h"

static int placed_cmp(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

int placed_init(struct lane *lane)
{
	if (!lane->q->nr_placements)
		return 0;
	lane->placed = calloc(lane->q->nr_placements, sizeof(*lane->placed));
	return lane->placed ? 0 : -ENOMEM;
}

void placed_count(struct lane *lane, const struct weir_io *io)
{
	const struct weir_queue *q = lane->q;
	const uint16_t *id = bsearch(&io->placement, q->placements, q->nr_placements,
				     sizeof(*q->placements), placed_cmp);
	struct placed *placed;

	if (!id) /* only id 0 is unknown to the list: other ids were refused at submit */
		return;
	CHECK(lane->placed);
	placed = &lane->placed[id - q->placements];
	hist_add(&placed->ios, 1);
	if (io->result)
		hist_add(&placed->errors, 1);
	else
		hist_add(&placed->bytes, io->length);
}
