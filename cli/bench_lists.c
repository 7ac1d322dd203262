/* SPDX-License-Identifier: Apache-2.0 */
/* bench_lists.c - values with commas between, and the signals, for `weir bench`. See bench.h. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <weir/base.h>
#include <weir/queue.h>

#include "base/parse.h"
#include "bench/child.h"
#include "cli/bench.h"
#include "cli/opening.h"
#include "cli/report.h"
#include "cli/temporary.h"
#include "cli/tracing.h"

volatile sig_atomic_t bench_stopped;

static void bench_on_signal(int sig)
{
	/* Two signals at once may have two threads here. */
	if (__atomic_exchange_n(&bench_stopped, 1, __ATOMIC_RELAXED))
		temporary_end(sig);
	bench_child_stop();
}

void bench_catch_signals(void)
{
	struct sigaction action = { .sa_handler = bench_on_signal };

	action.sa_flags = SA_RESTART;
	temporary_first(bench_child_end);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

int bench_tracing_begin(const struct tracing *t)
{
	struct weir_trace *trace;
	int exit_code = tracing_check(t);

	if (!exit_code && tracing_begin(t, &trace))
		exit_code = report_error("%s", weir_error());
	return exit_code;
}

int bench_check_lanes(const char *option, const struct bench_numbers *lanes)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	for (size_t i = 0; i < lanes->n; i++)
		if (lanes->value[i] > (uint64_t)(cpus > 0 ? cpus : 1))
			return report_usage("--%s: %llu lanes are more than the processors here, "
					    "which are %ld",
					    option, (unsigned long long)lanes->value[i], cpus);
	return 0;
}

/* Splits TEXT into OUT. Returns 0 or an exit code. */
static int bench_split(const char *option, const char *text, struct bench_names *out)
{
	char *rest = out->text;

	out->n = 0;
	if (strlen(text) >= sizeof(out->text))
		return report_usage("--%s: too long", option);
	strcpy(out->text, text);
	while (rest) {
		if (out->n == BENCH_LIST_MAX)
			return report_usage("--%s: more than %d values", option, BENCH_LIST_MAX);
		out->name[out->n++] = strsep(&rest, ",");
	}
	return 0;
}

int bench_read_numbers(const char *option, const char *text, uint64_t min, uint64_t max,
		       struct bench_numbers *out)
{
	struct bench_names words;
	int exit_code = bench_split(option, text, &words);

	out->n = 0;
	for (size_t i = 0; !exit_code && i < words.n; i++)
		if (parse_number(words.name[i], min, max, &out->value[out->n++]) < 0)
			exit_code = report_usage("--%s: %s", option, weir_error());
	return exit_code;
}

int bench_read_scheds(const char *option, const char *text, struct bench_names *out)
{
	int exit_code = 0;

	if (!strcmp(text, "all")) {
		size_t count;
		const struct weir_named *known = weir_schedulers(&count);

		for (out->n = 0; out->n < count && out->n < BENCH_LIST_MAX; out->n++)
			out->name[out->n] = known[out->n].name;
		return 0;
	}
	exit_code = bench_split(option, text, out);
	for (size_t i = 0; !exit_code && i < out->n; i++)
		exit_code = opening_check_scheduler(option, out->name[i]);
	return exit_code;
}

/* Says which WORDS there are. */
static int bench_unknown_word(const char *option, const char *text, const char *const *words)
{
	char all[256] = "";
	size_t used = 0;

	for (const char *const *word = words; *word && used < sizeof(all); word++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s",
					 word == words ? "" : ", ", *word);
	return report_usage("--%s: there is no \"%s\": there are %s", option, text, all);
}

int bench_read_words(const char *option, const char *text, const char *const *words,
		     struct bench_names *out)
{
	int exit_code = bench_split(option, text, out);

	for (size_t i = 0; !exit_code && i < out->n; i++) {
		const char *const *word = words;

		while (*word && strcmp(*word, out->name[i]) != 0)
			word++;
		if (!*word)
			exit_code = bench_unknown_word(option, out->name[i], words);
	}
	return exit_code;
}
