/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.c - `weir replay`: plays a KV-cache trace through a store, which it makes if necessary,
 * and reports.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/parse.h"
#include "cli/acks.h"
#include "cli/command.h"
#include "cli/default.h"
#include "cli/opening.h"
#include "cli/output.h"
#include "cli/replay.h"
#include "cli/replay_report.h"
#include "cli/report.h"
#include "cli/synthetic.h"

#define REPLAY_SYNTHETIC "synthetic"
#define REPLAY_SIZE (4ull << 30) /* size of a new store */
#define REPLAY_REQUESTS 3000	 /* requests of a synthetic trace */

struct replay_args {
	struct opening opening;
	const char *store, *speed, *ack_log, *check_acks, *trace_format, *tier;
	uint64_t block_bytes, size, depth, clients;
	uint64_t requests, chats, seed;
	unsigned verify, durable, json;
};

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
	  .help = "append the keys of acknowledged blocks to FILE" },
	{ .name = "check-acks",
	  .type = OPT_STRING,
	  REPLAY_AT(check_acks),
	  .arg = "FILE",
	  .help = "first check that the store has all keys in FILE, which\n"
		  "--ack-log wrote, unchanged; needs no TRACE" },
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
	JSON_OPTION(offsetof(struct replay_args, json)),
	OPT_END,
};

/* Everything that a run needs; replay_main() releases it. */
struct replay_session {
	const struct replay_args *args;
	const char *trace_name; /* NULL: only the log is checked */
	struct trace trace;
	struct trace_opts trace_opts;
	struct replay replay;
	struct weir_store *store;
	bool made; /* the store was made for this run */
	uint64_t *acks;
	size_t ack_count;
	struct replay_check check;
};

/* Reads a speed: "max" or a number above 0. */
static int replay_parse_speed(const char *text, double *speed)
{
	char *end;

	*speed = 0;
	if (!strcmp(text, "max"))
		return 0;
	*speed = strtod(text, &end);
	if (*end || end == text || !(*speed >= 1e-6 && *speed <= 1e9))
		return report_usage("--speed: \"%s\" is not a speed: give a number such as 10, or "
				    "max",
				    text);
	return 0;
}

/* Reads which rows of a trace of objects are played. */
static int replay_parse_tier(const char *text, unsigned *tiers)
{
	uint64_t tier = TRACE_TIERS - 1;

	*tiers = TRACE_ALL_TIERS;
	if (text && !strcmp(text, "all"))
		return 0;
	if (text && parse_number(text, 0, TRACE_TIERS - 1, &tier) < 0)
		return report_usage("--tier: \"%s\" is not a tier: give 0 (GPU), 1 (memory), "
				    "2 (NVMe) or all",
				    text);
	*tiers = 1u << tier;
	return 0;
}

static int replay_configure_trace(struct replay_session *s)
{
	struct trace_opts *opts = &s->trace_opts;

	opts->limit = s->args->requests;
	opts->block_bytes = s->args->block_bytes;
	if (trace_format_find(s->args->trace_format, &opts->format) < 0)
		return report_usage("--trace-format: there is no \"%s\": give auto, mooncake, "
				    "bailian or mlperf",
				    s->args->trace_format);
	return replay_parse_tier(s->args->tier, &opts->tiers);
}

/* Checks that no output overwrites the store or the trace. */
static int replay_check_outputs(const struct replay_session *s)
{
	const char *inputs[] = { s->args->store, s->trace_name };
	int exit_code = output_check_standard(s->args->store);

	if (!exit_code && s->args->ack_log)
		exit_code = output_check("--ack-log", s->args->ack_log, inputs, 2);
	return exit_code;
}

static int replay_configure(struct replay_session *s)
{
	const struct replay_args *args = s->args;
	struct replay_config *config = &s->replay.config;
	int exit_code;

	if (!args->store)
		return report_usage("--store PATH is missing, and WEIR_STORE names none");
	if (!s->trace_name && !args->check_acks)
		return report_usage("give a TRACE: a file, - for standard input, or the word "
				    "synthetic");
	if (!s->trace_name && args->ack_log)
		return report_usage("--ack-log needs a TRACE: without one nothing is put");
	exit_code = replay_configure_trace(s);
	if (exit_code)
		return exit_code;
	config->block_bytes = args->block_bytes;
	config->depth = (uint32_t)args->depth;
	config->clients = (uint32_t)args->clients;
	config->verify = args->verify != 0;
	config->put_flags = args->durable ? WEIR_PUT_DURABLE : WEIR_PUT_WRITTEN;
	return replay_parse_speed(args->speed, &config->speed);
}

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

static int replay_load_trace(struct replay_session *s)
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

static int replay_read_acks(struct replay_session *s)
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

static bool replay_is_missing(const struct replay_args *args)
{
	return access(args->store, F_OK) < 0 && errno == ENOENT;
}

/* Checks that the blocks fit into the existing store, before a trace is read or made. */
static int replay_check_fit(const struct replay_session *s)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	char block[32], most[32];
	int exit_code = opening_check(&s->args->opening);

	if (exit_code || replay_is_missing(s->args))
		return exit_code;
	exit_code = opening_ask(&info, s->args->store, &s->args->opening);
	if (exit_code || s->args->block_bytes <= info.max_value_bytes)
		return exit_code;
	return report_error("%s: blocks of %s do not fit: this store takes values of up to %s; "
			    "format one with a larger --segment-bytes",
			    s->args->store, format_size(s->args->block_bytes, block, sizeof(block)),
			    format_size(info.max_value_bytes, most, sizeof(most)));
}

static int replay_open_store(struct replay_session *s)
{
	const struct replay_args *args = s->args;
	int flags = args->clients > 1 ? OPENING_SHARED : 0;
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
	exit_code = replay_judge(s, replay_run(&s->replay));
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

static int replay_do(struct replay_session *s)
{
	int exit_code = replay_configure(s);
	int played;

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
	int code;

	if (!s)
		return report_error("out of memory");
	if (!args->store)
		args->store = default_store();
	s->args = args;
	s->trace_name = n ? operands[0] : NULL;
	s->replay.config.ack_fd = -1;
	code = replay_do(s);
	if (s->store)
		code = opening_close(s->store, s->args->store, code);
	if (s->replay.config.ack_fd >= 0)
		close(s->replay.config.ack_fd);
	trace_free(&s->trace);
	free(s->acks);
	free(s);
	return code;
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
