/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open.c - finds the owner of a store, and shares memory with it. See remote.h.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/opts.h"
#include "base/thread.h"
#include "control/stream.h"
#include "queue/loop.h"
#include "remote/remote.h"

#define OPEN_ARENA_BYTES (128ull << 20)
#define OPEN_ANSWER_NS (5 * NSEC_PER_SEC)
#define OPEN_QUIET_NS (10 * NSEC_PER_SEC)

int remote_check(const struct weir_remote *r)
{
	if (!r)
		return error_set(-EINVAL, "no remote store");
	return fork_inherited(r->process) ? fork_refuse("remote store") : 0;
}

/* Finds the owner of the store on the devices that PATHS names. */
static int open_find(struct weir_remote *r, struct control_client *cl, const char *paths)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	char why[ERROR_BYTES];
	int err = weir_store_peek(&info, paths, NULL);

	if (err)
		return err;
	memcpy(r->uuid, info.uuid, sizeof(r->uuid));
	err = control_find(cl, r->uuid, paths, r->opts.answer_ns, &r->device);
	if (err != -ENOENT)
		return err;
	snprintf(why, sizeof(why), "%s", weir_error());
	return error_set(err, "%s: no process that has it open can be asked; if one has, %s", paths,
			 why);
}

static int open_arena_bytes(const struct weir_remote *r, pid_t owner, uint64_t *bytes)
{
	uint64_t longest = (r->max_value + ARENA_GRAIN - 1) / ARENA_GRAIN * ARENA_GRAIN;

	*bytes = r->opts.arena_bytes / ARENA_GRAIN * ARENA_GRAIN;
	if (!r->opts.arena_bytes) {
		*bytes = 2 * longest > OPEN_ARENA_BYTES ? 2 * longest : OPEN_ARENA_BYTES;
		if (*bytes > r->max_memory)
			*bytes = r->max_memory;
	}
	if (*bytes >= longest && *bytes <= r->max_memory)
		return 0;
	return error_set(-EINVAL,
			 "shared memory of %llu bytes (%s): the longest value needs %llu, and "
			 "pid %d takes %llu at most (its %s)",
			 (unsigned long long)(r->opts.arena_bytes ? r->opts.arena_bytes : *bytes),
			 error_name(ERROR_ARENA_BYTES), (unsigned long long)longest, (int)owner,
			 (unsigned long long)r->max_memory, error_name(ERROR_SHARE_BYTES));
}

/* Waits until the owner has mapped the memory. */
static int open_begun(const struct control_client *cl)
{
	struct share_answer answer;
	int err = control_receive(cl->fd, &answer, sizeof(answer),
				  clock_deadline(clock_now(), cl->timeout_ns));

	if (err)
		return error_sys(err, "pid %d does not take the shared memory", (int)cl->pid);
	return answer.tag == SHARE_TAG_BEGUN ? 0 : control_odd(cl);
}

static int open_share(struct weir_remote *r, struct control_client *cl)
{
	char buf[CONTROL_END_MAX];
	struct share_offer offer;
	uint64_t bytes = 0;
	size_t got = 0;
	int err = control_ask_one(cl, CONTROL_SHARE, NULL, 0, buf, sizeof(buf), &got);

	if (err)
		return err;
	if (got < sizeof(offer))
		return control_odd(cl);
	memcpy(&offer, buf, sizeof(offer));
	if (offer.slots < SHARE_SLOTS || !offer.max_value || offer.max_memory < offer.max_value ||
	    offer.max_memory > ARENA_BYTES_MAX)
		return control_odd(cl);
	r->max_value = offer.max_value;
	r->max_memory = offer.max_memory / ARENA_GRAIN * ARENA_GRAIN;
	err = open_arena_bytes(r, cl->pid, &bytes);
	if (!err)
		err = control_arena_give(&r->arena, bytes, cl->fd,
					 clock_deadline(clock_now(), r->opts.answer_ns));
	return err ? err : open_begun(cl);
}

static int open_thread(struct weir_remote *r)
{
	int err = link_make(r);

	r->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!err && r->event < 0)
		err = -errno;
	if (!err)
		err = thread_start(&r->thread, "weir-remote", link_run, r);
	return err ? error_sys(err, "cannot use a store of another process") : 0;
}

static void open_init(struct weir_remote *r)
{
	pthread_condattr_t attr;

	r->process = fork_process();
	r->fd = r->event = -1;
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->changed, &attr);
	pthread_condattr_destroy(&attr);
	remote_list_init(&r->queue);
	fork_fd_watch(&r->fd_watch, &r->fd);
	fork_fd_watch(&r->event_watch, &r->event);
	if (!r->opts.answer_ns)
		r->opts.answer_ns = OPEN_ANSWER_NS;
	if (!r->opts.quiet_ns)
		r->opts.quiet_ns = OPEN_QUIET_NS;
}

static void open_free(struct weir_remote *r)
{
	fork_fd_close(&r->fd_watch);
	fork_fd_close(&r->event_watch);
	control_arena_free(&r->arena);
	extents_free(&r->link.room);
	free(r);
}

int weir_remote_open(struct weir_remote **out, const char *path,
		     const struct weir_remote_opts *user)
{
	struct weir_remote_opts opts = WEIR_REMOTE_OPTS_INIT;
	struct control_client cl = { .fd = -1 };
	struct weir_remote *r;
	int err = opts_copy(&opts, sizeof(opts), user, user ? user->size : 0);

	if (!err && loop_in_callback())
		err = error_in_callback("open a remote store");
	if (err)
		return err;
	r = calloc(1, sizeof(*r));
	if (!r)
		return error_sys(-ENOMEM, "%s", path);
	r->opts = opts;
	open_init(r);
	err = open_find(r, &cl, path);
	if (!err)
		err = open_share(r, &cl);
	r->fd = cl.fd; /* from here on R owns it */
	r->owner = cl.pid;
	if (!err)
		err = open_thread(r);
	if (err)
		open_free(r);
	else
		*out = r;
	return err;
}

void weir_remote_close(struct weir_remote *r)
{
	if (!r)
		return;
	if (fork_inherited(r->process)) {
		r->arena.base = NULL; /* the child has no mapping of it */
	} else {
		pthread_mutex_lock(&r->lock);
		r->stopping = true;
		link_kick(r);
		pthread_mutex_unlock(&r->lock);
		pthread_join(r->thread, NULL);
		pthread_cond_destroy(&r->changed);
		pthread_mutex_destroy(&r->lock);
	}
	open_free(r);
}

int weir_remote_get_info(struct weir_remote *r, struct weir_remote_info *info)
{
	struct weir_remote_info now = WEIR_REMOTE_INFO_INIT;
	int err = remote_check(r);

	if (err)
		return err;
	now.owner = r->owner;
	now.max_value_bytes = r->max_value;
	now.arena_bytes = r->arena.bytes;
	memcpy(now.uuid, r->uuid, sizeof(now.uuid));
	pthread_mutex_lock(&r->lock);
	now.error = r->error;
	now.operations = r->operations;
	now.bytes = r->bytes;
	pthread_mutex_unlock(&r->lock);
	return opts_give(info, OPTS_SIZE(info), &now, sizeof(now));
}
