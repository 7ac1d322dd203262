/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_check.c - compares a store with an acknowledgement log: every block in the log must
 * exist, unchanged. Only the thread that opened the store calls it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/content.h"
#include "cli/replay.h"
#include "cli/window.h"

static void check_trouble(struct replay_check *check, const char *key, const char *what)
{
	if (!check->trouble[0])
		snprintf(check->trouble, sizeof(check->trouble), "%s %s", key, what);
}

static void check_slot(struct replay_check *check, const struct window *w,
		       const struct window_slot *s, int result)
{
	check->checked++;
	if (result == -ENOENT && s->op.result == -ENOENT) {
		check->missing++;
		check_trouble(check, s->key, "was acknowledged and is not there");
	} else if (result == -ENOENT) {
		check->wrong++;
		check_trouble(check, s->key,
			      "has another length: is --block-bytes the one that "
			      "the log was written with?");
	} else if (result < 0) {
		check->wrong++;
		check_trouble(check, s->key, window_words(result));
	} else if (content_check(s->id, s->buf, w->block_bytes) != w->block_bytes) {
		check->wrong++;
		check_trouble(check, s->key, "has other bytes than were put");
	}
}

int replay_check(struct weir_store *store, const struct replay_config *config, const uint64_t *ids,
		 size_t n, struct replay_check *check)
{
	struct window w;
	size_t begun = 0;
	int err = window_open(&w, store, config->depth, config->block_bytes);

	if (err < 0)
		return err;
	for (size_t ended = 0; ended < n; ended++) {
		for (; begun < n && begun - ended < w.depth; begun++)
			window_get(&w, window_slot(&w, begun), ids[begun]);
		err = window_wait(&w, window_slot(&w, ended));
		check_slot(check, &w, window_slot(&w, ended), err);
	}
	window_close(&w);
	return 0;
}
