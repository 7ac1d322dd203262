#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs test programs in a guest that has an NVMe drive with FDP, and prints their TAP.

    tests/vm/run.py [--kernel 6.1] [--append WORDS] [--block 512|4096] [--faults FILE]
                    [--rate BYTES] [--zoned] [--expect REGEX]... PROGRAM...

Boots a Debian kernel (the newest available one, or the given one) in QEMU, under software
emulation, with the host's root read-only, so the programs are those that were built. They find the
drive in WEIR_VM_NG and WEIR_VM_BLOCK and may write to it and to TMPDIR. One more case checks that,
while they ran, the guest's kernel warned of nothing except what --expect names, and of that at
least once. tests/vm/fetch says where QEMU and the kernel come from; if they cannot be downloaded,
all cases are skipped.
"""
import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
DRIVE_BYTES = 768 << 20  # 95 segments, each as large as a reclaim unit
ZONED_BYTES = 64 << 20
TIMEOUT = 270
# The last line of the kernel's log (in the form of dmesg -r) before the programs; see init.
BEGIN = "weir: the programs begin"
# Messages that are complaints at any time and level, and the level from which others are (a smaller
# number is worse).
COMPLAINT = re.compile(r"WARNING:|BUG:|Oops|Call Trace|general protection|KASAN|hung task")
KERN_WARNING = 4
# Messages of a kernel about the clocks of a machine that a busy host emulates.
SLOW = re.compile(r"clocksource|hrtimer: interrupt took|hogged CPU|perf: interrupt took|"
                  r"DL replenish lagged|sched_clock")


def fetch():
    """Returns the cache folder; skips if there is none."""
    done = subprocess.run([os.path.join(HERE, "fetch")], capture_output=True, text=True,
                          check=False)
    sys.stderr.write(done.stderr)
    if done.returncode == 77:
        print("1..0 # SKIP " + (done.stderr.strip().splitlines() or ["no reason given"])[-1])
        sys.exit(0)
    done.check_returncode()
    return done.stdout.strip()


def kernel_folder(cache, version):
    """Returns the files to boot VERSION (None: the newest); skips if there is no such kernel."""
    there = sorted(os.listdir(f"{cache}/kernels"),
                   key=lambda name: [int(number) for number in name.split(".")])
    version = version or there[-1]
    if version not in there:
        print(f"1..0 # SKIP APT knows no kernel {version} here, but {' '.join(there)}")
        sys.exit(0)
    print(f"# Linux {version}", flush=True)
    return f"{cache}/kernels/{version}"


def cpio_entry(name, mode, data):
    """Returns one file of an initrd, in the 'newc' format."""
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + name + b"\0"
    head += b"\0" * (-len(head) % 4)
    return head + data + b"\0" * (-len(data) % 4)


def write_initrd(kernel, path):
    """Writes the initrd: busybox and modules from the kernel's folder, and our init behind them."""
    with open(os.path.join(HERE, "init"), "rb") as file:
        init = file.read()
    with open(os.path.join(kernel, "base.cpio"), "rb") as file:
        base = file.read()
    with open(path, "wb") as file:
        file.write(base + b"\0" * (-len(base) % 4))
        file.write(cpio_entry(b"init", 0o100755, init) + cpio_entry(b"TRAILER!!!", 0, b""))


def write_job(path, programs):
    """Writes the guest's job: each program in order, whatever the result of the one before."""
    env = {"WEIR_VM_NG": "/dev/ng0n1", "WEIR_VM_BLOCK": "/dev/nvme0n1", "TMPDIR": "/dev/shm",
           "CMOCKA_MESSAGE_OUTPUT": "TAP", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/",
           "LC_ALL": "C.UTF-8"}
    with open(path, "w", encoding="utf-8") as file:
        for name, value in env.items():
            file.write(f"export {name}={shlex.quote(value)}\n")
        file.write("bad=0\n")
        for program in programs:
            words = shlex.join(os.path.realpath(word) if os.path.exists(word) else word
                               for word in shlex.split(program))
            name = "# " + os.path.basename(shlex.split(program)[0])
            file.write(f"echo {shlex.quote(name)}\n{words} || bad=1\n")
        file.write("exit $bad\n")


