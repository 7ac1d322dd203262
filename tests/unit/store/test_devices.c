/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_devices.c - stores on several devices: where keys lie, what is refused at open, what goes on
 * without a device, and tenants that only some devices know.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include <weir/dump.h>
#include <weir/fsck.h>
#include <weir/pin.h>
#include <weir/scrub.h>
#include <weir/tenant.h>

#include "devices.h"
#include "store/parts.h"

static int count_entry(const struct weir_store_entry *entry, void *user)
{
	(void)entry;
	++*(unsigned *)user;
	return 0;
}

/* All calls work, whoever runs the loops, and the devices may be named in any order. */
static void calls(void **state)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	struct weir_store_stats sum, one;
	char order[1024];
	unsigned listed = 0;
	uint64_t entries = 0, segments = 0;

	(void)state;
	for (rig.attach = 0; rig.attach < 2; rig.attach++) {
		open_all(all);
		put_keys(rig.attach);
		get_keys(rig.attach);
		close_all();
		snprintf(order, sizeof(order), "%s,%s,%s", file[2], file[0], file[1]);
		open_all(order);
		get_keys(rig.attach);
		assert_int_equal(rig_delete(&rig, 7, 0), 0);
		assert_int_equal(rig_get(&rig, 7, 1, 5007), -ENOENT);
		assert_int_equal(weir_store_sync(rig.s), 0);
		rig_stats(&rig, &sum);
		assert_int_equal(sum.entries, KEYS - 1);
		assert_int_equal(sum.deletes, 1);
		assert_int_equal(sum.get.count, KEYS + 1);
		assert_true(sum.flushes >= DEVICES);
		entries = segments = 0;
		for (uint32_t n = 0; n < DEVICES; n++) {
			struct weir_store_device device = WEIR_STORE_DEVICE_INIT;

			one = (struct weir_store_stats)WEIR_STORE_STATS_INIT;
			assert_int_equal(weir_store_get_device_stats(rig.s, n, &one), 0);
			assert_true(one.entries > KEYS / DEVICES / 3);
			entries += one.entries;
			segments += one.free_segments + one.used_segments;
			assert_int_equal(weir_store_get_device(rig.s, n, &device), 0);
			assert_string_equal(device.path, file[n]);
			assert_int_equal(device.state, WEIR_STORE_DEVICE_GOOD);
		}
		assert_int_equal(entries, sum.entries);
		assert_int_equal(weir_store_get_info(rig.s, &info), 0);
		assert_int_equal(info.devices, DEVICES);
		assert_int_equal(info.segments, segments);
		/* Each gives as much as the smallest. */
		assert_int_equal(info.segments % DEVICES, 0);
		listed = 0;
		assert_int_equal(weir_store_list(rig.s, count_entry, &listed), 0);
		assert_int_equal(listed, KEYS - 1);
		close_all();
	}
	rig.attach = 0;
}

#define MANY 60u

static unsigned ended;

static void count_end(struct weir_store_op *op)
{
	(void)op;
	__atomic_add_fetch(&ended, 1, __ATOMIC_SEQ_CST);
}

/* Operations on all devices that were submitted together, with syncs among them. */
static void many_at_once(void **state)
{
	static struct weir_store_op ops[MANY];
	static uint64_t keys[MANY];
	static uint8_t value[6000];

	(void)state;
	for (rig.attach = 0; rig.attach < 2; rig.attach++) {
		open_all(all);
		for (unsigned i = 0; i < MANY; i++) {
			keys[i] = i;
			ops[i] = (struct weir_store_op){ .kind = i % 10 ? WEIR_STORE_PUT
									: WEIR_STORE_SYNC,
							 .key = &keys[i],
							 .key_len = 8,
							 .value = value,
							 .value_len = sizeof(value) };
		}
		assert_int_equal(weir_store_run(rig.s, ops, MANY), 0);
		ended = 0;
		for (unsigned i = 0; i < MANY; i++) {
			ops[i].end = count_end;
			assert_int_equal(weir_store_submit(rig.s, &ops[i]), 0);
		}
		assert_int_equal(weir_store_cancel(rig.s, &ops[MANY - 1]), 0);
		for (unsigned i = 0; i < MANY; i++) {
			int err = weir_store_wait(rig.s, &ops[i], UINT64_MAX);

			assert_true(!err || (i == MANY - 1 && err == -ECANCELED));
		}
		close_all();
		assert_int_equal(ended, MANY);
	}
	rig.attach = 0;
}

