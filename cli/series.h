/* SPDX-License-Identifier: Apache-2.0 */
/*
 * series.h - what jobs did in each window: the CSV of `weir sim --series`, read again. The owner of
 * a struct series frees it; one thread.
 */
#ifndef CLI_SERIES_H
#define CLI_SERIES_H

#include <stddef.h>
#include <stdint.h>

/* The points of one job and direction. */
struct series_line {
	char name[96]; /* "reader, reads" */
	char job[80];
	unsigned direction; /* 0 reads, 1 writes, 2 trims */
	double *begin_s, *end_s, *iops, *mbps, *mean_ns, *p50_ns, *p99_ns;
	size_t n, room;
};

struct series {
	char *path;
	struct series_line *line;
	size_t lines;
};

/* The first line of such a file. */
#define SERIES_HEAD "begin_ns,end_ns,job,direction,"

/*
 * Reads TEXT, which messages call PATH, and changes it. Returns 0, or -errno with weir_error()
 * naming the line. series_free() in any case.
 */
int series_read(struct series *s, char *text, const char *path);

void series_free(struct series *s);

#endif
