/* SPDX-License-Identifier: Apache-2.0 */
/* remote.c - calls of weir/remote.h that fail. */
#include <weir/future.h>
#include <weir/remote.h>

#include "remote.h"

int f_remote_open(void)
{
	struct weir_remote *r;

	return weir_remote_open(&r, "/nonexistent/store", NULL);
}

int f_remote_submit(void)
{
	struct weir_store_op op = WEIR_STORE_OP_INIT;

	return weir_remote_submit(NULL, &op);
}

int f_remote_run(void)
{
	struct weir_store_op op = WEIR_STORE_OP_INIT;

	return weir_remote_run(NULL, &op, 1);
}

int f_remote_wait_end(void)
{
	return weir_remote_wait_end(NULL, 0);
}

int f_remote_get_info(void)
{
	struct weir_remote_info info = WEIR_REMOTE_INFO_INIT;

	return weir_remote_get_info(NULL, &info);
}

int f_remote_get_stats(void)
{
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;

	return weir_remote_get_stats(NULL, &stats);
}

int f_remote_add_tenant(void)
{
	uint32_t stream;

	return weir_remote_add_tenant(NULL, "somebody", &stream);
}

int f_remote_list(void)
{
	return weir_remote_list(NULL, NULL, 0, NULL, NULL);
}

int f_futures_open_remote(void)
{
	struct weir_futures *f;

	return weir_futures_open_remote(&f, NULL, NULL);
}

int f_futures_use(void)
{
	return weir_futures_use(NULL, NULL, NULL);
}
