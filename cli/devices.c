/* SPDX-License-Identifier: Apache-2.0 */
/* devices.c - names and notes of the devices of a store. One thread. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/devices.h"
#include "cli/report.h"

int devices_each(const char *text, int (*fn)(const char *path, void *user), void *user)
{
	char *copy, *rest, *path;
	int result = 0;

	if (!strchr(text, ',') || !access(text, F_OK))
		return fn(text, user);
	copy = rest = strdup(text);
	if (!copy)
		return report_error("out of memory");
	while (!result && (path = strsep(&rest, ",")))
		result = fn(path, user);
	free(copy);
	return result;
}

char *devices_join(char *const *paths, int n)
{
	size_t length = 1;
	char *text;

	for (int i = 0; i < n; i++) {
		length += strlen(paths[i]) + 1;
		if (n == 1 || !strchr(paths[i], ','))
			continue;
		report_usage("%s: devices of one store are named with commas between them, so "
			     "give all in one operand, or each without a comma",
			     paths[i]);
		return NULL;
	}
	text = calloc(1, length);
	if (!text) {
		report_error("out of memory");
		return NULL;
	}
	for (int i = 0; i < n; i++) {
		strcat(text, i ? "," : "");
		strcat(text, paths[i]);
	}
	return text;
}

void devices_notes(struct weir_store *s, const char *path)
{
	struct weir_store_device device = WEIR_STORE_DEVICE_INIT;
	uint32_t n;

	for (n = 0; !weir_store_get_device(s, n, &device); n++)
		if (device.state == WEIR_STORE_DEVICE_MISSING)
			report_note("%s: opened without device %u of the store, and without the "
				    "keys that lie there%s%s",
				    path, n + 1, device.why ? ": " : "",
				    device.why ? device.why : "");
}
