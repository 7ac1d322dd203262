/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys.h - a table of the keys that a file may have: their names, the form of their values, and
 * where the values go. Owns nothing.
 */
#ifndef SIM_KEYS_H
#define SIM_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "base/nsec.h"

/* The value of a member that no key has set. */
#define SIM_UNSET UINT64_MAX

enum sim_key_type {
	SIM_KEY_SIZE,	/* bytes */
	SIM_KEY_TIME,	/* ns; a number without a unit has the unit of the key */
	SIM_KEY_NUMBER, /* a whole number */
	SIM_KEY_CHOICE, /* one of several words; the value is its number */
	SIM_KEY_OWN,	/* a value that the function `own` parses */
};

/* The largest time in a file: a year in ns. */
#define SIM_TIME_MAX (366ull * 24 * 3600 * NSEC_PER_SEC)

/* A word and its value. */
struct sim_choice {
	const char *name;
	uint64_t value;
};

/* A key. Each value is an uint64_t, except for SIM_KEY_OWN. A table ends with a NULL name. */
struct sim_key {
	const char *section; /* NULL: any section */
	const char *name;
	enum sim_key_type type;
	size_t offset; /* offset of the member */
	uint64_t min, max;
	const char *unit;		  /* the unit of a time without one: "s", "us" */
	const struct sim_choice *choices; /* a NULL name follows the last one */
	/* Parses VALUE into TARGET, at OFFSET. Returns 0 or -errno with weir_error() set. */
	int (*own)(void *target, size_t offset, const char *value);
};

/* Returns the key NAME of SECTION, or NULL. */
const struct sim_key *sim_key_find(const struct sim_key *table, const char *section,
				   const char *name);

/*
 * Sets the member of TARGET that belongs to KEY. Returns 0, or -EINVAL where weir_error() gives
 * the valid values.
 */
int sim_key_value(const struct sim_key *key, void *target, const char *value);

/* Finds the value of the word TEXT. Returns 0, or -EINVAL where weir_error() lists all words. */
int sim_key_choice(const struct sim_choice *choices, const char *text, uint64_t *out);

/*
 * Parses the time TEXT in ns. A number without a unit has UNIT, if that is not NULL. Returns 0 or
 * -errno.
 */
int sim_key_time(const char *unit, const char *text, uint64_t *out);

/*
 * Sets the member of TARGET that belongs to NAME in SECTION. Returns 0, or -EINVAL where
 * weir_error() gives valid names or values.
 */
int sim_key_set(const struct sim_key *table, void *target, const char *section, const char *name,
		const char *value);

#endif
