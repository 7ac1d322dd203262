# SPDX-License-Identifier: Apache-2.0
"""Builds of the tree for tools/mutants: one with all mutants in it, and one that counts lines."""
import glob
import gzip
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time

import probes
import schemata

ERROR = re.compile(r"^\S*?(src/store/\S+\.c):(\d+):\d+: error", re.M)
# An unbroken run of this many seconds may take so long in a busy machine with a mutant: (factor,
# seconds more). Seconds of CPU do not depend on how busy the machine is.
CPU_LIMIT = 3, 3
WALL_LIMIT = 15, 30
# A test never ends if for so many seconds none of its processes ran, could run, or used the disk.
IDLE_LIMIT = 10
POLL = 2


class Test:
    """A test of the build: its command, and what it needs besides."""

    def __init__(self, listed):
        self.name, self.command = listed["name"], listed["cmd"]
        self.environment = {k: v for k, v in listed["env"].items() if k != "WEIR_PROOF"}
        self.seconds = None  # of CPU, unbroken

    def digest(self, build):
        """Returns a digest of its programs. What was counted of it holds as long as that."""
        total = hashlib.sha256()
        for word in self.command:
            path = os.path.join(build, word)
            if os.path.isfile(path) and not path.startswith(("/usr/", "/bin/")):
                with open(path, "rb") as f:
                    total.update(f.read())
        return total.hexdigest()


class Build:
    """A copy of the tree in FOLDER, built there. It is kept for the next time."""

    def __init__(self, root, folder, options):
        self.root, self.folder = root, folder
        self.build = os.path.join(folder, "build")
        self.options = options

    def copy(self, but=()):
        """Copies the tree, without the files BUT."""
        files = subprocess.run(["git", "ls-files", "-z"], cwd=self.root, check=True,
                               capture_output=True).stdout.split(b"\0")
        for name in filter(None, (n.decode() for n in files)):
            here, there = os.path.join(self.root, name), os.path.join(self.folder, name)
            if name in but or not os.path.exists(here):
                continue
            os.makedirs(os.path.dirname(there), exist_ok=True)
            if not _same(here, there):
                shutil.copy(here, there)

    def setup(self):
        if not os.path.exists(os.path.join(self.build, "build.ninja")):
            self._run(["meson", "setup", "-Dwerror=false", *self.options, self.build], check=True)
        else:  # a test may be new
            self._run(["ninja", "-C", self.build, "build.ninja"], check=True)

    def make(self, targets=()):
        """Builds. Returns the messages if that failed, else None."""
        done = self._run(["ninja", "-k0", "-C", self.build, *targets])
        return (done.stdout + done.stderr) if done.returncode else None

    def tests(self, wanted):
        """Returns the tests whose names WANTED takes."""
        listed = json.loads(self._run(["meson", "introspect", "--tests", self.build],
                                      check=True).stdout)
        return [Test(t) for t in listed if wanted(t["name"])]

    def targets(self, tests):
        """Returns the programs that TESTS run."""
        paths = {os.path.normpath(os.path.join(self.build, word))
                 for t in tests for word in t.command if "/" in word}
        return sorted(os.path.relpath(p, self.build) for p in paths
                      if p.startswith(self.build + os.sep))

    def _run(self, command, **more):
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, **more)

    def run(self, test, arguments=None, mutant=None, patience=1, **more):
        """Runs TEST, with other ARGUMENTS unless they are None, and with MORE in its environment.
        PATIENCE is a factor to the limits. Returns (how it ended, seconds of CPU, output); how is
        0, an exit code, or "never ended"."""
        # As meson does, so that what was freed is not used unseen.
        environment = dict(os.environ, MALLOC_PERTURB_="165", CMOCKA_TEST_ABORT="1",
                           **test.environment, **more)
        if mutant is not None:
            environment["WEIR_MUTANT"] = str(mutant)
        limits = _limits(test, patience) if mutant is not None else (600, 1200, 600)
        begin = resource.getrusage(resource.RUSAGE_CHILDREN)
        with tempfile.TemporaryDirectory(prefix="weir-") as folder:
            environment["TMPDIR"] = folder
            command = test.command if arguments is None else [test.command[0], *arguments]
            how, output = run_limited(command, self.build, environment, *limits)
        end = resource.getrusage(resource.RUSAGE_CHILDREN)
        return how, end.ru_utime + end.ru_stime - begin.ru_utime - begin.ru_stime, output


def _same(here, there):
    try:
        with open(here, "rb") as a, open(there, "rb") as b:
            return a.read() == b.read()
    except FileNotFoundError:
        return False


def _limits(test, patience):
    seconds = test.seconds or 1
    cpu, wall = (int(patience * (factor * seconds + more))
                 for factor, more in (CPU_LIMIT, WALL_LIMIT))
    return cpu, wall, patience * IDLE_LIMIT


