#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests that the commands in the README work as written, with the inputs in examples/."""
import os
import re
import shutil
import subprocess
import sys

from harness import case, main

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def commands_of(text):
    """Returns (command, the lines shown below it) for each $ in the README."""
    found = []
    for block in re.findall(r"^```\n(.*?)^```", text, re.M | re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, shown = part.partition("\n")
            found.append((command, shown))
    return found


@case
def readme(weir):
    """each command of the README succeeds, one after the other, and prints what is shown"""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        commands = commands_of(file.read())
    assert len(commands) >= 12, commands
    shutil.copytree(os.path.join(ROOT, "examples"), weir.path("examples"))
    env = {**os.environ, "PATH": os.path.dirname(weir.binary) + ":" + os.environ["PATH"]}
    env.pop("WEIR_STORE", None)
    for command, shown in commands:
        done = subprocess.run(["bash", "-c", command], cwd=weir.folder, env=env, timeout=120,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        out, err = done.stdout.decode(), done.stderr.decode()
        assert done.returncode == 0, f"{command}: exit code {done.returncode}: {out}{err}"
        assert out or command.startswith("weir put"), f"{command}: printed nothing"
        assert shown in out, f"{command}: printed {out!r}, and the README shows {shown!r}"
        assert "other bytes" not in out or " 0 with other bytes" in out, out


@case
def every_example_is_used(weir):
    """each input in examples/ is in the README and in the list beside it, each program is in the
    list and is built"""
    texts = []
    for name in ("README.md", "examples/README.md", "examples/meson.build"):
        with open(os.path.join(ROOT, name), encoding="utf-8") as file:
            texts.append(file.read())
    for name in set(os.listdir(os.path.join(ROOT, "examples"))) - {"README.md", "meson.build"}:
        if name.endswith((".c", ".cpp")):
            assert f"'{name}'" in texts[2], name
        else:
            assert f"examples/{name}" in texts[0], name
        assert f"`{name}`" in texts[1], name
    assert weir


if __name__ == "__main__":
    sys.exit(main())
