/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retry.h - ios of a merged command that failed go once more, one by one. The lane's owner.
 */
#ifndef RETRY_H
#define RETRY_H

#include "queue/lane/state.h"

/* RQ has failed. True if it carried several ios, which retry_next() lets go one by one. */
bool retry_begin(struct lane *lane, struct request *rq);
/* RQ carries the next of them; false if there is none, and its tag can be given back. */
bool retry_next(struct lane *lane, struct request *rq);

#endif
