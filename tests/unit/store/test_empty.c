/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_empty.c - a format without `force` finds what a file contains, wherever that lies.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "rig.h"

#define MIB (1ull << 20)

static char path[256];
static int file;

static int make_path(void **state)
{
	const char *dir = getenv("TMPDIR");

	(void)state;
	snprintf(path, sizeof(path), "%s/weir-empty-XXXXXX", dir ? dir : "/tmp");
	file = mkstemp(path);
	return file < 0;
}

static int remove_path(void **state)
{
	(void)state;
	close(file);
	return unlink(path);
}

static int format(uint32_t force)
{
	struct weir_store_format_opts opts = WEIR_STORE_FORMAT_OPTS_INIT;

	opts.force = force;
	return weir_store_format(path, &opts);
}

/* Makes the file BYTES of holes. */
static void make_holes(uint64_t bytes)
{
	assert_int_equal(ftruncate(file, 0), 0);
	assert_int_equal(ftruncate(file, (off_t)bytes), 0);
}

static void put_bytes(uint64_t offset, const void *bytes, size_t length)
{
	assert_int_equal(pwrite(file, bytes, length, (off_t)offset), length);
	assert_int_equal(fsync(file), 0);
}

/* Fails unless the format says WHAT, and force goes on. */
static void expect(const char *what)
{
	assert_int_equal(format(0), -EEXIST);
	if (!strstr(weir_error(), what) || !strstr(weir_error(), "looked at") ||
	    !strstr(weir_error(), "use force to"))
		fail_msg("\"%s\" does not say \"%s\"", weir_error(), what);
	assert_int_equal(format(1), 0);
}

/* One byte that is not zero is found wherever it lies, and its place is named. */
static void one_byte(void **state)
{
	static const uint64_t places[] = { 0, MIB, 20 * MIB + 77, 31 * MIB - 1, 64 * MIB - 1 };
	char what[64];

	(void)state;
	for (size_t n = 0; n < sizeof(places) / sizeof(places[0]); n++) {
		make_holes(64 * MIB);
		put_bytes(places[n], "x", 1);
		snprintf(what, sizeof(what), "byte %llu is not zero",
			 (unsigned long long)places[n]);
		expect(what);
	}
}

/* So is it in a large file: only the parts that have data are read. */
static void one_byte_of_many(void **state)
{
	(void)state;
	make_holes(1ull << 40);
	put_bytes(777 * 1024 * MIB + 5, "x", 1);
	assert_int_equal(format(0), -EEXIST);
	assert_non_null(strstr(weir_error(), "is not zero"));
	assert_non_null(strstr(weir_error(), "all 4 KiB that are not holes"));
	make_holes(MIB);
}

/* Space that was allocated, zeroes that were written, and holes are all empty. */
static void empty(void **state)
{
	static const uint8_t zeroes[MIB];

	(void)state;
	make_holes(16 * MIB);
	assert_int_equal(format(0), 0);
	make_holes(16 * MIB);
	assert_int_equal(posix_fallocate(file, 0, 16 * MIB), 0);
	put_bytes(5 * MIB + 100, zeroes, sizeof(zeroes));
	assert_int_equal(format(0), 0);
	assert_int_equal(format(0), -EEXIST);
	assert_non_null(strstr(weir_error(), "holds a weir store"));
}

/* A file with data that is too long to be read: both ends and places over the whole are. */
static void sampled(void **state)
{
	static uint8_t zeroes[MIB], other[MIB];
	uint64_t mib;

	(void)state;
	memset(other, 1, sizeof(other));
	make_holes(300 * MIB);
	for (mib = 0; mib < 300; mib++)
		assert_int_equal(pwrite(file, zeroes, MIB, (off_t)(mib * MIB)), MIB);
	put_bytes(150 * MIB, other, sizeof(other));
	assert_int_equal(format(0), -EEXIST);
	assert_non_null(
		strstr(weir_error(), "1 MiB at both ends of 300 MiB and 4 KiB at 1024 places"));
	put_bytes(150 * MIB, zeroes, sizeof(zeroes));
	assert_int_equal(format(0), 0);
	make_holes(MIB);
}

