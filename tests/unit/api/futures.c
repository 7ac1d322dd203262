/* SPDX-License-Identifier: Apache-2.0 */
/*
 * futures.c - calls of weir/future.h and weir/changes.h that fail. See futures.h.
 */
#include <weir/changes.h>
#include <weir/future.h>

#include "futures.h"

int f_futures_open(void)
{
	struct weir_futures *futures;

	return weir_futures_open(&futures, NULL, NULL);
}

int f_futures_fd(void)
{
	return weir_futures_fd(NULL);
}

int f_futures_submit(void)
{
	struct weir_future future = WEIR_FUTURE_INIT;
	uint64_t id;

	return weir_futures_submit(NULL, &future, NULL, 0, &id);
}

int f_futures_wait(void)
{
	return weir_futures_wait(NULL, 0);
}

int f_futures_stats(void)
{
	struct weir_futures_stats stats = WEIR_FUTURES_STATS_INIT;

	return weir_futures_get_stats(NULL, &stats);
}

int f_changes_open(void)
{
	struct weir_changes *changes;

	return weir_changes_open(&changes, NULL, 0);
}
