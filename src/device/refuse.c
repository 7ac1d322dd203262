/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refuse.c - makes the error text from the claims for somebody who wants to write. Owns nothing;
 * any thread.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"
#include "device/claims.h"

#define REFUSE_BYTES 512

void device_names_add(struct device_names *n, const char *fmt, ...)
{
	va_list args;

	if (n->count < NAMES_MAX) {
		va_start(args, fmt);
		vsnprintf(n->names[n->count], NAMES_BYTES, fmt, args);
		va_end(args);
	}
	n->count++;
}

const char *device_names_list(const struct device_names *n, char *text, size_t size)
{
	size_t shown = n->count < NAMES_MAX ? n->count : NAMES_MAX, used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < shown && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "",
					 n->names[i]);
	if (n->count > shown && used < size)
		snprintf(text + used, size - used, " and %zu more", n->count - shown);
	return text;
}

int device_claims_refuse(const struct device_claims *c, const char *path)
{
	const char *force = error_name(ERROR_FORCE);
	char text[REFUSE_BYTES];

	if (c->mounts.count)
		return error_set(-EBUSY,
				 "%s: a filesystem on it is mounted on %s, and weir would destroy "
				 "it: umount that first (%s does not override this)",
				 path, device_names_list(&c->mounts, text, sizeof(text)), force);
	if (c->swaps.count)
		return error_set(-EBUSY,
				 "%s: the system swaps to it (%s): swapoff that first (%s does not "
				 "override this)",
				 path, device_names_list(&c->swaps, text, sizeof(text)), force);
	if (c->holders.count)
		return error_set(-EBUSY,
				 "%s: part of %s: give that up first (lsblk shows what it is; "
				 "%s does not override this)",
				 path, device_names_list(&c->holders, text, sizeof(text)), force);
	return 0;
}
