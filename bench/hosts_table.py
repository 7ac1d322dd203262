# SPDX-License-Identifier: Apache-2.0
"""Prints what `bench/hosts` has measured, with its bars."""
from common import LOADED


def number(row, name, digits=0):
    if name not in row:
        return "-"
    text = f"{row[name]:.{digits}f}"
    if name + "_range" in row:
        low, high = row[name + "_range"]
        text += f" ({low:.{digits}f}-{high:.{digits}f})"
    return text


def verdict(row, name):
    one = row.get("bars", {}).get(name)
    return "" if not one else " met" if one["met"] else " NOT met"


def judged(row, name):
    """A figure with its bar and whether that is met; "-" where it has none."""
    if name not in row:
        return "-"
    one = row["bars"][name]
    limit = f">= {one['least']:g}" if "least" in one else f"<= {one['most']:g}"
    return f"{row[name]:.2f}, {limit}{verdict(row, name)}"


def table(title, heads, rows):
    """Columns as wide as what is in them; the first to the left, the others to the right."""
    print("\n" + title)
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    for row in [heads, *rows]:
        print(("  " + row[0].ljust(widths[0]) + "".join(
            "  " + cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))).rstrip())


def size_of(value):
    return f"{value >> 10} KiB" if value < 1 << 20 else f"{value >> 20} MiB"


def loaded(row):
    return str(row["loaded_rounds"])


def show_values(rows):
    table("LMCache: stores and loads; ratios to the better one of raw_block's engines",
          ("value, system", "store MB/s", "with a flush", "CPU s/GB", "ratio", "load MB/s",
           "CPU s/GB", "ratio", "loaded"),
          [(f"{size_of(row['value'])}  {row['system']}", number(row, "store_mbps"),
            number(row, "flushed_mbps"), f"{row['store_cpu_s_per_gb']:.2f}",
            judged(row, "store_ratio"),
            number(row, "load_mbps"), f"{row['load_cpu_s_per_gb']:.2f}", judged(row, "load_ratio"),
            loaded(row)) for row in rows])


def show_flood(rows):
    table("LMCache: loads of 8 keys of 1 MiB, alone and beside a flood of stores",
          ("system, scheduler", "alone p50", "p99 ms", "flood p50", "p99 ms", "p99 to alone",
           "p99 to raw_block", "loads MB/s", "flood MB/s", "to raw_block", "loaded"),
          [(row["system"] + ("" if "raw_block" in row["system"] else "  " + row["scheduler"]),
            f"{row['alone_p50_ms']:.1f}", f"{row['alone_p99_ms']:.1f}", f"{row['p50_ms']:.1f}",
            number(row, "p99_ms", 1), judged(row, "p99_to_alone"), judged(row, "p99_to_raw_block"),
            number(row, "loads_mbps"), number(row, "flood_mbps"),
            judged(row, "flood_to_raw_block"), loaded(row)) for row in rows])


def show_tenants(rows):
    table("Two tenants of LMCache, one stores without a pause, one loads without a pause",
          ("scheduler, weights", "reader p50 ms", "p99 ms", "reader's part of the bytes", "loaded"),
          [(row["scheduler"] + (f" {row['weight']}:100" if row["weight"] else ""),
            number(row, "p50_ms", 1), number(row, "p99_ms", 1), number(row, "reader_share", 2),
            loaded(row)) for row in rows])


def loss_cells(row):
    return tuple(f"{row[name]} of {row[all_of]}" + verdict(row, name) if name in row else "-"
                 for name, all_of in (("found", "acknowledged"), ("served", "flipped")))


def show_loss(rows):
    table("LMCache: acknowledged values that are there after SIGKILL; values with an inverted bit "
          "that are served", ("system", "there after a kill", "served with a wrong bit"),
          [(row["system"], *loss_cells(row)) for row in rows])


def show_host(title):
    def show(rows):
        table(title, ("system", "store MB/s", "CPU s/GB", "load MB/s", "CPU s/GB", "files",
                      "there after a kill", "served with a wrong bit", "loaded"),
              [(row["system"], number(row, "store_mbps"), f"{row['store_cpu_s_per_gb']:.2f}",
                number(row, "load_mbps"), f"{row['load_cpu_s_per_gb']:.2f}",
                str(int(row["files"])), *loss_cells(row), loaded(row)) for row in rows])
    return show


SHOW = {"values": show_values, "flood": show_flood, "tenants": show_tenants, "loss": show_loss,
        "vllm": show_host("vLLM: chunks of 2 MiB through its manager of tiers"),
        "sglang": show_host("SGLang: pages of 4 MiB through its controller (file: into the page "
                            "cache)")}


def show(result):
    print(f"medians of {result['rounds']} interleaved rounds (least-greatest); "
          f"{result['cpus']} CPUs, Linux {result['kernel']}; " +
          ", ".join(f"{name} {text}" for name, text in result["versions"].items()))
    for name, print_rows in SHOW.items():
        if name in result:
            print_rows(result[name])
    print(f"\nloaded: rounds in which others used more than {LOADED} CPUs; in the mean they used "
          f"{result['others_cpus']:.2f}. {result['seconds']:.0f} s in all.")
