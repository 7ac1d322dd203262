/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NVMe commands byte for byte. The expected bytes are written out from the layout in the
 * specification, at the offsets of the passthrough command; the code under test does not compute
 * them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/nvme_cmd.h"

#define MEMORY ((void *)0x1122334455667788)
#define MEMORY_BYTES "\x88\x77\x66\x55\x44\x33\x22\x11"
#define NOTHING4 "\0\0\0\0"
#define NOTHING8 NOTHING4 NOTHING4

/* The whole command: opcode and 3 bytes, nsid, cdw2 and 3, metadata, address, metadata length, data
 * length, cdw10 to 15, timeout, reserved. */
#define BYTES(opcode, nsid, addr, data_len, cdw10, cdw11, cdw12, cdw13, timeout)                   \
	opcode "\0\0\0" nsid NOTHING8 NOTHING8 addr NOTHING4 data_len cdw10 cdw11 cdw12 cdw13      \
		NOTHING8 timeout NOTHING4

struct layout {
	const char *name;
	struct nvme_cmd cmd;
	const char *bytes;
};

static const struct layout layouts[] = {
	{ "read of the first 4 KiB, 512-byte blocks",
	  { .op = WEIR_OP_READ, .length = 4096, .memory = MEMORY, .nsid = 1, .lba_shift = 9 },
	  BYTES("\x02", "\x01\0\0\0", MEMORY_BYTES, "\0\x10\0\0", NOTHING4, NOTHING4, "\x07\0\0\0",
		NOTHING4, NOTHING4) },
	{ "read of one 4 KiB block at 0x12345000",
	  { .op = WEIR_OP_READ,
	    .offset = 0x12345000,
	    .length = 4096,
	    .memory = MEMORY,
	    .nsid = 0x01020304,
	    .lba_shift = 12 },
	  BYTES("\x02", "\x04\x03\x02\x01", MEMORY_BYTES, "\0\x10\0\0", "\x45\x23\x01\0", NOTHING4,
		NOTHING4, NOTHING4, NOTHING4) },
	{ "write beyond 32 bits of blocks",
	  { .op = WEIR_OP_WRITE,
	    .offset = 0x123456789abull << 12,
	    .length = 8192,
	    .memory = MEMORY,
	    .nsid = 1,
	    .lba_shift = 12 },
	  BYTES("\x01", "\x01\0\0\0", MEMORY_BYTES, "\0\x20\0\0", "\xab\x89\x67\x45",
		"\x23\x01\0\0", "\x01\0\0\0", NOTHING4, NOTHING4) },
	{ "the longest write",
	  { .op = WEIR_OP_WRITE,
	    .length = 65536 * 512,
	    .memory = MEMORY,
	    .nsid = 1,
	    .lba_shift = 9 },
	  BYTES("\x01", "\x01\0\0\0", MEMORY_BYTES, "\0\0\0\x02", NOTHING4, NOTHING4,
		"\xff\xff\0\0", NOTHING4, NOTHING4) },
	{ "write with FUA",
	  { .op = WEIR_OP_WRITE,
	    .length = 512,
	    .memory = MEMORY,
	    .nsid = 1,
	    .lba_shift = 9,
	    .fua = true },
	  BYTES("\x01", "\x01\0\0\0", MEMORY_BYTES, "\0\x02\0\0", NOTHING4, NOTHING4, "\0\0\0\x40",
		NOTHING4, NOTHING4) },
	{ "write with a placement id and a timeout",
	  { .op = WEIR_OP_WRITE,
	    .length = 1024,
	    .memory = MEMORY,
	    .nsid = 1,
	    .lba_shift = 9,
	    .placement = 0xbeef,
	    .timeout_ms = 30000 },
	  BYTES("\x01", "\x01\0\0\0", MEMORY_BYTES, "\0\x04\0\0", NOTHING4, NOTHING4,
		"\x01\0\x20\0", "\0\0\xef\xbe", "\x30\x75\0\0") },
	{ "write with both",
	  { .op = WEIR_OP_WRITE,
	    .length = 1024,
	    .memory = MEMORY,
	    .nsid = 1,
	    .lba_shift = 9,
	    .placement = 1,
	    .fua = true },
	  BYTES("\x01", "\x01\0\0\0", MEMORY_BYTES, "\0\x04\0\0", NOTHING4, NOTHING4,
		"\x01\0\x20\x40", "\0\0\x01\0", NOTHING4) },
	{ "a read has neither FUA nor placement",
	  { .op = WEIR_OP_READ,
	    .length = 1024,
	    .memory = MEMORY,
	    .nsid = 1,
	    .lba_shift = 9,
	    .placement = 1,
	    .fua = true },
	  BYTES("\x02", "\x01\0\0\0", MEMORY_BYTES, "\0\x04\0\0", NOTHING4, NOTHING4, "\x01\0\0\0",
		NOTHING4, NOTHING4) },
	{ "vectored: the length is the number of pieces",
	  { .op = WEIR_OP_WRITE,
	    .offset = 512,
	    .length = 4096,
	    .memory = MEMORY,
	    .pieces = 5,
	    .nsid = 1,
	    .lba_shift = 9 },
	  BYTES("\x01", "\x01\0\0\0", MEMORY_BYTES, "\x05\0\0\0", "\x01\0\0\0", NOTHING4,
		"\x07\0\0\0", NOTHING4, NOTHING4) },
	{ "flush has nothing but a namespace",
	  { .op = WEIR_OP_FLUSH,
	    .offset = 4096,
	    .length = 4096,
	    .memory = MEMORY,
	    .nsid = 7,
	    .lba_shift = 9,
	    .fua = true,
	    .placement = 3 },
	  BYTES("\0", "\x07\0\0\0", NOTHING8, NOTHING4, NOTHING4, NOTHING4, NOTHING4, NOTHING4,
		NOTHING4) },
	{ "discard: one range, deallocate",
	  { .op = WEIR_OP_DISCARD,
	    .offset = 1 << 20,
	    .length = 1 << 30,
	    .memory = MEMORY,
	    .nsid = 1,
	    .lba_shift = 9 },
	  BYTES("\x09", "\x01\0\0\0", MEMORY_BYTES, "\x10\0\0\0", NOTHING4, "\x04\0\0\0", NOTHING4,
		NOTHING4, NOTHING4) },
	{ "write zeroes moves no memory",
	  { .op = WEIR_OP_WRITE_ZEROES,
	    .offset = 1 << 20,
	    .length = 1 << 16,
	    .memory = MEMORY,
	    .nsid = 1,
	    .lba_shift = 12,
	    .fua = true },
	  BYTES("\x08", "\x01\0\0\0", NOTHING8, NOTHING4, "\0\x01\0\0", NOTHING4, "\x0f\0\0\x40",
		NOTHING4, NOTHING4) },
	{ "placement update: operation 1, a list of one id in memory, which is 2 bytes",
	  { .op = WEIR_OP_PLACEMENT_UPDATE,
	    .memory = MEMORY,
	    .nsid = 5,
	    .lba_shift = 12,
	    .fua = true,
	    .placement = 3,
	    .timeout_ms = 1000 },
	  BYTES("\x1d", "\x05\0\0\0", MEMORY_BYTES, "\x02\0\0\0", "\x01\0\0\0", NOTHING4, NOTHING4,
		NOTHING4, "\xe8\x03\0\0") },
};

