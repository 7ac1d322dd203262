/* SPDX-License-Identifier: Apache-2.0 */
/* top_again.c - `weir top` begins to look, and waits while nobody has open what it looks at: the
 * store of a bench is closed and opened again between its rounds. See top.h. */
#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/parse.h"
#include "cli/top.h"

int top_begin(struct source *src, struct top_view *v, struct top_sample *before)
{
	int err = source_queue(src, &v->queue);

	v->pid = source_pid(src);
	return err ? err : top_sample_take(src, before);
}

/* Returns how long to wait. A single look is over when the store has left, but a bench without a
 * store has a queue for each of its steps. */
static uint64_t top_again_limit(const struct source *src, const struct top_args *args)
{
	if (args->once)
		return src->queue ? src->timeout_ns : 0;
	return args->store.wait_ns ? args->store.wait_ns : UINT64_MAX;
}

bool top_again_begin(struct top_again *again, const struct source *src, const struct top_args *args,
		     int err)
{
	if (err != -EPIPE)
		return false;
	snprintf(again->words, sizeof(again->words), "%s", weir_error());
	again->limit_ns = top_again_limit(src, args);
	again->deadline = clock_deadline(clock_now(), again->limit_ns);
	return again->limit_ns > 0;
}

int top_again_try(const struct top_again *again, struct source *src, struct top_view *v,
		  const struct top_args *args, struct top_sample *before)
{
	char limit[32];
	int err = source_again(src, &args->store);

	if (!err)
		err = top_begin(src, v, before);
	if (!err)
		return 1;
	/* Somebody has it open who gives no answer to this version or user. */
	if (err == -ENOMEM || err == -EPROTONOSUPPORT || err == -EACCES)
		return err;
	if (clock_now() < again->deadline)
		return 0;
	return error_set(-ENOENT, "%s, and nobody has opened it again within %s", again->words,
			 format_time(again->limit_ns, limit, sizeof(limit)));
}
