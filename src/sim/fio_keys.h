/* SPDX-License-Identifier: Apache-2.0 */
/* fio_keys.h - the keys of fio's job files that a simulation does not support. Constant. */
#ifndef SIM_FIO_KEYS_H
#define SIM_FIO_KEYS_H

#include <stddef.h>

/*
 * Returns the note to print if a job file has fio's key NAME: either that it has no meaning in a
 * simulator, or which part of the load is left out. Returns NULL if fio 3.33 has no such key, or
 * if the key is simulated.
 */
const char *fio_key_note(const char *name);

/* Returns the name of key number I of this list, or NULL after the last one. */
const char *fio_key_name(size_t i);

#endif
