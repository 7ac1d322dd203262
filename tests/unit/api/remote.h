/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote.h - calls of weir/remote.h, and of its part of weir/future.h, that fail, for the table of
 * errors.
 */
#ifndef API_REMOTE_H
#define API_REMOTE_H

/* Each returns the error of the function that it is named after. */
int f_remote_open(void);
int f_remote_submit(void);
int f_remote_run(void);
int f_remote_wait_end(void);
int f_remote_get_info(void);
int f_remote_get_stats(void);
int f_remote_add_tenant(void);
int f_remote_list(void);
int f_futures_open_remote(void);
int f_futures_use(void);

#endif
