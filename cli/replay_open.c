/* SPDX-License-Identifier: Apache-2.0 */
/* replay_open.c - gets what `weir replay` plays: the trace, and the store to play it on. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/parse.h"
#include "cli/acks.h"
#include "cli/devices.h"
#include "cli/replay_session.h"
#include "cli/report.h"
#include "cli/synthetic.h"

#define REPLAY_SIZE (4ull << 30) /* size of a new store */
#define REPLAY_REQUESTS 3000	 /* requests of a synthetic trace */

static void replay_note_tiers(const struct replay_session *s)
{
	const struct trace *t = &s->trace;

	if (s->args->tier && t->format != TRACE_MLPERF)
		report_note("%s has no tiers: --tier is ignored", s->trace_name);
	else if (t->count && t->skipped)
		report_note("%s: %" PRIu64 " rows of other tiers are not played; --tier all "
			    "plays them",
			    s->trace_name, t->skipped);
}

int replay_load_trace(struct replay_session *s)
{
	const struct replay_args *args = s->args;
	struct synthetic_params params = {
		.seed = args->seed,
		.requests = args->requests ? args->requests : REPLAY_REQUESTS,
		.chats = args->chats,
	};
	int err;

	if (!s->trace_name)
		return 0;
	if (!strcmp(s->trace_name, REPLAY_SYNTHETIC))
		err = synthetic_make(&s->trace, &params);
	else
		err = trace_load(&s->trace, s->trace_name, &s->trace_opts);
	if (err < 0)
		return report_error("%s", weir_error());
	replay_note_tiers(s);
	if (!s->trace.count && s->trace.skipped)
		return report_error("%s: the trace has no row of this tier, but %" PRIu64
				    " of others; "
				    "--tier all plays them",
				    s->trace_name, s->trace.skipped);
	if (!s->trace.count)
		return report_error("%s: no request in it", s->trace_name);
	s->replay.trace = &s->trace;
	return 0;
}

int replay_read_acks(struct replay_session *s)
{
	if (!s->args->check_acks)
		return 0;
	if (acks_read(s->args->check_acks, &s->acks, &s->ack_count) < 0)
		return report_error("%s", weir_error());
	return 0;
}

/* Makes the store, with segments that hold several blocks even if these are large. */
static int replay_make_store(const struct replay_args *args)
{
	struct weir_store_format_opts opts = WEIR_STORE_FORMAT_OPTS_INIT;

	if (opening_wants_nvme(&args->opening))
		return report_error("%s: there is no such device, and NVMe passthrough does not "
				    "work on a file: name a device such as /dev/ng0n1",
				    args->store);

	opts.create_bytes = args->size ? args->size : REPLAY_SIZE;
	if (args->block_bytes > opts.create_bytes / 256 / 4)
		for (opts.segment_bytes = 1 << 20; opts.segment_bytes < 4 * args->block_bytes;)
			opts.segment_bytes *= 2;
	if (weir_store_format(args->store, &opts) < 0)
		return report_failed(args->store);
	return 0;
}

static int replay_is_there(const char *path, void *user)
{
	(void)user;
	return !access(path, F_OK) || errno != ENOENT;
}

/* Returns true if the store has to be made: no device of it is there. */
static bool replay_is_missing(const struct replay_args *args)
{
	return !devices_each(args->store, replay_is_there, NULL);
}

/* Checks that the blocks fit into the existing store, before a trace is read or made. */
int replay_check_fit(const struct replay_session *s)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	char block[32], most[32], advice[160];
	int exit_code = opening_check(&s->args->opening);

	if (exit_code || replay_is_missing(s->args))
		return exit_code;
	exit_code = opening_ask(&info, s->args->store, &s->args->opening);
	if (exit_code || s->args->block_bytes <= info.max_value_bytes)
		return exit_code;
	return report_error("%s: blocks of %s do not fit: this store takes values of up to %s; %s",
			    s->args->store,
			    format_size_word(s->args->block_bytes, block, sizeof(block)),
			    format_size_word(info.max_value_bytes, most, sizeof(most)),
			    weir_store_advise(&info, s->args->block_bytes, advice, sizeof(advice)));
}

int replay_open_store(struct replay_session *s)
{
	const struct replay_args *args = s->args;
	int flags = OPENING_LONG | (args->clients > 1 ? OPENING_SHARED : 0);
	int exit_code = 0;

	if (s->trace_name && replay_is_missing(args)) {
		exit_code = replay_make_store(args);
		s->made = !exit_code;
	} else if (args->size) {
		report_note("%s exists already: --size is ignored", args->store);
	}
	if (!exit_code)
		exit_code = opening_store(&s->store, args->store, &args->opening, flags);
	s->replay.store = s->store;
	return exit_code;
}
