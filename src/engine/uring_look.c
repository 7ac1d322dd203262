/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uring_look.c - tries the set-up of the io_uring engines without a device. The ring exists only
 * during the call.
 */
#include <string.h>

#include "engine/look.h"
#include "engine/uring.h"

void uring_look(struct uring_look *look, bool big)
{
	const struct uring_kind kind = {
		.name = big ? "uring_cmd" : "uring",
		.ring_flags = big ? IORING_SETUP_SQE128 | IORING_SETUP_CQE32 : 0,
	};
	/* No file is registered: its slot in the table stays empty. */
	struct uring u = { .kind = &kind, .target = { .fd = -1 } };

	memset(look, 0, sizeof(*look));
	look->rung = "";
	look->err = uring_try(&u, look->why, sizeof(look->why));
	if (look->err)
		return;
	look->rung = u.rung;
	look->deferred = (u.ring.flags & IORING_SETUP_DEFER_TASKRUN) != 0;
	look->registered_buffers = u.registered_buffers;
}
