/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts_setting.c - changes a setting that each device of a store has in its superblock: on all
 * devices that are there, or on none.
 *
 * First each part is asked what it has and whether it can be written. If the write of one fails,
 * those before it get back what they had, and so does the one that failed, since one of its two
 * superblock copies may say the new value. One thread at a time does this: the changes of two could
 * reach the devices in different orders, and one could give back what the other has set. It owns
 * `setting` of the store; any thread, but the superblock of a part is changed on its loop.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "queue/loop.h"
#include "store/parts.h"

struct setting_question {
	struct parts_setting *setting;
	struct parts_value *value;
};

/* Runs on the loop of S. */
static int setting_ask(struct weir_store *s, void *user)
{
	const struct setting_question *ask = user;
	int err = s->io.read_only || s->io.broken ? -EROFS : 0;

	*ask->value = (struct parts_value){ 0, 0 };
	ask->setting->note(s, ask->setting, ask->value);
	return err;
}

/* Notes the value of each part in OLD. *FAILED is the part that cannot be written. */
static int setting_note_all(struct weir_store *s, struct parts_setting *setting,
			    struct parts_value *old, struct weir_store **failed)
{
	struct weir_store *part;
	uint32_t n;
	int err = 0;

	PARTS_FOREACH(s, part, n)
	{
		struct setting_question ask = { setting, &old[n] };
		int one = wait_call(part, setting_ask, &ask);

		if (one && !err)
			*failed = part;
		err = err ? err : one;
	}
	return err;
}

/* Gives the parts up to number LAST what they had. Returns false if one does not take it. */
static bool setting_undo(struct weir_store *s, const struct parts_setting *setting,
			 const struct parts_value *old, uint32_t last)
{
	struct weir_store *part;
	bool good = true;
	uint32_t n;

	PARTS_FOREACH(s, part, n)
	if (n <= last && setting->set(part, setting, &old[n]))
		good = false;
	return good;
}

/* Says that WHAT cannot be set because of ERR of PART. */
static int setting_words(const struct weir_store *s, const struct weir_store *part, int err,
			 bool none, const char *what)
{
	const char *path = weir_device_path(part->io.dev);
	char words[128];

	if (!s->parts)
		return error_sys(err, "%s: cannot set %s", path, what);
	return error_set(err, "%s: cannot set %s: %s; %s", path, what,
			 strerror_r(-err, words, sizeof(words)),
			 none ? "nothing was changed on any device"
			      : "the devices may differ until the store is opened again");
}

/* The one who waits looks so often. Two at once are rare, and each takes some milliseconds. */
#define SETTING_STEP_NS NSEC_PER_MSEC

struct setting_turn {
	uint32_t *taken; /* of the store */
};

/* Returns true if it is the caller's turn from now on. */
static bool setting_take(const void *user)
{
	const struct setting_turn *turn = user;

	return !__atomic_exchange_n(turn->taken, 1, __ATOMIC_ACQUIRE);
}

/* Waits for the caller's turn. The one who has it may need the loops of the caller. */
static void setting_begin(struct weir_store *s)
{
	struct timespec step = { .tv_nsec = (long)SETTING_STEP_NS };
	struct setting_turn turn = { &s->setting };

	while (!setting_take(&turn)) {
		uint64_t until = clock_now() + SETTING_STEP_NS;

		if (!loop_is_mine(s->io.q))
			nanosleep(&step, NULL);
		else if (s->parts ? parts_wait_until(s->parts, setting_take, &turn, until)
				  : loop_run_until(s->io.q, setting_take, &turn, until))
			return;
	}
}

static int setting_change(struct weir_store *s, struct parts_setting *setting, const char *what)
{
	struct parts_value old[WEIR_DEVICES_MAX];
	struct weir_store *part, *failed = NULL;
	uint32_t n;
	int err = setting_note_all(s, setting, old, &failed);

	if (setting->unknown && (!err || err == -EROFS))
		return -ENOENT;
	if (err)
		return setting_words(s, failed, err, true, what);
	PARTS_FOREACH(s, part, n)
	{
		err = setting->set(part, setting, &setting->value);
		if (err)
			return setting_words(s, part, err, setting_undo(s, setting, old, n), what);
	}
	return 0;
}

int parts_setting_change(struct weir_store *s, struct parts_setting *setting, const char *what)
{
	int err;

	setting_begin(s);
	err = setting_change(s, setting, what);
	__atomic_store_n(&s->setting, 0, __ATOMIC_RELEASE);
	return err;
}
