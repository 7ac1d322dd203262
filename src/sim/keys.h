/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys.h - which keys a file may have, as a table: what they are called, what their values look
 * like, and where those go. Owns nothing.
 */
#ifndef SIM_KEYS_H
#define SIM_KEYS_H

#include <stddef.h>
#include <stdint.h>

/* A field that no key has set. */
#define SIM_UNSET UINT64_MAX

enum sim_key_type {
	SIM_KEY_SIZE,	/* bytes */
	SIM_KEY_TIME,	/* ns; a number without a unit has the key's */
	SIM_KEY_NUMBER, /* a whole one */
	SIM_KEY_CHOICE, /* the number of one of some words */
};

/* A word and what it stands for. */
struct sim_choice {
	const char *name;
	uint64_t value;
};

/* One key; every value is an uint64_t. A table ends with a NULL name. */
struct sim_key {
	const char *section; /* NULL: any */
	const char *name;
	enum sim_key_type type;
	size_t offset; /* of the field */
	uint64_t min, max;
	const char *unit;		  /* of a bare time: "s", "us" */
	const struct sim_choice *choices; /* ended by a NULL name */
};

/*
 * Sets the field of TARGET that NAME of SECTION means. 0 or -EINVAL:
 * weir_error() says what NAME or VALUE could have been instead.
 */
int sim_key_set(const struct sim_key *table, void *target, const char *section, const char *name,
		const char *value);

#endif
