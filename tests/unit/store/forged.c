/* SPDX-License-Identifier: Apache-2.0 */
/* forged.c - an image whose structures a test changes with right checksums. */
#include <stdio.h>

#include "forged.h"
#include "queue/open.h"
#include "store/fsck.h"

struct rig forged_rig = { .attach = 1, .engine = "posix" };
static uint8_t forged_base[IMAGE];
uint8_t forged_image[IMAGE] __attribute__((aligned(4096)));
struct super forged_super;
static struct checksum_key forged_key;
uint64_t forged_opening; /* changes of the superblock by an open and a close */

struct forged_finding forged_found[FOUND];
unsigned forged_finds;
struct weir_check_result forged_result;
void (*forged_around)(bool begins);
void (*forged_found_too)(void *user, const struct weir_finding *f);

uint8_t *forged_at(uint32_t segment, uint32_t block)
{
	return forged_image + FIRST + (size_t)segment * SEGMENT + (size_t)block * BLOCK;
}

struct header forged_header(uint32_t segment)
{
	struct header h;

	assert_true(header_decode(&h, (void *)forged_at(segment, 0), segment, &forged_key,
				  forged_super.uuid));
	return h;
}

void forge_header(const struct header *h)
{
	header_encode((struct disk_segment *)forged_at(h->segment, 0), h, &forged_key,
		      forged_super.uuid);
}

void forge_super(const struct super *is, uint32_t copy)
{
	for (uint32_t n = 1; n <= 2; n++) {
		uint8_t *block = forged_image + forged_super.layout.copy_offset[n - 1];

		if (copy && copy != n)
			continue;
		memset(block, 0, DISK_SUPER_BYTES);
		super_encode((struct disk_super *)block, is, n);
	}
}

bool forged_is_sealed(uint32_t segment)
{
	struct header h;
	struct footer f;

	return header_decode(&h, (void *)forged_at(segment, 0), segment, &forged_key,
			     forged_super.uuid) &&
	       h.state == DISK_USED &&
	       footer_peek(&f, forged_at(segment, LAST), segment, h.gen, &forged_super.layout) ==
		       FOOTER_VALID;
}

struct footer forged_footer(uint32_t segment)
{
	struct footer f;

	assert_int_equal(footer_peek(&f, forged_at(segment, LAST), segment,
				     forged_header(segment).gen, &forged_super.layout),
			 FOOTER_VALID);
	assert_int_equal(f.blocks, 1);
	return f;
}

struct footer_entry forged_entry(uint32_t segment, uint32_t n)
{
	struct footer_entry e;

	footer_entry_decode(&e, (struct disk_entry *)forged_at(segment, LAST) + n);
	return e;
}

void forge_entry(uint32_t segment, uint32_t n, const struct footer_entry *e)
{
	struct footer f = forged_footer(segment);

	footer_entry_encode((struct disk_entry *)forged_at(segment, LAST) + n, e);
	footer_seal(forged_at(segment, LAST), &f, &forged_super.layout, &forged_key);
}

struct forged_place forged_find(uint64_t number, bool tombstone, bool newest)
{
	struct forged_place best = { .segment = SEGMENTS };
	uint64_t hash[2];

	checksum_identity(&forged_key, &number, sizeof(number), hash);
	for (uint32_t s = 0; s < SEGMENTS; s++) {
		if (!forged_is_sealed(s))
			continue;
		for (uint32_t n = 0; n < forged_footer(s).count; n++) {
			struct footer_entry e = forged_entry(s, n);

			if (e.hash[0] != hash[0] || !(e.flags & DISK_TOMBSTONE) == tombstone)
				continue;
			if (best.segment == SEGMENTS || (e.sequence > best.e.sequence) == newest)
				best = (struct forged_place){ s, n, e };
		}
	}
	assert_true(best.segment < SEGMENTS);
	return best;
}

struct forged_place forged_live(uint64_t number)
{
	return forged_find(number, false, true);
}

static void fill(void)
{
	uint32_t stream = 0;

	for (uint64_t n = 0; n < KEYS; n++) {
		if (n == LATER) {
			rig_close(&forged_rig);
			rig_open(&forged_rig);
		}
		assert_int_equal(rig_put(&forged_rig, n, 1, VALUE, 0), 0);
	}
	assert_int_equal(rig_delete(&forged_rig, DELETED, 0), 0);
	assert_int_equal(rig_put(&forged_rig, OVERWRITTEN, 2, VALUE, 0), 0);
	assert_int_equal(weir_store_add_tenant(forged_rig.s, "other", &stream), 1);
	assert_int_equal(stream, 1);
	for (uint64_t n = KEYS; n < KEYS + OTHERS; n++)
		assert_int_equal(rig_put(&forged_rig, n, 1, VALUE, RIG_STREAM(1)), 0);
}

uint64_t forged_revision(void)
{
	struct super is;
	uint32_t version;

	assert_int_equal(super_decode(&is, (void *)memdisk.now, 1, &version), SUPER_VALID);
	return is.revision;
}

