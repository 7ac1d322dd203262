/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hdd.c - the model of a hard disk: one head above turning platters.
 *
 * A command costs a seek (whose time grows with the root of the distance), the rotation until its
 * first byte is below the head, and the transfer, whose speed depends on the zone. The angle of
 * the platters follows from the time alone. Queued commands are served in order, or the nearest
 * first, by seek and rotation together.
 *
 * With "nearest first" alone, a reader of consecutive pieces would keep the head, and the last
 * reader that had waited long enough would keep it again and again. So a run of consecutive
 * commands has a time limit, which is shorter when more commands wait; then the run of another
 * reader begins, so that all get the same share of the head. While the disk is idle after a read
 * it reads ahead, so a reader that requests one piece after another does not lose a revolution.
 *
 * Owned by the thread that runs the simulation.
 */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/container.h"
#include "sim/model.h"

struct hdd {
	struct model m;
	struct event ev; /* the end of the command that is served */
	struct sim_cmds queued;
	uint32_t nr_queued;
	uint64_t run_ns; /* since when the head reads or writes consecutive sectors */
	struct sim_cmd *active;
	uint64_t head;	   /* byte offset of the head after the last command ... */
	uint64_t head_ns;  /* ... and the time when it arrived there */
	bool reads_on;	   /* it has read ahead since then */
	uint64_t ahead_to; /* the last offset of that */
	double rev;	   /* time of a revolution, ns */
	uint64_t zone_bytes;
	uint64_t began_ns, worked;
};

/* Returns the bytes that pass below the head in a ns, at OFFSET. */
static double hdd_rate(const struct hdd *h, uint64_t offset)
{
	const struct sim_config *c = h->m.c;
	uint64_t zone = offset / h->zone_bytes, last = c->hdd.zones > 1 ? c->hdd.zones - 1 : 1;

	return ((double)c->hdd.outer -
		(double)(c->hdd.outer - c->hdd.inner) * (double)zone / (double)last) /
	       1e9;
}

/* Returns the angle of X as a fraction of the revolution time TURN. */
static double hdd_angle(double x, double turn)
{
	x /= turn;
	return x - (double)(uint64_t)x;
}

static double hdd_seek(const struct hdd *h, uint64_t offset)
{
	const struct sim_config *c = h->m.c;
	uint64_t distance = offset > h->head ? offset - h->head : h->head - offset;

	if ((double)distance < hdd_rate(h, offset) * h->rev)
		return 0;
	return (double)c->hdd.seek_track + (double)(c->hdd.seek_full - c->hdd.seek_track) *
						   sqrt((double)distance / (double)c->capacity);
}

/* Returns the time at which the first byte of CMD is below the head, which is free from NOW on. */
static double hdd_reach(const struct hdd *h, const struct sim_cmd *cmd, uint64_t now)
{
	uint64_t ready = cmd->start_ns + h->m.c->command, offset = cmd->cmd->offset;
	double track = hdd_rate(h, offset) * h->rev, at, wait;

	/* The fixed cost of a command passes while the drive serves another one. */
	ready = ready > now ? ready : now;
	if (offset == h->head && ready == h->head_ns)
		return (double)ready;
	at = (double)ready + hdd_seek(h, offset);
	wait = hdd_angle((double)(offset % h->zone_bytes), track) - hdd_angle(at, h->rev);
	return at + (wait < 0 ? wait + 1 : wait) * h->rev;
}

/* Returns true if CMD lies in the bytes that the drive reads ahead after the last command. */
static bool hdd_is_ahead(const struct hdd *h, const struct sim_cmd *cmd)
{
	return h->reads_on && cmd->cmd->op == WEIR_OP_READ && cmd->cmd->offset >= h->head &&
	       cmd->cmd->offset + cmd->cmd->length <= h->ahead_to;
}

/* Returns the time at which CMD ends if it is served next. */
static double hdd_end(const struct hdd *h, const struct sim_cmd *cmd, uint64_t now)
{
	uint64_t ready = cmd->start_ns + h->m.c->command;
	uint64_t end = cmd->cmd->offset + cmd->cmd->length;
	double rate = hdd_rate(h, cmd->cmd->offset), read, sent;

	if (!hdd_is_ahead(h, cmd))
		return hdd_reach(h, cmd, now) + (double)cmd->cmd->length / rate;
	ready = ready > now ? ready : now;
	read = (double)h->head_ns + (double)(end - h->head) / rate;
	sent = (double)ready + (double)model_link_ns(&h->m, cmd->cmd->length);
	return read > sent ? read : sent;
}

/* Returns true if CMD begins where the head is, or lies in the bytes directly behind. */
static bool hdd_goes_on(const struct hdd *h, const struct sim_cmd *cmd)
{
	uint64_t end = cmd->cmd->offset + cmd->cmd->length;

	return cmd->cmd->offset == h->head ||
	       (cmd->cmd->offset > h->head && end <= h->head + h->m.c->hdd.read_ahead);
}

/*
 * Returns true if the run has used its time. A waiting command is served within twice max_wait, so
 * each run gets a part of this time.
 */
