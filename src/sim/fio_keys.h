/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fio_keys.h - the keys of fio's job files that a simulation does not have. Constant.
 */
#ifndef SIM_FIO_KEYS_H
#define SIM_FIO_KEYS_H

#include <stddef.h>

/*
 * What is to be said about fio's key NAME where a job file has it: that it has no meaning in a
 * simulator, or what of the load is left out. NULL: fio 3.33 has no such key, or it is simulated.
 */
const char *fio_key_note(const char *name);

/* The name of key I of these; NULL: there are no more. */
const char *fio_key_name(size_t i);

#endif
