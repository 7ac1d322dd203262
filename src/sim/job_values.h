/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_values.h - parses values of fio's keys that are more than a number or a word. Each function
 * parses TEXT into the member at OFFSET of the struct sim_job JOB. Returns 0, or -EINVAL with
 * weir_error() set.
 */
#ifndef SIM_JOB_VALUES_H
#define SIM_JOB_VALUES_H

#include <stddef.h>

/* Parses a size by fio's rules and the kb_base of the job: "4k", "0x1000". */
int job_value_size(void *job, size_t offset, const char *text);
/* Parses "20%" or a size, into a struct sim_amount. */
int job_value_amount(void *job, size_t offset, const char *text);
/*
 * Parse values for reads, writes and trims, such as "4k,64k": struct sim_bs[], sizes, numbers,
 * percentages.
 */
int job_value_bs(void *job, size_t offset, const char *text);
int job_value_bsrange(void *job, size_t offset, const char *text);
int job_value_bssplit(void *job, size_t offset, const char *text);
int job_value_rates(void *job, size_t offset, const char *text);
int job_value_iops(void *job, size_t offset, const char *text);
int job_value_percents(void *job, size_t offset, const char *text);
/* Parses "randrw" or "randread:8", into rw and rw_step. */
int job_value_rw(void *job, size_t offset, const char *text);
/* Parses "zipf:1.2", into a struct sim_distribution. */
int job_value_distribution(void *job, size_t offset, const char *text);
/* Parses the percentage of writes, and stores that of reads. */
int job_value_mixwrite(void *job, size_t offset, const char *text);
/* Parses "2s" or "1-5s" into two times; without a unit they are in seconds. */
int job_value_delay(void *job, size_t offset, const char *text);

#endif
