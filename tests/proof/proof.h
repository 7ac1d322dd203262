/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proof.h - what a test did, in numbers, for docs/proof.md.
 *
 * A test program adds lines to the file PROGRAM.jsonl in the folder that the environment variable
 * WEIR_PROOF names; without the variable it adds none. tools/proof gathers these files. One thread.
 */
#ifndef PROOF_H
#define PROOF_H

#include <stdint.h>

/* Empties the file of PROGRAM, and makes its folder. Later calls write to it. */
void proof_begin(const char *program);
/* Adds one number. SECTION is "faults" for faults and how often they happened: there, a sum of 0
 * over all programs is a failure. Other sections are free. */
void proof_count(const char *section, const char *name, uint64_t count);

#endif
