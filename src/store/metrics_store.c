/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics_store.c - writes the metrics of a store as a whole: what it holds, what was asked and
 * missed, what left it, and what its recovery found. Owns nothing; the thread of the call.
 */
#include <weir/pin.h>

#include "store/metrics.h"

/* A family with one sample: a member of struct weir_store_stats. */
struct metrics_row {
	const char *name;
	size_t offset;
	enum openmetrics_type type;
	const char *help;
};

#define ROW(name, member, type, help)                                                              \
	{                                                                                          \
		name, offsetof(struct weir_store_stats, member), OPENMETRICS_##type, help          \
	}

static const struct metrics_row metrics_rows[] = {
	ROW("weir_entries", entries, GAUGE, "Keys that the store has."),
	ROW("weir_value_bytes", live_bytes, GAUGE, "Values of these keys."),
	ROW("weir_index_bytes", index_bytes, GAUGE, "Memory of the index."),
	ROW("weir_ghosts_bytes", ghost_bytes, GAUGE, "Memory for keys that have left."),
	ROW("weir_sealed_bytes", sealed_bytes, GAUGE, "Segments that take no more values."),
	ROW("weir_unused_bytes", unused_bytes, GAUGE,
	    "Of the sealed segments, what is left over at their ends."),
	ROW("weir_writing_bytes", writing_bytes, GAUGE, "Puts that are being written now."),
	ROW("weir_read_only", read_only, GAUGE,
	    "1: the store writes no more until it is opened again, or was opened so."),
	ROW("weir_write_budget_spent_bytes", budget_spent_bytes, GAUGE,
	    "What is spent of the write budget now."),
	ROW("weir_get_hits", hits, COUNTER, "Gets that returned a value."),
	ROW("weir_deletes", deletes, COUNTER, "Deletes that were done."),
	ROW("weir_put_waits", put_waits, COUNTER,
	    "Times that puts of a stream waited for others to be written."),
	ROW("weir_refused_puts", refused_puts, COUNTER, "Puts that the write budget refused."),
	ROW("weir_refused_bytes", refused_bytes, COUNTER, "Values of these puts."),
	ROW("weir_at_risk_puts", at_risk, COUNTER,
	    "Acknowledged puts that a flush which failed should have covered."),
	ROW("weir_evicted_segments", evicted_segments, COUNTER,
	    "Segments that were reclaimed because space was short."),
	ROW("weir_rewritten_entries", survivors, COUNTER,
	    "Entries that were written again when their segment was reclaimed."),
	ROW("weir_rewritten_bytes", survivor_bytes, COUNTER, "Values of these entries."),
	ROW("weir_checksum_errors", checksum_errors, COUNTER,
	    "Values that came back wrong, twice."),
	ROW("weir_rereads", rereads, COUNTER, "Blocks that came back wrong and were read again."),
	ROW("weir_scrub_passes", scrub_passes, COUNTER, "Scrubs of the whole store."),
	ROW("weir_scrub_bytes", scrub_bytes, COUNTER, "Values that scrubs have read."),
	ROW("weir_scrub_damaged", scrub_damaged, COUNTER, "Of these, values that did not verify."),
	ROW("weir_scrub_dropped", scrub_dropped, COUNTER, "Entries that scrubs have dropped."),
	ROW("weir_scrub_read_errors", scrub_read_errors, COUNTER,
	    "Values that scrubs could not read."),
	ROW("weir_scrub_slowed", scrub_slowed, COUNTER,
	    "Values after which a scrub waited, because the store was in use."),
	ROW("weir_background_reclaims", background_reclaims, COUNTER,
	    "Reclaims that began before puts waited for space."),
	ROW("weir_inline_reclaims", inline_reclaims, COUNTER,
	    "Reclaims that began while puts waited for space."),
	ROW("weir_space_waits", space_wait.count, COUNTER,
	    "Times that puts of a stream waited because no segment was free."),
	ROW("weir_recovered_entries", recovered_entries, GAUGE,
	    "Keys that the recovery found when the store was opened."),
};

static uint64_t metrics_member(const struct weir_store_stats *stats, size_t offset)
{
	return *(const uint64_t *)(const void *)((const char *)stats + offset);
}

