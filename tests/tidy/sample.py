# SPDX-License-Identifier: Apache-2.0
"""Small trees of sources for the tests of tidy and of tools/structure, compiled where they ask."""
import json
import os
import subprocess


def write(root, tree):
    """Writes TREE, path -> text, below ROOT."""
    for name, content in tree.items():
        os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
        with open(os.path.join(root, name), "w", encoding="utf-8") as file:
            file.write(content)


def compile_all(root, tree):
    """Compiles each C file of TREE, and leaves what meson would: a build folder that lists them."""
    build = os.path.join(root, "build")
    os.makedirs(build, exist_ok=True)
    commands = []
    for path in sorted(tree):
        if path.endswith(".c") and path.startswith(("src/", "cli/")):
            output = path.replace("/", "_") + ".o"
            commands.append({"directory": build, "file": "../" + path, "output": output})
            subprocess.run([os.environ.get("CC", "cc").split()[-1], "-c", "-w", "-I../include",
                            "-I../src", "../" + path, "-o", output], cwd=build, check=True)
    with open(os.path.join(build, "compile_commands.json"), "w", encoding="utf-8") as file:
        json.dump(commands, file)
