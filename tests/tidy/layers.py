# SPDX-License-Identifier: Apache-2.0
"""How the folders stand to one another: what tidy holds and tools/structure shows."""

# Layer -> whose public headers (include/weir) and whose private ones (src) it may include.
# The store reaches a device only through a queue, so nothing private from below the queue.
LAYERS = {
    "base": ("base", "base"),
    "device": ("base device", "base device"),
    "engine": ("base device engine", "base device engine"),
    "sched": ("base sched", "base sched"),
    "trace": ("base engine trace", "base trace"),
    "control": ("base device", "base control"),
    "queue": ("base device engine sched queue",
              "base device engine sched trace control queue"),
        "store": ("base device engine sched queue store", "base queue control store"),
    "remote": ("base device store remote", "base queue control remote"),
    "future": ("base store future remote", "base queue future"),
    "text": ("base", "base text"),
    "sim": ("base device engine sched queue", "base device engine sched queue text sim"),
    "fit": ("base device", "base sim fit"),
    "bench": ("base device engine sched queue store", "base device queue store text sim bench"),
    "doctor": ("base device engine", "base device engine doctor"),
    "cli": ("base device engine sched trace queue store remote future weir",
            "base sched control text sim fit bench doctor cli"),
    "python": ("base device engine sched trace queue store remote future weir", "python"),
}
# Layer -> its modules from the top down: a folder may call those that stand after it. A module is
# a folder; a layer that is not here has one.
MODULES = {
    "sched": "src/sched/bfq src/sched/cfq src/sched/pace src/sched",
    "queue": "src/queue src/queue/lane",
    "store": "src/store src/store/check src/store/recover src/store/log src/store/io "
             "src/store/format",
}
# Module -> its headers that files of other modules may include; all others are its own affair.
# Tests and benchmarks may include any.
NARROW = {
    "src/base": """amount.h check.h clock.h container.h done.h error.h evict.h fifo.h fork.h hist.h
        nsec.h openmetrics.h opts.h parse.h prng.h probe.h seen.h spend.h spin.h suggest.h thread.h
        usage.h visible.h waiting.h""",
    "src/device": "claims.h device.h gather.h holders.h place.h",
    "src/engine": "cmds.h engine.h look.h nvme_status.h",
    "src/sched": "merge.h sched.h sorted.h",
    "src/trace": "trace.h",
    "src/queue": "lanes.h load.h loop.h observe.h open.h stats.h",
    "src/queue/lane": "io_priv.h lane.h registry.h",
    "src/store": "empty.h",
    "src/store/check": "check.h",
    "src/control": "arena.h client.h place.h server.h share.h stream.h text.h wire.h",
    "src/store/recover": "recover.h",
    "src/store/log": "log.h",
    "src/store/io": "io.h",
    "src/store/format": "batch.h checksum.h footer.h format.h header.h layout.h policy.h strikes.h "
                        "super.h",
    "src/text": "text.h",
    "src/sim": "job_logs.h job_text.h run.h run_text.h series.h suite.h",
    "src/fit": "fit.h probes.h",
    "src/bench": "bench.h child.h fio.h layer.h outcome.h puts.h raw_block.h suites.h target.h "
                 "timeline.h windows.h",
    "src/doctor": "doctor.h",
}
# Module -> how the names of its functions and objects begin that other files use; "=" is the
# name of the file itself. weir_ is good everywhere, and "=" is all in a module that is not here.
PREFIXES = {
    "src/device": "= device_ fdp_ nvme_",
    "src/engine": "= engine_ uring_",
    "src/sched": "= sched_",
    "src/sched/bfq": "bfq_ sched_bfq",
    "src/sched/cfq": "cfq_ sched_cfq",
    "src/sched/pace": "pace_ sched_pace",
    "src/trace": "=",
    "src/queue": "= queue_ loop_",
    "src/queue/lane": "= lane_",
    "src/control": "= control_",
    "src/store": "= store_ op_ session_",
    "src/store/check": "= check_",
    "src/store/recover": "=",
    "src/store/log": "= batch_ index_ log_ logs_ segments_",
    "src/store/io": "= io_",
    "src/store/format": "=",
    "src/remote": "= remote_",
    "src/future": "= future_",
    "src/text": "text_ unpack_",
    "src/sim": "= sim_ job_ fio_ iolog_ load_ model_ ssd_",
    "src/fit": "= fit_ guess_ move_ nr_ param_ probe_ probes choices",
    "src/bench": "bench_",
    "src/doctor": "doctor_",
    "cli": "= bench_ command_ opt_ page_ step_ replay_ sim_ top_ trace_",
}
# Public headers that are not named after their layer.
PUBLIC_LAYER = {"io": "engine", "fdp": "device", "tenant": "store", "fsck": "store",
                "pin": "store", "scrub": "store", "dump": "store", "changes": "future",
                "metrics": "store"}
# A scheduler is told the time, and knows no thread, ring or file.
BANNED = {"sched": {"base/clock.h", "pthread.h", "threads.h", "time.h", "unistd.h", "liburing.h"}}
# The library's threads have no signals, a name and the process's CPUs: made so in one place.
THREAD_STARTER = "src/base/thread.c"
# Layers of which no program but the command has anything: they may name its options.
COMMAND_ONLY = ("text", "sim", "fit", "bench", "doctor", "cli")
# What the texts of other layers may advise with an option: another program's command, which whoever
# administers a machine can type, whatever uses the library there.
OTHER_COMMANDS = ("blockdev --setrw",)
# Everything may be included here.
FREE = ("tests", "bench", "examples")
