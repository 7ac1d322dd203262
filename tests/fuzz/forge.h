/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forge.h - changes a small image of a store as an input says. Checksums may be made right again,
 * so that the contents are looked at. One thread.
 */
#ifndef FORGE_H
#define FORGE_H

#include <stddef.h>
#include <stdint.h>

#define FORGE_BYTES (640u << 10) /* of the image: 8 segments of 64 KiB */
#define FORGE_KEYS 6u		 /* keys in the image: "key 0" and so on */

/* Returns an image that was changed by the SIZE bytes at DATA: pieces of 6 bytes, each a structure,
 * an offset in it (2), what to do, a value, and whether the checksum is made right. The image is
 * static, and the same for the same bytes. */
uint8_t *forge_image(const uint8_t *data, size_t size);

#endif
