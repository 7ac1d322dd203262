/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nvme_status.c - translates an NVMe status field into an errno and words, and tells whether to try
 * again.
 *
 * Owns a constant table; any thread.
 */
#include "engine/nvme_status.h"

#include <errno.h>
#include <libnvme.h>
#include <stddef.h>

#define STATUS_CODE 0x7ff /* type and code */
#define STATUS_DNR (1u << 14)

#define STATUS_TYPE_PATH 3

#define STATUS(type, code) ((type) << 8 | (code))

struct status_row {
	uint16_t code;
	int16_t err;
	bool unknown; /* nobody knows whether the drive executed the command */
};

/* Each other status is -EIO. */
static const struct status_row status_rows[] = {
	{ STATUS(0, 0x01), -EOPNOTSUPP, false }, /* invalid opcode */
	{ STATUS(0, 0x02), -EINVAL, false },	 /* invalid field */
	{ STATUS(0, 0x05), -EIO, true },	 /* power loss */
	{ STATUS(0, 0x07), -EIO, true },	 /* abort requested */
	{ STATUS(0, 0x08), -EIO, true },	 /* its queue was deleted */
	{ STATUS(0, 0x0b), -ENODEV, false },	 /* invalid namespace */
	{ STATUS(0, 0x20), -EROFS, false },	 /* namespace is write protected */
	{ STATUS(0, 0x80), -ERANGE, false },	 /* beyond the last block */
	{ STATUS(0, 0x81), -ENOSPC, false },	 /* capacity exceeded */
	{ STATUS(1, 0x82), -EROFS, false },	 /* write to a read-only range */
	{ STATUS(2, 0x86), -EACCES, false },	 /* access denied */
	{ STATUS(3, 0x70), -EIO, true },	 /* the host lost the path */
	{ STATUS(3, 0x71), -EIO, true },	 /* the host aborted it */
};

static const struct status_row *status_find(uint16_t status)
{
	for (size_t i = 0; i < sizeof(status_rows) / sizeof(status_rows[0]); i++)
		if (status_rows[i].code == (status & STATUS_CODE))
			return &status_rows[i];
	return NULL;
}

int nvme_status_errno(uint16_t status)
{
	const struct status_row *row = status_find(status);

	return row ? row->err : -EIO;
}

bool nvme_status_may_retry(uint16_t status)
{
	return !(status & STATUS_DNR);
}

bool nvme_status_is_path(uint16_t status)
{
	return (status & STATUS_CODE) >> 8 == STATUS_TYPE_PATH;
}

bool nvme_status_unknown(uint16_t status)
{
	const struct status_row *row = status_find(status);

	return row && row->unknown;
}

const char *nvme_status_words(uint16_t status)
{
	return nvme_status_to_string(status & STATUS_CODE, false);
}
