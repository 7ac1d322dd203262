/* SPDX-License-Identifier: Apache-2.0 */
/* top_json.c - the figures of `weir top` as JSON. See top.h and docs/json.md. */
#include "cli/top.h"

#include "cli/report.h"

static json_t *top_json_took(const struct hist *h)
{
	uint64_t n = top_count(h);

	return json_pack("{s:I, s:I, s:I, s:I}", "count", (json_int_t)n, "mean_ns",
			 (json_int_t)(n ? h->sum / n : 0), "p50_ns",
			 (json_int_t)hist_permille(h, 500), "p99_ns",
			 (json_int_t)hist_permille(h, 990));
}

static json_t *top_json_way(const struct top_view *v, const struct top_stream *s, enum top_way way)
{
	return json_pack("{s:f, s:f, s:o}", "per_s", (double)top_count(&s->took[way]) / v->seconds,
			 "mbps", (double)s->bytes[way] / v->seconds / 1e6, "took",
			 top_json_took(&s->took[way]));
}

static json_t *top_json_stream(const struct top_view *v, unsigned n)
{
	const struct top_stream *s = &v->sample->stream[n];

	return json_pack("{s:i, s:o, s:I, s:o, s:o}", "stream", (int)n, "tenants",
			 report_text(s->tenants), "keys", (json_int_t)s->keys, "gets",
			 top_json_way(v, s, TOP_READ), "puts", top_json_way(v, s, TOP_WRITE));
}

static json_t *top_json_op(const struct top_view *v, const struct top_op *op)
{
	return json_pack("{s:f, s:f, s:o, s:o}", "per_s", (double)op->ios / v->seconds, "mbps",
			 (double)op->bytes / v->seconds / 1e6, "wait", top_json_took(&op->wait),
			 "drive", top_json_took(&op->device));
}

static json_t *top_json_lane(const struct top_view *v, const struct top_lane *l)
{
	json_t *reasons = json_object(), *gauges = json_object();

	for (unsigned i = 0; i < l->nr_reasons; i++)
		json_object_set_new(reasons, l->reason[i].name,
				    json_integer((json_int_t)l->reason[i].count));
	for (unsigned i = 0; i < l->nr_gauges; i++)
		json_object_set_new(gauges, l->gauge[i].name,
				    json_integer((json_int_t)l->gauge[i].value));
	return json_pack("{s:i, s:i, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "device",
			 (int)l->device, "lane", (int)l->lane, "scheduler", report_text(l->sched),
			 "in_flight", (json_int_t)l->in_flight, "in_flight_bytes",
			 (json_int_t)l->in_flight_bytes, "tag_waits", (json_int_t)l->tag_waits,
			 "reads", top_json_op(v, &l->op[TOP_READ]), "writes",
			 top_json_op(v, &l->op[TOP_WRITE]), "reasons", reasons, "gauges", gauges);
}

json_t *top_json(const struct top_view *v)
{
	json_t *streams = json_array(), *lanes = json_array();
	unsigned order[TOP_STREAMS], n = top_streams(v, order);

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(streams, top_json_stream(v, order[i]));
	for (unsigned i = 0; i < v->sample->nr_lanes; i++)
		json_array_append_new(lanes, top_json_lane(v, &v->sample->lane[i]));
	return json_pack("{s:s, s:o, s:i, s:o, s:f, s:o, s:o}", "schema", "weir.top.v1", "path",
			 report_text(v->path), "pid", v->pid, "engine",
			 report_text(v->queue.engine), "seconds", v->seconds, "streams", streams,
			 "lanes", lanes);
}
