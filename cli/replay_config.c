/* SPDX-License-Identifier: Apache-2.0 */
/* replay_config.c - checks the arguments of `weir replay`, and makes a configuration of them. */
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "cli/apart.h"
#include "cli/replay_session.h"
#include "cli/report.h"

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

/* Checks the files again where WEIR_STORE names the store. */
int replay_check_outputs(const struct replay_session *s)
{
	const struct apart_file files[] = {
		{ "--store", s->args->store, OPT_READS },
		{ "--ack-log", s->args->ack_log, OPT_WRITES_MORE },
		{ "--series", s->args->series, OPT_WRITES_MORE },
		{ "--trace", s->args->opening.tracing.path, OPT_WRITES_MORE },
	};

	return apart_check(files, sizeof(files) / sizeof(files[0]));
}

int replay_configure_dry(struct replay_session *s)
{
	int exit_code;

	if (!s->trace_name || s->args->check_acks || s->args->ack_log || s->args->series)
		return report_usage("--dry needs a TRACE, no log of acknowledged blocks, and no "
				    "--series: there is no store");
	exit_code = replay_configure_trace(s);
	if (!exit_code)
		exit_code = replay_parse_speed(s->args->speed, &s->replay.config.speed);
	if (!exit_code && s->replay.config.speed <= 0)
		s->replay.config.speed = 1;
	return exit_code;
}

int replay_configure(struct replay_session *s)
{
	const struct replay_args *args = s->args;
	struct replay_config *config = &s->replay.config;
	int exit_code;

	if (args->policy || args->rewrite || args->capacity || args->segments || args->write_budget)
		return report_usage("--policy, --rewrite, --capacity, --segments and "
				    "--write-budget are for --dry: a store has what weir format "
				    "gave it");
	if (!args->store)
		return report_usage("--store PATH is missing, and WEIR_STORE names none");
	if (!s->trace_name && !args->check_acks)
		return report_usage("give a TRACE: a file, - for standard input, or the word "
				    "synthetic");
	if (!s->trace_name && args->series)
		return report_usage("--series needs a TRACE: without one nothing is played");
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
