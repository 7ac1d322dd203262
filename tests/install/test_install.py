#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Installs a build into a temporary folder and uses it as a stranger would: headers as C and C++,
pkg-config, a program that links and runs; and the library's symbols are the version script's.

    test_install.py BUILD LIBWEIR VERSION_SCRIPT PROGRAM CPLUSPLUS        TAP on standard output
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

BUILD, LIBRARY, SCRIPT, PROGRAM, CPLUSPLUS = sys.argv[1:]


class Skip(Exception):
    """Why a case cannot be tried here."""


def run(*command, **env):
    """Standard output of a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          env={**os.environ, **env})
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def find(root, pattern):
    """The one file below ROOT whose path ends in PATTERN."""
    paths = [os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names]
    found = [path for path in paths if re.search(pattern + "$", path)]
    assert len(found) == 1, f"{pattern}: {found or 'not installed'}"
    return found[0]


def headers(root):
    folder = os.path.dirname(find(root, "include/weir/weir.h"))
    return os.path.dirname(folder), sorted(os.listdir(folder))


def check_headers(root, *compiler):
    """Each header compiles as the only one of a program."""
    include, names = headers(root)
    for name in names:
        source = os.path.join(root, "header.txt")
        with open(source, "w", encoding="utf-8") as file:
            file.write(f"#include <weir/{name}>\n")
        run(*compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-I", include,
            source)


def case_symbols(_):
    """the library's symbols are those of the version script"""
    listed = run("nm", "-D", "--defined-only", "--without-symbol-versions", LIBRARY)
    names = {line.split()[-1] for line in listed.splitlines() if line.split()[-2] != "A"}
    with open(SCRIPT, encoding="utf-8") as file:
        wanted = set(re.findall(r"^\t(\w+);", file.read(), re.M))
    assert names == wanted, f"not in the library: {wanted - names}; too many: {names - wanted}"


def case_c(root):
    """each header compiles alone as C11"""
    check_headers(root, shutil.which("cc") or "gcc", "-x", "c", "-std=c11")


def cplusplus():
    """A C++ compiler."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if not compiler:
        raise Skip("no C++ compiler")
    return compiler


def case_cplusplus(root):
    """each header compiles alone as C++"""
    check_headers(root, cplusplus(), "-x", "c++", "-std=c++11")


def pkg_config(root, *options):
    """What pkg-config says about the installed library."""
    folder = os.path.dirname(find(root, "pkgconfig/weir.pc"))
    return run("pkg-config", *options, "weir", PKG_CONFIG_PATH=folder,
               PKG_CONFIG_SYSROOT_DIR=root).split()


def case_initialisers(root):
    """a C++11 program begins every struct with its initialiser, and uses a queue and a store"""
    program = os.path.join(root, "initialisers")
    run(cplusplus(), "-std=c++11", "-pedantic", "-Wall", "-Wextra", "-Werror", CPLUSPLUS, "-o",
        program, *pkg_config(root, "--cflags", "--libs"))
    run(program, os.path.join(root, "store.img"),
        LD_LIBRARY_PATH=os.path.dirname(find(root, r"libweir.so")))


def case_program(root):
    """a program finds the library through pkg-config, links and runs"""
    program = os.path.join(root, "program")
    run(shutil.which("cc") or "gcc", "-Wall", "-Werror", PROGRAM, "-o", program,
        *pkg_config(root, "--cflags", "--libs"))
    library = os.path.dirname(find(root, r"libweir.so"))
    version = run(program, LD_LIBRARY_PATH=library).strip()
    assert [version] == pkg_config(root, "--modversion"), version


def case_tool(root):
    """the installed weir runs without the shared library"""
    run(find(root, "bin/weir"), "help")


CASES = [case_symbols, case_c, case_cplusplus, case_initialisers, case_program, case_tool]


def main():
    failed = False
    with tempfile.TemporaryDirectory(prefix="weir-install-") as root:
        run("meson", "install", "-C", BUILD, "--no-rebuild", DESTDIR=root)
        print(f"1..{len(CASES)}")
        for number, case in enumerate(CASES, 1):
            try:
                case(root)
                print(f"ok {number} - {case.__doc__}")
            except Skip as reason:
                print(f"ok {number} - {case.__doc__} # SKIP {reason}")
            except AssertionError as error:
                failed = True
                print("# " + str(error).replace("\n", "\n# "))
                print(f"not ok {number} - {case.__doc__}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
