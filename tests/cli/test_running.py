#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests looking at a store that another process has open: stat, ls and get ask that process on its
control socket, and print what they print of a store that nobody has open."""

import ctypes
import glob
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

from harness import Skip, case, loop_device, main, wait_unlocked

NOBODY = 65534
# A program that opens a store, says so, and closes it when it reads the end of its input. It runs
# the loop itself (attach) or not, and then either polls or sleeps.
OWNER = """
import ctypes, struct, sys, select
lib = ctypes.CDLL(sys.argv[1])
engine = ctypes.c_char_p(sys.argv[3].encode())
attach, polls = sys.argv[4] != "worker", sys.argv[4] == "polls"
opts = struct.pack("QIIQ", 24, attach, 0, ctypes.cast(engine, ctypes.c_void_p).value)
lib.weir_error.restype = ctypes.c_char_p
store = ctypes.c_void_p()
if lib.weir_store_open(ctypes.byref(store), sys.argv[2].encode(), opts):
    sys.exit(lib.weir_error().decode())
for key in sys.argv[5:]:
    lib.weir_store_delete(store, key.encode(), len(key.encode()), 0)
print("open", flush=True)
while not select.select([0], [], [], 0.001 if polls else None)[0]:
    lib.weir_store_poll(store)
sys.exit(lib.weir_store_close(store))
"""


def environment(weir):
    """Returns an environment in which control sockets are in the test's own folder."""
    return {**os.environ, "XDG_RUNTIME_DIR": weir.folder}


