/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/trace.h - writes down what each io of a queue went through, for programs that draw it or
 * count it: ui.perfetto.dev, blkparse and btt.
 *
 * A trace is opened first, and named in the options of the queues and stores that it is to see
 * (weir_queue_opts.trace, weir_store_opts.trace). After these have been closed, closing the trace
 * writes the file.
 *
 *   weir_trace_open(&trace, "run.pftrace", NULL);
 *   opts.trace = trace;
 *   weir_queue_open(&q, dev, &opts);
 *   ...
 *   weir_queue_close(q);
 *   weir_trace_close(trace, NULL);
 *
 * The owner of a lane makes one record for each request when that has completed: when it was
 * submitted, got its tag, was handed to the engine and ended, and the reason that the scheduler
 * gave. A thread of the library (weir-trace) takes the records to a file without a name in the
 * folder of FILE, 64 bytes for each. docs/tracing.md shows what one sees of them.
 *
 * Caveats
 *   - A request that has not ended is not in the trace. If the process dies, there is no trace.
 *   - If the disk of FILE is slower than the records come, lanes do not wait: records are lost,
 *     each of them a whole request, and the report counts them. On a simulated drive lanes wait.
 */
#ifndef WEIR_TRACE_H
#define WEIR_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_trace;

enum weir_trace_format {
	/* blktrace if the name ends with ".blktrace" or ".blktrace.N", else Perfetto */
	WEIR_TRACE_BY_NAME = 0,
	WEIR_TRACE_PERFETTO = 1, /* protobuf messages TracePacket */
	WEIR_TRACE_BLKTRACE = 2, /* structs blk_io_trace, in the order of their times */
};

/* Options of weir_trace_open(). Start from WEIR_TRACE_OPTS_INIT. */
struct weir_trace_opts {
	size_t size;	       /* sizeof(struct weir_trace_opts) */
	uint32_t format;       /* enum weir_trace_format */
	uint32_t reserved;     /* 0 */
	uint64_t buffer_bytes; /* records that wait for the disk; default 16 MiB, at least 1 MiB */
};

#define WEIR_TRACE_OPTS_INIT WEIR_INIT_SIZED(struct weir_trace_opts)

/* What a trace holds. Start from WEIR_TRACE_REPORT_INIT. */
struct weir_trace_report {
	size_t size;
	uint64_t requests; /* requests in the file */
	uint64_t lost;	   /* records for which there was no room */
	uint64_t bytes;	   /* of the file */
};

#define WEIR_TRACE_REPORT_INIT WEIR_INIT_SIZED(struct weir_trace_report)

/*
 * Opens a trace that is written to the file PATH when it is closed; a file that exists keeps its
 * contents until then. OPTS may be NULL. Starts a thread. Errors: -EINVAL (an option, or PATH is
 * no regular file), -EEXIST (PATH is there and is no trace), -EBUSY (PATH is a store that is open,
 * or another trace), -ENOMEM, those of open(2). Any thread.
 */
int weir_trace_open(struct weir_trace **trace, const char *path,
		    const struct weir_trace_opts *opts);

/*
 * Writes the file of TRACE and frees TRACE. All queues and stores that name it must have been
 * closed. REPORT may be NULL. If no queue ever named TRACE, a file that was there before is left
 * as it was. NULL is allowed. In a child of fork() it frees memory only. Errors: -EBUSY (a queue is
 * open; nothing is done), -EIO, -ENOSPC and others of write(2): TRACE is freed. Blocks while it
 * writes; any thread.
 */
int weir_trace_close(struct weir_trace *trace, struct weir_trace_report *report);

#ifdef __cplusplus
}
#endif
#endif
