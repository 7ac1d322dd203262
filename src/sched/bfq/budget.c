/* SPDX-License-Identifier: Apache-2.0 */
/* budget.c - makes the budget of a queue that waits larger. budget.h has the limits of budgets. */
#include "sched/bfq/budget.h"

#include "sched/bfq/busy.h"
#include "sched/bfq/path.h"

void bfq_budget_refit(struct bfq *d, struct bfq_queue *q)
{
	uint64_t need;

	if (!q->busy || q == d->in_service || !q->next)
		return;
	need = q->entity.service + bfq_busy_cost(d, q, q->next);
	if (need <= q->entity.budget)
		return;
	q->entity.budget = need;
	bfq_path_rebudget(d, q);
}
