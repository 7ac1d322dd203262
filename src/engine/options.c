/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c - reads the options of an engine. Owns nothing; any thread.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/nsec.h"
#include "base/error.h"
#include "base/parse.h"
#include "base/suggest.h"
#include "engine/engine.h"
#include "engine/options.h"

#define OPTIONS_MAX 16
#define OPTION_BYTES 128

static const struct engine_option *options_find(const struct engine_ops *ops, const char *key)
{
	for (const struct engine_option *o = ops->options; o && o->key; o++)
		if (!strcmp(o->key, key))
			return o;
	return NULL;
}

/* Returns another engine that has an option of this name, or NULL. */
static const char *options_whose(const char *key)
{
	for (size_t i = 0; engine_table[i]; i++)
		if (options_find(engine_table[i], key))
			return engine_table[i]->name;
	return NULL;
}

static int options_unknown(const struct engine_ops *ops, const char *key)
{
	const char *names[OPTIONS_MAX], *near, *whose = options_whose(key);
	char all[256] = "none", end[64] = "";
	size_t n = 0, used = 0;

	for (const struct engine_option *o = ops->options; o && o->key && n < OPTIONS_MAX; o++) {
		names[n] = o->key;
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", n ? ", " : "",
					 o->key);
		n++;
	}
	near = suggest_nearest(key, strlen(key), names, n);
	if (near)
		snprintf(end, sizeof(end), ": did you mean %s?", near);
	else if (whose)
		snprintf(end, sizeof(end), ": engine %s has it", whose);
	return error_set(-EINVAL, "engine %s has no option \"%s\" (its options: %s)%s", ops->name,
			 key, all, end);
}

static int options_range(const struct engine_option *o, const char *value)
{
	char min[32], max[32];

	if (o->kind == ENGINE_OPTION_NUMBER)
		return error_set(-EINVAL,
				 "engine option %s=%s: it goes from %" PRIu64 " to %" PRIu64,
				 o->key, value, o->min, o->max);
	return error_set(-EINVAL, "engine option %s=%s: it goes from %s to %s", o->key, value,
			 format_time(o->min, min, sizeof(min)),
			 format_time(o->max, max, sizeof(max)));
}

static void options_store(const struct engine_option *o, uint64_t number,
			  struct engine_tuning *tuning)
{
	char *at = (char *)tuning + o->offset;
	uint32_t narrow = (uint32_t)number;

	if (o->kind == ENGINE_OPTION_TIME_NS) {
		memcpy(at, &number, sizeof(number));
		return;
	}
	if (o->kind == ENGINE_OPTION_TIME_MS)
		narrow = (uint32_t)((number + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC);
	memcpy(at, &narrow, sizeof(narrow));
}

static int options_set(const struct engine_option *o, const char *value,
		       struct engine_tuning *tuning)
{
	uint64_t number = 0;
	int err = o->kind == ENGINE_OPTION_NUMBER ? parse_number(value, 0, UINT64_MAX, &number)
						  : parse_time(value, &number);

	if (err)
		return error_set(-EINVAL, "engine option %s: %s", o->key, weir_error());
	if (number < o->min || number > o->max)
		return options_range(o, value);
	options_store(o, number, tuning);
	return 0;
}

/* Parses one "key=value" and stores its value. */
static int options_one(const struct engine_ops *ops, char *text, struct engine_tuning *tuning)
{
	char *value = strchr(text, '=');
	const struct engine_option *o;

	if (value)
		*value++ = '\0';
	o = options_find(ops, text);
	if (!o)
		return options_unknown(ops, text);
	if (!value || !*value)
		return error_set(-EINVAL, "engine option %s has no value: say %s=VALUE", text,
				 text);
	return options_set(o, value, tuning);
}

int engine_options_parse(const struct engine_ops *ops, const char *text,
			 struct engine_tuning *tuning)
{
	int err = 0;

	memset(tuning, 0, sizeof(*tuning));
	while (text && *text && !err) {
		size_t len = strcspn(text, ",");
		char one[OPTION_BYTES];

		if (len >= sizeof(one))
			return error_set(-EINVAL, "engine option %.32s...: too long", text);
		memcpy(one, text, len);
		one[len] = '\0';
		err = options_one(ops, one, tuning);
		text += len + (text[len] == ',');
	}
	return err;
}