static bool hdd_run_is_over(const struct hdd *h, uint64_t now)
{
	uint64_t max_wait = h->m.c->hdd.max_wait;

	return max_wait && now - h->run_ns >= max_wait / h->nr_queued;
}

/*
 * Returns how long the head could not work if CMD were next. A command that has waited long counts
 * as nearer.
 */
static double hdd_distance(const struct hdd *h, const struct sim_cmd *cmd, uint64_t now)
{
	double transfer = (double)cmd->cmd->length / hdd_rate(h, cmd->cmd->offset);
	double reach = hdd_end(h, cmd, now) - transfer - (double)now;
	uint64_t max_wait = h->m.c->hdd.max_wait, age = now - cmd->start_ns;

	if (!max_wait)
		return reach;
	return age < max_wait ? reach * (1 - (double)age / (double)max_wait) : 0;
}

/*
 * Returns the nearest command of those that continue the run (ON), or of the others; NULL if there
 * is none.
 */
static struct sim_cmd *hdd_nearest(const struct hdd *h, uint64_t now, bool on)
{
	struct sim_cmd *best = NULL, *cmd;
	double least = 0, at;

	TAILQ_FOREACH(cmd, &h->queued, link) {
		if (hdd_goes_on(h, cmd) != on)
			continue;
		at = hdd_distance(h, cmd, now);
		if (!best || at < least) {
			least = at;
			best = cmd;
		}
	}
	return best;
}

/* Returns the queued command to serve next. */
static struct sim_cmd *hdd_choose(const struct hdd *h, uint64_t now)
{
	struct sim_cmd *oldest = TAILQ_FIRST(&h->queued), *on, *other;
	uint64_t max_wait = h->m.c->hdd.max_wait;

	if (h->m.c->hdd.order == SIM_ORDER_FIFO)
		return oldest;
	on = hdd_nearest(h, now, true);
	other = hdd_nearest(h, now, false);
	if (on && (!other || !hdd_run_is_over(h, now)))
		return on;
	if (max_wait && now - oldest->start_ns > max_wait && !hdd_goes_on(h, oldest))
		return oldest;
	return other;
}

/*
 * Sets the position of the head after CMD, which ends at END; the head may have read ahead beyond
 * CMD.
 */
static void hdd_move(struct hdd *h, const struct sim_cmd *cmd, uint64_t end)
{
	uint64_t ahead = h->m.c->hdd.read_ahead, to = cmd->cmd->offset + cmd->cmd->length;
	double rate = hdd_rate(h, cmd->cmd->offset);

	if (hdd_is_ahead(h, cmd)) {
		/* The head was there earlier, but the buffer was full at ahead_to. */
		double passed = (double)h->head_ns + (double)(to - h->head) / rate;
		double full = (double)end - (double)(h->ahead_to - to) / rate;

		h->head_ns = (uint64_t)(passed > full ? passed : full);
	} else {
		h->head_ns = end;
	}
	h->head = to;
	h->reads_on = cmd->cmd->op == WEIR_OP_READ;
	h->ahead_to = to + ahead;
}

static void hdd_work(struct hdd *h, uint64_t now)
{
	struct sim_cmd *cmd;
	uint64_t end;

	if (h->active || TAILQ_EMPTY(&h->queued))
		return;
	cmd = hdd_choose(h, now);
	if (!hdd_goes_on(h, cmd))
		h->run_ns = now;
	TAILQ_REMOVE(&h->queued, cmd, link);
	h->nr_queued--;
	h->active = cmd;
	end = (uint64_t)hdd_end(h, cmd, now);
	end = end > now ? end : now + 1;
	hdd_move(h, cmd, end);
	h->began_ns = now;
	events_add(h->m.events, &h->ev, end);
}

static void hdd_done(struct event *ev, uint64_t now)
{
	struct hdd *h = container_of(ev, struct hdd, ev);
	struct sim_cmd *cmd = h->active;

	h->active = NULL;
	h->worked += now - h->began_ns;
	hdd_work(h, now);
	h->m.ended(h->m.owner, cmd);
}

static void hdd_start(struct model *m, struct sim_cmd *cmd, uint64_t now)
{
	struct hdd *h = (struct hdd *)m;

	cmd->start_ns = now;
	if (cmd->cmd->op == WEIR_OP_FLUSH || cmd->cmd->op == WEIR_OP_DISCARD) {
		model_end_at(cmd, now + m->c->command);
		return;
	}
	TAILQ_INSERT_TAIL(&h->queued, cmd, link);
	h->nr_queued++;
	hdd_work(h, now);
}

static uint64_t hdd_worked(const struct model *m)
{
	return ((const struct hdd *)m)->worked;
}

static void hdd_close(struct model *m)
{
	free((struct hdd *)m);
}

static int hdd_open(struct model **m, const struct sim_config *c)
{
	struct hdd *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	TAILQ_INIT(&h->queued);
	h->ev.fire = hdd_done;
	h->rev = 60e9 / (double)c->hdd.rpm;
	h->zone_bytes = c->capacity / c->hdd.zones + 1;
	*m = &h->m;
	return 0;
}

const struct model_ops model_hdd = {
	.open = hdd_open,
	.close = hdd_close,
	.start = hdd_start,
	.worked = hdd_worked,
};