/* What comes too late does not begin, whatever it is and wherever its key lies. */
static void too_late(void **state)
{
	(void)state;
	open_all(all);
	for (uint32_t kind = 0; kind < WEIR_STORE_OP_COUNT; kind++) {
		uint64_t key = kind;
		struct weir_store_op op = { .kind = kind,
					    .key = &key,
					    .key_len = sizeof(key),
					    .value = &key,
					    .value_len = sizeof(key),
					    .capacity = sizeof(key),
					    .deadline_ns = 1 };

		assert_int_equal(weir_store_run(rig.s, &op, 1), -ETIMEDOUT);
	}
	close_all();
}

/* A loop of the program's own: the descriptor fires for each of the devices. */
static void descriptor(void **state)
{
	static uint8_t value[6000];

	(void)state;
	rig.attach = 1;
	open_all(all);
	assert_true(weir_store_fd(rig.s) >= 0);
	for (uint64_t key = 0; key < KEYS; key++) {
		struct weir_store_op op = { .key = &key,
					    .key_len = 8,
					    .value = value,
					    .value_len = sizeof(value),
					    .end = count_end };
		struct pollfd fd = { .fd = weir_store_fd(rig.s), .events = POLLIN };

		ended = 0;
		assert_int_equal(weir_store_submit(rig.s, &op), 0);
		assert_int_equal(weir_store_poll(rig.s), 0);
		while (!ended) {
			assert_true(poll(&fd, 1, 60000) != 0);
			assert_int_equal(weir_store_poll(rig.s), 0);
		}
		assert_int_equal(op.result, 0);
	}
	close_all();
	rig.attach = 0;
}

static void refused(void **state)
{
	char some[1024];

	(void)state;
	says(try_open(file[1], 0), -ENODEV, "devices 1, 3 are not among those named");
	snprintf(some, sizeof(some), "%s,%s", file[0], file[2]);
	says(try_open(some, 0), -ENODEV, "or open with degraded to go");
	assert_int_equal(format(file[3]), 0);
	snprintf(some, sizeof(some), "%s,%s,%s", file[0], file[3], file[2]);
	says(try_open(some, 0), -EINVAL, "belongs to store");
	says(try_open("/tmp/a,,/tmp/b", 0), -EINVAL, "is empty");
	says(try_open("/tmp/a,/tmp/a", 0), -EINVAL, "named twice");
	/* Nothing was changed by that. */
	open_all(all);
	close_all();
}

static void copy_file(const char *from, const char *to)
{
	char command[1024];

	snprintf(command, sizeof(command), "cp %s %s", from, to);
	assert_int_equal(system(command), 0);
}

/* Two stores of the same shape whose second devices were swapped; a copy; a device that shrank. */
static void another_device(void **state)
{
	char other[1024], some[1024];

	(void)state;
	snprintf(some, sizeof(some), "%s,%s,%s,%s", file[0], file[1], file[2], file[3]);
	copy_file(file[1], file[3]);
	says(try_open(some, 0), -EINVAL, "one of them is a copy");
	snprintf(other, sizeof(other), "%s,%s", file[2], file[3]);
	assert_int_equal(format(other), 0);
	snprintf(some, sizeof(some), "%s,%s", file[0], file[1]);
	assert_int_equal(format(some), 0);
	snprintf(some, sizeof(some), "%s,%s", file[0], file[3]);
	says(try_open(some, 0), -EINVAL, file[3]);
	snprintf(some, sizeof(some), "%s,%s", file[0], file[1]);
	assert_int_equal(truncate(file[1], 12 * MIB), 0);
	says(try_open(some, 0), -ENODATA, file[1]);
	says(try_open(some, 0), -ENODATA, "truncated");
}

