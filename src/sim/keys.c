/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys.c - values of keys. See keys.h.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/parse.h"
#include "base/suggest.h"
#include "sim/keys.h"

#define NAMES_MAX 64

static bool key_is_of(const struct sim_key *key, const char *section)
{
	return !key->section || !strcmp(key->section, section);
}

static int key_unknown(const struct sim_key *table, const char *section, const char *name)
{
	const char *names[NAMES_MAX], *near;
	size_t n = 0;

	for (; table->name && n < NAMES_MAX; table++)
		if (key_is_of(table, section))
			names[n++] = table->name;
	near = suggest_nearest(name, strlen(name), names, n);
	return error_set(-EINVAL, "[%s]: no such key: \"%s\"%s%s%s", section, name,
			 near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static int key_choice(const struct sim_key *key, const char *value, uint64_t *out)
{
	char words[256] = "";

	for (const struct sim_choice *c = key->choices; c->name; c++) {
		size_t len = strlen(words);

		if (!strcmp(c->name, value)) {
			*out = c->value;
			return 0;
		}
		snprintf(words + len, sizeof(words) - len, "%s%s", len ? ", " : "", c->name);
	}
	return error_set(-EINVAL, "\"%s\" is none of %s", value, words);
}

static int key_time(const struct sim_key *key, const char *value, uint64_t *out)
{
	char text[64];

	if (!key->unit || !*value || value[strspn(value, "0123456789.")])
		return parse_time(value, out);
	snprintf(text, sizeof(text), "%s%s", value, key->unit);
	return parse_time(text, out);
}

static int key_value(const struct sim_key *key, const char *value, uint64_t *out)
{
	int err = 0;

	if (key->type == SIM_KEY_CHOICE)
		return key_choice(key, value, out);
	if (key->type == SIM_KEY_NUMBER)
		return parse_number(value, key->min, key->max, out);
	err = key->type == SIM_KEY_SIZE ? parse_size(value, out) : key_time(key, value, out);
	if (!err && (*out < key->min || *out > key->max))
		err = error_set(-EINVAL, "%s is too %s", value,
				*out < key->min ? "little" : "much");
	return err;
}

int sim_key_set(const struct sim_key *table, void *target, const char *section, const char *name,
		const char *value)
{
	const struct sim_key *key = table;
	uint64_t out;
	int err;

	while (key->name && (strcmp(key->name, name) || !key_is_of(key, section)))
		key++;
	if (!key->name)
		return key_unknown(table, section, name);
	err = key_value(key, value, &out);
	if (err)
		return error_set(-EINVAL, "%s: %s", name, weir_error());
	memcpy((char *)target + key->offset, &out, sizeof(out));
	return 0;
}
