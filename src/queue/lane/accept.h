/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accept.h - from ios to requests. The lane's owner.
 */
#ifndef ACCEPT_H
#define ACCEPT_H

#include "queue/lane/state.h"

/* Makes requests of the ios of LIST and of those that wait, as far as there are tags. */
void accept_ios(struct lane *lane, struct io_list *list);

/* Returns false if accept_ios() with LIST would do nothing. A turn with few ios asks as often as
 * one with many, so it is inline. */
static inline bool accept_has_some(const struct lane *lane, const struct io_list *list)
{
	return list->first || lane->waiting.nr || lane->flush.ios.first ||
	       lane->flush.ready.first || lane->ended.has_away;
}

#endif
