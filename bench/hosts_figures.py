# SPDX-License-Identifier: Apache-2.0
"""Medians, ranges and percentiles of what `bench/hosts` measures."""
import math
import statistics


def percentile(values, percent):
    """The smallest value that PERCENT of VALUES do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def merge(samples):
    """One row of SAMPLES (rounds with the same figures): medians, and `NAME_range` beside each."""
    row = {}
    for name in samples[0]:
        values = [sample[name] for sample in samples]
        row[name] = statistics.median(values)
        if len(values) > 1:
            row[name + "_range"] = [min(values), max(values)]
    return row


def ratio(ours, theirs, name):
    """The median over rounds of OURS to THEIRS in the same round."""
    return statistics.median(a[name] / b[name] for a, b in zip(ours, theirs))
