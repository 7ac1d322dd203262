/* SPDX-License-Identifier: Apache-2.0 */
/* step_ids.c - finds the requests of `weir step` by name. See step.h. */
#include <stdlib.h>
#include <string.h>

#include "cli/step.h"

#define STEP_FIRST_SLOTS 1024u

/* Returns the FNV-1a hash of ID. */
static uint32_t step_hash(const char *id)
{
	uint32_t hash = 2166136261u;

	for (; *id; id++)
		hash = (hash ^ (unsigned char)*id) * 16777619u;
	return hash;
}

/* Returns the slot that ID has, or would have. */
static size_t step_slot(const struct step_ids *ids, const char *id, uint32_t hash)
{
	size_t at = hash & (ids->slots - 1);

	while (ids->slot[at] && (ids->slot[at]->hash != hash || strcmp(ids->slot[at]->id, id)))
		at = (at + 1) & (ids->slots - 1);
	return at;
}

struct step_rq *step_ids_find(const struct step_ids *ids, const char *id)
{
	return ids->slots ? ids->slot[step_slot(ids, id, step_hash(id))] : NULL;
}

static int step_ids_grow(struct step_ids *ids)
{
	struct step_ids grown = *ids;

	grown.slots = ids->slots ? 2 * ids->slots : STEP_FIRST_SLOTS;
	grown.slot = calloc(grown.slots, sizeof(*grown.slot));
	if (!grown.slot)
		return -1;
	for (size_t i = 0; i < ids->slots; i++)
		if (ids->slot[i])
			grown.slot[step_slot(&grown, ids->slot[i]->id, ids->slot[i]->hash)] =
				ids->slot[i];
	free(ids->slot);
	*ids = grown;
	return 0;
}

struct step_rq *step_ids_add(struct step_ids *ids, const char *id)
{
	struct step_rq *rq = ids->free;

	if (2 * ids->used >= ids->slots && step_ids_grow(ids))
		return NULL;
	if (rq)
		ids->free = rq->next;
	else
		rq = malloc(sizeof(*rq));
	if (!rq)
		return NULL;
	memset(rq, 0, sizeof(*rq));
	memcpy(rq->id, id, strlen(id) + 1);
	rq->hash = step_hash(id);
	ids->slot[step_slot(ids, id, rq->hash)] = rq;
	ids->used++;
	return rq;
}

void step_ids_remove(struct step_ids *ids, struct step_rq *rq)
{
	size_t mask = ids->slots - 1, hole = step_slot(ids, rq->id, rq->hash);

	/*
	 * An entry behind the hole may be there only because the removed one was in its place: it
	 * moves up.
	 */
	for (size_t at = (hole + 1) & mask; ids->slot[at]; at = (at + 1) & mask) {
		size_t wanted = ids->slot[at]->hash & mask;

		if (((at - wanted) & mask) < ((at - hole) & mask))
			continue;
		ids->slot[hole] = ids->slot[at];
		hole = at;
	}
	ids->slot[hole] = NULL;
	ids->used--;
	rq->next = ids->free;
	ids->free = rq;
}

void step_ids_free(struct step_ids *ids)
{
	struct step_rq *rq;

	for (size_t i = 0; i < ids->slots; i++)
		free(ids->slot[i]);
	while ((rq = ids->free)) {
		ids->free = rq->next;
		free(rq);
	}
	free(ids->slot);
}
