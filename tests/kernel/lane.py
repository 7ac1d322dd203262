# SPDX-License-Identifier: Apache-2.0
"""A replay that also models when the kernel calls its scheduler.

The trace shows which requests were issued, but not that the scheduler was called and returned
none. With priority classes this matters: while a lower class waits for completions of a higher
one, each call changes mq-deadline's state (the direction, and how often writes were skipped),
although it returns nothing. So this replay keeps the state that the kernel keeps for a hardware
queue: the number of free tags, the request that was taken out of the scheduler and found no tag,
whether a completion has to run the queue again, and how busy it was lately, which decides whether
it asks for one request at a time or for all that fit.

The trace does show one fact about a call without a result: the next call comes only some
milliseconds later, unless a completion causes one.
"""
import collections

from replay import Replay

BUSY_WEIGHT = 8
BUSY_STEP = 16
PAUSE_NS = 2000000


class LaneReplay(Replay):
    """A replay for a device of DEPTH tags."""

    def __init__(self, step, depth):
        super().__init__(step)
        self.depth = depth
        self.in_flight = 0
        self.busy = 0
        self.parked = None
        self.restart = False  # the next completion runs the queue
        self.due = False      # the queue will be run before any request is issued
        self.decided = collections.deque()
        self.paused = set()   # the time of the last completion before a pause

    def run(self, lines):
        lines = list(lines)
        self.paused = {this[0] for this, after in zip(lines, lines[1:])
                       if this[2] == "block_rq_complete" and after[2] == "block_rq_issue" and
                       after[0] - this[0] > PAUSE_NS}
        super().run(lines)

    def on_insert(self, time, cpu, request):
        super().on_insert(time, cpu, request)
        self.due = True

    def on_issue(self, time, cpu, request):
        if self.due or not self.decided:
            self.due = False
            self._run(time)
        self.compare(request, self.decided.popleft() if self.decided else None)

    def on_complete(self, time, cpu, request):
        if self.due and time in self.paused:
            self._run(time)
        self.in_flight = max(self.in_flight - 1, 0)
        # A worker runs it, after the requests that complete together with this one.
        self.due |= self.restart
        self.restart = False
        super().on_complete(time, cpu, request)

    def settle(self, time):
        super().settle(time)
        self.decided.clear()
        self.parked = None
        self.in_flight = 0
        self.due = False

    def _send(self, names):
        """Issues NAMES until there are no more tags; the last one may be left over. Returns true
        if none is."""
        for name in names:
            if self.in_flight >= self.depth:
                self.parked = name
                self.restart = True
                break
            self.in_flight += 1
            self.decided.append(name)
        self.busy = ((BUSY_WEIGHT - 1) * self.busy +
                     (BUSY_STEP if self.parked else 0)) // BUSY_WEIGHT
        return not self.parked

    def _take(self, time):
        """Returns what the scheduler gives for one list: at most one more than there are tags."""
        most = 1 if self.busy else self.depth - self.in_flight + 1
        names = []
        while self.waiting and len(names) < most:
            name = self.ask(time)
            if not name:
                break
            names.append(name)
        return names

    def _run(self, time):
        if self.parked:
            self.restart = True
            name, self.parked = self.parked, None
            if not self._send([name]):
                return
        names = self._take(time)
        while names and self._send(names):
            names = self._take(time)
