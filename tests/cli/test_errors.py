#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests the errors of weir: each names what is wrong, where, and what to do."""
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

from harness import Skip, case, loop_device, main

COMMANDS = (("get", "k"), ("put", "k"), ("del", "k"), ("ls",), ("stat",))
SUPERBLOCK = b"weirSUP1"


def on_store(weir, command):
    """Returns the arguments of COMMAND with the image inserted."""
    return (command[0], weir.img, *command[1:])


@case
def no_arguments(weir):
    """without arguments, a short usage on standard error and exit code 2"""
    out, err = weir.run(code=2)
    assert out == b"" and err.startswith("usage: weir"), err
    assert len(err.splitlines()) < 35


@case
def unknown_command(weir):
    """an unknown command is an error that names the most similar command"""
    _, err = weir.run("inof", code=2)
    assert 'unknown command "inof": did you mean "info"?' in err, err
    _, err = weir.run("xyzzy", code=2)
    assert 'unknown command "xyzzy"\n' in err and "weir help" in err, err
    _, err = weir.run("help", "xyzzy", code=2)
    assert 'no command "xyzzy": `weir help` lists all' in err, err
    _, err = weir.run("-x", "ls", weir.img, code=2)
    assert "unknown option -x: " in err and "weir COMMAND [options]" in err, err
    _, err = weir.run("help", "replya", code=2)
    assert 'did you mean "replay"?' in err, err
    for words in ("migrate", "a", "b"), ("help", "migrate"):
        _, err = weir.run(*words, code=2)
        assert 'no command "migrate" here: it belongs to the package weir-kv' in err, err
        assert "python3 -m weir_kv.migrate" in err, err


@case
def usage_errors(weir):
    """wrong options and operands exit with 2 and name what is wrong"""
    weir.fails("put", code=2, says=["too few", "weir put PATH KEY"])
    weir.fails("get", "a", "b", "c", code=2, says=['"c"'])
    weir.fails("ls", weir.img, "--lnog", code=2, says=["--lnog", "did you mean --long?"])
    weir.fails("ls", weir.img, "-q", code=2, says=["-q"])
    weir.fails("get", weir.img, "k", "-o", code=2, says=["--output needs a value"])
    weir.fails("stat", weir.img, "--json=1", code=2, says=["--json takes no value"])
    weir.fails("ls", weir.img, "--engine", "psoix", code=2, says=["psoix", "posix"])
    weir.fails("ls", weir.img, "--engine", "zzzzz", code=2, says=["auto, uring, posix"])
    weir.fails("ls", weir.img, "--sched", "zzzzz", code=2, says=["zzzzz", "none"])


@case
def bad_size(weir):
    """an invalid size is named, together with the valid sizes"""
    weir.fails("format", weir.img, "--size", "10Q", code=2, says=["--size", '"10Q"', "64k"])
    weir.fails("format", weir.img, "--size", "", code=2, says=["--size", '""'])
    weir.fails("format", weir.img, "--size", "64m", "--block-bytes", "256", code=2,
               says=["--block-bytes", "512 B", "64 KiB"])
    assert not os.path.exists(weir.img)


@case
def no_such_file(weir):
    """a file that does not exist"""
    for command in COMMANDS:
        weir.fails(*on_store(weir, command), stdin=b"v", says=[weir.img, "o such file"])
    weir.fails("info", weir.img, says=[weir.img, "o such file"])
    weir.fails("fdp", weir.img, says=[weir.img, "o such file"])
    weir.fails("fdp", weir.img, "--json", says=[weir.img, "o such file"])
    weir.fails("format", weir.img, says=[weir.img, "--size"])
    for command in (("format",), ("replay", "synthetic", "--store")):
        weir.fails(*command, weir.path("no/file"), "--size", "64m", says=["no such folder"])
        weir.fails(*command, "/dev/no-such-drive", "--size", "64m", says=["no such device"])
    weir.fails("format", weir.folder, "--size", "64m", says=["a directory"])
    assert not os.path.exists(weir.img)


@case
def not_a_store(weir):
    """a file that is not a weir store"""
    with open(weir.img, "wb") as file:
        file.write(b"something else\n" * 100000)
    for command in COMMANDS:
        weir.fails(*on_store(weir, command), stdin=b"v",
                   says=[weir.img, "not a weir store", "weir format"])
    weir.fails("replay", "synthetic", "--store", weir.img, says=["not a weir store"])
    with open(weir.img, "wb"):
        pass
    weir.fails("ls", weir.img, says=[weir.img])