/* Without one device: its keys are not there, with words; all others are as they were. */
static void degraded(void **state)
{
	struct weir_store_device device = WEIR_STORE_DEVICE_INIT;
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	unsigned gone = 0;
	size_t length;

	(void)state;
	open_all(all);
	put_keys(1);
	close_all();
	assert_int_equal(truncate(file[0], 0), 0);
	says(try_open(all, 0), -EMEDIUMTYPE, file[0]);
	assert_int_equal(try_open(all, 1), 0);
	assert_int_equal(weir_store_get_info(rig.s, &info), 0);
	assert_int_equal(info.devices_missing, 1);
	assert_int_equal(weir_store_get_device(rig.s, 0, &device), 0);
	assert_int_equal(device.state, WEIR_STORE_DEVICE_MISSING);
	assert_non_null(strstr(device.why, file[0]));
	for (uint64_t key = 0; key < KEYS; key++) {
		if (device_of(key) != UINT32_MAX) {
			assert_int_equal(rig_get(&rig, key, 1, 5000 + key), 1);
			assert_int_equal(rig_put(&rig, key, 2, 5000 + key, WEIR_PUT_DURABLE), 0);
			continue;
		}
		gone++;
		says(rig_put(&rig, key, 2, 5000, 0), -ENODEV, "device 1 of the 3");
		says(rig_get(&rig, key, 1, 5000), -ENODEV, file[0]);
		says(weir_store_exists(rig.s, &key, 8, &length), -ENODEV, "device 1 of the 3");
		says(rig_delete(&rig, key, 0), -ENODEV, "device 1 of the 3");
	}
	assert_true(gone > KEYS / DEVICES / 3);
	assert_int_equal(weir_store_sync(rig.s), 0);
	close_all();
}

static int stop_writing(struct weir_store *part, void *user)
{
	(void)user;
	io_break(&part->io, -EIO);
	return 0;
}

/* One device stops while the store is open: what fails names it, and the others go on. */
static void stopped(void **state)
{
	struct weir_store_device device = WEIR_STORE_DEVICE_INIT;
	struct weir_store_stats stats;

	(void)state;
	open_all(all);
	put_keys(1);
	assert_int_equal(weir_store_sync(rig.s), 0);
	assert_int_equal(wait_call(rig.s->parts->part[1], stop_writing, NULL), 0);
	for (uint64_t key = 0; key < KEYS; key++) {
		int err = rig_put(&rig, key, 2, 5000 + key, WEIR_PUT_DURABLE);

		assert_true(device_of(key) == 1 ? err < 0 : !err);
		if (err)
			assert_non_null(strstr(weir_error(), file[1]));
		assert_int_equal(rig_get(&rig, key, device_of(key) == 1 ? 1 : 2, 5000 + key), 1);
	}
	assert_true(weir_store_sync(rig.s) < 0);
	assert_non_null(strstr(weir_error(), file[1]));
	for (uint32_t n = 0; n < DEVICES; n++) {
		assert_int_equal(weir_store_get_device(rig.s, n, &device), 0);
		assert_int_equal(device.state,
				 n == 1 ? WEIR_STORE_DEVICE_STOPPED : WEIR_STORE_DEVICE_GOOD);
	}
	rig_stats(&rig, &stats);
	assert_int_equal(stats.read_only, 1);
	assert_int_equal(weir_store_close(rig.s), -EIO);
	assert_non_null(strstr(weir_error(), file[1]));
	open_all(all);
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(rig_get(&rig, key, device_of(key) == 1 ? 1 : 2, 5000 + key), 1);
	close_all();
}

