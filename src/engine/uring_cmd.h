/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uring_cmd.h - what the two files of the passthrough engine share; nobody else includes it.
 */
#ifndef URING_CMD_H
#define URING_CMD_H

#include "engine/nvme_cmd.h"
#include "engine/uring.h"

struct uring_cmd {
	struct uring u;
	struct device_nvme nvme;
	bool discards;

	/* The payloads of discards and placement updates in flight; e_done says which one a command
	 * has. */
	union nvme_payload *payloads;
	uint32_t *free_payloads;
	uint32_t nr_free_payloads;
};

/* These are as in struct uring_kind. */
void uring_cmd_prep(struct uring *u, struct io_uring_sqe *sqe, struct weir_cmd *cmd);
enum progress uring_cmd_result(struct uring *u, struct weir_cmd *cmd, bool wrote_zeroes, int res);

#endif
