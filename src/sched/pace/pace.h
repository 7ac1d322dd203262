/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pace.h - the state of pace. pace.c says what it does.
 */
#ifndef PACE_H
#define PACE_H

#include "sched/pace/cost.h"
#include "sched/pace/flow.h"
#include "sched/pace/gain.h"
#include "sched/pace/keep.h"
#include "sched/pace/lone.h"
#include "sched/pace/room.h"
#include "sched/pace/urgent.h"
#include "sched/pace/window.h"
#include "sched/sched.h"

enum pace_tunable {
	READ_TARGET,
	WRITE_WINDOW,
	WRITE_FLOOR,
	CHUNK,
	READ_LONE,
	READ_COST,
	READ_COST_KB,
	WRITE_LONE,
	WRITE_COST,
	WRITE_COST_KB,
	CHUNK_NOW,
	PAUSE_NOW,
	NR_TUNABLES,
};

/* Why a request went. */
enum pace_reason {
	PACE_FAIR,   /* it was its flow's turn */
	PACE_AHEAD,  /* it was another flow's turn, whose request had no room in the drive */
	PACE_ALONE,  /* the drive had nothing of its kind: its latency is one without waiting */
	PACE_REST,   /* a background write: nobody waits for what it takes */
	PACE_OWED,   /* a background write: its part was due */
	PACE_URGENT, /* its deadline was near, before it was its flow's turn */
	PACE_REASONS,
};

struct pace {
	struct sched s;
	struct pace_flows flows;
	struct pace_cost cost;
	struct pace_lone lone;
	struct pace_window window;
	struct pace_gain gain;
	struct pace_urgent urgent;
	struct pace_room room;
	uint64_t looks; /* at deadlines so far */
	/* drive time that background writes may have before others, since others had theirs */
	uint64_t owed_ns;
	uint64_t floor;	   /* percent of the drive's time that background writes have at least */
	uint64_t chunk_kb; /* 0: learned */
	uint64_t now_ns;   /* of the last dispatch */
	bool kept;	   /* it began with what was kept of another instance */
};

#endif
