/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.c - the table of engines, and the choice of one.
 *
 * Owns the table and the public list made from it; both are constant after first use. Any thread.
 */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "engine/engine.h"

const struct engine_ops *const engine_table[] = { &engine_uring, &engine_posix, &engine_uring_cmd,
						  &engine_null, NULL };

#define TABLE_COUNT (sizeof(engine_table) / sizeof(engine_table[0]) - 1)

static struct weir_named table_names[TABLE_COUNT];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void table_fill_names(void)
{
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		table_names[i].name = engine_table[i]->name;
		table_names[i].summary = engine_table[i]->summary;
	}
}

const struct weir_named *weir_engines(size_t *count)
{
	pthread_once(&table_once, table_fill_names);
	*count = TABLE_COUNT;
	return table_names;
}

/* Appends formatted words to TEXT, as far as they fit. */
__attribute__((format(printf, 3, 4))) static void table_add(char *text, size_t size,
							    const char *fmt, ...)
{
	size_t used = strnlen(text, size);
	va_list args;

	if (used >= size)
		return;
	va_start(args, fmt);
	vsnprintf(text + used, size - used, fmt, args);
	va_end(args);
}

/* Chooses the first engine that works. WHY also says why the better ones do not. */
static int table_auto(const struct engine_ops **ops, const struct weir_device *dev, char *why,
		      size_t size)
{
	char refused[512] = "";

	for (size_t i = 0; i < TABLE_COUNT; i++) {
		char said[256] = "";

		if (!engine_table[i]->probe(dev, said, sizeof(said))) {
			*ops = engine_table[i];
			snprintf(why, size, "%s", said);
			if (*refused)
				table_add(why, size, " (not %s)", refused);
			return 0;
		}
		table_add(refused, sizeof(refused), "%s%s: %s", *refused ? "; " : "",
			  engine_table[i]->name, said);
	}
	snprintf(why, size, "%s", refused);
	return error_set(-EOPNOTSUPP, "no engine works on %s: %s", weir_device_path(dev), refused);
}

static int table_named(const struct engine_ops **ops, const char *name,
		       const struct weir_device *dev, char *why, size_t size)
{
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		if (strcmp(engine_table[i]->name, name))
			continue;
		if (engine_table[i]->probe(dev, why, size) < 0)
			return error_set(-EOPNOTSUPP, "the %s engine cannot work on %s: %s", name,
					 weir_device_path(dev), why);
		*ops = engine_table[i];
		return 0;
	}
	snprintf(why, size, "no such engine");
	return error_set(-ENOENT,
			 "no engine is called '%s': use auto, uring, posix, uring_cmd or null",
			 name);
}

int engine_find(const struct engine_ops **ops, const char *name, const struct weir_device *dev,
		char *why, size_t size)
{
	char own[512];

	/* The error text needs the reason, even if the caller does not want it. */
	if (!size) {
		why = own;
		size = sizeof(own);
	}
	if (!name || !strcmp(name, "auto"))
		return table_auto(ops, dev, why, size);
	return table_named(ops, name, dev, why, size);
}

int weir_engine_probe(const char *engine, struct weir_device *dev, char *why, size_t size)
{
	const struct engine_ops *ops;
	struct error_scope scope;
	int err = device_check_process(dev);

	if (err) {
		snprintf(why, size, "%s", weir_error());
		return err;
	}
	error_begin(&scope);
	err = engine_find(&ops, engine, dev, why, size);
	return error_end(&scope, err, "engine %s", engine ? engine : "auto");
}
