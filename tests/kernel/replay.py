# SPDX-License-Identifier: Apache-2.0
"""Feeds what the kernel traced to `weir step`, and counts equal decisions.

Every block_rq_insert and block_rq_complete becomes an event of the same kind. At every
block_rq_issue weir's scheduler is asked to dispatch; it should name the request that the kernel
issued. Another name is a miss. After it the two have different requests waiting, so one cause can
give several misses until the burst is over. Then the requests that weir still holds are taken out
without counting, so that the next burst begins in the same state.
"""
import collections
import subprocess

Request = collections.namedtuple("Request", "op sector sectors prio sync")


def parse(text):
    """Parses a block event: "WS 4096 () 107824 + 8 be,0,4 [comm]"."""
    words = text.split()
    plus = words.index("+")
    prio = words[plus + 2].split(",")  # class, hint, level; kernels before 6.10 do not print them
    return Request(words[0][0], int(words[plus - 1]), int(words[plus + 1]),
                   f"{prio[0]}.{prio[2]}" if len(prio) == 3 else None,
                   int("S" in words[0] or words[0][0] == "R"))


class Step:
    """`weir step`; it is waited for only when its answer is needed."""

    def __init__(self, weir, scheduler, tunables):
        words = [weir, "step", "--sched", scheduler]
        for name, value in tunables.items():
            words += ["--set", f"{name}={value}"]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        code = self.process.wait()
        assert code == 0, f"weir step: exit code {code}"

    def tell(self, *words):
        """Sends an event."""
        self.process.stdin.write(" ".join(map(str, words)).encode() + b"\n")

    def _answer(self):
        self.process.stdin.flush()
        line = self.process.stdout.readline().decode().strip()
        assert line, "weir step ended before its input did"
        return line

    def dispatch(self, time):
        """Returns the name of the next request, or None."""
        self.tell("dispatch", time)
        line = self._answer()
        return None if line == "none" else line

    def get(self, name):
        """Returns the value of a tunable."""
        self.tell("get", name)
        return int(self._answer())


class Replay:
    """A replay through STEP. Afterwards it has the number of decisions, and the misses."""

    def __init__(self, step):
        self.step = step
        self.decisions = 0
        self.misses = []      # (number of the decision, the kernel's request, ours)
        self.serial = 0
        self.names = {}       # (op, sector) of each request in the kernel -> its name
        self.waiting = set()  # inserted, and not dispatched by weir
        self.ended = []       # completed by the kernel, and not by weir

    def run(self, lines):
        """Replays LINES, as Trace.lines() returns them."""
        handlers = {"block_rq_insert": self.on_insert, "block_rq_issue": self.on_issue,
                    "block_rq_complete": self.on_complete}
        for time, cpu, event, text in lines:
            if event in handlers:
                handlers[event](time, cpu, parse(text))
        assert not self.names, f"the trace ends while the kernel has {self.names}"

    def on_insert(self, time, cpu, request):
        """Handles REQUEST, which the kernel's scheduler got on CPU."""
        self.serial += 1
        name = f"{request.op}{request.sector}.{self.serial}"
        self.names[request.op, request.sector] = name
        self.waiting.add(name)
        prio = [f"prio={request.prio}"] if request.prio else []
        self.step.tell("insert", time, name, request.op, request.sector, request.sectors,
                       f"cpu={cpu}", f"sync={request.sync}", *prio)

    def ask(self, time):
        """Lets weir decide."""
        name = self.step.dispatch(time)
        self.waiting.discard(name)
        return name

    def compare(self, request, ours):
        """Compares: the kernel has issued REQUEST, weir's decision was OURS."""
        kernels = self.names[request.op, request.sector]
        if ours != kernels:
            self.misses.append((self.decisions, kernels, ours))
        self.decisions += 1

    def on_issue(self, time, _cpu, request):
        """Handles REQUEST, which the drive got."""
        self.compare(request, self.ask(time))

    def on_complete(self, time, _cpu, request):
        """Handles REQUEST, which the drive has completed."""
        self.ended.append(self.names.pop((request.op, request.sector)))
        self.complete(time)
        if not self.names:
            self.settle(time)

    def complete(self, time):
        """Completes the requests that have completed in the kernel and that weir has dispatched."""
        for name in [name for name in self.ended if name not in self.waiting]:
            self.step.tell("complete", time, name)
            self.ended.remove(name)

    def settle(self, time):
        """Ends a burst: neither side has any request left."""
        while self.ended:
            assert self.ask(time), f"weir keeps {len(self.waiting)} requests back"
            self.complete(time)

    def share(self):
        """Returns the share of equal decisions."""
        return 1 - len(self.misses) / self.decisions if self.decisions else 0.0
