# SPDX-License-Identifier: Apache-2.0
"""A replica of vLLM's manager in a process of its own, which does what it is told: for tests of
replicas that share a store. A line of JSON is a command, and another one the answer."""
import contextlib
import json
import os
import subprocess
import sys

from children import WITH_PARENT


class Replica:
    """Starts a manager on PATH with the OPTIONS of vllm_host.weir_manager()."""

    def __init__(self, path, **options):
        env = {**os.environ, "PYTHONPATH": ":".join(path for path in sys.path if path)}
        self._process = subprocess.Popen(
            [*WITH_PARENT, sys.executable, __file__, str(path), json.dumps(options)], env=env,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.answer() == "up"

    def tell(self, *words):
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()

    def answer(self):
        """The next line that is an answer: vLLM writes its log beside them."""
        for line in self._process.stdout:
            if line.startswith("answer "):
                return json.loads(line[7:])
        raise EOFError("the replica has ended")

    def ask(self, *words):
        self.tell(*words)
        return self.answer()

    def send_signal(self, number):
        self._process.send_signal(number)

    def kill(self):
        self._process.kill()
        self._process.wait()

    def close(self):
        self._process.stdin.close()
        assert self._process.wait(60) == 0


@contextlib.contextmanager
def replica(path, **options):
    one = Replica(path, **options)
    try:
        yield one
    finally:
        one.kill()


def found(manager, first, count):
    """How many of COUNT chunks from FIRST on are there, loaded and as they were stored."""
    from vllm_host import fill, keys_of  # pylint: disable=import-outside-toplevel
    keys = keys_of(count, first)
    there = manager.find(keys)
    good = sum(bool((data == fill(key)).all()) for key, data in manager.load(there).items()) \
        if there else 0
    assert good == len(there)
    return good


def _run(manager, command, *words):
    from vllm_host import fill, keys_of  # pylint: disable=import-outside-toplevel
    if command == "store":
        return len(manager.store(keys_of(words[1], words[0]), fill))
    if command == "found":
        return found(manager, *words)
    assert command == "status"
    return manager.tier.report_status()


def main():
    from vllm_host import weir_manager  # pylint: disable=import-outside-toplevel
    path, options = sys.argv[1], json.loads(sys.argv[2])
    manager = weir_manager(path, **options)
    print("answer", json.dumps("up"), flush=True)
    for line in sys.stdin:
        print("answer", json.dumps(_run(manager, *json.loads(line)), default=str), flush=True)
    manager.close()


if __name__ == "__main__":
    main()
