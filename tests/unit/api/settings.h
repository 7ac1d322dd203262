/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings.h - calls that would change what a store keeps, and fail, for the table of errors.
 */
#ifndef API_SETTINGS_H
#define API_SETTINGS_H

struct weir_queue;
struct weir_store;

/* The store of these calls, which the test opens. */
extern struct weir_store *settings_store;
/* And their queue, whose scheduler learns nothing. */
extern struct weir_queue *settings_queue;

/* Each returns the error of the function that it is named after. */
int f_save_state(void);
int f_load_state(void);
int f_add_tenant(void);
int f_set_share(void);
int f_set_write_budget(void);
int f_set_free_marks(void);

#endif
