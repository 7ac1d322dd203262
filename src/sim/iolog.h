/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iolog.h - ios that somebody recorded, read from a file: the text of blkparse, iologs of fio
 * (versions 2 and 3), and the CSV of MSR Cambridge, which SNIA collects. What a file is, its first
 * line tells. Read once, then constant; any thread.
 */
#ifndef SIM_IOLOG_H
#define SIM_IOLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most ios of all logs of a run: 256 MiB of them. */
#define IOLOG_MAX (8u << 20)
/* Streams with a name of their own; the rest share one more. */
#define IOLOG_STREAMS 64
#define IOLOG_NAME_MAX 64

/* The first three are those of enum sim_dir. */
enum iolog_op { IOLOG_READ, IOLOG_WRITE, IOLOG_TRIM, IOLOG_FLUSH };

enum iolog_flag {
	IOLOG_BACKGROUND = 1, /* nobody waits for the write */
	IOLOG_FUA = 2,	      /* it is to be on the medium when it ends */
};

struct iolog_io {
	uint64_t time_ns;	 /* since the first io */
	uint64_t offset, length; /* bytes, at most INT64_MAX together */
	uint32_t line;
	uint8_t op, flags;
	uint8_t stream; /* index into iolog.stream */
};

/* Ios of one process, or of one disk of one host. */
struct iolog_stream {
	char key[IOLOG_NAME_MAX];  /* what tells it from others */
	char name[IOLOG_NAME_MAX]; /* printable ASCII */
	size_t first, count;	   /* its ios; set by iolog_by_stream() */
};

struct iolog {
	char *path;
	struct iolog_io *io; /* in the order of their times; those of one time as in the file */
	size_t count;
	struct iolog_stream stream[IOLOG_STREAMS + 1];
	size_t nr_streams; /* 1 at least */
	bool timed;	   /* it says when ios were submitted */
};

/*
 * Reads the file at PATH ("-": standard input), which may have MAX ios. 0, or -errno with
 * weir_error() naming file, line and field. LOG is to be freed by iolog_free() in either case.
 */
int iolog_read(struct iolog *log, const char *path, size_t max);

/* Puts the ios of each stream together, in the order of their times. */
void iolog_by_stream(struct iolog *log);

void iolog_free(struct iolog *log);

#endif
