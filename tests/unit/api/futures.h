/* SPDX-License-Identifier: Apache-2.0 */
/*
 * futures.h - calls of weir/future.h and weir/changes.h that fail, for the table of errors.
 */
#ifndef API_FUTURES_H
#define API_FUTURES_H

/* Each returns the error of the function that it is named after. */
int f_futures_open(void);
int f_futures_fd(void);
int f_futures_submit(void);
int f_futures_wait(void);
int f_futures_stats(void);
int f_changes_open(void);

#endif