class Owner:
    """A process that has the store of WEIR open. It deletes the keys in DELETES first."""

    def __init__(self, weir, engine, kind, deletes=(), **keywords):
        library = pathlib.Path(weir.binary).parent.parent / "libweir.so"
        try:
            ctypes.CDLL(str(library))
        except OSError as reason:
            raise Skip(f"the library cannot be loaded: {reason}") from reason
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWNER, str(library), weir.img, engine, kind, *deletes],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            **{"env": environment(weir), **keywords})
        self.pid = self.process.pid
        if self.process.stdout.readline() != b"open\n":
            raise AssertionError(self.process.communicate()[1])

    def close(self):
        """Has it close the store."""
        _, err = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, err

    def kill(self):
        """Kills it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


def fill(weir):
    """Makes a store with some keys. Returns a value that is longer than a part of an answer."""
    weir.format("128m")
    value = os.urandom(500000)
    weir.run("put", weir.img, "large", stdin=value)
    for i in range(30):
        weir.run("put", weir.img, f"key \n {i}", *(["-t", "alice"] if i % 2 else []),
                 stdin=b"value %d" % i)
    return value


def look(weir):
    """Returns what the commands print about the store, without what depends on who has it open."""
    env = environment(weir)
    found = [weir.run(*words, env=env)[0]
             for words in (("ls", weir.img), ("ls", "-l", weir.img), ("ls", "--json", weir.img),
                           ("ls", weir.img, "key \n 2"), ("ls", weir.img, "nothing"),
                           ("get", weir.img, "large"), ("get", "-e", weir.img, "key \\x0a 7"))]
    stat = weir.json("stat", weir.img, env=env)
    pid = stat.pop("pid")
    for name in ("recovery", "revision", "epoch", "engine_why"):
        del stat[name]
    stat["content"].pop("read_only")
    del stat["devices"]  # only the process that has the store open knows how they are
    text = weir.run("stat", weir.img, env=env)[0].decode().split("streams:")[1]
    copy = weir.path("copy")
    got = weir.json("get", weir.img, "large", "-o", copy, env=env)
    assert got["value_bytes"] == 500000 and got["output"] == copy, got
    found += [json.dumps(stat), text, pathlib.Path(copy).read_bytes()]
    return pid, found


@case
def why(weir):
    """stat --why asks the process that has the store open, which knows what left since"""
    fill(weir)
    env = environment(weir)
    owner = Owner(weir, "posix", "worker", ["large"])
    assert b"is there: 500000 bytes" not in weir.run("stat", weir.img, "--why", "large", env=env)[0]
    assert b"large was deleted" in weir.run("stat", weir.img, "--why", "large", env=env)[0]
    found = weir.json("stat", weir.img, "--why", "large", env=env)
    assert (found["reason"], found["there"], found["pid"]) == ("deleted", False, owner.pid), found
    assert found["time_ns"] and found["versions"] is None, found
    assert b"is not there" in weir.run("stat", weir.img, "--why", "never", env=env)[0]
    assert b"was deleted" in weir.run("stat", weir.img, "-e", "--why", r"lar\x67e", env=env)[0]
    assert weir.json("stat", weir.img, "--why", "never", env=env)["reason"] == "unknown"
    owner.close()
    found = weir.json("stat", weir.img, "--why", "large", env=env)
    assert (found["reason"], found["pid"]) == ("deleted", None), found


@case
def devices(weir):
    """of a running store on several devices, stat shows each, as of one that nobody has open"""
    paths = [weir.path(f"disk{n}") for n in range(3)]
    weir.run("format", *paths, "--size", "64m")
    weir.img = ",".join(paths)
    for key in range(9):
        weir.run("put", weir.img, f"key{key}", stdin=b"value")
    env = environment(weir)
    alone = weir.json("stat", weir.img, env=env)["devices"]
    owner = Owner(weir, "posix", "worker")
    stat = weir.json("stat", weir.img, env=env)
    assert stat["pid"] == owner.pid
    assert [d["path"] for d in stat["devices"]] == paths, stat["devices"]
    same = ("device", "state", "path", "why", "entries", "live_bytes", "failed_ios")
    assert [[d[name] for name in same] for d in stat["devices"]] == \
        [[d[name] for name in same] for d in alone], stat["devices"]
    assert sum(d["entries"] for d in stat["devices"]) == 9
    text = weir.run("stat", weir.img, env=env)[0].decode()
    assert all(path in text.split("devices:")[1] for path in paths), text
    owner.close()


def samples(text):
    """Returns the samples of metrics as a dict of the name with its labels."""
    lines = [line for line in text.decode().splitlines() if not line.startswith("#")]
    found = {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}
    assert len(found) == len(lines), "a sample is there twice"
    return found


@case
def metrics(weir):
    """stat --metrics asks the process that has the store open, and prints the same names without"""
    fill(weir)
    env = environment(weir)
    alone = weir.run("stat", weir.img, "--metrics", env=env)[0]
    assert alone.endswith(b"\n# EOF\n"), alone[-100:]
    assert b'tenants="alice"' in alone and b"# TYPE weir_get_hits counter" in alone
    owner = Owner(weir, "posix", "worker", ["large"])
    assert len(weir.run("get", weir.img, "key \n 1", env=env)[0]) == 7
    weir.fails("get", weir.img, "large", says=["no key"], env=env)
    running = samples(weir.run("stat", weir.img, "--metrics", env=env)[0])
    owner.close()
    alone = samples(alone)
    for found in (alone, running):  # what opened the store may differ
        for name in [name for name in found if name.startswith("weir_device_info")]:
            del found[name]
    assert set(running) == set(alone), set(running) ^ set(alone)
    assert (alone["weir_read_only"], running["weir_read_only"]) == (1, 0)
    assert alone["weir_entries"] == running["weir_entries"] + 1 == 31, running["weir_entries"]
    assert running['weir_get_duration_seconds_count{stream="1"}'] == 1
    assert running['weir_get_bytes_total{stream="1"}'] == 7
    assert running['weir_removed_entries_total{reason="deleted"}'] == 1
    assert running['weir_lookup_misses_total{reason="deleted"}'] == 1


@case
def metrics_on_devices(weir):
    """a store on several devices has metrics of each, in an answer of many frames"""
    paths = [weir.path(f"disk{n}") for n in range(12)]
    weir.run("format", *paths, "--size", "64m")
    weir.img = ",".join(paths)
    for key in range(20):
        weir.run("put", weir.img, f"key{key}", "-t", f"t{key}", stdin=b"value")
    env = environment(weir)
    owner = Owner(weir, "posix", "worker")
    text = weir.run("stat", weir.img, "--metrics", env=env)[0]
    owner.close()
    assert len(text) > 256 << 10, len(text)
    found = samples(text)
    good = [found[f'weir_device_state{{device="{n + 1}",state="good"}}'] for n in range(12)]
    assert good == [1] * 12, good
    assert sum(value for name, value in found.items()
               if name.startswith("weir_stream_entries{")) == 20


@case
def metrics_of_prometheus(weir):
    """--classic is what promtool accepts; other options than these two go not together"""
    fill(weir)
    classic = weir.run("stat", weir.img, "--metrics", "--classic")[0]
    assert b"# EOF" not in classic and b"# TYPE weir_get_hits_total counter" in classic
    assert samples(classic).keys() == samples(weir.run("stat", weir.img, "--metrics")[0]).keys()
    for words in (("--metrics", "--json"), ("--metrics", "--why", "large"), ("--classic",)):
        weir.fails("stat", weir.img, *words, code=2, says=["--metrics"])
    promtool = shutil.which("promtool")
    if not promtool:
        raise Skip("promtool (Debian's package prometheus) is not installed")
    done = subprocess.run([promtool, "check", "metrics"], input=classic, capture_output=True,
                          check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr


@case
def same_answers(weir):
    """stat, ls and get print the same, whoever has the store open, and however"""
    value = fill(weir)
    for engine in ("uring", "posix"):
        for kind in ("worker", "polls"):
            try:
                owner = Owner(weir, engine, kind)
            except AssertionError as error:
                if engine == "uring" and "io_uring" in str(error):
                    continue
                raise
            pid, running = look(weir)
            assert pid == owner.pid, (pid, owner.pid)
            owner.close()
            pid, alone = look(weir)
            assert pid is None
            alone = [text.replace('"engine": "uring"', f'"engine": "{engine}"')
                     if isinstance(text, str) else text for text in alone]
            assert running == alone, (engine, kind)
            assert running[5] == value
            assert len(running[3].splitlines()) == 11 and not running[4], running[3:5]


@case
def errors_are_the_same(weir):
    """a key that is not there, and a file that cannot be written, are told in the same words"""
    fill(weir)
    owner = Owner(weir, "posix", "worker")
    env = environment(weir)
    for words, says in ((("none",), 'there is no key "none"'),
                        (("large", "-o", weir.path("no/file")), "No such file"),
                        (("large", "--json", "-o", "/dev/full"), "No space left")):
        running = weir.fails("get", weir.img, *words, says=[says], env=env)
        owner.close()
        assert weir.fails("get", weir.img, *words, says=[says], env=env) == running
        owner = Owner(weir, "posix", "worker")
    owner.close()


@case
def replay_can_be_watched(weir):
    """a replay answers while it runs, with one client and with several"""
    weir.format("128m")
    for options in ((), ("--clients", "3")):
        replay = weir.start("replay", "synthetic", "--store", weir.img, "--block-bytes", "16k",
                            "--wait", "60s", *options, env=environment(weir))
        seen = 0
        while replay.poll() is None:
            out, err = weir.start("stat", weir.img, "--json",
                                  env=environment(weir)).communicate()
            if out and json.loads(out)["pid"] == replay.pid:
                seen += 1
            assert out or b"pid" in err, err
        replay.communicate()
        assert replay.returncode == 0 and seen, (replay.returncode, seen)


@case
def owner_that_sleeps(weir):
    """an owner that does not run its loop is named, after the time to wait"""
    fill(weir)
    owner = Owner(weir, "posix", "sleeps")
    weir.fails("stat", weir.img, "--wait", "50ms", env=environment(weir),
               says=[f"pid {owner.pid}", "does not answer within 50", "while it waits or polls"])
    owner.close()


@case
def killed_owner(weir):
    """after an owner was killed the store is read from the device, and its socket is replaced"""
    fill(weir)
    for _ in range(3):
        owner = Owner(weir, "posix", "worker")
        assert weir.json("stat", weir.img, env=environment(weir))["pid"] == owner.pid
        owner.kill()
        wait_unlocked(weir.img)
        assert weir.json("stat", weir.img, env=environment(weir))["pid"] is None
    owner = Owner(weir, "posix", "worker")
    assert len(glob.glob(weir.path("weir/*.sock"))) == 1
    owner.close()
    assert not os.listdir(weir.path("weir"))


def frame(kind, body, length=None, magic=0x52494557, version=1):
    """Returns a request (docs/control.md)."""
    length = len(body) if length is None else length
    return struct.pack("IHHIi", magic, version, kind, length, 0) + body


@case
def attacked_owner(weir):
    """whatever clients send, in a thousand connections, the owner goes on, and so does its store"""
    fill(weir)
    owner = Owner(weir, "posix", "worker")
    path, = glob.glob(weir.path("weir/*.sock"))
    sent, held, dice = 0, [], random.Random(7)
    for n in range(1000):
        kind, body = dice.randrange(0, 16), dice.randbytes(dice.choice((0, 1, 4, 4, 8, 100, 2048)))
        text = (frame(kind, body), frame(kind, body, 1 << 31), frame(kind, body, version=9),
                frame(kind, body + b"x")[:-1], frame(kind, body)[:7], dice.randbytes(40),
                frame(kind, body, magic=n), b"")[n % 8]
        client = socket.socket(socket.AF_UNIX)
        client.connect(path)
        try:
            client.sendall(text)
            sent += 1
        except BrokenPipeError:
            pass
        # Some are kept, silent, while others come.
        held.append(client)
        if len(held) > 4:
            held.pop(0).close()
    for client in held:
        client.close()
    assert sent > 500, sent
    stat = weir.json("stat", weir.img, env=environment(weir))
    assert stat["pid"] == owner.pid and stat["content"]["entries"] == 31, stat
    assert len(weir.run("get", weir.img, "large", env=environment(weir))[0]) == 500000
    owner.close()
    assert b"clean" in weir.run("fsck", weir.img, "--data")[0]


@case
def killed_while_asked(weir):
    """clients that wait for an owner that is killed end with words, or read the store themselves"""
    fill(weir)
    owner = Owner(weir, "posix", "sleeps")
    clients = [weir.start("get", weir.img, "large", "--wait", "60s", env=environment(weir))
               for _ in range(4)]
    while len(os.listdir(f"/proc/{owner.pid}/fd")) < 8:
        time.sleep(0.01)
    owner.kill()
    for client in clients:
        out, err = client.communicate(timeout=100)
        assert (client.returncode == 0 and len(out) == 500000) or \
            (client.returncode == 1 and err.startswith(b"weir get: ")), (client.returncode, err)
    wait_unlocked(weir.img)
    assert len(weir.run("get", weir.img, "large", env=environment(weir))[0]) == 500000


@case
def copy_of_a_store(weir):
    """an owner does not answer for a copy of its store"""
    fill(weir)
    original = weir.img
    copy = weir.path("copy.img")
    subprocess.run(["cp", original, copy], check=True)
    weir.run("put", copy, "only here", stdin=b"copy")
    owner = Owner(weir, "posix", "worker")
    weir.img = copy
    other = Owner(weir, "posix", "worker")
    env = environment(weir)
    assert weir.json("stat", copy, env=env)["pid"] == other.pid
    assert weir.json("stat", original, env=env)["pid"] == owner.pid
    weir.run("get", copy, "only here", env=env)
    weir.fails("get", original, "only here", says=["there is no key"], env=env)
    owner.close()
    other.close()


@case
def loop_device_and_file(weir):
    """a loop device and its file are names of one store: through each of them stat, ls and get ask
    the process that has opened the other one"""
    value = fill(weir)
    env = environment(weir)
    with loop_device(weir.img) as loop, loop_device(weir.img) as other:
        for opened, named in ((weir.img, (loop, other)), (loop, (weir.img, other))):
            weir.img, file = opened, weir.img
            owner = Owner(weir, "posix", "worker", ["large"])
            weir.img = file
            for path in (*named, opened):
                assert weir.json("stat", path, env=env)["pid"] == owner.pid, path
                assert b"large\n" not in weir.run("ls", path, env=env)[0], path
                assert weir.run("get", path, "key \n 7", env=env)[0] == b"value 7", path
                weir.fails("get", path, "large", env=env, says=["there is no key"])
                found = weir.json("stat", path, "--why", "large", env=env)
                assert (found["reason"], found["pid"]) == ("deleted", owner.pid), (path, found)
                says = [f"pid {owner.pid}"] if os.access("/proc/locks", os.R_OK) else []
                weir.fails("put", path, "key", stdin=b"value", says=["in use by", *says])
            waits = [weir.start("put", path, path, __file__, "--wait", "60s") for path in named]
            owner.close()
            for process in waits:
                _, err = process.communicate(timeout=100)
                assert process.returncode == 0, err
            weir.run("put", weir.img, "large", stdin=value)
            assert weir.json("stat", weir.img, env=env)["pid"] is None


@case
def writers_are_told(weir):
    """put and del name the process that has the store, and --wait waits for it"""
    fill(weir)
    owner = Owner(weir, "posix", "worker")
    says = ["in use by"] + ([f"pid {owner.pid}"] if os.access("/proc/locks", os.R_OK) else [])
    weir.fails("put", weir.img, "key", stdin=b"value", says=[*says, "--wait"])
    weir.fails("del", weir.img, "key", says=[*says, "--wait"])
    waits = weir.start("put", weir.img, "key", "--wait", "60s", stdin=subprocess.PIPE)
    waits.stdin.write(b"value")
    waits.stdin.close()
    owner.close()
    assert waits.wait(timeout=60) == 0, waits.stderr.read()
    waits.stdout.close()
    waits.stderr.close()


@case
def other_users(weir):
    """root may look at a user's store; another user may not look at root's"""
    if os.geteuid():
        raise Skip("only root can become another user")
    fill(weir)
    os.chmod(weir.folder, 0o755)
    os.chmod(weir.img, 0o644)
    env = {name: value for name, value in os.environ.items() if name != "XDG_RUNTIME_DIR"}
    binary = weir.path("weir-binary")
    subprocess.run(["cp", weir.binary, binary], check=True)
    os.chmod(binary, 0o755)
    owner = Owner(weir, "posix", "worker", env=env)
    assert weir.json("stat", weir.img, env=env)["pid"] == owner.pid
    process = subprocess.run([binary, "stat", weir.img], env=env, capture_output=True, check=False,
                             user=NOBODY, group=NOBODY, extra_groups=[])
    assert process.returncode == 1 and b"answers no questions" in process.stderr, process
    owner.close()
    os.chown(weir.img, NOBODY, NOBODY)
    replay = subprocess.Popen([binary, "replay", "synthetic", "--store", weir.img, "--block-bytes",
                               "16k", "--wait", "60s"], env=env, stdout=subprocess.DEVNULL,
                              user=NOBODY, group=NOBODY, extra_groups=[])
    seen = 0
    while replay.poll() is None:
        out, _ = weir.start("stat", weir.img, "--json", env=env).communicate()
        seen += bool(out) and json.loads(out)["pid"] == replay.pid
    assert replay.returncode == 0 and seen, (replay.returncode, seen)


if __name__ == "__main__":
    sys.exit(main())
