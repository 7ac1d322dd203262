/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_values.h - values of fio's keys that are more than a number or a word. Each function reads
 * TEXT into the field at OFFSET of the struct sim_job JOB. 0 or -EINVAL, weir_error() set.
 */
#ifndef SIM_JOB_VALUES_H
#define SIM_JOB_VALUES_H

#include <stddef.h>

/* "4k", "0x1000": a size by fio's rules and the kb_base of the job. */
int job_value_size(void *job, size_t offset, const char *text);
/* "20%" or a size: a struct sim_amount. */
int job_value_amount(void *job, size_t offset, const char *text);
/* For reads, writes and trims: "4k,64k". struct sim_bs[], sizes, numbers, percentages. */
int job_value_bs(void *job, size_t offset, const char *text);
int job_value_bsrange(void *job, size_t offset, const char *text);
int job_value_bssplit(void *job, size_t offset, const char *text);
int job_value_rates(void *job, size_t offset, const char *text);
int job_value_iops(void *job, size_t offset, const char *text);
int job_value_percents(void *job, size_t offset, const char *text);
/* "randrw", "randread:8": rw and rw_step. */
int job_value_rw(void *job, size_t offset, const char *text);
/* "zipf:1.2": a struct sim_distribution. */
int job_value_distribution(void *job, size_t offset, const char *text);
/* The percentage of writes, kept as that of reads. */
int job_value_mixwrite(void *job, size_t offset, const char *text);
/* "2s", "1-5s": two times, in seconds without a unit. */
int job_value_delay(void *job, size_t offset, const char *text);

#endif
