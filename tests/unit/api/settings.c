/* SPDX-License-Identifier: Apache-2.0 */
/* settings.c - calls that would change what a store keeps, and fail. */
#include <weir/queue.h>
#include <weir/store.h>
#include <weir/tenant.h>

#include "settings.h"

struct weir_store *settings_store;
struct weir_queue *settings_queue;

int f_save_state(void)
{
	char text[16];

	return weir_queue_save_state(settings_queue, text, sizeof(text), NULL);
}

int f_load_state(void)
{
	return weir_queue_load_state(settings_queue, "", 0);
}

int f_add_tenant(void)
{
	uint32_t stream;

	return weir_store_add_tenant(settings_store, "", &stream);
}

int f_set_share(void)
{
	return weir_store_set_share(settings_store, 44, 30);
}

int f_set_write_budget(void)
{
	return weir_store_set_write_budget(settings_store, 44);
}

int f_set_free_marks(void)
{
	return weir_store_set_free_marks(settings_store, 44, 11);
}