def run_limited(command, folder, environment, cpu, wall, idle=60):
    """Runs COMMAND. Returns how it ended, as Build.run(), and its output. CPU, WALL and IDLE are
    seconds."""
    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 5))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=out,
                                   stdin=subprocess.DEVNULL, start_new_session=True,
                                   preexec_fn=limit)
        how = _wait(process, wall, idle)
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        out.seek(0)
        return "never ended" if how == -signal.SIGXCPU else how, out.read().decode(errors="replace")


def _wait(process, wall, idle):
    """Waits for PROCESS. Returns how it ended: "never ended" after WALL seconds, or if nothing of
    it did anything for IDLE seconds."""
    begin = moved = time.monotonic()
    was = None
    while True:
        try:
            return process.wait(POLL)
        except subprocess.TimeoutExpired:
            now, ticks = time.monotonic(), _activity(process.pid)
            if ticks is None or ticks != was:
                was, moved = ticks, now
            if now - begin > wall or now - moved > idle:
                return "never ended"


def _activity(session):
    """Returns how much the processes of a session have run; None: some can run, or use a disk."""
    ticks = 0
    for path in glob.glob("/proc/[0-9]*/task/[0-9]*/stat"):
        try:
            with open(path, encoding="utf-8", errors="replace") as f:
                fields = f.read().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        if int(fields[3]) == session:
            if fields[0] in "RD":
                return None
            ticks += int(fields[11]) + int(fields[12])
    return ticks


class Mutants(Build):
    """A build with all mutants. NUMBERED is a list of (number, mutant)."""

    def __init__(self, root, folder):
        super().__init__(root, folder, ["-Dbuildtype=plain", "-Doptimization=1"])

    def prepare(self, numbered, wanted):
        """Builds the tests WANTED. Returns (the tests, the numbers that do not compile)."""
        refused = set()
        self.copy(but={m.path for _, m in numbered})
        while True:
            left = [(n, m) for n, m in numbered if n not in refused]
            woven = schemata.weave(self.folder, left)
            for mutant in (m for _, m in numbered if m.path not in woven):
                schemata.write(os.path.join(self.folder, mutant.path), mutant.source)
            self.setup()
            tests = self.tests(wanted)
            messages = self.make(self.targets(tests))
            if not messages:
                return tests, refused
            guilty = {woven[p].mutant_at(int(line)) for p, line in ERROR.findall(messages)
                      if p in woven}
            if not guilty - {None}:
                raise SystemExit("mutants: the tree does not build:\n" + messages[-3000:])
            refused |= guilty - {None}


class Lines(Build):
    """A build that counts which lines a test runs, and for which mutants it decides otherwise."""

    def __init__(self, root, folder, numbered):
        super().__init__(root, folder, ["-Dbuildtype=plain", "-Doptimization=0",
                                        "-Db_coverage=true"])
        self.numbered, self.probed = numbered, set()

    def prepare(self, wanted):
        by_path = {}
        for number, mutant in self.numbered:
            by_path.setdefault(mutant.path, []).append((number, mutant))
        self.copy(but=by_path)
        for path, numbered in by_path.items():
            text, numbers = probes.probe(numbered[0][1].source, numbered)
            schemata.write(os.path.join(self.folder, path), text)
            self.probed |= {n for n, m in numbered if n in numbers and probes.tells(m)}
        self.setup()
        tests = self.tests(wanted)
        messages = self.make(self.targets(tests))
        if messages:
            raise SystemExit("mutants: the tree does not build:\n" + messages[-3000:])
        return tests

    def reached(self, test, arguments=None):
        """Runs TEST. Returns (seconds of CPU, the set of "path:line" of src/store that it ran, the
        numbers of the mutants that would have decided otherwise); a test that fails here judges
        nothing."""
        for name in self._counters():
            os.unlink(name)
        with tempfile.NamedTemporaryFile() as notes:
            notes.truncate(probes.BYTES)
            how, seconds, output = self.run(test, arguments, WEIR_PROBES=notes.name)
            decides = {n for n, byte in enumerate(notes.read()) if byte}
        if how:
            print(f"# {test.name} fails without a mutant:\n{output[-2000:]}", flush=True)
            return seconds, set(), set()
        return seconds, self._lines(), decides

    def _counters(self):
        return glob.glob(os.path.join(self.build, "**", "*.gcda"), recursive=True)

    def _lines(self):
        lines = set()
        counters = [c for c in self._counters() if "src_store" in c or "libstore" in c]
        with tempfile.TemporaryDirectory() as folder:
            if counters:
                subprocess.run(["gcov", "--json-format", "--hash-filenames", *counters],
                               cwd=folder, check=True, capture_output=True)
            for name in glob.glob(os.path.join(folder, "*.gz")):
                with gzip.open(name) as f:
                    lines |= set(_counted(json.load(f)))
        return lines


def _counted(report):
    for file in report["files"]:
        at = file["file"].find("src/store/")
        if at >= 0 and file["file"].endswith(".c"):
            for line in file["lines"]:
                if line["count"]:
                    yield f"{file['file'][at:]}:{line['line_number']}"
