/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gather.h - reads small files of /proc and /sys below a root, which is "" for the machine's own
 * and a folder for a test's. Owns nothing.
 */
#ifndef DEVICE_GATHER_H
#define DEVICE_GATHER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads all of ROOT/PATH that fits. Where that cannot be read TEXT is "". 0 or -errno. */
int gather_text(const char *root, const char *path, char *text, size_t size);

/* The first line of ROOT/PATH, without its end. Where that cannot be read LINE is "". */
int gather_line(const char *root, const char *path, char *line, size_t size);

/* The device number ("259:0") in ROOT/PATH, or 0. */
dev_t gather_dev(const char *root, const char *path);

/* The number in ROOT/PATH, or -1. */
int64_t gather_number(const char *root, const char *path);

#endif
