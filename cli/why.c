/* SPDX-License-Identifier: Apache-2.0 */
/*
 * why.c - tells why a key is not in a store. If a process has it open, that is asked. Otherwise the
 * device tells: the newest record of the key, also one that is left over in a free segment. One
 * thread.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>

#include "cli/dump.h"
#include "cli/report.h"
#include "cli/source.h"
#include "cli/why.h"

/* What is known about the key. */
struct why_found {
	bool any; /* a record was found */
	struct weir_dump_record newest;
	uint64_t records;
};

static bool why_is_newer(const struct weir_dump_record *a, const struct weir_dump_record *b)
{
	if (a->live != b->live)
		return a->live;
	if (a->epoch != b->epoch)
		return a->epoch > b->epoch;
	return a->sequence > b->sequence;
}

static void why_record(void *user, const struct weir_dump_record *d)
{
	struct why_found *w = user;

	w->records++;
	if (w->any && !why_is_newer(d, &w->newest))
		return;
	w->any = true;
	w->newest = *d;
}

static const char *why_word(const struct why_found *w)
{
	if (!w->any)
		return "unknown";
	if (w->newest.live)
		return "there";
	if (w->newest.tombstone)
		return "deleted";
	return w->newest.struck ? "damaged" : "evicted";
}

static void why_words(const struct why_found *w, const char *path, const char *key,
		      const char *hint)
{
	const struct weir_dump_record *d = &w->newest;
	char when[DUMP_TIME_MAX];

	dump_time(d->time_ns, when);
	if (!w->any)
		printf("%s: %s was never put, as far as the device shows%s\n", path, key, hint);
	else if (d->live)
		printf("%s: %s is there: %" PRIu64 " bytes, put %s\n", path, key, d->length, when);
	else if (d->tombstone)
		printf("%s: %s was deleted %s, by a delete or by a scrub that found it damaged\n",
		       path, key, when);
	else if (d->struck)
		printf("%s: %s was dropped: its value was damaged, or a newer one in another "
		       "stream won (put %s)\n",
		       path, key, when);
	else
		printf("%s: %s was put %s and evicted: its segment %" PRIu32 " was freed\n", path,
		       key, when, d->segment);
}

static int why_json(const struct why_found *w, const char *path, const char *key)
{
	const struct weir_dump_record *d = &w->newest;

	return report_json(json_pack("{s:s, s:o, s:s, s:b, s:s, s:o, s:I, s:n}", "schema",
				     "weir.why.v1", "path", report_text(path), "key", key, "there",
				     (int)d->live, "reason", why_word(w), "time_ns",
				     w->any ? json_integer((json_int_t)d->time_ns) : json_null(),
				     "versions", (json_int_t)w->records, "pid"),
			   0);
}

static const char *why_left_word(const struct weir_store_why *why)
{
	static const char *const words[] = { [0] = "unknown",
					     [WEIR_LEAVE_EVICTED] = "evicted",
					     [WEIR_LEAVE_DELETED] = "deleted",
					     [WEIR_LEAVE_DAMAGED] = "damaged",
					     [WEIR_LEAVE_REFUSED] = "refused",
					     [WEIR_LEAVE_OUT_OF_USE] = "out-of-use" };

	if (why->there)
		return "there";
	return why->reason < sizeof(words) / sizeof(words[0]) ? words[why->reason] : "unknown";
}

static void why_left_words(const struct weir_store_why *why, const char *path, const char *key)
{
	static const char *const words[] = {
		[WEIR_LEAVE_EVICTED] = "was evicted",
		[WEIR_LEAVE_DELETED] = "was deleted",
		[WEIR_LEAVE_DAMAGED] = "was dropped, because its value was damaged,",
		[WEIR_LEAVE_REFUSED] = "was put, and not admitted: the write budget was spent",
		[WEIR_LEAVE_OUT_OF_USE] = "was lost with a segment that could not be read",
	};
	char when[DUMP_TIME_MAX];

	if (why->there)
		printf("%s: %s is there: %" PRIu64 " bytes\n", path, key, why->value_len);
	else if (why->reason && why->reason < sizeof(words) / sizeof(words[0]))
		printf("%s: %s %s %s\n", path, key, words[why->reason],
		       dump_time(why->time_ns, when));
	else
		printf("%s: %s is not there, and did not leave since the store was opened, as far "
		       "as it remembers\n",
		       path, key);
}

/* Asks the process that has the store open, which knows what left since it opened the store. */
static int why_running(const char *path, const struct opening *o, const struct key *key, int json)
{
	struct weir_store_why why = WEIR_STORE_WHY_INIT;
	char shown[KEY_TEXT_MAX];
	struct source src;
	int exit_code = source_open_busy(&src, path, o);

	if (exit_code)
		return exit_code;
	key_escape(key->bytes, key->len, shown);
	if (source_why(&src, key->bytes, key->len, &why) < 0)
		exit_code = report_failed(path);
	else if (json)
		exit_code = report_json(
			json_pack("{s:s, s:o, s:s, s:b, s:s, s:o, s:o, s:I}", "schema",
				  "weir.why.v1", "path", report_text(path), "key", shown, "there",
				  (int)why.there, "reason", why_left_word(&why), "time_ns",
				  why.time_ns ? json_integer((json_int_t)why.time_ns) : json_null(),
				  "versions", json_null(), "pid", (json_int_t)source_pid(&src)),
			0);
	else
		why_left_words(&why, path, shown);
	return source_close(&src, exit_code);
}

int why_print(const char *path, const struct opening *o, const struct key *key, int json)
{
	struct weir_dump_opts opts = WEIR_DUMP_OPTS_INIT;
	struct why_found w = { .any = false };
	char shown[KEY_TEXT_MAX];
	int err, exit_code = opening_check(o);

	if (exit_code)
		return exit_code;
	key_escape(key->bytes, key->len, shown);
	opts.engine = o->engine;
	opts.engine_opts = o->engine_opts;
	opts.key = key->bytes;
	opts.key_len = key->len;
	opts.freed = 1;
	opts.on_record = why_record;
	opts.user = &w;
	err = weir_store_dump(path, &opts);
	if (err == -EBUSY)
		return why_running(path, o, key, json);
	if (err < 0)
		return report_failed(path);
	if (json)
		return why_json(&w, path, shown);
	why_words(&w, path, shown, key_hint(key));
	return REPORT_OK;
}
