/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssd_fold.c - when data that was programmed in the fast way (SLC) moves to its place. It waits
 * until nobody has written for a while; a write ends it.
 */
#include "base/container.h"
#include "sim/ssd.h"

static void ssd_fold_begin(struct event *ev, uint64_t now)
{
	struct ssd *ssd = container_of(ev, struct ssd, fold);

	ssd->fold_due = false;
	ssd->folding = true;
	ssd_work_all(ssd, now);
}

void ssd_fold_later(struct ssd *ssd, uint64_t now)
{
	if (!ssd->m.c->ssd.slc)
		return;
	if (ssd->fold_due)
		events_remove(ssd->m.events, &ssd->fold);
	ssd->folding = false;
	ssd->fold_due = true;
	ssd->fold.fire = ssd_fold_begin;
	events_add(ssd->m.events, &ssd->fold, now + ssd->m.c->ssd.slc_fold);
}
