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
	SIM_KEY_OWN,	/* what OWN makes of it */
};

/* No time in a file is longer: ns of a year. */
#define SIM_TIME_MAX (366ull * 24 * 3600 * 1000000000)

/* A word and what it stands for. */
struct sim_choice {
	const char *name;
	uint64_t value;
};

/* One key; every value is an uint64_t, but for SIM_KEY_OWN. A table ends with a NULL name. */
struct sim_key {
	const char *section; /* NULL: any */
	const char *name;
	enum sim_key_type type;
	size_t offset; /* of the field */
	uint64_t min, max;
	const char *unit;		  /* of a bare time: "s", "us" */
	const struct sim_choice *choices; /* ended by a NULL name */
	/* Reads VALUE into TARGET, at OFFSET; 0 or -errno, weir_error() set. */
	int (*own)(void *target, size_t offset, const char *value);
};

/* The key NAME of SECTION, or NULL. */
const struct sim_key *sim_key_find(const struct sim_key *table, const char *section,
				   const char *name);

/* Sets the field of TARGET that KEY means. 0 or -EINVAL: weir_error() says what VALUE could be. */
int sim_key_value(const struct sim_key *key, void *target, const char *value);

/* The value of the word TEXT. 0 or -EINVAL: weir_error() has all words. */
int sim_key_choice(const struct sim_choice *choices, const char *text, uint64_t *out);

/* The time TEXT, ns; a number without a unit has UNIT, if that is not NULL. 0 or -errno. */
int sim_key_time(const char *unit, const char *text, uint64_t *out);

/*
 * Sets the field of TARGET that NAME of SECTION means. 0 or -EINVAL:
 * weir_error() says what NAME or VALUE could have been instead.
 */
int sim_key_set(const struct sim_key *table, void *target, const char *section, const char *name,
		const char *value);

#endif
