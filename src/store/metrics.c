/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.c - the metrics of a store as text. First the facts are gathered, by the same calls that
 * programs have; then the families are written. Counters go on meanwhile, so two of them need not
 * agree. This file owns the text until the caller has it; any thread.
 */
#include <errno.h>
#include <stdlib.h>

#include <weir/metrics.h>

#include "base/error.h"
#include "store/metrics.h"

static int metrics_gather(struct metrics *x)
{
	int err = weir_store_get_info(x->s, &x->info);

	if (!err)
		err = weir_store_get_stats(x->s, &x->stats);
	if (!err)
		err = metrics_devices_gather(x);
	if (!err)
		err = metrics_streams_gather(x);
	return err;
}

static int metrics_write(struct metrics *x)
{
	int err;

	metrics_store_write(x);
	err = metrics_streams_write(x);
	metrics_devices_write(x);
	metrics_sched_write(x);
	openmetrics_end(&x->out);
	return err;
}

/* Writes the text to memory. */
static int metrics_make(struct metrics *x, char **text, size_t *length)
{
	int err = metrics_gather(x), lost;

	if (err)
		return err;
	x->out.out = open_memstream(text, length);
	if (!x->out.out)
		return error_sys(-ENOMEM, "cannot write metrics");
	err = metrics_write(x);
	/* Closing flushes, which sets *TEXT. */
	lost = ferror(x->out.out);
	lost |= fclose(x->out.out);
	if (!err && lost)
		err = error_sys(-ENOMEM, "cannot write metrics");
	if (err) {
		free(*text);
		*text = NULL;
	}
	return err;
}

int weir_store_metrics(struct weir_store *s, enum weir_metrics_format format, char **text,
		       size_t *length)
{
	struct metrics *x;
	size_t bytes = 0;
	int err;

	*text = NULL;
	if ((unsigned)format > WEIR_METRICS_PROMETHEUS)
		return error_set(-EINVAL, "no such format of metrics: %u", (unsigned)format);
	err = wait_allowed(s);
	if (err)
		return err;
	x = calloc(1, sizeof(*x));
	if (!x)
		return error_sys(-ENOMEM, "cannot write metrics");
	x->s = s;
	x->out.classic = format == WEIR_METRICS_PROMETHEUS;
	x->info = (struct weir_store_info)WEIR_STORE_INFO_INIT;
	x->stats = (struct weir_store_stats)WEIR_STORE_STATS_INIT;
	err = metrics_make(x, text, &bytes);
	free(x);
	if (!err && length)
		*length = bytes;
	return err;
}

void weir_metrics_free(char *text)
{
	free(text);
}