static void layout(void **state)
{
	struct nvme_uring_cmd out;

	(void)state;
	assert_int_equal(sizeof(out), 72);
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		memset(&out, 0xa5, sizeof(out));
		nvme_cmd_build(&out, &layouts[i].cmd);
		if (memcmp(&out, layouts[i].bytes, sizeof(out)))
			print_error("%s\n", layouts[i].name);
		assert_memory_equal(&out, layouts[i].bytes, sizeof(out));
	}
}

/* Each block size with each length: decoding gives what was encoded. */
static void every_length(void **state)
{
	(void)state;
	for (uint32_t shift = 9; shift <= 16; shift++) {
		for (uint32_t blocks = 1; blocks <= NVME_CMD_BLOCKS_MAX; blocks++) {
			struct nvme_cmd cmd = { .op = (uint8_t)(blocks & 1), .lba_shift = shift };
			struct nvme_uring_cmd out;
			uint64_t at = 0xfedcba98ull * blocks;

			cmd.offset = at << shift;
			cmd.length = (uint64_t)blocks << shift;
			nvme_cmd_build(&out, &cmd);
			assert_int_equal(out.cdw12, blocks - 1);
			assert_true(((uint64_t)out.cdw11 << 32 | out.cdw10) == cmd.offset >> shift);
			assert_int_equal(out.data_len, (uint32_t)cmd.length);
		}
	}
}

static void range(void **state)
{
	const struct nvme_cmd cmd = { .op = WEIR_OP_DISCARD,
				      .offset = 0x123456789abull << 9,
				      .length = 0x12345678ull << 9,
				      .lba_shift = 9 };
	union nvme_payload out;

	(void)state;
	memset(&out, 0xa5, sizeof(out));
	nvme_cmd_payload(&out, &cmd);
	assert_int_equal(sizeof(out), 16);
	assert_memory_equal(&out, "\0\0\0\0\x78\x56\x34\x12\xab\x89\x67\x45\x23\x01\0\0", 16);
}

/* The payload is a list of one 16-bit id. */
static void list_of_ids(void **state)
{
	const struct nvme_cmd cmd = { .op = WEIR_OP_PLACEMENT_UPDATE, .placement = 0xbeef };
	union nvme_payload out;

	(void)state;
	memset(&out, 0xa5, sizeof(out));
	nvme_cmd_payload(&out, &cmd);
	assert_memory_equal(&out, "\xef\xbe\xa5", 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layout),
		cmocka_unit_test(every_length),
		cmocka_unit_test(range),
		cmocka_unit_test(list_of_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