static void metrics_store_rows(struct metrics *x)
{
	for (size_t i = 0; i < sizeof(metrics_rows) / sizeof(metrics_rows[0]); i++) {
		const struct metrics_row *row = &metrics_rows[i];

		openmetrics_family(&x->out, row->name, row->type, row->help);
		openmetrics_count(&x->out, metrics_member(&x->stats, row->offset));
	}
}

/* Writes what was damaged when the store was opened. */
static void metrics_store_recovery(struct metrics *x)
{
	static const struct {
		const char *kind;
		size_t offset;
	} kinds[] = {
		{ "footer", offsetof(struct weir_store_stats, recovered_bad_footers) },
		{ "header", offsetof(struct weir_store_stats, recovered_bad_headers) },
		{ "record", offsetof(struct weir_store_stats, recovered_dropped_records) },
		{ "superblock", offsetof(struct weir_store_stats, recovered_bad_superblocks) },
		{ "unsealed", offsetof(struct weir_store_stats, recovered_unsealed) },
	};

	openmetrics_family(&x->out, "weir_recovery_seconds", OPENMETRICS_GAUGE,
			   "How long the recovery took.");
	openmetrics_time(&x->out, x->stats.recovery_ns);
	openmetrics_family(&x->out, "weir_recovery_damaged", OPENMETRICS_GAUGE,
			   "What the recovery found damaged, by kind.");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		openmetrics_label(&x->out, "kind", kinds[i].kind);
		openmetrics_count(&x->out, metrics_member(&x->stats, kinds[i].offset));
		openmetrics_keep(&x->out, 0);
	}
}

static void metrics_store_facts(struct metrics *x)
{
	char uuid[PARTS_UUID_BYTES];

	openmetrics_family(&x->out, "weir_build", OPENMETRICS_INFO, "The version of weir.");
	openmetrics_label(&x->out, "version", weir_version());
	openmetrics_count(&x->out, 1);
	openmetrics_family(&x->out, "weir_store", OPENMETRICS_INFO, "Which store this is.");
	openmetrics_label(&x->out, "uuid", parts_uuid(x->info.uuid, uuid));
	openmetrics_label(&x->out, "policy", x->info.policy == WEIR_POLICY_FIFO ? "fifo" : "clock");
	openmetrics_count(&x->out, 1);
	openmetrics_family(&x->out, "weir_capacity_bytes", OPENMETRICS_GAUGE,
			   "What the store may use of its devices.");
	openmetrics_count(&x->out, x->info.capacity_bytes);
	openmetrics_family(&x->out, "weir_segment_bytes", OPENMETRICS_GAUGE,
			   "The size of a segment.");
	openmetrics_count(&x->out, x->info.segment_bytes);
	openmetrics_family(&x->out, "weir_write_budget_bytes", OPENMETRICS_GAUGE,
			   "What the store may write a day; 0: as much as it likes.");
	openmetrics_count(&x->out, x->info.write_budget);
}

/* Adds up the tallies of all devices. */
static void metrics_store_tally(struct metrics *x, struct tally *sum)
{
	struct weir_store *part;
	uint32_t n;

	*sum = (struct tally){ 0 };
	PARTS_FOREACH(x->s, part, n)
	{
		const struct tally *t = &part->io.tally;

		for (uint32_t i = 0; i < TALLY_MISSES; i++) {
			sum->misses[i] += __atomic_load_n(&t->misses[i], __ATOMIC_RELAXED);
			sum->lookup_misses[i] +=
				__atomic_load_n(&t->lookup_misses[i], __ATOMIC_RELAXED);
		}
		sum->lookup_hits += __atomic_load_n(&t->lookup_hits, __ATOMIC_RELAXED);
		sum->failed_puts += __atomic_load_n(&t->failed_puts, __ATOMIC_RELAXED);
	}
}

