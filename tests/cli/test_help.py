#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests that help texts, man page and completion agree with the table of commands."""
import os
import re
import shlex
import shutil
import subprocess
import sys

from harness import Skip, case, main

COMMANDS = ("info", "doctor", "fdp", "format", "put", "get", "ls", "del", "stat", "top", "replay",
            "fsck", "scrub", "export", "import", "dump", "tenant", "set", "sched", "step", "sim",
            "bench", "report", "help")
PARTS = ("bench layer", "bench run", "bench tails", "bench fairness", "bench scale",
         "bench isolation", "bench recover", "bench store", "bench probe")
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
MAN_PAGE = os.path.join(ROOT, "docs", "man", "weir.1")


def options_of(text):
    """Returns the long options that a help text lists."""
    return re.findall(r"^  (?:-\w, |    )--([\w-]+)", text, re.M)


def help_of(weir, command):
    """Returns the output of `weir help COMMAND`."""
    return weir.run("help", *command.split())[0].decode()


@case
def version(weir):
    """--version"""
    out, _ = weir.run("--version")
    assert re.fullmatch(rb"weir \d+\.\d+\.\d+\n", out), out


@case
def overview(weir):
    """help lists every command; --help and -h are the same"""
    out, err = weir.run("help")
    assert err == "" and (out, err) == weir.run("--help") == weir.run("-h")
    listed = re.findall(r"^  (\w+) +\S", out.decode().split("Commands:")[1].split("\n\n")[0], re.M)
    assert tuple(listed) == COMMANDS, listed


@case
def each_command(weir):
    """each command explains itself, with examples, in 100 columns"""
    for command in COMMANDS + PARTS:
        text = help_of(weir, command)
        assert text.startswith(f"usage: weir {command} [options]"), text
        assert "\nExamples:\n  " in text and "--help" in text, text
        assert text.count("is the same") <= 1, text
        words = command.split()
        assert (text.encode(), "") == weir.run(*words, "--help") == weir.run(*words, "-h")
        assert max(map(len, text.splitlines())) <= 100, text
        assert text.splitlines()[0] == text.splitlines()[0].rstrip(), text
        for line in re.findall(r"^  (?:-|    --).*", text.split("Options:")[1], re.M):
            assert re.match(r"  (-., |    )--[\w-]+( \S+)?($|  )", line) or "Examples" in line, line


@case
def examples_are_right(weir):
    """each example of a help text has options and values that there are"""
    for command in COMMANDS + PARTS:
        examples = help_of(weir, command).split("\nExamples:\n")[1]
        found = re.findall(r"\bweir ((?:[^|;&<>()#\n']|'[^']*')+)", examples)
        assert found, command
        for example in found:
            words = shlex.split(example)
            if words[0] in COMMANDS:
                weir.run(*words, "--help")


@case
def json_everywhere(weir):
    """every command with results has --json"""
    for command in (*COMMANDS, *PARTS):
        if command in ("bench", "help"):
            continue
        assert "json" in options_of(help_of(weir, command)), command


@case
def man_page_agrees(weir):
    """the man page has every command and every option"""
    with open(MAN_PAGE, encoding="utf-8") as file:
        page = file.read()
    for command in COMMANDS + PARTS:
        section = re.search(rf"^\.Ss {command}\b.*?(?=^\.S[sh] )", page, re.M | re.S)
        assert section, f"no section about {command}"
        options = set(options_of(help_of(weir, command))) - {"help"}
        described = set(re.findall(r"Fl Fl ([\w-]+)", section.group()))
        assert options == described, f"{command}: {options ^ described}"


@case
def man_page_is_sound(_):
    """the man page is valid mdoc"""
    if not shutil.which("mandoc"):
        raise Skip("mandoc is not installed")
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", MAN_PAGE],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@case
def completion(weir):
    """the completion for bash completes commands, every option of each, and names of values"""
    if not shutil.which("bash"):
        raise Skip("bash is not installed")
    def complete(*words):
        script = (f'source <("{weir.binary}" help --bash-completion); '
                  f'COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}; _weir; '
                  'echo "${COMPREPLY[@]}"')
        return subprocess.run(["bash", "-c", script], capture_output=True, text=True,
                              check=True).stdout.split()
    assert complete("weir", "re") == ["replay", "report"]
    assert complete("weir", "help", "st") == ["stat", "step"]
    assert complete("weir", "put", "--du") == ["--durable"]
    assert complete("weir", "put", "fi") == []
    assert set(complete("weir", "")) == set(COMMANDS)
    for command in COMMANDS + PARTS:
        assert set(complete("weir", *command.split(), "--")) == {
            "--" + name for name in options_of(help_of(weir, command))}, command
    assert complete("weir", "bench", "la") == ["layer"]
    assert complete("weir", "help", "bench", "la") == ["layer"]
    assert complete("weir", "help", "stat", "la") == []
    assert complete("weir", "bench", "layer", "--merging", "o") == ["off", "on"]
    assert complete("weir", "cat", "--esc") == ["--escaped"]
    assert complete("weir", "--ver") == ["--version"]
    assert complete("weir", "put", "--engine", "uring_") == ["uring_cmd"]
    assert complete("weir", "put", "--engine", "=", "uring_") == ["uring_cmd"]
    assert complete("weir", "format", "--placement", "=") == ["none", "stream"]
    assert complete("weir", "sim", "-s", "mq") == ["mq-deadline"]
    assert complete("weir", "replay", "--speed", "") == ["max"]


if __name__ == "__main__":
    sys.exit(main())
