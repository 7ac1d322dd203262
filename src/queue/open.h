/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open.h - opening a queue for a layer above, or over an engine or a scheduler that is in no table:
 * a simulator's, or a test's that fails on purpose.
 */
#ifndef QUEUE_OPEN_H
#define QUEUE_OPEN_H

#include <weir/queue.h>

#include "engine/engine.h"
#include "sched/sched.h"

/*
 * As weir_queue_open(), with ENGINE and SCHED in place of those that the options name; NULL: as
 * the options say.
 */
int queue_open(struct weir_queue **result, struct weir_device *dev,
	       const struct weir_queue_opts *opts, const struct engine_ops *engine,
	       const struct sched_ops *sched);

/*
 * As weir_queue_open(), for submitters none of which is a program that begins while a person waits
 * for it: no scheduler favours one because it was quiet, unless a tunable is set so.
 */
int queue_open_steady(struct weir_queue **result, struct weir_device *dev,
		      const struct weir_queue_opts *opts);

#endif
