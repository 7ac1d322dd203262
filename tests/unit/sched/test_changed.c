/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_changed.c - tunables that change while requests wait, in virtual time: each scheduler, each
 * tunable, from each of some values to each other. Whatever was computed from the old value:
 * afterwards the drive stays idle no longer than documented, no request waits longer than if the
 * new value had always held, and each leaves once.
 */
#include <stdio.h>
#include <string.h>

#include "rig.h"

#define LOADS 7u
#define DEPTH 2u
#define SERVICE_NS MS
#define CHANGE_NS (400 * MS)
#define STOP_NS (1600 * MS)
#define VALUES 6u
#define BACKLOG 4u
#define SILENCE_NS (100 * MS)
#define ALL ((1u << LOADS) - 1)
#define IN_ORDER 0x01u
#define READERS 0x33u

/* The submitters: so many requests at a time, and a pause after each completion. */
static const struct {
	uint16_t prio;
	uint8_t op, flags;
	unsigned backlog;
	bool sequential;
	uint64_t think_ns;
} loads[LOADS] = {
	{ BE(4), R, SCHED_RQ_SYNC, 4, true, 0 },  { BE(4), R, SCHED_RQ_SYNC, 1, false, 100000 },
	{ BE(4), W, SCHED_RQ_SYNC, 3, false, 0 }, { BE(4), W, 0, 4, true, 0 },
	{ BE(7), R, SCHED_RQ_SYNC, 2, false, 0 }, { RT(4), R, SCHED_RQ_SYNC, 1, false, 3 * MS },
	{ IDLE, R, SCHED_RQ_SYNC, 1, false, 0 },
};

struct slot {
	bool busy;
	uint64_t due; /* when it sends the next one */
	uint64_t since;
};

static struct slot slot[LOADS][BACKLOG];
static uint64_t now, seed, next_sector[LOADS], done_at[DEPTH];
static int in_drive[DEPTH];
static unsigned nr_in_drive, ended;
/*
 * The longest waiting time after the change, of requests that were there at the change; without a
 * change, of all requests.
 */
static uint64_t longest[LOADS];
static bool counts;

static uint64_t pick(uint64_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) * n >> 31;
}

static int id_of(unsigned l, unsigned i)
{
	return (int)(l * BACKLOG + i);
}

static void send_due(unsigned senders)
{
	for (unsigned l = 0; l < LOADS; l++)
		for (unsigned i = 0; i < loads[l].backlog; i++) {
			struct slot *s = &slot[l][i];

			if (!(senders & 1u << l) || s->busy || s->due > now)
				continue;
			rig.submitter = l + 1;
			rig.prio = loads[l].prio;
			rig.flags = loads[l].flags;
			rig_insert(id_of(l, i), loads[l].op,
				   loads[l].sequential ? next_sector[l] : pick(1 << 26), 8, now);
			next_sector[l] += 8;
			*s = (struct slot){ .busy = true, .since = now };
		}
}

static void leaves(int id)
{
	unsigned l = (unsigned)id / BACKLOG;
	struct slot *s = &slot[l][(unsigned)id % BACKLOG];

	if (counts && now - s->since > longest[l])
		longest[l] = now - s->since;
	in_drive[nr_in_drive] = id;
	done_at[nr_in_drive] = (nr_in_drive ? done_at[nr_in_drive - 1] : now) + SERVICE_NS;
	nr_in_drive++;
}

static void end_first(void)
{
	unsigned l = (unsigned)in_drive[0] / BACKLOG;

	rig_complete(in_drive[0], now);
	slot[l][(unsigned)in_drive[0] % BACKLOG] = (struct slot){ .due = now + loads[l].think_ns };
	ended++;
	in_drive[0] = in_drive[1];
	done_at[0] = done_at[1];
	nr_in_drive--;
}

/* Returns how long the drive may stay idle while requests wait, according to docs/schedulers.md. */
static uint64_t documented_wait(void)
{
	uint64_t idle, group;

	if (rig.s->ops == &sched_bfq) {
		idle = (uint64_t)rig_get("slice_idle_us") * 1000;
		return idle > 20 * MS ? idle : 20 * MS; /* it idles this long for a raised queue */
	}
	if (rig.s->ops != &sched_cfq)
		return 0;
	idle = (uint64_t)rig_get("slice_idle") * MS;
	group = (uint64_t)rig_get("group_idle") * MS;
	return idle > group ? idle : group;
}

