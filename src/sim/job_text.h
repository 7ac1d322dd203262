/* SPDX-License-Identifier: Apache-2.0 */
/* job_text.h - what a job does, in fio's words. Owns nothing; any thread. */
#ifndef SIM_JOB_TEXT_H
#define SIM_JOB_TEXT_H

#include <stddef.h>

#include "sim/jobs.h"

#define SIM_BS_TEXT 512 /* room for the block sizes of one direction; longer ones are cut */

/* Writes the name of copy number CLONE of JOB into BUF: of one that runs once, that of JOB. */
void job_text_name(const struct sim_job *job, uint64_t clone, char *buf, size_t size);

/* Writes the value of fio's key rw, without its number, into BUF: "randread". Returns BUF. */
const char *job_text_rw(const struct sim_job *job, char *buf, size_t size);

/*
 * Writes the block sizes into BUF as fio's key bs, bsrange or bssplit has them: "4k", "4k-64k",
 * "4k/60:64k/40", with commas between those of reads, writes and trims where they differ. Returns
 * BUF.
 */
const char *job_text_bs(const struct sim_job *job, char *buf, size_t size);

#endif
