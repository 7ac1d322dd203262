/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass.c - ends the admission of a pass of the loop, and begins that of the next one. This file
 * owns struct pass, and runs on the loop's thread.
 */
#include "store/log/pass.h"

#include "base/check.h"
#include "base/container.h"
#include "store/log/logs.h"

/* One batch of the default length. */
#define PASS_BYTES (1ull << 20)

/* This is a task, so what was submitted to the store before it comes first. */
static void pass_begin(struct weir_task *task)
{
	struct logs *ls = container_of(task, struct logs, pass.next);
	uint32_t mask = ls->pass.put_off;
	struct log *l;

	io_check_owner(ls->io);
	CHECK(ls->pass.posted);
	ls->pass.posted = false;
	ls->pass.bytes = 0;
	ls->pass.put_off = 0;
	LOGS_IN(ls, l, mask)
	log_ask(l);
	ls->io->turn(ls->io);
}

void pass_take(struct log *l, uint64_t bytes)
{
	struct pass *pass = &l->all->pass;

	pass->bytes += bytes;
	if (pass->bytes < PASS_BYTES || pass->posted)
		return;
	pass->first = logs_behind(l);
	pass->posted = true;
	pass->next.fn = pass_begin;
	weir_queue_post(l->io->q, 0, &pass->next);
}

bool pass_is_over(const struct logs *ls)
{
	return ls->pass.posted;
}

void pass_put_off(struct log *l)
{
	CHECK(l->all->pass.posted);
	l->all->pass.put_off |= 1u << l->stream;
}

bool pass_has_put_off(const struct log *l)
{
	return l->all->pass.put_off & 1u << l->stream;
}