/* Calls for many keys: the parts answer for their own. */
static void holds(void **state)
{
	static struct weir_store_key keys[KEYS];
	static uint64_t ids[KEYS], lengths[KEYS];
	struct weir_store_held held = { .size = sizeof(held) };
	struct weir_store_why why = WEIR_STORE_WHY_INIT;
	size_t leading = 0;

	(void)state;
	open_all(all);
	put_keys(1);
	for (uint64_t n = 0; n < KEYS; n++) {
		ids[n] = n;
		keys[n] = (struct weir_store_key){ .key = &ids[n], .key_len = 8 };
	}
	assert_int_equal(weir_store_exists_many(rig.s, keys, KEYS, lengths, &leading), 0);
	assert_int_equal(leading, KEYS);
	assert_int_equal(lengths[KEYS - 1], 5000 + KEYS - 1);
	leading = 0;
	assert_int_equal(weir_store_lease(rig.s, keys, KEYS, 0, lengths, &leading), 0);
	assert_int_equal(leading, KEYS);
	assert_int_equal(lengths[1], 5001);
	for (uint64_t n = 0; n < KEYS; n += 2)
		assert_int_equal(weir_store_pin(rig.s, &ids[n], 8), 0);
	assert_int_equal(weir_store_get_held(rig.s, &held), 0);
	assert_int_equal(held.leased, KEYS);
	assert_int_equal(held.pinned, KEYS / 2);
	assert_int_equal(weir_store_unlease(rig.s, keys, KEYS), 0);
	for (uint64_t n = 0; n < KEYS; n += 2)
		assert_int_equal(weir_store_unpin(rig.s, &ids[n], 8), 0);
	assert_int_equal(weir_store_get_held(rig.s, &held), 0);
	assert_int_equal(held.leased + held.pinned, 0);
	assert_int_equal(rig_delete(&rig, 5, 0), 0);
	assert_int_equal(weir_store_get_why(rig.s, &ids[5], 8, &why), 0);
	assert_int_equal(why.reason, WEIR_LEAVE_DELETED);
	assert_int_equal(weir_store_exists_many(rig.s, keys, KEYS, lengths, &leading), 0);
	assert_int_equal(leading, 5);
	close_all();
}

/* A tenant that was added while a device was missing, or of which a crash left the row on one
 * device only, is known to all after the next opening. */
static void tenants(void **state)
{
	struct weir_store_stream info = WEIR_STORE_STREAM_INIT;
	uint32_t first, second, again;
	char some[1024];

	(void)state;
	open_all(all);
	assert_int_equal(weir_store_add_tenant(rig.s, "one", &first), 1);
	assert_int_equal(weir_store_add_tenant(rig.s, "one", &again), 0);
	assert_int_equal(first, again);
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(rig_put(&rig, key, 1, 5000, RIG_STREAM(first)), 0);
	assert_int_equal(weir_store_get_stream(rig.s, first, &info), 0);
	assert_int_equal(info.entries, KEYS);
	close_all();
	snprintf(some, sizeof(some), "%s,%s", file[1], file[2]);
	assert_int_equal(try_open(some, 1), 0);
	assert_int_equal(weir_store_add_tenant(rig.s, "two", &second), 1);
	close_all();
	open_all(all);
	assert_int_equal(weir_store_add_tenant(rig.s, "two", &again), 0);
	assert_int_equal(second, again);
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(rig_put(&rig, 1000 + key, 1, 5000, RIG_STREAM(second)), 0);
	close_all();
}

static void note_live(void *user, const struct weir_dump_record *record)
{
	uint64_t *offset = user;

	if (record->live && !*offset)
		*offset = record->offset;
}

static void check_device(const char *path, uint32_t repair, struct weir_check_result *result)
{
	struct weir_check_opts opts = WEIR_CHECK_OPTS_INIT;

	*result = (struct weir_check_result)WEIR_CHECK_RESULT_INIT;
	opts.data = 1;
	opts.repair = repair;
	if (weir_store_check(path, &opts, result))
		fail_msg("check: %s", weir_error());
}

