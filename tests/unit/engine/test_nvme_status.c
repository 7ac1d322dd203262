/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The meaning of a drive's status, and its words in a sentence.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <weir/io.h>

#include "engine/nvme_status.h"
#include "queue/lane/io_priv.h"

#define DNR 0x4000

struct status {
	uint16_t status;
	int err;
	const char *words;
};

static const struct status statuses[] = {
	{ 0x001, -EOPNOTSUPP, "Invalid Command Opcode (SCT 0x0 SC 0x1)" },
	{ 0x4002, -EINVAL, "Invalid Field in Command (SCT 0x0 SC 0x2), do not retry" },
	{ 0x020, -EROFS, "Namespace is Write Protected (SCT 0x0 SC 0x20)" },
	{ 0x4080, -ERANGE, "LBA Out of Range (SCT 0x0 SC 0x80), do not retry" },
	{ 0x081, -ENOSPC, "Capacity Exceeded (SCT 0x0 SC 0x81)" },
	{ 0x4280, -EIO, "Write Fault (SCT 0x2 SC 0x80), do not retry" },
	{ 0x281, -EIO, "Unrecovered Read Error (SCT 0x2 SC 0x81)" },
	{ 0x286, -EACCES, "Access Denied (SCT 0x2 SC 0x86)" },
	{ 0x005, -EIO,
	  "Commands Aborted due to Power Loss Notification (SCT 0x0 SC 0x5), outcome unknown" },
	{ 0x008, -EIO, "Command Aborted due to SQ Deletion (SCT 0x0 SC 0x8), outcome unknown" },
	{ 0x370, -EIO, "Host Pathing Error (SCT 0x3 SC 0x70), outcome unknown" },
	{ 0x371, -EIO, "Command Aborted By Host (SCT 0x3 SC 0x71), outcome unknown" },
	{ 0x007, -EIO, "Command Abort Requested (SCT 0x0 SC 0x7), outcome unknown" },
};

static void sentence(int result, uint16_t status, const char *words)
{
	struct weir_io io;
	char buf[256], want[256] = "write at 0x1f000+4096: ";

	weir_io_write(&io, 0x1f000, want, 4096);
	io_priv(&io)->failed_offset = io.offset;
	io.result = result;
	io.status = status;
	strcat(want, words);
	assert_string_equal(weir_io_strerror(&io, buf, sizeof(buf)), want);
}

static void meanings(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		const struct status *s = &statuses[i];

		assert_int_equal(nvme_status_errno(s->status), s->err);
		assert_int_equal(nvme_status_may_retry(s->status), !(s->status & DNR));
		assert_int_equal(nvme_status_unknown(s->status), !!strstr(s->words, "unknown"));
		assert_int_equal(nvme_status_is_path(s->status), (s->status & 0x700) == 0x300);
		sentence(s->err, s->status, s->words);
	}
}

/* Each value that a drive may send has an errno and words; bits with other meanings change
 * neither. */
static void every_status(void **state)
{
	(void)state;
	for (uint32_t status = 1; status < 0x800; status++) {
		assert_true(nvme_status_errno((uint16_t)status) < 0);
		assert_int_equal(nvme_status_errno((uint16_t)status),
				 nvme_status_errno((uint16_t)(status | 0x7800)));
		assert_true(strlen(nvme_status_words((uint16_t)status)) > 3);
		assert_string_equal(nvme_status_words((uint16_t)status),
				    nvme_status_words((uint16_t)(status | 0x7800)));
		assert_true(nvme_status_may_retry((uint16_t)(status | 0x3800)));
		assert_false(nvme_status_may_retry((uint16_t)(status | DNR)));
	}
}

static void without_a_status(void **state)
{
	(void)state;
	sentence(0, 0, "success");
	sentence(-EIO, 0, "Input/output error");
	sentence(-EINTR, 0, "cancelled (timeout or reset of the drive), outcome unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(meanings),
		cmocka_unit_test(every_status),
		cmocka_unit_test(without_a_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