int forged_make(void **state)
{
	uint32_t version;

	(void)state;
	rig_make(&forged_rig, IMAGE, SEGMENT, BLOCK);
	rig_open(&forged_rig);
	fill();
	rig_close(&forged_rig);
	rig_peek(&forged_rig, 0, forged_base, IMAGE);
	assert_int_equal(super_decode(&forged_super, (void *)forged_base, 1, &version),
			 SUPER_VALID);
	checksum_key_make(&forged_key, forged_super.uuid, forged_super.secret, 0);
	memdisk_load(&forged_rig, 512, 3);
	memdisk_power_on(&forged_rig);
	assert_int_equal(memdisk_close(&forged_rig), 0);
	forged_opening = forged_revision() - forged_super.revision;
	return 0;
}

int forged_unmake(void **state)
{
	(void)state;
	memdisk_free();
	rig_remove(&forged_rig);
	return 0;
}

int forged_begin(void **state)
{
	(void)state;
	memcpy(forged_image, forged_base, IMAGE);
	memdisk.fails_too = NULL;
	forged_around = NULL;
	return 0;
}

static uint64_t bad_from, bad_to;

static int is_bad(const struct weir_cmd *cmd)
{
	return cmd->op == WEIR_OP_READ && cmd->offset < bad_to &&
	       cmd->offset + cmd->length > bad_from;
}

void forged_unreadable(const uint8_t *from)
{
	bad_from = (uint64_t)(from - forged_image);
	bad_to = bad_from + BLOCK;
	memdisk.fails_too = is_bad;
}

void forged_note(void *user, const struct weir_finding *f)
{
	if (forged_found_too)
		forged_found_too(user, f);
	assert_true(forged_finds < FOUND);
	forged_found[forged_finds].kind = f->kind;
	forged_found[forged_finds].damage = f->damage;
	forged_found[forged_finds].segment = f->segment;
	forged_found[forged_finds].stream = f->stream;
	snprintf(forged_found[forged_finds++].text, sizeof(forged_found->text), "%s", f->text);
}

int forged_run(uint32_t repair)
{
	struct weir_check_opts opts = WEIR_CHECK_OPTS_INIT;
	struct weir_queue_opts queue = WEIR_QUEUE_OPTS_INIT;
	char name[64];
	int err;

	forged_finds = 0;
	forged_result = (struct weir_check_result)WEIR_CHECK_RESULT_INIT;
	opts.data = 1;
	opts.repair = repair;
	opts.found = forged_note;
	snprintf(name, sizeof(name), "null:%llu", (unsigned long long)memdisk.bytes);
	assert_int_equal(weir_device_open(&forged_rig.device, name, NULL), 0);
	queue.nomerges = 2;
	assert_int_equal(
		queue_open(&forged_rig.queue, forged_rig.device, &queue, &memdisk_engine, NULL), 0);
	assert_int_equal(weir_queue_attach(forged_rig.queue, 0), 0);
	if (forged_around)
		forged_around(true);
	err = fsck_on(&forged_rig.queue, 1, &opts, &forged_result);
	if (forged_around)
		forged_around(false);
	weir_queue_detach(forged_rig.queue);
	assert_int_equal(weir_queue_close(forged_rig.queue), 0);
	weir_device_close(forged_rig.device);
	forged_rig.queue = NULL;
	forged_rig.device = NULL;
	return err;
}

void forged_check(uint32_t repair)
{
	memdisk_restore(forged_image);
	memdisk_on(0);
	if (forged_run(repair))
		fail_msg("check: %s", weir_error());
}

static void forged_only(uint32_t kind, uint32_t damage, const char *words)
{
	for (unsigned n = 0; n < forged_finds; n++)
		if (forged_finds > 1)
			print_message("finding: %s\n", forged_found[n].text);
	assert_int_equal(forged_finds, 1);
	assert_int_equal(forged_found[0].kind, kind);
	assert_int_equal(forged_found[0].damage, damage);
	if (!strstr(forged_found[0].text, words))
		fail_msg("\"%s\" does not say \"%s\"", forged_found[0].text, words);
}

void forged_expect(uint32_t kind, uint32_t damage, const char *words)
{
	forged_check(0);
	forged_only(kind, damage, words);
}

void forged_clean(void)
{
	forged_check(0);
	if (forged_finds)
		fail_msg("found: %s", forged_found[0].text);
}

void forge_batch(const struct forged_place *p, const struct batch_record *records, uint32_t count,
		 uint32_t blocks)
{
	struct checksum_place place = { p->segment, p->e.batch, forged_header(p->segment).gen };
	struct batch_header h;

	assert_true(batch_decode(&h, forged_at(p->segment, p->e.batch), place, &forged_super.layout,
				 &forged_key));
	memset(forged_at(p->segment, p->e.batch), 0, BLOCK);
	h.header_bytes = 0;
	h.blocks = blocks ? blocks : h.blocks;
	h.count = count;
	for (uint32_t n = 0; n < count; n++)
		batch_add(forged_at(p->segment, p->e.batch), &h.header_bytes, &records[n]);
	batch_finish(forged_at(p->segment, p->e.batch), &h, &forged_super.layout, &forged_key);
}

struct batch_record forged_record(const struct forged_place *p, const uint64_t *number)
{
	return (struct batch_record){ .sequence = p->e.sequence,
				      .checksum = p->e.checksum,
				      .key = number,
				      .length = p->e.length,
				      .block = p->e.block,
				      .key_len = sizeof(*number),
				      .flags = p->e.flags };
}
