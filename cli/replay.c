/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.c - `weir replay`: plays a KV-cache trace through a store, which it makes if necessary,
 * and reports.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/acks.h"
#include "cli/command.h"
#include "cli/default.h"
#include "cli/opening.h"
#include "cli/replay.h"
#include "cli/replay_report.h"
#include "cli/replay_session.h"
#include "cli/report.h"

static const struct replay_args replay_defaults = {
	.speed = "max",
	.trace_format = "auto",
	.block_bytes = 64 << 10,
	.depth = 32,
	.clients = 1,
	.chats = 800,
	.seed = 1,
};

#define REPLAY_AT(field) .offset = offsetof(struct replay_args, field)

static const struct opt replay_options[] = {
	{ .name = "store",
	  .letter = 's',
	  .type = OPT_STRING,
	  REPLAY_AT(store),
	  .arg = "PATH",
	  .file = OPT_READS,
	  .help = "the store; it is made if it does not exist\n"
		  "(default: WEIR_STORE)" },
	{ .name = "size",
	  .type = OPT_SIZE,
	  REPLAY_AT(size),
	  .arg = "SIZE",
	  .help = "the size of a new store (default 4g)" },
	{ .name = "block-bytes",
	  .letter = 'b',
	  .type = OPT_SIZE,
	  REPLAY_AT(block_bytes),
	  .arg = "SIZE",
	  .help = "bytes in each block of the trace (default 64k)",
	  .min = 1,
	  .max = 512ull << 20 },
	{ .name = "trace-format",
	  .type = OPT_STRING,
	  REPLAY_AT(trace_format),
	  .arg = "NAME",
	  .help = "the format of TRACE: mooncake, bailian or mlperf\n"
		  "(default: auto, by its first line)" },
	{ .name = "tier",
	  .type = OPT_STRING,
	  REPLAY_AT(tier),
	  .arg = "N|all",
	  .help = "mlperf: play the rows of Tier-N, 0 to 2 (default 2:\n"
		  "NVMe, which the store stands for)" },
	OPENING_OPTIONS(offsetof(struct replay_args, opening)),
	PUT_ROOM_OPTION(offsetof(struct replay_args, opening)),
	{ .name = "depth",
	  .type = OPT_NUMBER,
	  REPLAY_AT(depth),
	  .arg = "N",
	  .help = "blocks in flight for each client (default 32)",
	  .min = 1,
	  .max = 4096 },
	{ .name = "clients",
	  .letter = 'c',
	  .type = OPT_NUMBER,
	  REPLAY_AT(clients),
	  .arg = "N",
	  .help = "requests that are played at the same time (default 1)",
	  .min = 1,
	  .max = 1024 },
	{ .name = "speed",
	  .type = OPT_STRING,
	  REPLAY_AT(speed),
	  .arg = "N|max",
	  .help = "begin each request at its time in the trace, N times\n"
		  "as fast, and measure from that time; max (default):\n"
		  "without waiting" },
	{ .name = "verify",
	  .letter = 'v',
	  .type = OPT_FLAG,
	  REPLAY_AT(verify),
	  .help = "compare every byte of every block that is read" },
	{ .name = "durable",
	  .type = OPT_FLAG,
	  REPLAY_AT(durable),
	  .help = "wait after each put until it would survive a power cut" },
	{ .name = "ack-log",
	  .type = OPT_STRING,
	  REPLAY_AT(ack_log),
	  .arg = "FILE",
	  .file = OPT_WRITES_MORE,
	  .help = "append the keys of acknowledged blocks to FILE" },
	{ .name = "check-acks",
	  .type = OPT_STRING,
	  REPLAY_AT(check_acks),
	  .arg = "FILE",
	  .help = "first check that the store has all keys in FILE, which\n"
		  "--ack-log wrote, unchanged; needs no TRACE" },
	{ .name = "series",
	  .type = OPT_STRING,
	  REPLAY_AT(series),
	  .arg = "FILE",
	  .file = OPT_WRITES_MORE,
	  .help = "write what gets and puts did in each window of 100 ms,\n"
		  "as CSV, for `weir report`" },
	{ .name = "requests",
	  .letter = 'n',
	  .type = OPT_NUMBER,
	  REPLAY_AT(requests),
	  .arg = "N",
	  .help = "play only this many (default: all; synthetic: 3000)",
	  .max = 100000000 },
	{ .name = "chats",
	  .type = OPT_NUMBER,
	  REPLAY_AT(chats),
	  .arg = "N",
	  .help = "synthetic: chats at the same time (default 800)",
	  .min = 1,
	  .max = 10000000 },
	{ .name = "seed",
	  .type = OPT_NUMBER,
	  REPLAY_AT(seed),
	  .arg = "N",
	  .help = "synthetic: the seed of the trace (default 1)" },
	{ .name = "dry",
	  .type = OPT_FLAG,
	  REPLAY_AT(dry),
	  .help = "print the hit rates that stores of several sizes would\n"
		  "have, by simulating them in memory; needs no store" },
	{ .name = "policy",
	  .type = OPT_STRING,
	  REPLAY_AT(policy),
	  .arg = "NAME",
	  .help = "--dry: fifo, clock, lru or second (default: all)" },
	{ .name = "rewrite",
	  .type = OPT_STRING,
	  REPLAY_AT(rewrite),
	  .arg = "PERCENT",
	  .help = "--dry: the rewrite budget of clock (default 75%)" },
	{ .name = "capacity",
	  .type = OPT_STRING,
	  REPLAY_AT(capacity),
	  .arg = "SIZE,...",
	  .help = "--dry: sizes of the store, in bytes or as parts of all\n"
		  "different blocks (default 10%,25%,50%)" },
	{ .name = "segments",
	  .type = OPT_NUMBER,
	  REPLAY_AT(segments),
	  .arg = "N",
	  .help = "--dry: segments of the store (default: as many as\n"
		  "weir format makes)",
	  .min = 2,
	  .max = 1048576 },
	{ .name = "write-budget",
	  .type = OPT_STRING,
	  REPLAY_AT(write_budget),
	  .arg = "BYTES|Ndwpd",
	  .help = "--dry: bytes that fifo and clock may write in a day, as\n"
		  "with weir format; a day of the trace, N times as fast\n"
		  "with --speed N" },
	JSON_OPTION(offsetof(struct replay_args, json)),
	OPT_END,
};

