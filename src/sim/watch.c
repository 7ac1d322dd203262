/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.c - writes the log and the series. See watch.h.
 *
 * The log has a line when an io is submitted, when a request goes to the drive (the scheduler's
 * decision), and when the drive has completed it. Both files are CSV; times are in ns from the
 * beginning of the run.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "queue/lane/lane.h"
#include "sim/series.h"
#include "sim/watch.h"

static const char *const op_names[] = { "read", "write", "trim" };

static const struct load_io *watch_first(const struct request *rq)
{
	return (const struct load_io *)rq->first;
}

/* Writes a line about RQ, which the drive has just got or (ENDED) completed. */
static void watch_log(struct watch *w, const struct request *rq, uint64_t now, bool ended)
{
	const struct load_io *io = watch_first(rq);
	uint64_t since = ended ? rq->submit_ns : io->start_ns;
	char name[SIM_SERIES_NAME_MAX];

	if (rq->cmd.op == WEIR_OP_FLUSH) {
		fprintf(w->log, "%" PRIu64 ",%s,flush,0,0,0,,0,%u\n",
			(uint64_t)(now - SIM_START_NS), ended ? "complete" : "dispatch",
			sim_in_flight(w->env->sim));
		return;
	}
	fprintf(w->log, "%" PRIu64 ",%s,%s,%" PRIu64 ",%" PRIu64 ",%u,%s,%" PRIu64 ",%u\n",
		(uint64_t)(now - SIM_START_NS), ended ? "complete" : "dispatch", op_names[io->dir],
		(uint64_t)rq->cmd.offset, (uint64_t)rq->cmd.length, rq->nr_ios,
		sim_series_name(io->load->name, name), now - since, sim_in_flight(w->env->sim));
}

/* The callback for sim_watch(). */
static void watch_cmd(void *user, const struct weir_cmd *cmd, uint64_t now, bool ended)
{
	struct watch *w = user;
	struct request *rq =
		(struct request *)((char *)(uintptr_t)cmd - offsetof(struct request, cmd));
	struct weir_io *io = rq->first;

	/* A flush may belong to several ios or to none; data always belongs to an io. */
	for (uint32_t i = 0; cmd->op != WEIR_OP_FLUSH && !ended && i < rq->nr_ios; i++) {
		struct load_io *mine = (struct load_io *)io;

		if (!mine->drive_ns)
			mine->drive_ns = now;
		io = io_priv(io)->next;
	}
	if (w->log)
		watch_log(w, rq, now, ended);
}

void watch_begin(struct watch *w, const struct load_env *env, FILE *log, FILE *series)
{
	*w = (struct watch){ .env = env, .log = log, .series = series };
	if (log)
		fprintf(log, "time_ns,event,op,offset,bytes,ios,job,since_ns,with_drive\n");
	if (series)
		sim_series_head(series);
	sim_watch(env->sim, watch_cmd, w);
}

void watch_submitted(struct watch *w, const struct load_io *io, uint64_t now)
{
	char name[SIM_SERIES_NAME_MAX];

	if (!w->log)
		return;
	fprintf(w->log, "%" PRIu64 ",submit,%s,%" PRIu64 ",%" PRIu64 ",1,%s,0,%u\n",
		(uint64_t)(now - SIM_START_NS), io->dir < SIM_DIRS ? op_names[io->dir] : "flush",
		io->io.offset, io->io.length, sim_series_name(io->load->name, name),
		sim_in_flight(w->env->sim));
}

void watch_window(struct watch *w, uint64_t begin_ns, uint64_t end_ns)
{
	for (size_t i = 0; w->series && i < w->env->count; i++) {
		struct load *l = &w->env->loads[i];
		/* A job may stop before its last ios end. */
		bool at_work = l->start_ns < end_ns && l->stopped_ns > begin_ns;

		for (int dir = 0; dir < SIM_DIRS; dir++) {
			if (!(l->job->rw & 1u << dir) || (!at_work && !l->window[dir].ios))
				continue;
			sim_series_line(w->series, &(struct sim_series_line){
							   .job = l->name,
							   .dir = (enum sim_dir)dir,
							   .begin_ns = begin_ns - SIM_START_NS,
							   .end_ns = end_ns - SIM_START_NS,
							   .ios = l->window[dir].ios,
							   .bytes = l->window[dir].bytes,
							   .latency = &l->window[dir].latency });
			memset(&l->window[dir], 0, sizeof(l->window[dir]));
		}
	}
}