/* Lets SENDERS (one bit each) send until UNTIL. Without senders it runs until no request waits. */
static void run(uint64_t until, unsigned senders, bool checked)
{
	while (senders ? now < until : rig.waiting || nr_in_drive) {
		uint64_t next = senders ? until : SCHED_NEVER, wakeup;
		int id = 0;

		send_due(senders);
		while (nr_in_drive < DEPTH && (id = rig_dispatch(now)) != NONE)
			leaves(id);
		if (nr_in_drive < DEPTH && rig.waiting && rig.s->ops->next_wakeup) {
			wakeup = rig.s->ops->next_wakeup(rig.s);
			if (checked && !nr_in_drive)
				assert_true(wakeup <= now + documented_wait());
			next = wakeup < next ? wakeup : next;
		} else if (!nr_in_drive && rig.waiting) {
			fail_msg("the drive is idle at %llu", (unsigned long long)now);
		}
		if (nr_in_drive && done_at[0] < next)
			next = done_at[0];
		for (unsigned l = 0; l < LOADS; l++)
			for (unsigned i = 0; i < loads[l].backlog; i++)
				if (senders & 1u << l && !slot[l][i].busy && slot[l][i].due < next)
					next = slot[l][i].due;
		assert_true(next != SCHED_NEVER);
		now = next > now ? next : now;
		while (nr_in_drive && done_at[0] <= now)
			end_first();
	}
}

static void begin(const struct sched_ops *ops)
{
	memset(slot, 0, sizeof(slot));
	memset(longest, 0, sizeof(longest));
	seed = 1;
	now = SEC;
	nr_in_drive = 0;
	for (unsigned l = 0; l < LOADS; l++)
		next_sector[l] = (uint64_t)l << 22;
	rig_reset();
	rig.env.rotational = true;
	rig_open(ops);
}

/* A request that still waits has waited until now, too. */
static void finish(void)
{
	for (unsigned l = 0; l < LOADS; l++)
		for (unsigned i = 0; i < loads[l].backlog; i++)
			if (rig.state[id_of(l, i)] == RIG_WAITING &&
			    now - slot[l][i].since > longest[l])
				longest[l] = now - slot[l][i].since;
	counts = false;
	run(0, 0, true);
	assert_int_equal(rig.waiting, 0);
	rig_close();
}

/* Runs with tunable T at TO from the start. */
static void all_along(const struct sched_ops *ops, const char *name, int64_t to)
{
	begin(ops);
	rig_set(name, to);
	counts = true;
	run(now + STOP_NS, ALL, true);
	finish();
}

static void changes(const struct sched_ops *ops, const char *name, int64_t from, int64_t to,
		    unsigned silent)
{
	uint64_t until;

	begin(ops);
	until = now + STOP_NS;
	rig_set(name, from);
	counts = false;
	run(now + CHANGE_NS, ALL, false);
	/* Idling for a submitter that falls silent follows the old value. */
	run(now + SILENCE_NS, ALL & ~silent, false);
	rig_set(name, to);
	for (unsigned l = 0; l < LOADS; l++)
		for (unsigned i = 0; i < loads[l].backlog; i++)
			slot[l][i].since = now;
	counts = true;
	run(until, ALL, true);
	finish();
}

static unsigned some_values(const struct sched_tunable *t, int64_t *values)
{
	const int64_t wanted[VALUES] = { t->min, t->max, t->def, 1, 10 * t->def, 3 };
	unsigned n = 0;

	for (unsigned i = 0; i < VALUES; i++) {
		bool is_new = wanted[i] >= t->min && wanted[i] <= t->max;

		for (unsigned k = 0; k < n; k++)
			is_new &= values[k] != wanted[i];
		if (is_new)
			values[n++] = wanted[i];
	}
	return n;
}

/* No request waits longer than twice the longest time without a change, and a few slices. */
static void check_waits(const char *sched, const char *name, int64_t from, int64_t to,
			uint64_t without)
{
	for (unsigned l = 0; l < LOADS; l++)
		if (longest[l] > 2 * without + 300 * MS)
			fail_msg("%s %s %lld to %lld: load %u waits %llu us, without a change %llu",
				 sched, name, (long long)from, (long long)to, l,
				 (unsigned long long)longest[l] / 1000,
				 (unsigned long long)without / 1000);
}

static void one_tunable(const struct sched_ops *ops, const struct sched_tunable *t)
{
	static const unsigned silent[] = { 0, IN_ORDER, READERS };
	uint64_t without;
	int64_t values[VALUES] = { 0 };
	unsigned n = some_values(t, values);

	for (unsigned to = 0; to < n; to++) {
		all_along(ops, t->name, values[to]);
		without = 0;
		for (unsigned l = 0; l < LOADS; l++)
			without = longest[l] > without ? longest[l] : without;
		for (unsigned from = 0; from < n; from++) {
			for (unsigned i = 0; i < 3; i++) {
				changes(ops, t->name, values[from], values[to], silent[i]);
				check_waits(ops->name, t->name, values[from], values[to], without);
			}
		}
	}
}

static void each_tunable(void **state)
{
	const struct sched_ops *ops = *state;
	const struct sched_tunable *t = ops->tunables;

	ended = 0;
	for (; t && t->name; t++)
		if (!t->read_only)
			one_tunable(ops, t);
	assert_true(ended > 1000);
}

int main(void)
{
#define T(ops)                                                                                     \
	{                                                                                          \
#ops, each_tunable, NULL, NULL, (void *)(uintptr_t) & (ops)                        \
	}
	const struct CMUnitTest tests[] = {
		T(sched_mq_deadline), T(sched_deadline), T(sched_kyber), T(sched_bfq), T(sched_cfq),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
