/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - reads the description of a drive. See config.h. Any thread may call it. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/nsec.h"
#include "base/error.h"
#include "sim/config.h"
#include "sim/ini.h"
#include "sim/keys.h"
#include "text/text.h"

#define SIZE(section, field, at, lo, hi)                                                           \
	{                                                                                          \
		section, field, SIM_KEY_SIZE, offsetof(struct sim_config, at), lo, hi, NULL, NULL, \
			NULL                                                                       \
	}
#define TIME(section, field, at, lo, hi)                                                           \
	{                                                                                          \
		section, field, SIM_KEY_TIME, offsetof(struct sim_config, at), lo, hi, NULL, NULL, \
			NULL                                                                       \
	}
#define NUMBER(section, field, at, lo, hi)                                                         \
	{                                                                                          \
		section, field, SIM_KEY_NUMBER, offsetof(struct sim_config, at), lo, hi, NULL,     \
			NULL, NULL                                                                 \
	}
#define CHOICE(section, field, at, words)                                                          \
	{                                                                                          \
		section, field, SIM_KEY_CHOICE, offsetof(struct sim_config, at), 0, 0, NULL,       \
			words, NULL                                                                \
	}

#define MINUTE (60 * NSEC_PER_SEC)

static const struct sim_choice kinds[] = { { "ssd", SIM_SSD }, { "hdd", SIM_HDD }, { NULL, 0 } };
static const struct sim_choice orders[] = { { "fifo", SIM_ORDER_FIFO },
					    { "nearest", SIM_ORDER_NEAREST },
					    { NULL, 0 } };

static const struct sim_key config_keys[] = {
	CHOICE("device", "kind", kind, kinds),
	SIZE("device", "capacity", capacity, 1 << 20, 1ull << 50),
	SIZE("device", "logical_block", logical_block, 512, 65536),
	SIZE("device", "physical_block", physical_block, 512, 1 << 20),
	NUMBER("device", "queue_depth", queue_depth, 1, 4096),
	SIZE("device", "max_io", max_io, 4096, 1 << 30),
	NUMBER("device", "max_segments", max_segments, 1, 1024),
	TIME("device", "command", command, 0, MINUTE),
	SIZE("device", "link", link, 1 << 20, 1ull << 44),
	NUMBER("device", "duplex", duplex, 0, 1),
	NUMBER("ssd", "channels", ssd.channels, 1, 1024),
	SIZE("ssd", "page", ssd.page, 512, 16 << 20),
	TIME("ssd", "read", ssd.read, 1, MINUTE),
	TIME("ssd", "program", ssd.program, 1, MINUTE),
	NUMBER("ssd", "spread", ssd.spread, 0, 100),
	SIZE("ssd", "cache", ssd.cache, 4096, 1ull << 50),
	TIME("ssd", "cache_write", ssd.cache_write, 0, MINUTE),
	NUMBER("ssd", "volatile_cache", ssd.volatile_cache, 0, 1),
	TIME("ssd", "discard", ssd.discard, 0, MINUTE),
	NUMBER("hdd", "rpm", hdd.rpm, 1, 1000000),
	SIZE("hdd", "outer", hdd.outer, 1 << 20, 1ull << 40),
	SIZE("hdd", "inner", hdd.inner, 1 << 20, 1ull << 40),
	NUMBER("hdd", "zones", hdd.zones, 1, 1000),
	TIME("hdd", "seek_track", hdd.seek_track, 0, MINUTE),
	TIME("hdd", "seek_full", hdd.seek_full, 0, MINUTE),
	SIZE("hdd", "read_ahead", hdd.read_ahead, 0, 1ull << 40),
	CHOICE("hdd", "order", hdd.order, orders),
	TIME("hdd", "max_wait", hdd.max_wait, 0, 60 * MINUTE),
	{ NULL, NULL, SIM_KEY_SIZE, 0, 0, 0, NULL, NULL, NULL },
};

static int config_key(void *user, unsigned line, const char *section, const char *name,
		      const char *value)
{
	(void)line;
	if (!name && strcmp(section, "device") && strcmp(section, "ssd") && strcmp(section, "hdd"))
		return error_set(-EINVAL,
				 "unknown section [%s]: a drive has [device], and [ssd] or [hdd]",
				 section);
	return name ? sim_key_set(config_keys, user, section, name, value) : 0;
}

static uint64_t config_field(const struct sim_config *c, const struct sim_key *key)
{
	uint64_t value;

	memcpy(&value, (const char *)c + key->offset, sizeof(value));
	return value;
}

/* Checks that all keys that this kind of drive needs are present, and no others. */
static int config_complete(const struct sim_config *c, const char *path)
{
	const char *kind = c->kind == SIM_HDD ? "hdd" : "ssd";

	if (c->kind == SIM_UNSET)
		return error_set(-EINVAL, "%s: [device] lacks kind = ssd or hdd", path);
	for (const struct sim_key *key = config_keys; key->name; key++) {
		bool needed = !strcmp(key->section, "device") || !strcmp(key->section, kind);
		bool given = config_field(c, key) != SIM_UNSET;

		if (needed && !given)
			return error_set(-EINVAL,
					 "%s: [%s] lacks %s; `weir sim --print-device %s` "
					 "shows all keys",
					 path, key->section, key->name,
					 c->kind == SIM_HDD ? "hdd" : "nvme");
		if (given && !needed)
			return error_set(-EINVAL, "%s: kind = %s, so it has no [%s]", path, kind,
					 key->section);
	}
	return 0;
}

static bool config_power_of_2(uint64_t n)
{
	return n && !(n & (n - 1));
}

static int config_sound(const struct sim_config *c, const char *path)
{
	if (!config_power_of_2(c->logical_block) || !config_power_of_2(c->physical_block) ||
	    c->physical_block < c->logical_block)
		return error_set(-EINVAL,
				 "%s: block sizes must be powers of 2, and the physical block not "
				 "smaller than the logical one",
				 path);
	if (c->max_io % c->logical_block || c->capacity % c->physical_block)
		return error_set(-EINVAL, "%s: max_io and capacity must be whole blocks", path);
	if (c->kind == SIM_SSD && c->ssd.cache / 2 / c->ssd.channels < c->ssd.page)
		return error_set(-EINVAL, "%s: cache must hold two pages for each channel", path);
	if (c->kind == SIM_HDD &&
	    (c->hdd.inner > c->hdd.outer || c->hdd.seek_track > c->hdd.seek_full))
		return error_set(
			-EINVAL,
			"%s: inner must not be above outer, nor seek_track above seek_full", path);
	return 0;
}

static int config_read(struct sim_config *c, FILE *in, const char *path, struct remarks *mistakes)
{
	int err;

	memset(c, 0xff, sizeof(*c)); /* every member becomes SIM_UNSET */
	err = sim_ini_read(in, path, config_key, c, mistakes);
	if (!err)
		err = config_complete(c, path);
	return err ? err : config_sound(c, path);
}

int sim_config_load(struct sim_config *c, const char *name)
{
	const char *text = sim_preset(name);
	/* fmemopen() does not write to a buffer that it opens for reading. */
	FILE *in = text ? fmemopen((void *)(uintptr_t)text, strlen(text), "r") : text_open(name);
	struct remarks mistakes = { .count = 0 };
	int err;

	if (!in && errno == ENOENT)
		return error_sys(-ENOENT,
				 "%s: neither a built-in drive (nvme, sata, hdd) nor a file", name);
	if (!in)
		return -errno;
	err = config_read(c, in, name, &mistakes);
	remarks_free(&mistakes);
	text_close(in);
	return err;
}
