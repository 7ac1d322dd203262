/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fsck.h - checks a store on a queue that the caller has opened.
 */
#ifndef STORE_FSCK_H
#define STORE_FSCK_H

#include <weir/fsck.h>
#include <weir/queue.h>

/* As weir_store_check(), on the device of Q, whose loop the calling thread owns. Each field of OPTS
 * and RESULT is valid. */
int fsck_on(struct weir_queue *q, const struct weir_check_opts *opts,
	    struct weir_check_result *result);

#endif