/* Each device is checked and repaired by itself; a scrub reads the values of all. */
static void checked(void **state)
{
	struct weir_dump_opts dump = WEIR_DUMP_OPTS_INIT;
	struct weir_scrub_result scrubbed = WEIR_SCRUB_RESULT_INIT;
	struct weir_check_result result;
	uint64_t offset = 0, entries = 0;

	(void)state;
	open_all(all);
	put_keys(1);
	close_all();
	for (unsigned n = 0; n < DEVICES; n++) {
		check_device(file[n], 0, &result);
		assert_int_equal(result.damage, 0);
		assert_int_equal(result.absent, DEVICES - 1);
		assert_int_equal(result.notes, DEVICES - 1);
		entries += result.entries;
	}
	assert_int_equal(entries, KEYS);
	dump.on_record = note_live;
	dump.user = &offset;
	assert_int_equal(weir_store_dump(file[1], &dump), 0);
	snprintf(rig.path, sizeof(rig.path), "%s", file[1]);
	rig_damage(&rig, offset);
	check_device(file[1], 1, &result);
	assert_true(result.damage == 1 && result.dropped_records == 1);
	check_device(file[1], 0, &result);
	assert_int_equal(result.damage, 0);
	open_all(all);
	assert_int_equal(weir_store_scrub(rig.s, NULL, &scrubbed), 0);
	assert_int_equal(scrubbed.values, KEYS - 1);
	assert_int_equal(scrubbed.damaged, 0);
	close_all();
}

/* What a check of all devices found. */
struct seen {
	struct weir_check_result result;
	uint32_t kinds[WEIR_FINDING_KINDS];
	uint32_t damaged[DEVICES]; /* findings of damage, by device */
	uint64_t done, total;
};

static void see(void *user, const struct weir_finding *f)
{
	struct seen *seen = user;

	seen->kinds[f->kind]++;
	assert_int_equal(f->devices, DEVICES);
	assert_in_range(f->device, 1, DEVICES);
	seen->damaged[f->device - 1] += f->damage;
	if (f->kind == WEIR_FINDING_ABSENT)
		assert_null(f->path);
	else
		assert_string_equal(f->path, file[f->device - 1]);
}

static void see_progress(void *user, uint64_t done, uint64_t total)
{
	struct seen *seen = user;

	assert_true(done > seen->done && done <= total);
	assert_true(!seen->total || seen->total == total);
	seen->done = done;
	seen->total = total;
}

static struct seen check_all(const char *paths, uint32_t repair)
{
	struct weir_check_opts opts = WEIR_CHECK_OPTS_INIT;
	struct seen seen = { .result = WEIR_CHECK_RESULT_INIT };

	opts.data = 1;
	opts.repair = repair;
	opts.found = see;
	opts.progress = see_progress;
	opts.user = &seen;
	if (weir_store_check(paths, &opts, &seen.result))
		fail_msg("check: %s", weir_error());
	assert_true(seen.total && seen.done == seen.total);
	return seen;
}

/* A check of several devices takes them in any order, tells which one a finding is on, and repairs
 * each. */
static void checked_together(void **state)
{
	struct weir_dump_opts dump = WEIR_DUMP_OPTS_INIT;
	struct weir_check_result result = WEIR_CHECK_RESULT_INIT;
	char some[1024];
	struct seen seen;

	(void)state;
	open_all(all);
	put_keys(1);
	close_all();
	snprintf(some, sizeof(some), "%s,%s,%s", file[2], file[0], file[1]);
	seen = check_all(some, 0);
	assert_int_equal(seen.result.damage + seen.result.notes, 0);
	assert_int_equal(seen.result.entries, KEYS);
	assert_int_equal(seen.result.verified, KEYS);
	assert_int_equal(seen.result.devices, DEVICES);
	snprintf(some, sizeof(some), "%s,%s", file[2], file[0]);
	seen = check_all(some, 0);
	assert_int_equal(seen.kinds[WEIR_FINDING_ABSENT], 1);
	assert_int_equal(seen.result.absent, 1);
	for (unsigned n = 0; n < DEVICES; n += 2) {
		uint64_t offset = 0;

		dump.on_record = note_live;
		dump.user = &offset;
		assert_int_equal(weir_store_dump(file[n], &dump), 0);
		memcpy(rig.path, file[n], sizeof(file[n]));
		rig_damage(&rig, offset);
	}
	seen = check_all(all, 1);
	assert_int_equal(seen.kinds[WEIR_FINDING_PAYLOAD], 2);
	assert_true(seen.damaged[0] == 1 && !seen.damaged[1] && seen.damaged[2] == 1);
	assert_true(seen.result.repaired && seen.result.dropped_records == 2);
	seen = check_all(all, 0);
	assert_int_equal(seen.result.damage, 0);
	assert_int_equal(seen.result.entries, KEYS - 2);
	snprintf(some, sizeof(some), "%s,%s", file[0], file[DEVICES]);
	assert_int_equal(format(file[DEVICES]), 0);
	says(weir_store_check(some, NULL, &result), -EINVAL, "belongs to store");
	copy_file(file[1], file[DEVICES]);
	snprintf(some, sizeof(some), "%s,%s", file[1], file[DEVICES]);
	says(weir_store_check(some, NULL, &result), -EINVAL, "are both device 2");
	says(weir_store_dump(some, NULL), -EINVAL, "are both device 2");
}

