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
#include "sim/watch.h"

static const char *const dir_names[] = { "reads", "writes", "trims" };
static const char *const op_names[] = { "read", "write", "trim" };

/* Room for the name of a job as a field: each character twice, and the quotes. */
#define WATCH_NAME_MAX (2 * sizeof(((struct load *)NULL)->name) + 2)

/* Returns NAME as a field of CSV (RFC 4180): in quotes, in BUF, if it has what would end one. */
static const char *watch_name(const char *name, char buf[static WATCH_NAME_MAX])
{
	char *to = buf;

	if (!strpbrk(name, ",\""))
		return name;
	*to++ = '"';
	for (; *name; name++) {
		if (*name == '"')
			*to++ = '"';
		*to++ = *name;
	}
	*to++ = '"';
	*to = '\0';
	return buf;
}

static const struct load_io *watch_first(const struct request *rq)
{
	return (const struct load_io *)rq->first;
}

/* Writes a line about RQ, which the drive has just got or (ENDED) completed. */
static void watch_log(struct watch *w, const struct request *rq, uint64_t now, bool ended)
{
	const struct load_io *io = watch_first(rq);
	uint64_t since = ended ? rq->submit_ns : io->start_ns;
	char name[WATCH_NAME_MAX];

	if (rq->cmd.op == WEIR_OP_FLUSH) {
		fprintf(w->log, "%" PRIu64 ",%s,flush,0,0,0,,0,%u\n",
			(uint64_t)(now - SIM_START_NS), ended ? "complete" : "dispatch",
			sim_in_flight(w->env->sim));
		return;
	}
	fprintf(w->log, "%" PRIu64 ",%s,%s,%" PRIu64 ",%" PRIu64 ",%u,%s,%" PRIu64 ",%u\n",
		(uint64_t)(now - SIM_START_NS), ended ? "complete" : "dispatch", op_names[io->dir],
		(uint64_t)rq->cmd.offset, (uint64_t)rq->cmd.length, rq->nr_ios,
		watch_name(io->load->name, name), now - since, sim_in_flight(w->env->sim));
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
		fprintf(series, "begin_ns,end_ns,job,direction,ios,bytes,iops,mbps,mean_ns,p50_ns,"
				"p99_ns,max_ns\n");
	sim_watch(env->sim, watch_cmd, w);
}

void watch_submitted(struct watch *w, const struct load_io *io, uint64_t now)
{
	char name[WATCH_NAME_MAX];

	if (!w->log)
		return;
	fprintf(w->log, "%" PRIu64 ",submit,%s,%" PRIu64 ",%" PRIu64 ",1,%s,0,%u\n",
		(uint64_t)(now - SIM_START_NS), io->dir < SIM_DIRS ? op_names[io->dir] : "flush",
		io->io.offset, io->io.length, watch_name(io->load->name, name),
		sim_in_flight(w->env->sim));
}

static void watch_line(struct watch *w, const struct load *l, int dir, uint64_t begin_ns,
		       uint64_t end_ns)
{
	const struct load_stats *stats = &l->window[dir];
	double seconds = (double)(end_ns - begin_ns) / 1e9;
	struct weir_latency latency;
	char name[WATCH_NAME_MAX];

	hist_summary(&stats->latency, &latency);
	fprintf(w->series,
		"%" PRIu64 ",%" PRIu64 ",%s,%s,%" PRIu64 ",%" PRIu64 ",%.1f,%.3f,%" PRIu64
		",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n",
		(uint64_t)(begin_ns - SIM_START_NS), (uint64_t)(end_ns - SIM_START_NS),
		watch_name(l->name, name), dir_names[dir], stats->ios, stats->bytes,
		(double)stats->ios / seconds, (double)stats->bytes / 1e6 / seconds,
		latency.count ? latency.sum_ns / latency.count : 0, latency.p50_ns, latency.p99_ns,
		latency.max_ns);
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
			watch_line(w, l, dir, begin_ns, end_ns);
			memset(&l->window[dir], 0, sizeof(l->window[dir]));
		}
	}
}
