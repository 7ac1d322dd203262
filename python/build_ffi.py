# SPDX-License-Identifier: Apache-2.0
"""The extension module: what cffi makes of the public headers, linked with the C library.

The declarations are not written a second time: the preprocessor reads the headers, and what it
prints goes to cffi. The environment's WEIR_BUILD is the build folder of weir (default: ../build),
WEIR_SOURCE its source (default: ..).
"""
import os
import re
import shlex
import subprocess
import tempfile

import cffi

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("WEIR_SOURCE", os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get("WEIR_BUILD", os.path.join(ROOT, "build")))
INCLUDE = [os.path.join(ROOT, "include"), os.path.join(BUILD, "include"), HERE]
HEADERS = ["weir/weir.h", "raw_io.h"]
# Found in the headers of the system, which cffi cannot read.
OTHERS = "struct iovec { void *iov_base; size_t iov_len; };\n"
NUMBERS = ["WEIR_KEY_MAX", "WEIR_STORE_IOV_MAX", "WEIR_TENANT_NAME_MAX", "WEIR_LEASE_MAX_NS",
           "WEIR_LANE_ANY"]
CALLBACKS = """
extern "Python" int weir_py_entry(const struct weir_store_entry *entry, void *user);
"""


def declarations():
    """Returns the public headers as declarations that cffi understands."""
    with tempfile.TemporaryDirectory() as empty:
        for name in ("stddef.h", "stdint.h", "stdbool.h", "sys/uio.h", "sys/types.h", "time.h"):
            path = os.path.join(empty, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="ascii"):
                pass
        source = "".join(f"#include <{h}>\n" for h in HEADERS)
        text = subprocess.run(
            [*shlex.split(os.environ.get("CC") or "cc"), "-E", "-P", "-nostdinc", f"-I{empty}"]
            + [f"-I{path}" for path in INCLUDE] + ["-x", "c", "-"],
            input=source, capture_output=True, text=True, check=True).stdout
    text = re.sub(r"\b(UINT32_MAX|UINT64_MAX)\b", "-1", text)
    text = re.sub(r"\b(\d+)u(ll)?\b", r"\1", text)
    text = re.sub(r"static inline [^{;]*\{[^}]*\}", "", text)
    return re.sub(r"__attribute__\s*\(\(.*?\)\)", "", text)


ffi = cffi.FFI()
ffi.cdef(OTHERS + declarations())
ffi.cdef("".join(f"#define {name} ...\n" for name in NUMBERS))
ffi.cdef(CALLBACKS + "char *strerror(int); char *strdup(const char *);")
ffi.set_source(
    "weir_kv._weir", "#include <string.h>\n#include <sys/uio.h>\n"
    "#include <weir/weir.h>\n#include \"raw_io.h\"\n",
    sources=[os.path.relpath(os.path.join(HERE, "raw_io.c"))], include_dirs=INCLUDE,
    extra_objects=[os.path.join(BUILD, "libweir.a")],
    libraries=["uring", "nvme", "xxhash", "bsd", "blkid", "pthread"],
    extra_link_args=["-Wl,--exclude-libs,ALL"])

if __name__ == "__main__":
    ffi.compile(verbose=True)
