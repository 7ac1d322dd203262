/* SPDX-License-Identifier: Apache-2.0 */
/*
 * container.h - finds the struct that contains a member.
 */
#ifndef CONTAINER_H
#define CONTAINER_H

#include <stddef.h>

/* Returns the struct TYPE whose member MEMBER is *PTR. */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
