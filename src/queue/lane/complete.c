/* SPDX-License-Identifier: Apache-2.0 */
/*
 * complete.c - from commands to ended ios, and the callbacks.
 *
 * An engine completes into complete_cmd(), which only books; ios that have ended are collected,
 * and called back at the top level of the loop, with nothing held. Owner's thread.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/container.h"
#include "queue/lane/admit.h"
#include "queue/loop.h"
#include "queue/placement.h"

void complete_io(struct lane *lane, struct weir_io *io)
{
	struct lane *home = io_priv(io)->lane;

	hist_add(&lane->stats->op[io->op].ios, 1);
	if (io->result)
		hist_add(&lane->stats->op[io->op].errors, 1);
	else
		hist_add(&lane->stats->op[io->op].bytes, io->length);
	if (lane->placed && io->op == WEIR_OP_WRITE)
		placement_count(lane, io);
	if (home == lane)
		io_list_add(&lane->ended, io);
	else
		stage_returned(home, io);
}

void complete_data(struct lane *lane, struct weir_io *io)
{
	if (!io_priv(io)->sequence || sequence_data_ended(lane, io))
		complete_io(lane, io);
}

/*
 * What a drive could not do is an I/O error to whoever reads results: the kernel's own word for a
 * medium error, ENODATA, means that something is not there to everybody else.
 */
static int result_for_callers(int result)
{
	return result == -ENODATA || result == -EILSEQ || result == -EREMOTEIO ? -EIO : result;
}

bool loop_device_is_removed(const struct weir_queue *q)
{
	return device_is_removed(q->dev);
}

/* What a removed device answers is no error of the drive's, and no kernel's or engine's word for it
 * is the same. */
static void cmd_find_removed(const struct lane *lane, struct weir_cmd *cmd)
{
	if (!cmd->result || !loop_device_is_removed(lane->q))
		return;
	cmd->result = -ENODEV;
	cmd->status = 0;
}

/* The ring is gone, and with it what became of CMD. */
static void note_lost(struct weir_io *io, const struct weir_cmd *cmd)
{
	if (!cmd->ring_lost)
		return;
	io->ring_lost = 1;
	io->cause = cmd->ring_lost;
}

void complete_part(struct lane *lane, struct weir_io *io, struct request *rq, int result,
		   uint16_t status)
{
	if (rq->cmd.op == WEIR_OP_FLUSH) {
		note_lost(io, &rq->cmd);
		sequence_flush_ended(lane, io, result_for_callers(result), status);
		return;
	}
	if (rq->bounce)
		split_unbounce(rq, io);
	if (result && !io->result) {
		io->result = result_for_callers(result);
		io->status = status;
		io->cause = io->result == result ? 0 : (uint16_t)-result;
		note_lost(io, &rq->cmd);
		io_priv(io)->failed_offset = rq->nr_ios > 1 ? io->offset : rq->cmd.offset;
		/* What is not cut yet would only fail too. */
		io_priv(io)->cursor = io->length;
	}
	if (!--io_priv(io)->parts)
		complete_data(lane, io);
}

static void complete_tag(struct lane *lane, struct request *rq)
{
	rq->cmd.buf_index = -1; /* it uses no registered buffer any more: see register.c */
	admit_put(lane, rq);
}

void complete_request(struct lane *lane, struct request *rq, int result, uint16_t status)
{
	struct weir_io *io = rq->first;

	for (uint32_t n = rq->nr_ios; n; n--) {
		struct weir_io *next = io_priv(io)->next;

		complete_part(lane, io, rq, result, status);
		io = next;
	}
	if (!retry_next(lane, rq))
		complete_tag(lane, rq);
}

void complete_cmd(void *owner, struct weir_cmd *cmd)
{
	struct lane *lane = owner;
	struct request *rq = container_of(cmd, struct request, cmd);
	struct sched *s = lane->sched;

	lane_count(lane, -1, cmd_data_bytes(cmd));
	lane->refused = false; /* there is room in the engine now */
	if (cmd->op == WEIR_OP_FLUSH)
		lane->flush_in_flight = false;
	if (cmd->resubmits)
		hist_add(&lane->stats->resubmits, cmd->resubmits);
	hist_record(&lane->stats->op[cmd->op].device,
		    lane->now > rq->rq.io_start_ns ? lane->now - rq->rq.io_start_ns : 0);
	if (rq->scheduled) {
		if (s->ops->completed)
			s->ops->completed(s, &rq->rq, lane->now);
		if (s->ops->finish)
			s->ops->finish(s, &rq->rq);
	}
	cmd_find_removed(lane, cmd);
	if (!cmd->result || !retry_begin(lane, rq))
		complete_request(lane, rq, cmd->result, cmd->status);
	else if (!retry_next(lane, rq))
		complete_tag(lane, rq);
}

static void call_back(struct weir_io *io)
{
	void (*end)(struct weir_io *) = io->end;
	uint32_t before = __atomic_exchange_n(&io_priv(io)->state, IO_DONE, __ATOMIC_ACQ_REL);

	/* From here on the io is the caller's: only its address is used for the waking. */
	if (before == IO_WAITED)
		syscall(SYS_futex, &io_priv(io)->state, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
	if (end)
		end(io);
}

static void run_tasks(struct lane *lane)
{
	struct task_list tasks;
	struct weir_task *task;

	task_list_init(&tasks);
	task_list_append(&tasks, &lane->tasks);
	for (task = tasks.first; task;) {
		struct weir_task *next = task_priv(task)->next;

		task->fn(task);
		task = next;
		lane->task_ran = true;
	}
}

/* Those who wait for the whole queue look again. */
static void tell_drain_waiters(struct weir_queue *q)
{
	if (!__atomic_load_n(&q->drain_waiters, __ATOMIC_SEQ_CST))
		return;
	pthread_mutex_lock(&q->lock);
	pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

unsigned complete_callbacks(struct lane *lane)
{
	struct io_list ended;
	struct weir_io *io;
	unsigned n;

	if (!lane->ended.first && !lane->tasks.first)
		return 0;
	io_list_init(&ended);
	io_list_append(&ended, &lane->ended);
	n = ended.count;
	lane->in_callback = true;
	while ((io = io_list_pop(&ended)))
		call_back(io);
	run_tasks(lane);
	lane->in_callback = false;
	if (n) {
		__atomic_store_n(&lane->nr_done, lane->nr_done + n, __ATOMIC_SEQ_CST);
		tell_drain_waiters(lane->q);
	}
	return n;
}
