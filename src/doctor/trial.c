/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trial.c - reads the first block with the engine that weir would choose. Problems that no other
 * check knows show here. The bytes that were read are not kept.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/base.h>

#include "base/clock.h"
#include "base/parse.h"
#include "doctor/target.h"
#include "engine/engine.h"
#include "engine/nvme_status.h"

#define TRIAL_PATIENCE_NS (10 * NSEC_PER_SEC)
#define TRIAL_ALIGN 65536u /* large enough for any direct I/O */

/* One read, with its memory and engine. */
struct trial {
	struct weir_cmd cmd;
	struct iovec iov;
	struct engine *e;
	bool done;
};

static void trial_remedy(struct doctor_finding *d, const struct doctor_trial *f)
{
	if (f->read_err == -ETIMEDOUT)
		doctor_remedy(d, "the drive does not answer: see dmesg");
	else if (f->ng && (f->read_err == -EACCES || f->read_err == -EPERM) && !f->status)
		doctor_remedy(d, "the kernel refuses the command, not the drive: before Linux 6.2 "
				 "it takes root; SELinux logs what it denies (ausearch -m avc)");
	else
		doctor_remedy(d, "the drive or the way to it is faulty: see dmesg, and smartctl -a "
				 "or nvme smart-log");
}

void doctor_judge_trial(struct doctor_report *r, const struct doctor_trial *f)
{
	struct doctor_finding *d;
	char took[32];

	if (f->engine_err) {
		d = doctor_add(r, "read", DOCTOR_FAIL, "no engine works on it: %s", f->words);
		doctor_remedy(d, f->ng ? "see io_uring and passthrough; or use the block device "
					 "beside it"
				       : "see the checks above");
	} else if (f->empty) {
		d = doctor_add(r, "read", DOCTOR_WARNING, "it is empty (engine %s)", f->engine);
		doctor_remedy(d, f->file ? "remove it, and weir format --size makes it anew"
					 : "is there a medium, is the device set up?");
	} else if (f->read_err) {
		d = doctor_add(r, "read", DOCTOR_FAIL, "the first %u bytes could not be read: %s",
			       f->bytes, f->words);
		trial_remedy(d, f);
	} else {
		doctor_add(r, "read", DOCTOR_OK, "the first %u bytes came in %s (engine %s)",
			   f->bytes, format_time(f->took_ns, took, sizeof(took)), f->engine);
	}
}

static void trial_complete(void *owner, struct weir_cmd *cmd)
{
	struct trial *trial = owner;

	(void)cmd;
	trial->done = true;
}

/* Waits until the read has completed. Returns false if that takes too long. */
static bool trial_wait(struct trial *trial)
{
	const struct engine_ops *ops = trial->e->ops;
	uint64_t now = clock_now(), deadline = now + TRIAL_PATIENCE_NS;

	ops->submit(trial->e);
	ops->reap(trial->e, now);
	while (!trial->done && now < deadline) {
		ops->wait(trial->e, deadline);
		now = clock_now();
		ops->reap(trial->e, now);
	}
	return trial->done;
}

static void trial_result(struct doctor_trial *f, const struct weir_cmd *cmd)
{
	f->read_err = cmd->result;
	f->status = cmd->status;
	if (cmd->status)
		snprintf(f->words, sizeof(f->words), "%s", nvme_status_words(cmd->status));
	else
		snprintf(f->words, sizeof(f->words), "%s", strerror(-cmd->result));
}

/* Reads the block. A read that never completes keeps its engine and its memory until the process
 * ends. */
static void trial_read(struct doctor_trial *f, struct trial *trial)
{
	uint64_t start = clock_now();
	int err;

	snprintf(f->engine, sizeof(f->engine), "%s", trial->e->ops->describe(trial->e));
	err = trial->e->ops->queue(trial->e, &trial->cmd);
	if (!err && !trial_wait(trial)) {
		f->read_err = -ETIMEDOUT;
		snprintf(f->words, sizeof(f->words), "no answer in 10 s");
		return;
	}
	f->took_ns = clock_now() - start;
	if (err)
		trial->cmd.result = err;
	trial_result(f, &trial->cmd);
	trial->e->ops->close(trial->e);
	free(trial->iov.iov_base);
	free(trial);
}

static struct trial *trial_new(uint32_t bytes)
{
	struct trial *trial = calloc(1, sizeof(*trial));

	if (!trial || posix_memalign(&trial->iov.iov_base, TRIAL_ALIGN, bytes)) {
		free(trial);
		return NULL;
	}
	trial->iov.iov_len = bytes;
	trial->cmd.op = WEIR_OP_READ;
	trial->cmd.length = bytes;
	trial->cmd.iov = &trial->iov;
	trial->cmd.iovcnt = 1;
	trial->cmd.buf_index = -1;
	return trial;
}

static void trial_run(struct doctor_trial *f, const struct weir_device *dev,
		      const struct engine_ops *ops)
{
	struct engine_params params = {
		.dev = dev,
		.depth = 1,
		.wake_fd = -1,
		.tuning = { .threads = 1 },
		.complete = trial_complete,
		.ops = ops,
	};
	struct trial *trial = trial_new(f->bytes);

	if (!trial) {
		f->engine_err = -ENOMEM;
		snprintf(f->words, sizeof(f->words), "no memory");
		return;
	}
	params.owner = trial;
	f->engine_err = ops->open(&trial->e, &params);
	if (!f->engine_err) {
		trial_read(f, trial);
		return;
	}
	snprintf(f->words, sizeof(f->words), "%s", weir_error());
	free(trial->iov.iov_base);
	free(trial);
}

void doctor_check_trial(struct doctor_report *r, const struct doctor_target *t)
{
	const struct weir_device_info *info = weir_device_get_info(t->dev);
	struct doctor_trial f = { .ng = t->at.ng, .bytes = info->logical_block_bytes };
	const struct engine_ops *ops = NULL;

	f.engine_err = engine_find(&ops, "auto", t->dev, f.words, sizeof(f.words));
	f.file = info->kind == WEIR_DEVICE_FILE;
	f.empty = info->capacity_bytes < f.bytes;
	if (!f.engine_err && f.empty)
		snprintf(f.engine, sizeof(f.engine), "%s", ops->name);
	else if (!f.engine_err)
		trial_run(&f, t->dev, ops);
	doctor_judge_trial(r, &f);
}
