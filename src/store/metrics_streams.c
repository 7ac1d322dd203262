/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics_streams.c - writes the metrics of streams, and which tenants these belong to.
 *
 * A store has 32 streams at most, however many tenants it serves, so latencies are kept by stream.
 * Names of tenants are labels of two infos only: a tenant that arrives later would else end the
 * series of a stream and begin another. Owns nothing; the thread of the call.
 */
#include <errno.h>
#include <string.h>

#include "store/metrics.h"

#define METRICS_TENANTS 256u /* bytes for the names of the tenants of a stream */

int metrics_streams_gather(struct metrics *x)
{
	int err = 0;

	x->streams = x->info.streams < DISK_STREAMS ? x->info.streams : DISK_STREAMS;
	for (uint32_t n = 0; n < x->streams && !err; n++) {
		struct metrics_stream *stream = &x->stream[n];

		snprintf(stream->number, sizeof(stream->number), "%u", n);
		stream->facts = (struct weir_store_stream)WEIR_STORE_STREAM_INIT;
		err = weir_store_get_stream(x->s, n, &stream->facts);
	}
	return err;
}

/* Adds up the latencies of puts and gets of STREAM on all devices. Returns the bytes of both in
 * *PUT and *GET. */
static void metrics_streams_sum(struct metrics *x, uint32_t stream, uint64_t *put, uint64_t *get)
{
	struct weir_store *part;
	uint32_t n;

	*put = *get = 0;
	x->first = x->second = (struct hist){ 0 };
	PARTS_FOREACH(x->s, part, n)
	{
		const struct tally_stream *t = tally_of(&part->io.tally, stream);

		if (!t)
			continue; /* made on other devices first */
		*put += __atomic_load_n(&t->put_bytes, __ATOMIC_RELAXED);
		*get += __atomic_load_n(&t->get_bytes, __ATOMIC_RELAXED);
		hist_merge(&x->first, &t->put);
		hist_merge(&x->second, &t->get);
	}
}

/* Makes the label of stream N the only one. */
static void metrics_streams_label(struct metrics *x, uint32_t n)
{
	openmetrics_keep(&x->out, 0);
	openmetrics_label(&x->out, "stream", x->stream[n].number);
}

static void metrics_streams_latencies(struct metrics *x)
{
	uint64_t put, get;

	openmetrics_family(&x->out, "weir_put_duration_seconds", OPENMETRICS_HISTOGRAM,
			   "How long puts took that were done, by stream.");
	for (uint32_t n = 0; n < x->streams; n++) {
		metrics_streams_sum(x, n, &put, &get);
		metrics_streams_label(x, n);
		openmetrics_hist(&x->out, &x->first);
	}
	openmetrics_family(&x->out, "weir_get_duration_seconds", OPENMETRICS_HISTOGRAM,
			   "How long gets took that returned a value, by stream.");
	for (uint32_t n = 0; n < x->streams; n++) {
		metrics_streams_sum(x, n, &put, &get);
		metrics_streams_label(x, n);
		openmetrics_hist(&x->out, &x->second);
	}
}

static void metrics_streams_bytes(struct metrics *x)
{
	uint64_t put, get;

	openmetrics_family(&x->out, "weir_put_bytes", OPENMETRICS_COUNTER,
			   "Values that were put, by stream.");
	for (uint32_t n = 0; n < x->streams; n++) {
		metrics_streams_sum(x, n, &put, &get);
		metrics_streams_label(x, n);
		openmetrics_count(&x->out, put);
	}
	openmetrics_family(&x->out, "weir_get_bytes", OPENMETRICS_COUNTER,
			   "Values that gets returned, by stream.");
	for (uint32_t n = 0; n < x->streams; n++) {
		metrics_streams_sum(x, n, &put, &get);
		metrics_streams_label(x, n);
		openmetrics_count(&x->out, get);
	}
}