static int replay_check_log(struct replay_session *s)
{
	struct replay_check *check = &s->check;

	if (!s->args->check_acks)
		return 0;
	if (replay_check(s->store, &s->replay.config, s->acks, s->ack_count, check) < 0)
		return report_error("%s", weir_error());
	if (!s->ack_count)
		report_note("%s: it contains no acknowledged block, so nothing was checked",
			    s->args->check_acks);
	else if (!s->args->json)
		printf("%s: %" PRIu64 " acknowledged blocks, %" PRIu64 " missing, %" PRIu64
		       " wrong\n",
		       s->args->check_acks, check->checked, check->missing, check->wrong);
	if (check->missing || check->wrong)
		return report_error("%s: %s", s->args->store, check->trouble);
	return 0;
}

/* Returns the exit code of a replay that ended with ERR, and prints the messages about it. */
static int replay_judge(const struct replay_session *s, int err)
{
	const struct replay *r = &s->replay;

	if (err < 0)
		return report_error("%s: ended early: %s", s->args->store, weir_error());
	if (r->totals.verify_failures || r->totals.get_errors)
		return report_error("%s: %s", s->args->store, r->trouble);
	if (r->interrupted)
		return report_error("interrupted after %" PRIu64 " of %zu requests",
				    r->totals.requests, r->trace->count);
	if (r->config.verify && !r->totals.verified)
		report_note("--verify: no block came from the store, so none was compared");
	return 0;
}

static int replay_report_session(const struct replay_session *s, struct replay_report *p)
{
	p->trace_name = s->trace_name;
	p->synthetic = !strcmp(s->trace_name, REPLAY_SYNTHETIC);
	p->path = s->args->store;
	p->warm = !s->made;
	p->replay = &s->replay;
	p->check = s->args->check_acks ? &s->check : NULL;
	if (replay_report_gather(p, s->store) < 0)
		return report_failed(s->args->store);
	if (s->args->json)
		return report_json(replay_report_json(p), 0);
	return replay_report_print(p, stdout) < 0 ? report_error("out of memory") : 0;
}

static int replay_play(struct replay_session *s)
{
	struct replay_report report = { 0 };
	int exit_code, reported;

	s->replay.config.ack_fd = -1;
	if (s->args->ack_log) {
		s->replay.config.ack_fd = acks_open(s->args->ack_log);
		if (s->replay.config.ack_fd < 0)
			return report_error("%s", weir_error());
	}
	if (s->args->series && replay_series_open(&s->replay.series, s->args->series))
		return report_error("%s", weir_error());
	exit_code = replay_judge(s, replay_run(&s->replay));
	if (s->replay.series && replay_series_close(s->replay.series, s->replay.end_ns)) {
		reported = report_error("%s", weir_error());
		exit_code = exit_code ? exit_code : reported;
	}
	reported = replay_report_session(s, &report);
	return exit_code ? exit_code : reported;
}