@case
def not_empty(weir):
    """format on a file that is not empty requires --force"""
    with open(weir.img, "wb") as file:
        file.write(b"precious data\n" * 5000000)
    weir.fails("format", weir.img, says=[weir.img, "--force"])
    with open(weir.img, "rb") as file:
        assert file.read(13) == b"precious data"
    weir.run("format", weir.img, "--force")
    weir.fails("format", weir.img, says=[weir.img, "--force"])


@case
def advice_that_can_be_typed(weir):
    """errors advise options of the command, and no members of the library's structs"""
    with open(weir.img, "wb") as file:
        file.truncate(64 << 20)
    weir.fails("ls", weir.img, says=["not a weir store (weir format makes one)"])
    weir.run("format", weir.img)
    weir.fails("format", weir.img, says=["use --force to destroy what is there"])
    weir.fails("format", weir.img, "--force", "--segment-bytes", "3m", says=["(--segment-bytes)"])
    weir.fails("format", weir.img, "--force", "--block-bytes", "3k", says=["(--block-bytes)"])
    weir.fails("format", weir.img, "--force", "--max-value", "2g", says=["(--max-value)"])
    weir.fails("format", weir.img, "--force", "--segment-bytes", "64k", "--max-value", "1m",
               says=["leave --segment-bytes out, or format with --max-value"])


@case
def devices_with_contents(weir):
    """format on a loop device: what real tools have made there is named; --force goes on"""
    with open(weir.img, "wb") as file:
        file.truncate(64 << 20)
    with loop_device(weir.img) as device:
        for tool, name in ((["mkfs.ext4", "-q"], "ext4"), (["mkswap"], "swap"),
                           (["mkfs.xfs", "-q"], "xfs"), (["pvcreate", "-q"], "LVM2_member")):
            if not shutil.which(tool[0]):
                continue
            subprocess.run([*tool, device], check=True, capture_output=True)
            weir.fails("format", device, says=[device, f"holds {name}", "looked at", "--force"])
            weir.run("format", device, "--force")
            weir.fails("format", device, says=["holds a weir store"])
            with open(device, "r+b") as file:
                for _ in range(64):
                    file.write(bytes(1 << 20))
        with open(device, "r+b") as file:
            file.seek(33333333)
            file.write(b"x")
        weir.fails("format", device, says=["byte 33333333 is not zero", "all 64 MiB of it"])


@case
def too_small(weir):
    """if a file is too small for a store, the error says which size would fit"""
    weir.fails("format", weir.img, "--size", "1m", says=[weir.img, "small"])
    weir.fails("format", weir.img, "--size", "0", code=2, says=["--size", "out of range"])
    short = weir.path("short.img")
    with open(short, "w", encoding="ascii"):
        pass
    for options in ((), ("--force",), ("--size", "64m")):
        weir.fails("format", short, *options, code=2, says=["is empty: remove it, and --size"])
    with open(short, "w", encoding="ascii") as file:
        file.write("12345\n")
    for force in ((), ("--force",)):
        weir.fails("format", short, *force, says=["less than a block is too small", "4224KiB"])
    weir.fails("format", short, "--size", "64m", code=2, says=["exists and has 6B"])
    weir.fails("format", weir.img, "--force", "--size", "64m", "--segment-bytes", "4m",
               says=[weir.img, "64"])
    weir.run("format", weir.img, "-ff", "--size", "64m", "--segment-bytes", "4m")
    assert weir.json("stat", weir.img)["segments"] < 64


@case
def too_few_segments(weir):
    """both sizes that the error recommends are words for the command line, and large enough"""
    err = weir.fails("format", weir.img, "--size", "8m", "--segment-bytes", "1m", says=["64"])
    size, segment = re.search(r"make it (\S+), or format with --segment-bytes (\S+)\n",
                              err).groups()
    weir.run("format", weir.img, "--size", "8m", "--segment-bytes", segment)
    os.remove(weir.img)
    weir.run("format", weir.img, "--size", size, "--segment-bytes", "1m")
    os.remove(weir.img)
    # 1 GiB and 128 KiB, which "1.00 GiB" would hide.
    weir.fails("format", weir.img, "--size", "64m", "--segment-bytes", "16m",
               says=["make it 1025MiB"])


