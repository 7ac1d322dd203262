#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Installs a build into a temporary folder and uses it as a stranger would: headers as C and C++,
pkg-config, programs that link with the shared and the static library and run, documents, completion
and man page; the library's symbols are the version script's, and all say the same version.

    test_install.py BUILD LIBWEIR VERSION_SCRIPT PROGRAM CPLUSPLUS        TAP on standard output
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402
from tap import Skip  # noqa: E402

BUILD, LIBRARY, SCRIPT, PROGRAM, CPLUSPLUS = sys.argv[1:]
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
COMPILER = shutil.which("cc") or "gcc"


def run(*command, **env):
    """Returns the standard output of a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          env={**os.environ, **env})
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def find(root, pattern):
    """Returns the only file below ROOT whose path ends in PATTERN."""
    paths = [os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names]
    found = [path for path in paths if re.search(pattern + "$", path)]
    assert len(found) == 1, f"{pattern}: {found or 'not installed'}"
    return found[0]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def headers(root):
    folder = os.path.dirname(find(root, "include/weir/weir.h"))
    return os.path.dirname(folder), sorted(os.listdir(folder))


def check_headers(root, *compiler):
    """Checks that each header compiles as the only one of a program."""
    include, names = headers(root)
    for name in names:
        source = os.path.join(root, "header.txt")
        with open(source, "w", encoding="utf-8") as file:
            file.write(f"#include <weir/{name}>\nextern int program;\n")
        run(*compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-I", include,
            source)


def case_symbols(_):
    """the library's symbols are those of the version script"""
    listed = run("nm", "-D", "--defined-only", "--without-symbol-versions", LIBRARY)
    names = {line.split()[-1] for line in listed.splitlines() if line.split()[-2] != "A"}
    wanted = set(re.findall(r"^\t(\w+);", read(SCRIPT), re.M))
    assert names == wanted, f"not in the library: {wanted - names}; too many: {names - wanted}"


def case_c(root):
    """each header compiles alone as C11"""
    check_headers(root, COMPILER, "-x", "c", "-std=c11")


def cplusplus():
    """Returns a C++ compiler."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if not compiler:
        raise Skip("no C++ compiler")
    return compiler


def case_cplusplus(root):
    """each header compiles alone as C++"""
    check_headers(root, cplusplus(), "-x", "c++", "-std=c++11")


def pkg_config(root, *options):
    """Returns what pkg-config prints about the installed library."""
    folder = os.path.dirname(find(root, "pkgconfig/weir.pc"))
    return run("pkg-config", *options, "weir", PKG_CONFIG_PATH=folder,
               PKG_CONFIG_SYSROOT_DIR=root).split()


def case_initialisers(root):
    """a C++11 program initialises every struct with its macro, and uses a queue and a store"""
    program = os.path.join(root, "initialisers")
    run(cplusplus(), "-std=c++11", "-pedantic", "-Wall", "-Wextra", "-Werror", CPLUSPLUS, "-o",
        program, *pkg_config(root, "--cflags", "--libs"))
    run(program, os.path.join(root, "store.img"),
        LD_LIBRARY_PATH=os.path.dirname(find(root, r"libweir.so")))


def sanitized():
    """Returns true if the build has a sanitizer, which a foreign program would have to link too."""
    options = json.loads(run("meson", "introspect", "--buildoptions", BUILD))
    return any(o["name"] == "b_sanitize" and o["value"] != "none" for o in options)


def case_program(root):
    """a program finds the library through pkg-config, links and runs"""
    program = os.path.join(root, "program")
    run(COMPILER, "-Wall", "-Werror", PROGRAM, "-o", program,
        *pkg_config(root, "--cflags", "--libs"))
    library = os.path.dirname(find(root, r"libweir.so"))
    version = run(program, LD_LIBRARY_PATH=library).split()
    assert version == pkg_config(root, "--modversion"), version


def case_static(root):
    """a program links with the static library, and runs without the shared one"""
    if sanitized():
        raise Skip("the library has a sanitizer")
    flags = pkg_config(root, "--static", "--cflags", "--libs")
    program = os.path.join(root, "with-archive")
    run(COMPILER, PROGRAM, "-o", program,
        *["-l:libweir.a" if flag == "-lweir" else flag for flag in flags])
    assert "libweir" not in run("readelf", "--dynamic", program)
    assert run(program).split() == pkg_config(root, "--modversion")


def case_all_static(root):
    """a program links statically with everything and uses a store"""
    if sanitized():
        raise Skip("the library has a sanitizer")
    flags = pkg_config(root, "--static", "--cflags", "--libs")
    program = os.path.join(root, "all-static")
    example = find(root, "doc/weir/examples/hello_store.c")
    try:
        run(COMPILER, "-static", example, "-o", program, *flags)
    except AssertionError as error:
        absent = re.search(r"cannot find (-l(?!weir)\S+)", str(error))
        if not absent:
            raise
        raise Skip(f"no static library for {absent[1]} here") from error
    assert "INTERP" not in run("readelf", "--segments", "--wide", program)
    assert "hello" in run("sh", "-c", f"cd {root} && ./all-static")  # it makes a file


def case_versions(root):
    """library, command, pkg-config, CHANGELOG and Debian's changelog have the same version"""
    version = pkg_config(root, "--modversion")[0]
    assert run(find(root, "bin/weir"), "--version") == f"weir {version}\n"
    changes = read(find(root, "doc/weir/CHANGELOG.md"))
    top = re.search(r"^## \[?(\d\S*?)\]?(?: |$)", changes, re.M)
    assert top and top[1] == version, f"CHANGELOG.md begins with {top and top[1]}, not {version}"
    debian = read(os.path.join(ROOT, "debian", "changelog")).split()[:2]
    assert debian == ["weir", f"({version})"], f"debian/changelog begins with {debian}"


def case_documents(root):
    """man page and documents are installed, and no link between documents is broken"""
    find(root, "share/man/man1/weir.1")
    folder = os.path.dirname(find(root, "doc/weir/README.md"))
    pages = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names
             if name.endswith(".md")]
    assert len(pages) > 5, pages
    for page in pages:
        for target in re.findall(r"\]\((?!\w+:)([^)#\s]+)", read(page)):
            path = os.path.normpath(os.path.join(os.path.dirname(page), target))
            inside = os.path.relpath(path, folder)
            source = os.path.exists(os.path.join(ROOT, inside))
            documented = re.match(r"(docs|examples)/(?!man/)|.*\.md$", inside)
            assert os.path.exists(path) or (source and not documented), f"{page}: {target}"


def case_completion(root):
    """the completion for bash is where bash looks for it, and is what the command prints"""
    path = find(root, "share/bash-completion/completions/weir")
    assert read(path) == run(find(root, "bin/weir"), "help", "--bash-completion")
    if not shutil.which("bash"):
        raise Skip("bash is not installed")
    run("bash", "-n", path)


def case_tool(root):
    """the installed weir runs without the shared library"""
    run(find(root, "bin/weir"), "help")


CASES = [case_symbols, case_c, case_cplusplus, case_initialisers, case_program, case_static,
         case_all_static, case_tool, case_versions, case_documents, case_completion]


def main():
    with tempfile.TemporaryDirectory(prefix="weir-install-") as root:
        run("meson", "install", "-C", BUILD, "--no-rebuild", DESTDIR=root)
        return tap.run([(case.__doc__, lambda case=case: case(root)) for case in CASES])


if __name__ == "__main__":
    sys.exit(main())
