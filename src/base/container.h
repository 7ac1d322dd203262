/* SPDX-License-Identifier: Apache-2.0 */
/*
 * container.h - from a member of a struct to the struct.
 */
#ifndef CONTAINER_H
#define CONTAINER_H

#include <stddef.h>

/* The struct TYPE whose member MEMBER is *PTR. */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