static const char *const metrics_reasons[TALLY_MISSES] = {
	[TALLY_UNKNOWN] = "unknown",	  [WEIR_LEAVE_EVICTED] = "evicted",
	[WEIR_LEAVE_DELETED] = "deleted", [WEIR_LEAVE_DAMAGED] = "damaged",
	[WEIR_LEAVE_REFUSED] = "refused", [WEIR_LEAVE_OUT_OF_USE] = "out_of_use",
	[TALLY_AFTER_GAP] = "after_gap",  [TALLY_FAILED] = "failed",
	[TALLY_WITHDRAWN] = "withdrawn",  [TALLY_TOO_SMALL] = "too_small",
};

/* Writes a sample for each reason of COUNTS but SKIP, which never occurs. */
static void metrics_store_by_reason(struct metrics *x, const uint64_t *counts, uint32_t from,
				    uint32_t to, uint32_t skip)
{
	for (uint32_t i = from; i <= to; i++) {
		if (i == skip)
			continue;
		openmetrics_label(&x->out, "reason", metrics_reasons[i]);
		openmetrics_count(&x->out, counts[i]);
		openmetrics_keep(&x->out, 0);
	}
}

static void metrics_store_asked(struct metrics *x)
{
	struct tally sum;

	metrics_store_tally(x, &sum);
	openmetrics_family(&x->out, "weir_get_misses", OPENMETRICS_COUNTER,
			   "Gets that returned no value, by reason.");
	metrics_store_by_reason(x, sum.misses, 0, TALLY_TOO_SMALL, TALLY_AFTER_GAP);
	openmetrics_family(&x->out, "weir_lookup_hits", OPENMETRICS_COUNTER,
			   "Keys that a lookup or a lease found.");
	openmetrics_count(&x->out, sum.lookup_hits);
	openmetrics_family(&x->out, "weir_lookup_misses", OPENMETRICS_COUNTER,
			   "Keys that a lookup or a lease did not find, by reason.");
	metrics_store_by_reason(x, sum.lookup_misses, 0, TALLY_AFTER_GAP, TALLY_MISSES);
	openmetrics_family(&x->out, "weir_put_failures", OPENMETRICS_COUNTER,
			   "Puts that failed; that a key is there already is no failure.");
	openmetrics_count(&x->out, sum.failed_puts);
}

static void metrics_store_left(struct metrics *x)
{
	uint64_t left[WEIR_LEAVE_OUT_OF_USE + 1], sum[WEIR_LEAVE_OUT_OF_USE + 1] = { 0 };
	struct weir_store *part;
	uint32_t n;

	PARTS_FOREACH(x->s, part, n)
	{
		logs_count_left(part->logs, left);
		for (uint32_t i = 0; i <= WEIR_LEAVE_OUT_OF_USE; i++)
			sum[i] += left[i];
	}
	openmetrics_family(&x->out, "weir_removed_entries", OPENMETRICS_COUNTER,
			   "Keys that have left the store, by reason.");
	metrics_store_by_reason(x, sum, WEIR_LEAVE_EVICTED, WEIR_LEAVE_OUT_OF_USE,
				WEIR_LEAVE_REFUSED);
}

static void metrics_store_held(struct metrics *x)
{
	struct weir_store_held held = WEIR_STORE_HELD_INIT;

	/* It fails in a child of fork() only, which weir_store_metrics() refuses. */
	(void)weir_store_get_held(x->s, &held);
	openmetrics_family(&x->out, "weir_pinned_keys", OPENMETRICS_GAUGE, "Keys with a pin.");
	openmetrics_count(&x->out, held.pinned);
	openmetrics_family(&x->out, "weir_leased_keys", OPENMETRICS_GAUGE, "Keys with a lease.");
	openmetrics_count(&x->out, held.leased);
	openmetrics_family(&x->out, "weir_leased_bytes", OPENMETRICS_GAUGE,
			   "What the values of leased keys take.");
	openmetrics_count(&x->out, held.leased_bytes);
	openmetrics_family(&x->out, "weir_leases_taken_back", OPENMETRICS_COUNTER,
			   "Leases that were ended because there were too many.");
	openmetrics_count(&x->out, held.leases_taken_back);
}

void metrics_store_write(struct metrics *x)
{
	metrics_store_facts(x);
	metrics_store_rows(x);
	metrics_store_asked(x);
	metrics_store_left(x);
	metrics_store_held(x);
	metrics_store_recovery(x);
}
