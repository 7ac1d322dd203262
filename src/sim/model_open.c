/* SPDX-License-Identifier: Apache-2.0 */
/* model_open.c - chooses the model of a drive and opens it. */
#include "sim/model.h"

int model_open(struct model **m, const struct sim_config *c, struct events *events, uint64_t seed)
{
	const struct model_ops *ops = c->kind == SIM_HDD ? &model_hdd : &model_ssd;
	int err = ops->open(m, c);

	if (err)
		return err;
	(*m)->ops = ops;
	(*m)->c = c;
	(*m)->events = events;
	prng_seed(&(*m)->prng, seed);
	return 0;
}
