/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gather.h - reads small files of /proc and /sys below a root: "" for the machine's own files, a
 * folder for those of a test. Owns nothing.
 */
#ifndef DEVICE_GATHER_H
#define DEVICE_GATHER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads as much of ROOT/PATH as fits. TEXT becomes "" if the file cannot be read. Returns 0 or
 * -errno. */
int gather_text(const char *root, const char *path, char *text, size_t size);

/* Reads the first line of ROOT/PATH, without its end. LINE becomes "" if the file cannot be
 * read. */
int gather_line(const char *root, const char *path, char *line, size_t size);

/* Returns the device number ("259:0") in ROOT/PATH, or 0. */
dev_t gather_dev(const char *root, const char *path);

/* Returns the number in ROOT/PATH, or -1. */
int64_t gather_number(const char *root, const char *path);

#endif
