/* SPDX-License-Identifier: Apache-2.0 */
/* top.c - `weir top`: watches a store that another process has open. */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/report.h"
#include "cli/top.h"

#define TOP_WIDTH 200u

static const struct top_args top_defaults = {
	.interval_ns = NSEC_PER_SEC,
	.sort = "gets",
};

#define TOP_FLAG(flag_name, flag_letter, member, text)                                             \
	{                                                                                          \
		.name = flag_name, .letter = flag_letter, .type = OPT_FLAG,                        \
		.offset = offsetof(struct top_args, member), .help = (text)                        \
	}

static const struct opt top_options[] = {
	TOP_FLAG("once", '1', once, "print what happens in one interval, and end"),
	{ .name = "interval",
	  .letter = 'i',
	  .type = OPT_TIME,
	  .offset = offsetof(struct top_args, interval_ns),
	  .arg = "TIME",
	  .min = 10 * NSEC_PER_MSEC,
	  .max = 3600 * NSEC_PER_SEC,
	  .help = "how long one look takes (default 1s)" },
	{ .name = "count",
	  .letter = 'n',
	  .type = OPT_NUMBER,
	  .offset = offsetof(struct top_args, count),
	  .arg = "N",
	  .min = 1,
	  .max = 1u << 30,
	  .help = "end after N looks" },
	{ .name = "sort",
	  .letter = 's',
	  .type = OPT_STRING,
	  .offset = offsetof(struct top_args, sort),
	  .arg = "NAME",
	  .help = "sort streams by gets (default), get-mb, puts, put-mb\nor keys" },
	TOP_FLAG("hist", 'H', hist, "print histograms of the time in the drive instead"),
	TOP_FLAG("queued", 'Q', queued, "--hist: of the time in the queue, too"),
	TOP_FLAG("by-lane", 'D', by_lane, "--hist: for each device and lane"),
	TOP_FLAG("by-op", 'F', by_op, "--hist: for reads and writes"),
	TOP_FLAG("milliseconds", 'm', millis, "--hist: in milliseconds, not microseconds"),
	TOP_FLAG("timestamp", 'T', stamp, "--hist: with the time of day"),
	{ .name = "wait",
	  .type = OPT_TIME,
	  .offset = offsetof(struct top_args, store) + offsetof(struct opening, wait_ns),
	  .arg = "TIME",
	  .help = "how long to wait for answers (default 5s), and for\na store that was closed "
		  "(default: without end)" },
	{ .name = "json",
	  .type = OPT_FLAG,
	  .offset = offsetof(struct top_args, json),
	  .help = "print JSON, one object for each look (weir.top.v1)" },
	OPT_END,
};

static void top_sleep(uint64_t ns)
{
	struct timespec ts = { (time_t)(ns / NSEC_PER_SEC), (long)(ns % NSEC_PER_SEC) };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static int top_show(const struct top_view *v, const struct top_args *args)
{
	if (args->json)
		return report_json(top_json(v), 1);
	if (args->hist)
		top_hist_print(v, args, stdout);
	else
		top_print(v, TOP_WIDTH, 0, stdout);
	if (!args->hist)
		putchar('\n');
	return 0;
}

/* Looks once more at SRC, and shows what happened since BEFORE, which becomes what is now. If SRC
 * gives no answer, *LEFT is why, and nothing is shown. Returns an exit code. */
static int top_look(struct source *src, struct top_view *v, const struct top_args *args,
		    struct top_sample *before, int *left)
{
	struct top_sample now, since;
	int exit_code;

	*left = top_sample_take(src, &now);
	if (*left)
		return 0;
	if (top_sample_copy(&since, &now)) {
		top_sample_free(&now);
		return report_failed(v->path);
	}
	top_sample_since(&since, before, &v->seconds);
	top_sample_free(before);
	*before = now;
	v->sample = &since;
	exit_code = top_show(v, args);
	v->sample = NULL;
	top_sample_free(&since);
	return exit_code;
}

/* Waits for a moment. Returns false if nobody reads the output any more: then nobody would notice
 * that it waits. */
static bool top_pause(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO };

	return poll(&out, 1, (int)(TOP_AGAIN_STEP_NS / NSEC_PER_MSEC)) <= 0;
}