static int replay_only_check_json(const struct replay_session *s)
{
	return report_json(json_pack("{s:s, s:o, s:I, s:I, s:I}", "schema", "weir.replay-acks.v1",
				     "store", report_text(s->args->store), "checked",
				     (json_int_t)s->check.checked, "missing",
				     (json_int_t)s->check.missing, "wrong",
				     (json_int_t)s->check.wrong),
			   0);
}

static int replay_do_dry(struct replay_session *s)
{
	int exit_code = replay_configure_dry(s);

	if (!exit_code)
		exit_code = replay_load_trace(s);
	return exit_code ? exit_code : replay_dry(s);
}

static int replay_do(struct replay_session *s)
{
	int exit_code, played;

	if (s->args->dry)
		return replay_do_dry(s);
	exit_code = replay_configure(s);
	if (!exit_code)
		exit_code = replay_check_outputs(s);
	if (!exit_code)
		exit_code = replay_check_fit(s);
	if (!exit_code)
		exit_code = replay_load_trace(s);
	if (!exit_code)
		exit_code = replay_read_acks(s);
	if (!exit_code)
		exit_code = replay_open_store(s);
	if (exit_code)
		return exit_code;
	exit_code = replay_check_log(s);
	if (s->trace_name) {
		played = replay_play(s);
		return exit_code ? exit_code : played;
	}
	if (s->args->json)
		replay_only_check_json(s);
	return exit_code;
}

static int replay_main(void *arg, char **operands, int n)
{
	struct replay_args *args = arg;
	struct replay_session *s = calloc(1, sizeof(*s));
	int exit_code;

	if (!s)
		return report_error("out of memory");
	if (!args->store)
		args->store = default_store();
	s->args = args;
	s->trace_name = n ? operands[0] : NULL;
	s->replay.config.ack_fd = -1;
	exit_code = replay_do(s);
	if (s->store)
		exit_code = opening_close(s->store, s->args->store, exit_code);
	if (s->replay.config.ack_fd >= 0)
		close(s->replay.config.ack_fd);
	trace_free(&s->trace);
	free(s->acks);
	free(s);
	return exit_code;
}

const struct command command_replay = {
	.name = "replay",
	.path = COMMAND_PATH,
	.operands = "[TRACE] --store PATH",
	.summary = "play a KV-cache trace through a store, and measure",
	.text = "Plays TRACE through the store on PATH, as a server of language models would use "
		"it.\n"
		"For each request the leading blocks are read until the first miss; the other "
		"ones\n"
		"are put, so the next request finds them. Then prints how many blocks came from "
		"the\n"
		"store and how long it took.\n\n"
		"TRACE is a file, - for standard input, or the word synthetic: chats of several\n"
		"turns that share prefixes, made from a seed. A file may be packed with gzip or\n"
		"zstd. The first line shows which of these formats it has:\n"
		"  mooncake  JSON lines {\"timestamp\": MS, \"hash_ids\": [ID, ...]}\n"
		"  bailian   the same with \"chat_id\", and \"timestamp\" in seconds (Qwen's)\n"
		"  mlperf    CSV with the header Timestamp,Operation,Object_Size_Bytes,Tier,\n"
		"            Key,Phase (MLPerf Storage, KV cache): a Read reads an object and\n"
		"            puts nothing, a Write puts it. An object is split into blocks of\n"
		"            --block-bytes; the last one is filled up.\n\n"
		"Read and write speeds are the bytes of blocks divided by the time of the whole\n"
		"replay. Exits with 1 if a block was wrong or the replay ended early.\n",
	.examples =
		"weir replay synthetic --store demo.img --size 1g --verify\n"
		"weir replay trace.jsonl --store demo.img --block-bytes 16k --json\n"
		"weir replay trace.jsonl --store demo.img --speed 10 --clients 8   # open loop\n"
		"weir replay kv_trace.csv.zst --store demo.img --tier all\n"
		"weir replay trace.jsonl --dry --capacity 10%,25%,50%   # hit rates, in "
		"seconds\n"
		"weir replay trace.jsonl --store demo.img --ack-log acks    # and, if it was "
		"killed:\n"
		"weir replay --store demo.img --check-acks acks\n",
	.options = replay_options,
	.min_operands = 0,
	.max_operands = 1,
	.args_size = sizeof(struct replay_args),
	.defaults = &replay_defaults,
	.run = replay_main,
};