/* A family of a member of struct weir_store_stream. */
static const struct {
	const char *name;
	size_t offset;
	bool wide; /* the member has 64 bits, else 32 */
	enum openmetrics_type type;
	const char *help;
} metrics_streams_rows[] = {
	{ "weir_stream_entries", offsetof(struct weir_store_stream, entries), true,
	  OPENMETRICS_GAUGE, "Keys of a stream." },
	{ "weir_stream_value_bytes", offsetof(struct weir_store_stream, live_bytes), true,
	  OPENMETRICS_GAUGE, "Values of these keys." },
	{ "weir_stream_segments", offsetof(struct weir_store_stream, segments), false,
	  OPENMETRICS_GAUGE, "Segments that a stream fills." },
	{ "weir_stream_share_percent", offsetof(struct weir_store_stream, share), false,
	  OPENMETRICS_GAUGE, "The share of a stream in percent of the store; 0: none." },
	{ "weir_stream_written_bytes", offsetof(struct weir_store_stream, written_bytes), true,
	  OPENMETRICS_COUNTER, "What was written to the devices for a stream." },
	{ "weir_stream_evicted_segments", offsetof(struct weir_store_stream, evicted_segments),
	  true, OPENMETRICS_COUNTER, "Segments of a stream that were reclaimed." },
};

static void metrics_streams_facts(struct metrics *x)
{
	for (size_t i = 0; i < sizeof(metrics_streams_rows) / sizeof(metrics_streams_rows[0]);
	     i++) {
		size_t offset = metrics_streams_rows[i].offset;

		openmetrics_family(&x->out, metrics_streams_rows[i].name,
				   metrics_streams_rows[i].type, metrics_streams_rows[i].help);
		for (uint32_t n = 0; n < x->streams; n++) {
			const char *at = (const char *)&x->stream[n].facts + offset;

			metrics_streams_label(x, n);
			openmetrics_count(&x->out, metrics_streams_rows[i].wide
							   ? *(const uint64_t *)(const void *)at
							   : *(const uint32_t *)(const void *)at);
		}
	}
}

/* Adds NAME to the names at TEXT, of SIZE bytes; "..." says that there was no room. */
static void metrics_streams_add_name(char *text, size_t size, const char *name)
{
	size_t used = strlen(text);

	if (used + strlen(name) + sizeof(",...") <= size)
		snprintf(text + used, size - used, "%s%s", used ? "," : "", name);
	else if (used >= 3 && strcmp(text + used - 3, "..."))
		snprintf(text + used, size - used, ",...");
}

/* Writes which tenants there are; their names go to NAMES, by stream. */
static int metrics_streams_tenants(struct metrics *x, char (*names)[METRICS_TENANTS])
{
	struct weir_store_tenant row = WEIR_STORE_TENANT_INIT;
	char number[METRICS_NUMBER];
	uint32_t n;
	int err;

	openmetrics_family(&x->out, "weir_tenant", OPENMETRICS_INFO,
			   "The stream of a tenant, for the tenants that the store names.");
	for (n = 0; !(err = weir_store_get_tenant(x->s, n, &row)); n++) {
		if (row.stream >= x->streams)
			continue; /* added since the streams were counted */
		snprintf(number, sizeof(number), "%u", n);
		openmetrics_keep(&x->out, 0);
		openmetrics_label(&x->out, "row", number);
		openmetrics_label(&x->out, "stream", x->stream[row.stream].number);
		openmetrics_label(&x->out, "tenant", row.name);
		openmetrics_count(&x->out, 1);
		metrics_streams_add_name(names[row.stream], METRICS_TENANTS, row.name);
	}
	return err == -ENOENT ? 0 : err;
}

int metrics_streams_write(struct metrics *x)
{
	char names[DISK_STREAMS][METRICS_TENANTS] = { "" };
	int err = metrics_streams_tenants(x, names);

	openmetrics_family(&x->out, "weir_stream", OPENMETRICS_INFO,
			   "The tenants of a stream; keys of no tenant are in stream 0.");
	for (uint32_t n = 0; n < x->streams; n++) {
		metrics_streams_label(x, n);
		openmetrics_label(&x->out, "tenants", *names[n] ? names[n] : "none");
		openmetrics_count(&x->out, 1);
	}
	metrics_streams_latencies(x);
	metrics_streams_bytes(x);
	metrics_streams_facts(x);
	return err;
}
