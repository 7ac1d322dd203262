/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_keys.h - the keys of a job file: which there are, and what is said of others. Constant.
 */
#ifndef SIM_JOB_KEYS_H
#define SIM_JOB_KEYS_H

#include "sim/jobs.h"

/* A job as it is before any key. */
extern const struct sim_job job_defaults;

/* Sets what key NAME of JOB means to VALUE. 0; -ENOENT: it is none of the simulator's; -EINVAL:
 * weir_error() says what VALUE or NAME could have been. */
int job_key_set(struct sim_job *job, const char *name, const char *value);

/* Sets weir_error() to say that nobody knows a key NAME, with the nearest one. -EINVAL. */
int job_key_unknown(const char *name);

#endif