def rewrite_superblocks(path, change):
    """Calls change(file, offset) for each superblock copy in the image."""
    with open(path, "r+b") as file:
        found = [m.start() for m in re.finditer(SUPERBLOCK, file.read())]
        assert len(found) == 2, found
        for offset in found:
            change(file, offset)


@case
def wrong_version(weir):
    """a store of another format version"""
    def change(file, offset):
        file.seek(offset + 16)
        file.write((77).to_bytes(4, "little"))
    weir.format()
    rewrite_superblocks(weir.img, change)
    for command in COMMANDS:
        weir.fails(*on_store(weir, command), stdin=b"v", says=[weir.img, "version 77"])


@case
def damaged_superblocks(weir):
    """damaged superblocks; one intact copy is enough"""
    def change(file, offset):
        file.seek(offset + 100)
        byte = file.read(1)
        file.seek(offset + 100)
        file.write(bytes([byte[0] ^ 0xff]))
    offsets = []
    weir.format()
    weir.run("put", weir.img, "k", stdin=b"v")
    rewrite_superblocks(weir.img, lambda file, offset: offsets.append(offset))
    for offset in offsets:
        with open(weir.img, "r+b") as file:
            change(file, offset)
            file.flush()
            assert weir.run("get", weir.img, "k")[0] == b"v"
            change(file, offset)
    rewrite_superblocks(weir.img, change)
    weir.fails("get", weir.img, "k", says=[weir.img, "superblock", "damaged"])


@case
def truncated(weir):
    """if an image was shortened, the error says how much is missing"""
    weir.format()
    os.truncate(weir.img, 48 << 20)
    for command in COMMANDS:
        weir.fails(*on_store(weir, command), stdin=b"v", says=[weir.img, "truncated", "96 MiB"])


@case
def missing_key(weir):
    """a key that does not exist: exit code 1, a message, no output"""
    weir.format()
    weir.fails("get", weir.img, "nope", says=[weir.img, 'no key "nope"'])
    weir.fails("get", weir.img, "-e", "a\\x01", says=['no key "a\\x01"'])
    weir.fails("get", weir.img, "nope", "-o", weir.path("out"), says=['no key "nope"'])
    assert not os.path.exists(weir.path("out"))


@case
def bad_keys(weir):
    """keys that are too long, empty, or badly escaped"""
    weir.format()
    for command in ("get", "put", "del"):
        weir.fails(command, weir.img, "k" * 1025, stdin=b"v", says=["1025 bytes", "1024"])
        weir.fails(command, weir.img, "", stdin=b"v", says=["empty"])
        weir.fails(command, "-e", weir.img, "a\\q", stdin=b"v", says=["\\q"])


@case
def bad_values(weir):
    """a value that is too long: the error names the option to use; empty ones are refused"""
    weir.format()
    most = weir.json("stat", weir.img)["max_value_bytes"]
    weir.run("put", weir.img, "k", stdin=b"v" * most)
    err = weir.fails("put", weir.img, "k", stdin=b"v" * (most + 1), says=["--max-value"])
    larger, fitting = re.search(r"device of (\S+) or more with --max-value (\S+)", err).groups()
    assert len(weir.run("get", weir.img, "k")[0]) == most
    weir.fails("put", weir.img, "k", says=["empty"])
    weir.fails("put", weir.img, "k", "/dev/null", says=["/dev/null is empty"])
    weir.fails("put", weir.img, "k", weir.path("nope"), says=[weir.path("nope"), "o such file"])
    os.remove(weir.img)
    weir.run("format", weir.img, "--size", larger, "--max-value", fitting)
    weir.run("put", weir.img, "k", stdin=b"v" * (most + 1))


