#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests that no output of weir is one of its inputs, and that a file is replaced completely or not
at all."""
import os
import re
import resource
import signal
import stat
import subprocess
import sys

from harness import Skip, case, main

VALUE = bytes(range(256)) * 1000
OLD = b"what was there\n"


def filled(weir):
    """Makes a store with a key, and returns the bytes of its image."""
    weir.format("64m", "--segment-bytes", "512k")
    weir.run("put", weir.img, "k", stdin=VALUE)
    return read(weir.img)


def read(path):
    """Returns the bytes of the file at PATH."""
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    """Makes a file of DATA."""
    with open(path, "wb") as file:
        file.write(data)
    return path


def names_of(weir):
    """Returns names for the image, with the descriptors that must stay open for them."""
    os.symlink(weir.img, weir.path("link"))
    os.symlink("link", weir.path("link2"))
    os.link(weir.img, weir.path("hard"))
    fd = os.open(weir.img, os.O_RDONLY)
    relative = os.path.relpath(weir.img)
    return [weir.img, weir.path("link"), weir.path("link2"), weir.path("hard"), relative,
            os.path.join(weir.folder, ".", "test.img"), f"/dev/fd/{fd}",
            f"/proc/self/fd/{fd}"], fd


@case
def get_onto_the_store(weir):
    """get refuses to overwrite the store, by whatever name"""
    before = filled(weir)
    names, fd = names_of(weir)
    for name in names:
        weir.fails("get", weir.img, "k", "-o", name, code=2, pass_fds=[fd],
                   says=["--output", name, weir.img, "another file"])
        weir.fails("get", name, "k", "-o", weir.img, code=2, pass_fds=[fd], says=["--output"])
    assert read(weir.img) == before
    os.close(fd)


@case
def standard_output_onto_the_store(weir):
    """if the shell redirects an output to the store, the command stops before it writes"""
    before = filled(weir)
    for command in (("get", weir.img, "k"), ("ls", weir.img), ("stat", weir.img),
                    ("info", weir.img), ("fdp", weir.img), ("doctor", weir.img),
                    ("format", weir.img, "--force"), ("del", weir.img, "k", "--json"),
                    ("sched", weir.img), ("put", weir.img, "k", "--json"),
                    ("replay", "synthetic", "--requests", "1", "--store", weir.img)):
        for stream in ("stdout", "stderr"):
            with open(weir.img, "ab") as file:
                process = weir.start(*command, **{stream: file})
                out, err = process.communicate(timeout=60)
            assert process.returncode == 2, (command, stream, out, err)
            said = err if stream == "stdout" else out
            assert b"is redirected to this input" in said, (command, stream, said)
            assert read(weir.img) == before, (command, stream)
    with open(weir.img, "ab") as file:
        assert weir.start("ls", weir.img, stdout=file, stderr=file).wait(60) == 2
    assert read(weir.img) == before


@case
def a_log_on_the_drive_that_is_looked_at(weir):
    """a file on a filesystem is no part of the drive below it: both outputs may go there"""
    device = os.stat(weir.folder).st_dev
    link = f"/sys/dev/block/{os.major(device)}:{os.minor(device)}"
    if not os.path.exists(link):
        raise Skip("no block device is below the folder of the tests")
    drive = "/dev/" + os.path.basename(os.path.realpath(link))
    if not os.access(drive, os.R_OK):
        raise Skip(f"{drive} cannot be read")
    for command in (("info", drive), ("doctor", drive, "--json")):
        with open(weir.path("log"), "wb") as log:
            code = weir.start(*command, stdout=log, stderr=log).wait(60)
        said = read(weir.path("log"))
        assert code in (0, 1) and b"redirected" not in said, (command, code, said)
        assert drive.encode() in said, (command, said)


@case
def both_ends_of_one_file(weir):
    """standard input that is also the output is not appended to"""
    events = write(weir.path("events"), b"insert 0 a R 0 8\ndispatch 0\n")
    weir.format()
    for command in (("step", "--sched", "none"), ("put", weir.img, "k", "--json"),
                    ("sim", "-", "--device", "nvme"),
                    ("replay", "-", "--store", weir.img)):
        before = read(events)
        with open(events, "rb") as source, open(events, "ab") as sink:
            process = subprocess.run([weir.binary, *command], stdin=source, stdout=sink,
                                     stderr=subprocess.PIPE, timeout=60, check=False)
        assert process.returncode == 2, (command, process)
        assert b"standard input" in process.stderr, (command, process.stderr)
        assert read(events) == before, command


@case
def log_onto_the_store(weir):
    """an acknowledgement log cannot be the store or the trace"""
    before = filled(weir)
    trace = write(weir.path("trace"), b'{"timestamp": 0, "hash_ids": [1]}\n')
    os.symlink(trace, weir.path("tracelink"))
    for log in (weir.img, trace, weir.path("tracelink")):
        weir.fails("replay", trace, "--store", weir.img, "--ack-log", log, code=2,
                   says=["--ack-log", log])
    assert read(weir.img) == before and read(trace).count(b"\n") == 1


@case
def loop_and_its_file(weir):
    """a loop device and its file count as the same"""
    if os.geteuid():
        raise Skip("needs root")
    before = filled(weir)
    made = subprocess.run(["losetup", "--show", "-P", "-f", weir.img], capture_output=True,
                          check=False)
    if made.returncode:
        raise Skip("no loop device: " + made.stderr.decode().strip())
    loop = made.stdout.decode().strip()
    try:
        weir.fails("get", loop, "k", "-o", weir.img, code=2, says=["--output", loop])
        weir.fails("get", weir.img, "k", "-o", loop, code=2, says=["--output", weir.img])
        weir.fails("get", loop, "k", "-o", loop, code=2, says=["--output", loop])
        with open(loop, "r+b") as file:
            process = weir.start("get", weir.img, "k", stdout=file)
            assert process.wait(60) == 2, process.communicate()
        assert read(weir.img) == before
    finally:
        subprocess.run(["losetup", "-d", loop], check=True)


@case
def replaced_whole(weir):
    """a file is replaced after the value is complete, with its mode, and no other file remains"""
    filled(weir)
    out = weir.path("out")
    weir.run("get", weir.img, "k", "-o", out, umask=0o027)
    assert read(out) == VALUE and stat.S_IMODE(os.stat(out).st_mode) == 0o640
    write(out, OLD)
    os.chmod(out, 0o751)
    weir.run("get", weir.img, "k", "-o", out)
    assert read(out) == VALUE and stat.S_IMODE(os.stat(out).st_mode) == 0o751
    assert sorted(os.listdir(weir.folder)) == ["out", "test.img"], os.listdir(weir.folder)


@case
def kept_when_it_fails(weir):
    """a get that fails does not change the old file"""
    filled(weir)
    out = write(weir.path("out"), OLD)
    weir.fails("get", weir.img, "nope", "-o", out, says=["no key"])
    assert read(out) == OLD

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    weir.fails("get", weir.img, "k", "-o", out, preexec_fn=limit, says=[out, "too large"])
    assert read(out) == OLD
    weir.fails("get", weir.img, "k", "-o", weir.folder, says=[weir.folder, "s a directory"])
    weir.fails("get", weir.img, "k", "-o", weir.path("no/such"), says=["No such file"])
    weir.fails("get", weir.img, "k", "-o", "/dev/full", says=["/dev/full", "No space left"])
    assert sorted(os.listdir(weir.folder)) == ["out", "test.img"], os.listdir(weir.folder)


@case
def links_are_followed(weir):
    """a link stays a link: its target is replaced or created"""
    filled(weir)
    os.mkdir(weir.path("there"))
    os.symlink("there/file", weir.path("link"))
    for _ in range(2):
        weir.run("get", weir.img, "k", "-o", weir.path("link"))
        assert os.path.islink(weir.path("link")) and read(weir.path("there/file")) == VALUE
        write(weir.path("there/file"), OLD)
    assert os.listdir(weir.path("there")) == ["file"]
    os.symlink("round", weir.path("round"))
    weir.fails("get", weir.img, "k", "-o", weir.path("round"), says=["symbolic links"])


@case
def what_is_no_file(weir):
    """standard output by its names, open files, pipes and devices are written directly"""
    filled(weir)
    for name in ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"):
        assert weir.run("get", weir.img, "k", "-o", name, cwd=weir.folder)[0] == VALUE, name
        out = write(weir.path("out"), OLD)
        with open(out, "ab") as file:
            assert weir.start("get", weir.img, "k", "-o", name, stdout=file).wait(60) == 0
        assert read(out) == OLD + VALUE, name
        weir.fails("get", weir.img, "k", "--json", "-o", name, code=2, says=["JSON"])
    weir.run("get", weir.img, "k", "-o", "-", cwd=weir.folder)
    assert not os.path.exists(weir.path("-"))
    weir.run("get", weir.img, "k", "-o", "/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    os.mkfifo(weir.path("pipe"))
    process = weir.start("get", weir.img, "k", "-o", weir.path("pipe"))
    assert read(weir.path("pipe")) == VALUE and process.wait(60) == 0
    assert stat.S_ISFIFO(os.stat(weir.path("pipe")).st_mode)


@case
def no_permission(weir):
    """a read-only file is not replaced; a writable file in a read-only folder is written"""
    if os.geteuid():
        raise Skip("needs root, to become somebody else")
    filled(weir)
    folder = weir.path("closed")
    os.mkdir(folder)
    closed = write(os.path.join(folder, "mine"), OLD)
    locked = write(weir.path("locked"), OLD)
    nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    os.chmod(weir.folder, 0o777)
    os.chmod(weir.img, 0o644)
    os.chown(closed, 65534, 65534)
    try:
        subprocess.run([weir.binary, "--version"], check=True, capture_output=True, **nobody)
    except (OSError, subprocess.CalledProcessError) as reason:
        raise Skip("nobody may not run the binary") from reason
    weir.fails("get", weir.img, "k", "-o", locked, says=[locked, "ermission denied"], **nobody)
    assert read(locked) == OLD
    weir.run("get", weir.img, "k", "-o", closed, **nobody)
    assert read(closed) == VALUE and os.listdir(folder) == ["mine"]


@case
def errors_of_standard_output(weir):
    """a full disk behind standard output is reported once, with the reason"""
    filled(weir)
    # More than stdio's buffer, so the failure comes long before the end.
    weir.run("replay", "synthetic", "-n", "800", "--store", weir.img, "-b", "1k")
    for command in (("ls", weir.img), ("get", weir.img, "k"), ("stat", weir.img),
                    ("ls", weir.img, "--json"), ("info", weir.img, "--json"), ("sched",),
                    ("help",), ("export", weir.img)):
        with open("/dev/full", "wb") as full:
            process = weir.start(*command, stdout=full)
            err = process.communicate(timeout=60)[1].decode()
        assert process.returncode == 1, (command, err)
        assert err.count("No space left on device") == 1, (command, err)


@case
def export_to_a_full_disk(weir):
    """an export that cannot be written says so once, names the file, and claims nothing"""
    filled(weir)
    out = write(weir.path("out"), OLD)

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for number in range(40):
        weir.run("put", weir.img, f"k{number}", stdin=bytes(10000))
    for json_too in ((), ("--json",)):
        err = weir.fails("export", weir.img, "-f", out, *json_too, preexec_fn=limit,
                         says=[out, "too large"])
        assert err.count("too large") == 1, err
        weir.fails("export", weir.img, "-f", "/dev/full", *json_too,
                   says=["/dev/full: No space left"])
    assert read(out) == OLD
    assert sorted(os.listdir(weir.folder)) == ["out", "test.img"], os.listdir(weir.folder)


@case
def nothing_is_left_of_what_a_signal_ends_early(weir):
    """a signal that comes as soon as a temporary file is made leaves no file either"""
    weir.format("64m")
    weir.run("put", weir.img, "k", stdin=VALUE)
    out, trace = write(weir.path("out"), OLD), weir.path("new")
    for words in (("export", weir.img, "-f", out), ("get", weir.img, "k", "-o", out),
                  ("get", weir.img, "k", "--trace", trace)):
        for sig in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
            env = weir.preloaded("early_signal", EARLY_SIGNAL=str(int(sig)))
            process = weir.start(*words, env=env)
            process.communicate(timeout=60)
            if process.returncode == 0 and trace in words:
                os.unlink(trace)  # its other file never had a name
            else:
                assert process.returncode == -sig, (words, process.returncode)
            assert read(out) == OLD
            assert sorted(os.listdir(weir.folder)) == ["out", "test.img"], (
                words, sig, os.listdir(weir.folder))


@case
def nothing_is_left_of_what_a_signal_ends(weir):
    """a signal that ends an export leaves the old file, and no temporary file"""
    weir.format("64m")
    for number in range(20):
        weir.run("put", weir.img, f"k{number}", stdin=bytes(250000))
    out = write(weir.path("out"), OLD)
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        for _ in range(100):
            process = weir.start("export", weir.img, "-f", out)
            while process.poll() is None and len(os.listdir(weir.folder)) == 2:
                pass
            process.send_signal(signal.SIGSTOP)
            if process.poll() is None and len(os.listdir(weir.folder)) > 2:
                break  # it is stopped between the first byte and the last
            process.send_signal(signal.SIGCONT)
            process.communicate(timeout=60)
            write(out, OLD)
        else:
            raise AssertionError("an export was never met while it wrote")
        process.send_signal(sig)
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=60)
        if process.returncode != 0:  # else the signal came behind the last byte
            assert process.returncode == -sig, process.returncode
            assert read(out) == OLD
        assert sorted(os.listdir(weir.folder)) == ["out", "test.img"], os.listdir(weir.folder)
        write(out, OLD)
        weir.run("put", weir.img, "k0", stdin=b"the lock is free")
        weir.run("put", weir.img, "k0", stdin=bytes(250000))


JOBS = b"[r]\nrw=randread\nruntime=1ms\n"
# The options of all commands that name a file that is written, and those that name one that is
# read. An option that is new belongs in one of the two, and says which in its table (opt_file).
WRITTEN = {"--output", "--file", "--ack-log", "--series", "--log", "--trace", "--fio-json",
           "--logs", "--state"}
READ = {"--file", "--store", "--iolog", "--device", "--check-acks", "--fit"}


def listing(folder):
    """Returns the files of FOLDER with their contents."""
    return {name: read(os.path.join(folder, name)) for name in os.listdir(folder)
            if os.path.isfile(os.path.join(folder, name))}


def refused_apart(weir, *command, says=(), **keywords):
    """COMMAND exits with 2 and words before it writes anything."""
    before = listing(weir.folder)
    weir.fails(*command, code=2, says=says, **keywords)
    assert listing(weir.folder) == before, (command, sorted(os.listdir(weir.folder)))


def two_names(weir, kind):
    """Returns two names of one file, which is there only for some kinds."""
    one, two = weir.path("one"), weir.path("two")
    for name in one, two:
        if os.path.lexists(name):
            os.unlink(name)
    if kind == "same":
        return one, one
    if kind == "dots":
        return one, os.path.join(weir.folder, ".", "one")
    if kind == "relative":
        return one, os.path.relpath(one)
    if kind == "folder":
        if not os.path.lexists(weir.path("other")):
            os.symlink(weir.folder, weir.path("other"))
        return one, os.path.join(weir.path("other"), "one")
    if kind == "dangling":
        os.symlink("one", two)
        return one, two
    write(one, b"")
    if kind == "hard":
        os.link(one, two)
        return one, two
    os.symlink("one", two)
    return two, one


@case
def two_outputs_of_one_file(weir):
    """two outputs that are one file, by whatever names, are refused before anything is written"""
    weir.format("64m", "--segment-bytes", "512k")
    weir.run("put", weir.img, "k", stdin=b"value")
    jobs = write(weir.path("jobs.fio"), JOBS)
    trace = write(weir.path("trace"), b'{"timestamp": 0, "hash_ids": [1]}\n')
    page = write(weir.path("in.json"), b'{"one": 1}')
    commands = (
        ("sim", jobs, "--series", 0, "--log", 1), ("sim", jobs, "--series", 0, "--trace", 1),
        ("sim", jobs, "--log", 0, "--trace", 1),
        ("sim", jobs, "--state", 0, "--series", 1), ("sim", jobs, "--state", 0, "--trace", 1),
        ("bench", "run", jobs, "null", "--state", 0, "--trace", 1),
        ("export", weir.img, "--file", 0, "--trace", 1),
        ("get", weir.img, "k", "--output", 0, "--trace", 1),
        ("replay", trace, "--store", weir.img, "--ack-log", 0, "--trace", 1),
        ("report", page, "--output", 0, "--fio-json", 1))
    for kind in ("same", "dots", "relative", "folder", "dangling", "hard", "link"):
        for command in commands:
            names = two_names(weir, kind)
            refused_apart(weir, *(word if isinstance(word, str) else names[word]
                                  for word in command),
                          says=["are one file", *(w for w in command[2:] if str(w)[:2] == "--"
                                                  and w != "--store")])
    # Nobody loses anything where what is written goes nowhere.
    weir.run("sim", jobs, "--series", "/dev/null", "--log", "/dev/null")


@case
def an_output_that_is_an_input(weir):
    """an output that is read by the same command is refused, wherever its name stands"""
    weir.format("64m", "--segment-bytes", "512k")
    weir.run("put", weir.img, "k", stdin=b"value")
    jobs = write(weir.path("jobs.fio"), JOBS)
    stream = weir.path("stream")
    weir.run("export", weir.img, "-f", stream)
    for command in (("sim", jobs, "--series", jobs), ("sim", jobs, "--log", jobs),
                    ("sim", jobs, "--trace", jobs),
                    ("import", weir.img, "--file", stream, "--trace", stream),
                    ("put", weir.img, "k", jobs, "--trace", jobs),
                    ("put", weir.img, "k", jobs, "--trace", weir.img),
                    ("bench", "run", jobs, "null", "--trace", jobs),
                    ("bench", "run", jobs, "null", "--state", jobs),
                    ("bench", "run", jobs, weir.path("new"), "--trace", weir.path("new")),
                    ("bench", "tails", weir.path("new"), "--trace", weir.path("new")),
                    ("scrub", weir.img, "--trace", weir.img)):
        refused_apart(weir, *command, says=["destroy the input"])
    with open(jobs, "rb") as source:
        before = listing(weir.folder)
        process = weir.start("sim", "-", "--series", jobs, stdin=source)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 2 and not out and b"destroy the input" in err, (out, err)
        assert listing(weir.folder) == before
    other = weir.path("a,b")
    os.symlink(weir.img, other)
    refused_apart(weir, "get", other, "k", "-o", weir.img, says=["--output"])


@case
def an_output_that_a_job_reads(weir):
    """an output is no log that a job replays, though only the job file names it"""
    log = write(weir.path("log"), b"1,hm,1,Read,0,4096,9\n2,hm,1,Write,4096,4096,9\n")
    os.link(log, weir.path("hard"))
    jobs = write(weir.path("jobs.fio"), JOBS + f"[l]\nread_iolog={log}\n".encode())
    for command in ("bench", "run", jobs, "null", "-c", "pace"), ("sim", jobs, "--sched", "pace"):
        for option in "--trace", "--state":
            for name in log, weir.path("hard"):
                refused_apart(weir, *command, option, name, says=[option, "destroy the input", log])
    refused_apart(weir, "bench", "run", jobs, weir.path("hard"), "--force",
                  says=["the jobs write", "destroy the input", log])
    weir.run("bench", "run", jobs, "null", "-c", "pace", "--time", "20ms", "--trace",
             weir.path("trace.pftrace"), "--state", weir.path("state"))


@case
def files_that_a_report_names_itself(weir):
    """the JSON beside a page, and logs, are no other file of the command"""
    jobs = write(weir.path("jobs.fio"), b"[r]\nrw=randread\nruntime=50ms\n")
    out, _ = weir.run("sim", jobs, "--json", "--window", "10ms", "--series", weir.path("s.csv"))
    runs = write(weir.path("runs.json"), out)
    html = write(weir.path("page.html"), OLD)
    os.symlink("page.html", weir.path("page.json"))
    refused_apart(weir, "report", runs, "-o", html, says=["beside the page", "one file"])
    os.unlink(weir.path("page.json"))
    for files in (("--fio-json", weir.path("page.json"), "-o", html),
                  ("-o", weir.path("x_bw.1.log"), "--logs", weir.path("x")),
                  ("--fio-json", weir.path("x_lat.1.log"), "--logs", weir.path("x")),
                  ("--fio-json", "-"), ("--fio-json", "-", "-o", "-"),
                  ("--json", "--fio-json", "-")):
        refused_apart(weir, "report", runs, weir.path("s.csv"), *files, says=["--"])
    os.symlink("runs.json", weir.path("y_iops.1.log"))
    refused_apart(weir, "report", runs, weir.path("s.csv"), "--logs", weir.path("y"), "-o", html,
                  says=["the log", "destroy the input"])
    fio, _ = weir.run("report", runs, "-o", html, "--fio-json", "-")
    assert b'"fio version"' in fio and read(html).startswith(b"<!DOCTYPE")


@case
def standard_output_is_an_output(weir):
    """a file of an option is not the one that standard output or error goes to"""
    weir.format("64m", "--segment-bytes", "512k")
    weir.run("put", weir.img, "k", stdin=b"value")
    jobs = write(weir.path("jobs.fio"), JOBS)
    for option in "--series", "--log", "--trace":
        path = write(weir.path("both"), b"")
        for stream in "stdout", "stderr":
            with open(path, "ab") as file:
                process = weir.start("sim", jobs, option, path, **{stream: file})
                out, err = process.communicate(timeout=60)
            assert process.returncode == 2, (option, stream, out, err)
            assert b"is redirected to this output" in (err or b"") + (out or b""), (out, err)
            assert read(path) == b"", (option, stream)
    for option in "--series", "--log":
        for name in "-", "/dev/stdout", "/dev/fd/1":
            weir.fails("sim", jobs, option, name, code=2, says=[option, "standard output gets"])
    with open(weir.path("value"), "wb") as file:
        process = weir.start("get", weir.img, "k", "-o", "/dev/stdout", stdout=file)
        assert process.wait(60) == 0, process.communicate()
    assert read(weir.path("value")) == b"value"


@case
def options_that_name_files(weir):
    """each option that the help says names a file is known to the checks above"""
    names = set()
    text = weir.run("help")[0].decode()
    commands = re.findall(r"^  (\w+) ", text.split("Commands:")[1].split("A first look")[0], re.M)
    parts = re.findall(r"^  (\w+) +\S", weir.run("help", "bench")[0].decode()
                       .split("Options:")[0], re.M)
    for command in [[name] for name in commands] + [["bench", part] for part in parts]:
        help_text = weir.run("help", *command)[0].decode()
        names |= set(re.findall(r"(--[\w-]+) (?:FILE|PAGE|PREFIX|LOG|PATH)\b",
                                help_text.split("Options:")[1].split("Examples:")[0]))
    assert len(commands) > 20 and len(parts) >= 9, (commands, parts)
    assert names <= WRITTEN | READ, names - WRITTEN - READ
    assert WRITTEN | READ - {"--device"} <= names, (WRITTEN | READ) - names


if __name__ == "__main__":
    sys.exit(main())