/* Nobody has it open, as ERR says: waits until somebody has. Returns 0 with the first sample in
 * BEFORE, or -errno with words. */
static int top_lines_again(struct source *src, struct top_view *v, const struct top_args *args,
			   struct top_sample *before, int err)
{
	struct top_again again;

	if (!top_again_begin(&again, src, args, err))
		return err;
	top_sample_free(before);
	report_note("%s; waiting for %s", again.words, v->path);
	do {
		if (!top_pause())
			return error_set(-EPIPE, "nobody reads the output");
		err = top_again_try(&again, src, v, args, before);
	} while (!err);
	return err < 0 ? err : 0;
}

/* Prints look after look. */
static int top_lines(struct source *src, struct top_view *v, const struct top_args *args)
{
	uint64_t looks = args->once ? 1 : args->count, n = 0;
	struct top_sample before = { .lane = NULL };
	int exit_code = 0, left = top_begin(src, v, &before);

	while (!exit_code && (!looks || n < looks)) {
		if (left)
			left = top_lines_again(src, v, args, &before, left);
		if (left) {
			exit_code = report_failed(v->path);
			break;
		}
		top_sleep(args->interval_ns);
		exit_code = top_look(src, v, args, &before, &left);
		n += !left;
		if (!exit_code)
			exit_code = report_finish(0);
	}
	top_sample_free(&before);
	return exit_code;
}

static int top_watch(struct source *src, const struct top_args *args)
{
	struct top_view v = { .path = src->path };
	bool lines = args->once || args->json || args->hist || !isatty(STDOUT_FILENO);

	v.queue = (struct weir_queue_info)WEIR_QUEUE_INFO_INIT;
	v.sort = (enum top_sort)top_sort_find(args->sort);
	return lines ? top_lines(src, &v, args) : top_screen(src, &v, args);
}

static int top_run(void *arg, char **operands, int n)
{
	const struct top_args *args = arg;
	struct source *src;
	int exit_code;

	(void)n;
	if (top_sort_find(args->sort) < 0)
		return report_usage("--sort: there is no \"%s\": there are gets, get-mb, puts, "
				    "put-mb, keys",
				    args->sort);
	if (!args->hist &&
	    (args->queued || args->by_lane || args->by_op || args->millis || args->stamp))
		return report_usage("-Q, -D, -F, -m and -T are for --hist");
	if (args->once && args->count)
		return report_usage("--once is one look, and --count says how many: give one of "
				    "them");
	if (args->hist && args->json)
		return report_usage("--hist is text: --json has the percentiles");
	src = malloc(sizeof(*src));
	if (!src)
		return report_error("out of memory");
	exit_code = source_open_other(src, operands[0], &args->store);
	if (!exit_code)
		exit_code = source_close(src, top_watch(src, args));
	free(src);
	return exit_code;
}

const struct command command_top = {
	.name = "top",
	.path = COMMAND_STORE,
	.operands = "PATH",
	.summary = "watch a store or a queue that a process has open",
	.text = "Shows what the process that has the store on PATH open does there, once a second: "
		"gets\n"
		"and puts of each stream and its tenants with their latencies, and for each lane "
		"how\n"
		"long requests waited above the drive and in it, why the scheduler chose them, and "
		"the\n"
		"scheduler's own figures. It asks on the control socket, as the same user or root. "
		"A queue\n"
		"without a store, as of `weir bench run`, has lanes only. When it is closed, top "
		"waits\n"
		"until somebody has it open again.\n\n"
		"Keys: q quits, h helps, arrows scroll and sort, s or F6 sorts, r turns the order "
		"round.\n"
		"Where standard output is no terminal, it prints look after look.\n",
	.examples = "weir top demo.img\n"
		    "weir top demo.img --once --json --interval 200ms\n"
		    "weir top demo.img --hist -Q -F -i 5s\n"
		    "weir top /mnt/file     # while weir bench tails /mnt/file runs\n",
	.options = top_options,
	.min_operands = 1,
	.max_operands = 1,
	.args_size = sizeof(struct top_args),
	.defaults = &top_defaults,
	.run = top_run,
};