@case
def endless_value(weir):
    """put reads no more than the store can hold, and nothing if there is no store"""
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))
    weir.format()
    most = weir.json("stat", weir.img)["max_value_bytes"]
    weir.fails("put", weir.img, "k", "/dev/zero", preexec_fn=limit,
               says=["/dev/zero: longer than", "--max-value"])
    with open(weir.path("huge"), "wb") as file:
        file.truncate(1 << 40)
    weir.fails("put", weir.img, "k", weir.path("huge"), preexec_fn=limit,
               says=["no store takes values of more than 512MiB"])
    for path, says in ((weir.path("none"), "o such file"), (weir.path("huge"), "not a weir store")):
        reader, writer = os.pipe()
        with os.fdopen(writer, "wb"), os.fdopen(reader, "rb") as source:
            process = weir.start("put", path, "k", stdin=source)  # this pipe is never written
            err = process.communicate(timeout=60)[1].decode()
        assert process.returncode == 1 and says in err, err
    with subprocess.Popen(["cat", "/dev/zero"], stdout=subprocess.PIPE) as endless:
        weir.fails("replay", "-", "--store", weir.img, "--block-bytes", most + 1,
                   stdin=b"", says=["do not fit"])
        process = weir.start("put", weir.img, "k", stdin=endless.stdout, preexec_fn=limit)
        err = process.communicate(timeout=60)[1].decode()
        endless.kill()
    assert process.returncode == 1 and "standard input: longer than" in err, err


@case
def copied_within(weir):
    """a get of a store feeds a put into the same one"""
    weir.format()
    weir.run("put", weir.img, "a", stdin=b"v" * 300000)
    for number in range(5):
        reader = weir.start("get", weir.img, "a")
        writer = weir.start("put", weir.img, f"b{number}", stdin=reader.stdout)
        assert reader.wait(60) == 0 and writer.wait(60) == 0, writer.communicate()
        assert weir.run("get", weir.img, f"b{number}")[0] == b"v" * 300000


@case
def json_errors(weir):
    """with --json every error is an object, a line each, on standard error"""
    def errors(*args, code):
        out, err = weir.run(*args, code=code)
        found = [json.loads(line) for line in err.splitlines()]
        assert found and all(e["schema"] == "weir.error.v1" for e in found), err
        assert all(set(e) == {"schema", "command", "exit_code", "message", "help"}
                   for e in found), err
        return out, found
    weir.format()
    for args, code in (
            (("get", weir.img, "nope", "--json"), 1), (("inof", "--json"), 2),
            (("--json",), 2), (("get", "--json"), 2), (("ls", weir.img, "--json", "--lnog"), 2),
            (("put", "--js", weir.img, "k", "/dev/null"), 1),
            (("stat", weir.img, "--json", "--engine", "nope"), 2), (("help", "nope", "--json"), 2),
            (("replay", "--json"), 2), (("step", "--json"), 2), (("sim", "--json"), 2),
            (("sim", "--json", "/nope"), 1), (("sched", "/nope", "--json"), 1),
            (("format", "--json", weir.img), 1), (("fdp", "--json", "/nope"), 1),
            (("info", "--json", b"/\xff"), 1)):
        _, found = errors(*args, code=code)
        assert len(found) == 1 and found[0]["exit_code"] == code, (args, found)
        assert (found[0]["help"] or "").startswith("weir help" if code == 2 else ""), found
    weir.run("put", weir.img, "a", stdin=b"v")
    out, found = errors("del", weir.img, "x\\", "a", "y", "--json", code=1)
    done = json.loads(out)
    assert (done["deleted"], done["missing"]) == (1, ["x\\\\", "y"]) and len(found) == 2, done


@case
def names_that_are_no_text(weir):
    """a path that is not UTF-8 does not prevent the output of --json"""
    weir.format()
    odd = os.fsencode(weir.folder) + b"/odd\xff.img"
    os.rename(weir.img, odd)
    weir.run("put", odd, "k", stdin=b"v")
    for command in (("stat", odd), ("get", odd, "k", "-o", b"/dev/null"), ("put", odd, "k"),
                    ("info", odd), ("fdp", odd), ("doctor", odd), ("sched", odd),
                    ("del", odd, "k"), ("replay", "synthetic", "-n", "1", "--store", odd)):
        process = weir.start(*command, "--json", stdin=subprocess.PIPE)
        out, err = process.communicate(b"v", timeout=60)
        name = json.loads(out)["path" if command[0] != "replay" else "store"]
        assert name.endswith("odd?.img") and b"weir.error" not in err, (name, err)
    weir.run("format", odd, "--force", "--json")


@case
def no_space(weir):
    """a file that does not fit on its filesystem"""
    free = os.statvfs(weir.folder)
    size = free.f_blocks * free.f_frsize * 2
    weir.fails("format", weir.img, "--size", size, says=[weir.img, "no room", "free"])
    assert not os.path.exists(weir.img) or os.path.getsize(weir.img) == 0