def qemu(cache, kernel, folder, args):
    """Returns QEMU's command line: the drive, the two shared folders, and no other hardware."""
    image = f"blkdebug:{args.faults}:{folder}/nvme.img" if args.faults else f"{folder}/nvme.img"
    cache_mode = "writeback" if args.faults else "unsafe"  # with "unsafe", flushes are dropped
    rate = f",throttling.bps-write={args.rate}" if args.rate else ""
    share = "security_model=none,multidevs=remap"
    # FDP and zones exclude each other in a subsystem: this namespace has its own controller.
    zoned = ["-device", "nvme,id=n1,serial=w1,max_ioqpairs=1", "-drive",
             f"file={folder}/zoned.img,if=none,id=d1,format=raw,cache=unsafe",
             "-device", "nvme-ns,drive=d1,nsid=1,bus=n1,zoned=true,zoned.zone_size=4M"]
    return [
        f"{cache}/root/qemu", "-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "max",
        "-m", "512", "-smp", "2", "-nodefaults", "-display", "none", "-no-reboot",
        "-serial", f"file:{folder}/console", "-kernel", f"{kernel}/vmlinuz",
        "-initrd", f"{folder}/initrd",
        # The watchdogs would mistake a busy host for a guest that hangs.
        "-append", "console=ttyS0 loglevel=4 panic=-1 mitigations=off rdinit=/init nowatchdog "
                   f"rcupdate.rcu_cpu_stall_suppress=1 weir_stuck={TIMEOUT - 20} " +
                   args.append,
        "-virtfs", f"local,path=/,mount_tag=root,readonly=on,{share}",
        "-virtfs", f"local,path={folder}/share,mount_tag=share,{share}",
        "-device", "nvme-subsys,id=s0,fdp=on,fdp.runs=8M,fdp.nrg=1,fdp.nruh=8",
        "-device", "nvme,id=n0,serial=w0,subsys=s0,max_ioqpairs=4",
        "-drive", f"file={image},if=none,id=d0,format=raw,cache={cache_mode},discard=unmap{rate}",
        "-device", f"nvme-ns,drive=d0,nsid=1,bus=n0,logical_block_size={args.block},"
                   f"physical_block_size={args.block},fdp.ruhs=0;1;2;3;4;5;6;7",
        *(zoned if args.zoned else []),
    ]


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return None


def case(good, name):
    print(f"1..1\n{'ok' if good else 'not ok'} 1 - {name}")
    return good


def complaints(dmesg, expect):
    """Returns what is wrong in the kernel's log, a line each; EXPECT has patterns of expected
    lines."""
    found, expected, begun = [], set(), False
    for line in dmesg.splitlines():
        level = re.match(r"<(\d+)>", line)
        known = [pattern for pattern in expect if begun and re.search(pattern, line)]
        expected.update(known)
        warning = begun and level and int(level.group(1)) & 7 <= KERN_WARNING
        if COMPLAINT.search(line) or warning and not known and not SLOW.search(line):
            found.append(line)
        begun |= BEGIN in line
    found += [f"nothing says '{pattern}'" for pattern in expect if pattern not in expected]
    return found if begun else found + [f"nothing says '{BEGIN}'"]


def report(folder, expect):
    """Prints the results of the guest; returns true if all of them are good."""
    output, dmesg = read(f"{folder}/share/output"), read(f"{folder}/share/dmesg")
    sys.stdout.write(output or "")
    code = read(f"{folder}/share/exit")
    if not code or dmesg is None:
        for name in "console", "share/stuck":
            print("# " + (read(f"{folder}/{name}") or "")[-8000:].replace("\n", "\n# "))
        return case(False, "the guest runs all programs and switches itself off")
    found = complaints(dmesg, expect)
    if found:
        print("\n".join("# " + line for line in found + ["the log ends with:"] +
                        dmesg.splitlines()[-40:]))
    return case(not found, "the guest's kernel had nothing to complain about") and int(code) == 0


def main():
    parser = argparse.ArgumentParser(description="Runs test programs beside an NVMe drive.")
    parser.add_argument("--kernel", metavar="VERSION", help="as 6.1; default: the newest")
    parser.add_argument("--block", type=int, default=4096, help="bytes of a logical block")
    parser.add_argument("--faults", help="a configuration of QEMU's blkdebug")
    parser.add_argument("--rate", type=int, help="bytes a second that the drive writes at most")
    parser.add_argument("--append", default="", metavar="WORDS",
                        help="for the kernel's command line, as nvme.io_queue_depth=16")
    parser.add_argument("--zoned", action="store_true",
                        help="a second drive, of serial number w1, whose namespace has zones")
    parser.add_argument("--expect", action="append", default=[], metavar="REGEX",
                        help="a warning of the guest's kernel that the programs cause on purpose")
    parser.add_argument("programs", nargs="+")
    args = parser.parse_args()
    cache = fetch()
    kernel = kernel_folder(cache, args.kernel)
    with tempfile.TemporaryDirectory(prefix="weir-vm-") as folder:
        os.mkdir(f"{folder}/share")
        for name, size in ("nvme", DRIVE_BYTES), ("zoned", ZONED_BYTES):
            with open(f"{folder}/{name}.img", "wb") as image:
                image.truncate(size)
        write_initrd(kernel, f"{folder}/initrd")
        write_job(f"{folder}/share/job", args.programs)
        try:
            subprocess.run(qemu(cache, kernel, folder, args), stdin=subprocess.DEVNULL, check=True,
                           timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            print(f"# the guest was stopped after {TIMEOUT} s")
        return 0 if report(folder, args.expect) else 1


if __name__ == "__main__":
    sys.exit(main())
