/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rig.c - images, values and shortcuts for the store's tests. One thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rig.h"
#include "store/store.h"

#define RIG_VALUE_MAX (1u << 20)

void rig_make(struct rig *rig, uint64_t bytes, uint64_t segment_bytes, uint32_t block_bytes)
{
	struct weir_store_format_opts opts = WEIR_STORE_FORMAT_OPTS_INIT;
	const char *dir = getenv("TMPDIR");
	int fd;

	snprintf(rig->path, sizeof(rig->path), "%s/weir-store-XXXXXX", dir ? dir : "/tmp");
	fd = mkstemp(rig->path);
	assert_true(fd >= 0);
	assert_int_equal(posix_fallocate(fd, 0, (off_t)bytes), 0);
	close(fd);
	opts.segment_bytes = segment_bytes;
	opts.block_bytes = block_bytes;
	opts.force = 2;
	if (weir_store_format(rig->path, &opts))
		fail_msg("format: %s", weir_error());
	rig->s = NULL;
}

void rig_remove(struct rig *rig)
{
	rig_close(rig);
	unlink(rig->path);
}

int rig_try_open(struct rig *rig, uint32_t read_only)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;

	opts.engine = rig->engine;
	opts.attach = rig->attach;
	opts.policy = rig->policy;
	opts.share_bytes_max = rig->share_bytes_max;
	opts.read_only = read_only;
	return weir_store_open(&rig->s, rig->path, &opts);
}

void rig_open(struct rig *rig)
{
	if (rig_try_open(rig, 0))
		fail_msg("open: %s", weir_error());
}

void rig_close(struct rig *rig)
{
	if (rig->s && weir_store_close(rig->s))
		fail_msg("close: %s", weir_error());
	rig->s = NULL;
}

int rig_has(const char *engine)
{
	struct weir_device *dev;
	char why[256];
	int err;

	assert_int_equal(weir_device_open(&dev, "/proc/self/exe",
					  &(struct weir_device_opts){
						  .size = sizeof(struct weir_device_opts),
						  .flags = WEIR_DEVICE_READ_ONLY }),
			 0);
	err = weir_engine_probe(engine, dev, why, sizeof(why));
	weir_device_close(dev);
	if (err)
		print_message("engine %s does not work here: %s\n", engine, why);
	return !err;
}

void rig_value(uint64_t key, uint64_t version, void *value, size_t length)
{
	uint64_t state = key * 0x9e3779b97f4a7c15u ^ version << 1 ^ 1;
	uint8_t *to = value;
	size_t n;

	for (n = 0; n < length; n += 8) {
		uint64_t word = rig_random(&state);

		memcpy(to + n, &word, length - n < 8 ? length - n : 8);
	}
}

int rig_put(struct rig *rig, uint64_t key, uint64_t version, size_t length, uint32_t flags)
{
	static uint8_t value[RIG_VALUE_MAX] __attribute__((aligned(4096)));

	rig_value(key, version, value, length);
	return rig_put_flags(rig->s, &key, value, length, flags);
}

struct weir_store_op rig_put_op(const uint64_t *key, const void *value, size_t length)
{
	return (struct weir_store_op){ .kind = WEIR_STORE_PUT,
				       .key = key,
				       .key_len = sizeof(*key),
				       .value = value,
				       .value_len = length };
}

struct weir_store_op rig_get_op(const uint64_t *key, void *buf, size_t length)
{
	return (struct weir_store_op){ .kind = WEIR_STORE_GET,
				       .key = key,
				       .key_len = sizeof(*key),
				       .buf = buf,
				       .capacity = length };
}

void rig_submit_puts(struct weir_store *s, struct weir_store_op *ops, uint64_t *ids, size_t n,
		     const void *value, size_t length)
{
	for (size_t i = 0; i < n; i++) {
		ids[i] = i;
		ops[i] = rig_put_op(&ids[i], value, length);
		assert_int_equal(weir_store_submit(s, &ops[i]), 0);
	}
}

int rig_put_flags(struct weir_store *s, const uint64_t *key, const void *value, size_t length,
		  uint32_t flags)
{
	struct weir_store_op op = rig_put_op(key, value, length);

	op.flags = flags & 0xffu;
	op.stream = (uint16_t)(flags >> 8);
	return weir_store_run(s, &op, 1);
}

int rig_get(struct rig *rig, uint64_t key, uint64_t version, size_t length)
{
	static uint8_t value[RIG_VALUE_MAX] __attribute__((aligned(4096)));
	static uint8_t want[RIG_VALUE_MAX];
	size_t got = 0;
	int err;

	value[length] = 0xa5;
	err = weir_store_get(rig->s, &key, sizeof(key), value, sizeof(value), &got);
	if (err)
		return err;
	/* Nothing behind the value was written. */
	if (got == length)
		assert_int_equal(value[length], 0xa5);
	rig_value(key, version, want, length);
	return got == length && !memcmp(value, want, length);
}

uint64_t rig_version(struct rig *rig, uint64_t key, uint64_t last, size_t length)
{
	for (uint64_t version = 1; version <= last; version++) {
		int found = rig_get(rig, key, version, length);

		if (found == 1)
			return version;
		if (found == -ENOENT)
			return 0;
	}
	fail_msg("key %u has other bytes", (unsigned)key);
	return 0;
}

int rig_delete(struct rig *rig, uint64_t key, uint32_t flags)
{
	return weir_store_delete(rig->s, &key, sizeof(key), flags);
}

static int rig_run_hold(struct weir_store *s, void *user)
{
	return logs_hold(s->logs, user);
}

int rig_hold(struct rig *rig, uint64_t key)
{
	uint64_t hash[2];

	checksum_identity(&rig->s->io.key, &key, sizeof(key), hash);
	return wait_call(rig->s, rig_run_hold, hash);
}

void rig_peek(struct rig *rig, uint64_t offset, void *buf, size_t length)
{
	int fd = open(rig->path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, buf, length, (off_t)offset), length);
	close(fd);
}

void rig_poke(struct rig *rig, uint64_t offset, const void *buf, size_t length)
{
	int fd = open(rig->path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, buf, length, (off_t)offset), length);
	close(fd);
}

void rig_damage(struct rig *rig, uint64_t offset)
{
	uint8_t byte;

	rig_peek(rig, offset, &byte, 1);
	byte = (uint8_t)~byte;
	rig_poke(rig, offset, &byte, 1);
}

uint64_t rig_find(struct rig *rig, const char *magic, uint64_t from, uint64_t step)
{
	int fd = open(rig->path, O_RDONLY);
	char found[8];

	assert_true(fd >= 0);
	for (; pread(fd, found, 8, (off_t)from) == 8; from += step)
		if (!memcmp(found, magic, 8))
			break;
	if (memcmp(found, magic, 8) != 0)
		from = UINT64_MAX;
	close(fd);
	return from;
}

static int check_counts(struct weir_store *s, void *user)
{
	(void)user;
	return entries_check(s->logs) ? 0 : -EUCLEAN;
}

void rig_check_counts(struct weir_store *s)
{
	assert_int_equal(wait_call(s, check_counts, NULL), 0);
}

void rig_stats(struct rig *rig, struct weir_store_stats *stats)
{
	struct weir_store_info info = { .size = sizeof(info) };

	*stats = (struct weir_store_stats)WEIR_STORE_STATS_INIT;
	assert_int_equal(weir_store_get_stats(rig->s, stats), 0);
	assert_int_equal(weir_store_get_info(rig->s, &info), 0);
	assert_int_equal(stats->free_segments + stats->used_segments, info.segments);
}

uint64_t rig_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}
