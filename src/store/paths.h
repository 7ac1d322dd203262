/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paths.h - the devices of a store in one text: "A,B,C".
 */
#ifndef STORE_PATHS_H
#define STORE_PATHS_H

#include <stdint.h>

#include <weir/store.h>

struct paths {
	char *text; /* what `path` points into */
	const char *path[WEIR_DEVICES_MAX];
	uint32_t count;
};

/* Splits TEXT at its commas, unless there is a file of this whole name. Returns 0 or -errno with
 * words. paths_free() frees what is in PATHS, also after an error. */
int paths_split(struct paths *paths, const char *text);
void paths_free(struct paths *paths);

#endif