@case
def file_too_large(weir):
    """a file beyond the limit of the process"""
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    process = weir.start("format", weir.img, "--size", "64m", preexec_fn=limit)
    err = process.communicate()[1].decode()
    assert process.returncode == 1 and weir.img in err, (process.returncode, err)


@case
def no_permission(weir):
    """files and folders without permission"""
    if os.geteuid() == 0:
        raise Skip("root may do everything")
    weir.format()
    os.chmod(weir.img, 0)
    for command in COMMANDS:
        weir.fails(*on_store(weir, command), stdin=b"v", says=[weir.img, "ermission denied"])


@case
def not_a_file(weir):
    """a folder, a character device and a pipe are refused"""
    os.mkfifo(weir.path("pipe"))
    for path in (weir.folder, "/dev/zero", weir.path("pipe")):
        weir.fails("ls", path, says=[path])
        weir.fails("info", path, says=[path])


def start_holder(weir):
    """Starts a replay that holds the store until it is stopped: at this speed it never makes
    progress."""
    log = weir.path("acks")
    holder = weir.start("replay", "synthetic", "--store", weir.img, "--speed", "0.001",
                        "--ack-log", log)
    deadline = time.monotonic() + 60
    # From the first put on it has the lock and handles signals.
    while time.monotonic() < deadline and holder.poll() is None:
        if os.path.exists(log) and os.path.getsize(log) > 18:
            return holder
        time.sleep(0.01)
    holder.kill()
    raise AssertionError("the replay never put anything: " + holder.communicate()[1].decode())


@case
def in_use(weir):
    """a store that another process has open: writers are told its pid, readers are answered"""
    weir.format()
    holder = start_holder(weir)
    try:
        writes = [words for words in COMMANDS if words[0] in ("put", "del")]
        assert len(writes) == 2
        weir.fails("get", weir.img, "k", says=["there is no key"])
        assert weir.json("stat", weir.img)["pid"] == holder.pid
        for command in (*writes, ("format", "--force")):
            weir.fails(*on_store(weir, command), stdin=b"v", says=[weir.img, str(holder.pid)])
    finally:
        holder.send_signal(signal.SIGINT)
        out, err = holder.communicate(timeout=60)
    assert holder.returncode == 1 and b"interrupted" in err, (holder.returncode, err)
    assert b"Ended early" in out, out
    weir.run("ls", weir.img)


@case
def closed_pipe(weir):
    """if its reader goes away, ls ends without a message"""
    weir.format()
    weir.run("put", weir.img, "k", stdin=b"v")
    process = weir.start("ls", weir.img, stdout=subprocess.PIPE)
    process.stdout.close()
    err = process.stderr.read().decode()
    process.wait()
    assert process.returncode in (0, 1, -signal.SIGPIPE), process.returncode
    assert "Traceback" not in err and len(err.splitlines()) <= 1, err


FULL = """
mount -t tmpfs -o size=3m none "$2" || exit 77
cd "$2" || exit 77
truncate -s 64m s.img
"$1" format s.img --force || exit 78
head -c 200000 /dev/zero > value
n=0
while "$1" put s.img key$n value; do n=$((n+1)); [ $n -lt 40 ] || exit 79; done
"$1" put s.img again value && exit 80
"$1" del s.img key0 && exit 81
rm value
"$1" put s.img again /etc/hostname || exit 82
[ "$("$1" ls s.img | wc -l)" = $((n+1)) ] || exit 83
[ "$("$1" get s.img key0 | wc -c)" = 200000 ] || exit 84
"""


@case
def a_full_filesystem(weir):
    """a full filesystem below a sparse file is called so, nothing is lost, and it can be mended"""
    folder = weir.path("full")
    os.mkdir(folder)
    if not shutil.which("unshare"):
        raise Skip("unshare is not installed")
    done = subprocess.run(["unshare", "-m", "sh", "-c", FULL, "sh", weir.binary, folder],
                          capture_output=True, text=True, check=False)
    # In a chroot / is no mount point, and unshare cannot make it private.
    if done.stderr.startswith("unshare: ") or done.returncode == 77:
        raise Skip("a filesystem cannot be mounted here: " + done.stderr.strip()[:200])
    assert not done.returncode, (done.returncode, done.stderr, done.stdout)
    said = [line for line in done.stderr.splitlines() if "note:" not in line]
    assert len(said) == 3, said
    for line in said:
        assert "no space left on the file system below it: free some, or preallocate" in line, said


if __name__ == "__main__":
    sys.exit(main())