/* Puts KEY on a device that it does not belong to. */
static void misplace(uint64_t key)
{
	struct weir_store *part = rig.s->parts->part[(device_of(key) + 1) % DEVICES];
	struct weir_store_op op = { .kind = WEIR_STORE_PUT,
				    .key = &key,
				    .key_len = sizeof(key),
				    .value = file,
				    .value_len = 100 };

	assert_int_equal(op_check(part, &op), 0);
	assert_int_equal(op_post(part, &op), 0);
	assert_int_equal(weir_store_wait(rig.s, &op, UINT64_MAX), 0);
}

/* A key that lives where no get looks for it is found, and dropped; its right value stays. */
static void misplaced(void **state)
{
	struct seen seen;

	(void)state;
	open_all(all);
	put_keys(1);
	misplace(7);
	misplace(8);
	close_all();
	seen = check_all(all, 0);
	assert_int_equal(seen.kinds[WEIR_FINDING_MISPLACED], 2);
	assert_int_equal(seen.result.damage, 2);
	seen = check_all(all, 1);
	assert_int_equal(seen.result.dropped_records, 2);
	seen = check_all(all, 0);
	assert_int_equal(seen.result.damage, 0);
	assert_int_equal(seen.result.entries, KEYS);
	open_all(all);
	get_keys(1);
	close_all();
}

/* What a dump shows, by device. */
struct shown {
	uint32_t supers[DEVICES], segments[DEVICES], live[DEVICES];
	uint32_t last;
};

static void show_super_of(void *user, const struct weir_dump_super *d)
{
	struct shown *shown = user;

	assert_true(d->device >= shown->last && d->devices == DEVICES);
	assert_string_equal(d->path, file[d->device - 1]);
	shown->last = d->device;
	shown->supers[d->device - 1]++;
}

static void show_segment_of(void *user, const struct weir_dump_segment *d)
{
	struct shown *shown = user;

	assert_int_equal(d->device, shown->last);
	shown->segments[d->device - 1]++;
}

static void show_record_of(void *user, const struct weir_dump_record *d)
{
	struct shown *shown = user;

	assert_int_equal(d->device, shown->last);
	shown->live[d->device - 1] += d->live;
}

