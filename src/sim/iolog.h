/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iolog.h - recorded ios, read from a file: the text of blkparse, iologs of fio (versions 2 and
 * 3), and the CSV of MSR Cambridge, which SNIA publishes. The first line shows which format a file
 * has. Read once, then constant; any thread may use it.
 */
#ifndef SIM_IOLOG_H
#define SIM_IOLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest number of ios in all logs of a run: 256 MiB of them. */
#define IOLOG_MAX (8u << 20)
/* Streams with a name of their own; all further ones share one more. */
#define IOLOG_STREAMS 64
#define IOLOG_NAME_MAX 64

/* The first three have the values of enum sim_dir. */
enum iolog_op { IOLOG_READ, IOLOG_WRITE, IOLOG_TRIM, IOLOG_FLUSH };

enum iolog_flag {
	IOLOG_BACKGROUND = 1, /* nobody waits for the write */
	IOLOG_FUA = 2,	      /* the write must be on the medium when it ends */
};

struct iolog_io {
	uint64_t time_ns;	 /* time since the first io */
	uint64_t offset, length; /* bytes; the sum is at most INT64_MAX */
	uint32_t line;
	uint8_t op, flags;
	uint8_t stream; /* index into iolog.stream */
};

/* The ios of one process, or of one disk of one host. */
struct iolog_stream {
	char key[IOLOG_NAME_MAX];  /* identifies the stream */
	char name[IOLOG_NAME_MAX]; /* name for output, printable ASCII */
	size_t first, count;	   /* its ios; iolog_by_stream() sets these */
};

struct iolog {
	char *path;
	struct iolog_io *io; /* sorted by time; ios of the same time are in the order of the file */
	size_t count;
	struct iolog_stream stream[IOLOG_STREAMS + 1];
	size_t nr_streams; /* at least 1 */
	bool timed;	   /* the log has the times at which ios were submitted */
};

/*
 * Reads the file at PATH ("-": standard input), which may have up to MAX ios. Returns 0, or -errno
 * with weir_error() giving file, line and field. In both cases the caller frees LOG with
 * iolog_free().
 */
int iolog_read(struct iolog *log, const char *path, size_t max);

/* Sorts the ios by stream, and within a stream by time. */
void iolog_by_stream(struct iolog *log);

void iolog_free(struct iolog *log);

#endif
