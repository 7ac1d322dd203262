/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - reads the description of a drive. See config.h. Any thread may call it. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/nsec.h"
#include "base/error.h"
#include "base/parse.h"
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
static const struct sim_choice drains[] = { { "idle", SIM_DRAIN_IDLE },
					    { "turns", SIM_DRAIN_TURNS },
					    { "bursts", SIM_DRAIN_BURSTS },
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
	CHOICE("ssd", "drain", ssd.drain, drains),
	TIME("ssd", "program_suspend", ssd.program_suspend, 0, MINUTE),
	TIME("ssd", "erase_suspend", ssd.erase_suspend, 0, MINUTE),
	NUMBER("ssd", "suspends", ssd.suspends, 0, 1000),
	TIME("ssd", "erase", ssd.erase, 0, MINUTE),
	NUMBER("ssd", "erase_pages", ssd.erase_pages, 1, 1 << 20),
	SIZE("ssd", "slc", ssd.slc, 0, 1ull << 50),
	TIME("ssd", "slc_program", ssd.slc_program, 1, MINUTE),
	TIME("ssd", "slc_fold", ssd.slc_fold, 0, 60 * MINUTE),
	SIZE("ssd", "map", ssd.map, 0, 1ull << 45),
	TIME("ssd", "hiccup", ssd.hiccup, 0, MINUTE),
	TIME("ssd", "hiccup_every", ssd.hiccup_every, 0, 60 * MINUTE),
	SIZE("ssd", "limit", ssd.limit, 0, 1ull << 44),
	SIZE("ssd", "limit_burst", ssd.limit_burst, 1, 1ull << 44),
	TIME("ssd", "limit_every", ssd.limit_every, 10 * NSEC_PER_USEC, MINUTE),
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

/* The keys of an SSD that need not be given. */
static const struct {
	size_t offset;
	uint64_t value;
} config_defaults[] = {
	{ offsetof(struct sim_config, ssd.drain), SIM_DRAIN_IDLE },
	{ offsetof(struct sim_config, ssd.program_suspend), 0 },
	{ offsetof(struct sim_config, ssd.erase_suspend), 0 },
	{ offsetof(struct sim_config, ssd.suspends), 4 },
	{ offsetof(struct sim_config, ssd.erase), 0 },
	{ offsetof(struct sim_config, ssd.erase_pages), 1024 },
	{ offsetof(struct sim_config, ssd.slc), 0 },
	{ offsetof(struct sim_config, ssd.slc_program), 1 },
	{ offsetof(struct sim_config, ssd.slc_fold), NSEC_PER_SEC },
	{ offsetof(struct sim_config, ssd.map), 0 },
	{ offsetof(struct sim_config, ssd.hiccup), 0 },
	{ offsetof(struct sim_config, ssd.hiccup_every), 0 },
	{ offsetof(struct sim_config, ssd.limit), 0 },
	{ offsetof(struct sim_config, ssd.limit_burst), 32 << 20 },
	{ offsetof(struct sim_config, ssd.limit_every), 10 * NSEC_PER_MSEC },
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

/* Sets what an SSD has if its description does not say so. */
static void config_default(struct sim_config *c)
{
	uint64_t *member;

	for (size_t i = 0; i < sizeof(config_defaults) / sizeof(config_defaults[0]); i++) {
		member = (uint64_t *)(void *)((char *)c + config_defaults[i].offset);
		if (c->kind == SIM_SSD && *member == SIM_UNSET)
			*member = config_defaults[i].value;
	}
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
	if (c->kind == SIM_SSD && c->ssd.slc && c->ssd.slc < c->ssd.channels * c->ssd.page)
		return error_set(-EINVAL, "%s: slc must hold a page for each channel", path);
	if (c->kind == SIM_SSD && !c->ssd.hiccup != !c->ssd.hiccup_every)
		return error_set(-EINVAL, "%s: hiccup and hiccup_every need each other", path);
	if (c->kind == SIM_SSD && c->ssd.hiccup && c->ssd.hiccup_every < 100 * NSEC_PER_USEC)
		return error_set(-EINVAL, "%s: hiccup_every must be 100us or more", path);
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
	config_default(c);
	if (!err)
		err = config_complete(c, path);
	return err ? err : config_sound(c, path);
}

/* Sets weir_error() to the names that would be valid. Returns -ENOENT. */
static int config_unknown(const char *name)
{
	char names[128] = "";

	for (size_t i = 0; sim_preset_name(i); i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
			 i ? ", " : "", sim_preset_name(i));
	return error_sys(-ENOENT, "%s: neither a built-in drive (%s) nor a file", name, names);
}

int sim_config_load(struct sim_config *c, const char *name)
{
	const char *text = sim_preset(name);
	/* fmemopen() does not write to a buffer that it opens for reading. */
	FILE *in = text ? fmemopen((void *)(uintptr_t)text, strlen(text), "r") : text_open(name);
	struct remarks mistakes = { .count = 0 };
	int err;

	if (!in && errno == ENOENT)
		return config_unknown(name);
	if (!in)
		return -errno;
	err = config_read(c, in, name, &mistakes);
	remarks_free(&mistakes);
	text_close(in);
	return err;
}

/* Writes NS without loss, in the unit that people use for it. */
static void config_write_time(uint64_t ns, FILE *out)
{
	if (ns < NSEC_PER_USEC)
		fprintf(out, "%lluns", (unsigned long long)ns);
	else if (ns % NSEC_PER_USEC)
		fprintf(out, "%llu.%03lluus", (unsigned long long)(ns / NSEC_PER_USEC),
			(unsigned long long)(ns % NSEC_PER_USEC));
	else if (ns % NSEC_PER_MSEC)
		fprintf(out, "%lluus", (unsigned long long)(ns / NSEC_PER_USEC));
	else
		fprintf(out, "%llums", (unsigned long long)(ns / NSEC_PER_MSEC));
}

static void config_write_value(const struct sim_key *key, uint64_t value, FILE *out)
{
	char size[32];

	switch (key->type) {
	case SIM_KEY_SIZE:
		fputs(format_size_word(value, size, sizeof(size)), out);
		return;
	case SIM_KEY_TIME:
		config_write_time(value, out);
		return;
	case SIM_KEY_CHOICE:
		fputs(key->choices[value].name, out);
		return;
	default:
		fprintf(out, "%llu", (unsigned long long)value);
	}
}

void sim_config_write(const struct sim_config *c, FILE *out)
{
	const char *kind = c->kind == SIM_HDD ? "hdd" : "ssd", *section = "";

	for (const struct sim_key *key = config_keys; key->name; key++) {
		if (strcmp(key->section, "device") && strcmp(key->section, kind))
			continue;
		if (strcmp(key->section, section))
			fprintf(out, "%s[%s]\n", *section ? "\n" : "", key->section);
		section = key->section;
		fprintf(out, "%s = ", key->name);
		config_write_value(key, config_field(c, key), out);
		fputc('\n', out);
	}
}
