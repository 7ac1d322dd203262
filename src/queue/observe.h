/* SPDX-License-Identifier: Apache-2.0 */
/*
 * observe.h - other processes watch a queue of this one, on a control socket (docs/control.md).
 * The queue owns the socket.
 */
#ifndef QUEUE_OBSERVE_H
#define QUEUE_OBSERVE_H

#include <weir/queue.h>

struct control_conn;

/*
 * Begins to answer for Q, which opts.watched asks for. Without a place for a socket nobody can ask,
 * and that is no error. The opening thread calls it last.
 */
void observe_start(struct weir_queue *q);

/* Ends that: no other thread is inside Q any more when it returns. Blocks; the thread that closes
 * Q. */
void observe_stop(struct weir_queue *q);

/* Closes the descriptors in a child of fork(). */
void observe_leave(struct weir_queue *q);

/* Answers CONTROL_QUEUE on CONN with what Q is. Returns what control_end() returns. Any thread. */
int observe_answer_info(struct weir_queue *q, struct control_conn *conn);

#endif
