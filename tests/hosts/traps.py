# SPDX-License-Identifier: Apache-2.0
"""Makes the libraries that torch is linked with and never calls on a machine without a GPU.

torch for Linux needs 4 GB of CUDA's libraries only to be loaded. For each of them that is missing
this makes one of that name in torch's own folder. All names that torch wants of them lie in one
more library, and end the program if somebody does call them.

    traps.py ENVIRONMENT
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

CUDA = re.compile(r"(cublas|cudnn|nccl|cufft|curand|cusolver|cusparse|cupti|cufile|cuFile|nvrtc|"
                  r"nvJitLink|nvshmem|cuda|cu[A-Z])")
TRAPS = "traps_of_cuda"


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def shared(path, soname, source, *more):
    with tempfile.NamedTemporaryFile("w", suffix=".c") as f:
        f.write(source)
        f.flush()
        subprocess.run(["cc", "-shared", "-fPIC", "-w", f"-Wl,-soname,{soname}", "-o", path,
                        f.name, *more], check=True)


def main():
    folder, = glob.glob(os.path.join(sys.argv[1], "lib/python3*/site-packages/torch/lib"))
    missing, names = set(), set()
    for path in glob.glob(os.path.join(folder, "*.so*")):
        missing.update(re.findall(r"^\s*(\S+) => not found", output("ldd", path), re.M))
        names.update(line.split()[-1].split("@")[0]
                     for line in output("nm", "-D", "--undefined-only", path).splitlines())
    names = sorted(name for name in names if CUDA.match(name))
    shared(os.path.join(folder, f"lib{TRAPS}.so"), f"lib{TRAPS}.so",
           "".join(f"void {name}(void) {{ __builtin_trap(); }}\n" for name in names))
    for soname in sorted(missing):
        shared(os.path.join(folder, soname), soname, "", "-Wl,--no-as-needed", f"-L{folder}",
               f"-l{TRAPS}", "-Wl,-rpath,$ORIGIN")


main()
