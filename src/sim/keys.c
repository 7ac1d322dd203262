/* SPDX-License-Identifier: Apache-2.0 */
/* keys.c - parses the values of keys. See keys.h. */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

int sim_key_choice(const struct sim_choice *choices, const char *text, uint64_t *out)
{
	char words[256] = "";

	for (const struct sim_choice *c = choices; c->name; c++) {
		size_t len = strlen(words);

		if (!strcmp(c->name, text)) {
			*out = c->value;
			return 0;
		}
		if (*c->name)
			snprintf(words + len, sizeof(words) - len, "%s%s", len ? ", " : "",
				 c->name);
	}
	return error_set(-EINVAL, "\"%s\" is none of %s", text, words);
}

/* Converts units of time that fio has and parse_time() does not. */
static const char *key_time_unit(const char *unit)
{
	if (!strcasecmp(unit, "sec"))
		return "s";
	if (!strcasecmp(unit, "msec"))
		return "ms";
	return strcasecmp(unit, "usec") ? unit : "us";
}

int sim_key_time(const char *unit, const char *text, uint64_t *out)
{
	size_t digits = strspn(text, "0123456789.");
	char with_unit[64];
	int err;

	if (!strcasecmp(text + digits, "d") && digits && digits < sizeof(with_unit)) {
		snprintf(with_unit, sizeof(with_unit), "%.*sh", (int)digits, text);
		err = parse_time(with_unit, out);
		if (err || *out > SIM_TIME_MAX / 24)
			return err ? err : error_set(-EINVAL, "%s is too much", text);
		*out *= 24;
		return 0;
	}
	if (!unit || !digits)
		return parse_time(text, out);
	if (text[digits])
		unit = key_time_unit(text + digits);
	snprintf(with_unit, sizeof(with_unit), "%.*s%s", (int)digits, text, unit);
	return parse_time(with_unit, out);
}

/* Parses a whole number, or "0x10", which fio permits. */
static int key_number(const struct sim_key *key, const char *value, uint64_t *out)
{
	char decimal[32], *end;

	if (strncasecmp(value, "0x", 2) || !isxdigit((unsigned char)value[2]))
		return parse_number(value, key->min, key->max, out);
	snprintf(decimal, sizeof(decimal), "%llu", strtoull(value, &end, 16));
	return parse_number(*end ? value : decimal, key->min, key->max, out);
}

static int key_parse(const struct sim_key *key, const char *value, uint64_t *out)
{
	int err = 0;

	if (key->type == SIM_KEY_CHOICE)
		return sim_key_choice(key->choices, value, out);
	if (key->type == SIM_KEY_NUMBER)
		return key_number(key, value, out);
	err = key->type == SIM_KEY_SIZE ? parse_size(value, out)
					: sim_key_time(key->unit, value, out);
	if (!err && (*out < key->min || *out > key->max))
		err = error_set(-EINVAL, "%s is too %s", value,
				*out < key->min ? "little" : "much");
	return err;
}

int sim_key_value(const struct sim_key *key, void *target, const char *value)
{
	uint64_t out;
	int err;

	if (key->type == SIM_KEY_OWN)
		err = key->own(target, key->offset, value);
	else
		err = key_parse(key, value, &out);
	if (err)
		return error_set(-EINVAL, "%s: %s", key->name, weir_error());
	if (key->type != SIM_KEY_OWN)
		memcpy((char *)target + key->offset, &out, sizeof(out));
	return 0;
}

const struct sim_key *sim_key_find(const struct sim_key *table, const char *section,
				   const char *name)
{
	while (table->name && (strcmp(table->name, name) || !key_is_of(table, section)))
		table++;
	return table->name ? table : NULL;
}

int sim_key_set(const struct sim_key *table, void *target, const char *section, const char *name,
		const char *value)
{
	const struct sim_key *key = sim_key_find(table, section, name);

	return key ? sim_key_value(key, target, value) : key_unknown(table, section, name);
}