/* A dump of several devices shows one after another, and finds a key on the one that has it. */
static void dumped(void **state)
{
	struct weir_dump_opts dump = WEIR_DUMP_OPTS_INIT;
	struct shown shown = { .last = 0 };
	uint64_t key = 11;
	uint32_t has;
	char some[1024];

	(void)state;
	open_all(all);
	put_keys(1);
	has = device_of(key);
	close_all();
	snprintf(some, sizeof(some), "%s,%s,%s", file[1], file[2], file[0]);
	dump.super = show_super_of;
	dump.on_segment = show_segment_of;
	dump.on_record = show_record_of;
	dump.user = &shown;
	assert_int_equal(weir_store_dump(some, &dump), 0);
	for (unsigned n = 0; n < DEVICES; n++)
		assert_true(shown.supers[n] == 2 && shown.segments[n] > 60 && shown.live[n]);
	assert_int_equal(shown.live[0] + shown.live[1] + shown.live[2], KEYS);
	shown = (struct shown){ .last = 0 };
	dump.key = &key;
	dump.key_len = sizeof(key);
	assert_int_equal(weir_store_dump(some, &dump), 0);
	for (unsigned n = 0; n < DEVICES; n++)
		assert_int_equal(shown.live[n], n == has);
	shown = (struct shown){ .last = 0 };
	dump.key = NULL;
	dump.one_segment = 1;
	dump.segment = 5;
	assert_int_equal(weir_store_dump(some, &dump), 0);
	for (unsigned n = 0; n < DEVICES; n++)
		assert_int_equal(shown.segments[n], 1);
	dump.segment = 100000;
	says(weir_store_dump(some, &dump), -EINVAL, "no segment 100000");
}

/* Returns true if KEY has its value. rig_get() has memory that the threads would share. */
static bool has_value(uint64_t key)
{
	uint8_t value[5000 + KEYS], want[5000 + KEYS];
	size_t got = 0;

	rig_value(key, 1, want, 5000 + key);
	return !weir_store_get(rig.s, &key, sizeof(key), value, sizeof(value), &got) &&
	       got == 5000 + key && !memcmp(value, want, got);
}

/* Gets all keys, again and again, until the other thread is ready. Returns how many did not have
 * their value. */
static void *read_on(void *arg)
{
	const int *ready = arg;
	uintptr_t wrong = 0;

	while (!__atomic_load_n(ready, __ATOMIC_ACQUIRE))
		for (uint64_t key = 0; key < KEYS; key++)
			wrong += !has_value(key);
	return (void *)wrong;
}

static struct weir_scrub_result
scrub_all(void (*progress)(void *user, uint64_t done, uint64_t total), void *user)
{
	struct weir_scrub_opts opts = WEIR_SCRUB_OPTS_INIT;
	struct weir_scrub_result result = WEIR_SCRUB_RESULT_INIT;

	opts.progress = progress;
	opts.user = user;
	assert_int_equal(weir_store_scrub(rig.s, &opts, &result), 0);
	assert_int_equal(result.values, KEYS);
	assert_int_equal(result.damaged + result.dropped + result.read_errors + result.hidden, 0);
	return result;
}

/* Called after each value: after every second one, somebody uses all devices. */
static void use_all(void *user, uint64_t done, uint64_t total)
{
	unsigned *times = user;

	(void)done;
	(void)total;
	if (++*times % 2)
		get_keys(1);
}

/* A scrub of several devices gives way on each of them, and takes nothing from readers in other
 * threads, which take nothing from it. */
static void scrubbed_beside_readers(void **state)
{
	pthread_t reader[2];
	unsigned times = 0;
	int ready = 0;

	(void)state;
	open_all(all);
	put_keys(1);
	assert_int_equal(scrub_all(NULL, NULL).slowed, 0);
	assert_in_range(scrub_all(use_all, &times).slowed, KEYS / 2 - DEVICES, KEYS / 2);
	for (unsigned n = 0; n < 2; n++)
		assert_int_equal(pthread_create(&reader[n], NULL, read_on, &ready), 0);
	for (unsigned n = 0; n < 3; n++)
		scrub_all(NULL, NULL);
	__atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
	for (unsigned n = 0; n < 2; n++) {
		void *wrong;

		assert_int_equal(pthread_join(reader[n], &wrong), 0);
		assert_null(wrong);
	}
	get_keys(1);
	close_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(calls, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(too_late, set_up, tear_down),
		cmocka_unit_test_setup_teardown(descriptor, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_device, set_up, tear_down),
		cmocka_unit_test_setup_teardown(degraded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stopped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(holds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tenants, set_up, tear_down),
		cmocka_unit_test_setup_teardown(checked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(checked_together, set_up, tear_down),
		cmocka_unit_test_setup_teardown(misplaced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(dumped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(scrubbed_beside_readers, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("store_devices", tests, NULL, NULL);
}