/* Signatures that libblkid knows, each alone in a file of zeroes: as mkfs.xfs, mkfs.btrfs, mkswap
 * and pvcreate write them. */
static void xfs(void)
{
	uint8_t sb[512] = "XFSB";

	/* Block size, blocks, sector and inode sizes, as libblkid checks them. */
	*(uint32_t *)(sb + 4) = htobe32(4096);
	*(uint64_t *)(sb + 8) = htobe64(16384);
	*(uint32_t *)(sb + 80) = htobe32(1);	   /* extents of the realtime part */
	*(uint32_t *)(sb + 84) = htobe32(4096);	   /* agblocks */
	*(uint32_t *)(sb + 88) = htobe32(4);	   /* agcount */
	*(uint16_t *)(sb + 100) = htobe16(0xb4a4); /* version */
	*(uint16_t *)(sb + 102) = htobe16(512);	   /* sector */
	*(uint16_t *)(sb + 104) = htobe16(512);	   /* inode */
	*(uint16_t *)(sb + 106) = htobe16(8);	   /* inodes a block */
	sb[120] = 12;				   /* log2 of the block, ... */
	sb[121] = 9;				   /* sector, */
	sb[122] = 9;				   /* inode, */
	sb[123] = 3;				   /* inodes a block */
	sb[124] = 12;				   /* agblocks */
	sb[127] = 25;				   /* percent of inodes */
	put_bytes(0, sb, sizeof(sb));
}

static void swap_area(void)
{
	static const char magic[10] = "SWAPSPACE2"; /* without a terminating zero */
	static uint8_t page[4096];
	uint32_t *head = (uint32_t *)(page + 1024);

	memcpy(page + 4086, magic, sizeof(magic));
	head[0] = 1;
	head[1] = 1000;
	put_bytes(0, page, sizeof(page));
}

static void lvm(void)
{
	static const char type[8] = "LVM2 001"; /* without a terminating zero */
	uint8_t label[512] = "LABELONE";
	uint32_t crc = 0xf597a6cf, n;

	*(uint64_t *)(label + 8) = htole64(1);
	*(uint32_t *)(label + 20) = htole32(32);
	memcpy(label + 24, type, sizeof(type));
	memset(label + 32, 'a', 32);
	for (n = 20; n < sizeof(label); n++) {
		crc ^= label[n];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	*(uint32_t *)(label + 16) = htole32(crc);
	put_bytes(512, label, sizeof(label));
}

static void ext2(void)
{
	uint8_t sb[1024] = { 0 };

	*(uint32_t *)(sb + 0) = htole32(1000);
	*(uint32_t *)(sb + 4) = htole32(1000);
	*(uint16_t *)(sb + 56) = htole16(0xef53);
	put_bytes(1024, sb, sizeof(sb));
}

static void luks(void)
{
	static const uint8_t magic[8] = { 'L', 'U', 'K', 'S', 0xba, 0xbe, 0, 1 };

	put_bytes(0, magic, sizeof(magic));
}

static void signatures(void **state)
{
	static const struct {
		void (*make)(void);
		const char *name;
	} table[] = {
		{ ext2, "holds ext2" },	       { xfs, "holds xfs" },
		{ swap_area, "holds swap" },   { lvm, "holds LVM2_member" },
		{ luks, "holds crypto_LUKS" },
	};

	(void)state;
	for (size_t n = 0; n < sizeof(table) / sizeof(table[0]); n++) {
		make_holes(64 * MIB);
		table[n].make();
		expect(table[n].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_byte),   cmocka_unit_test(one_byte_of_many),
		cmocka_unit_test(empty),      cmocka_unit_test(sampled),
		cmocka_unit_test(signatures),
	};

	return cmocka_run_group_tests(tests, make_path, remove_path);
}
