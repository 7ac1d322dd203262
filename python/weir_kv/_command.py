# SPDX-License-Identifier: Apache-2.0
"""The command ``weir``, which lies in the package."""
from __future__ import annotations

import os
import shutil
import sys


def path() -> str:
    """Returns the path of the command: the package's own, else that of $PATH."""
    own = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin", "weir")
    found = own if os.access(own, os.X_OK) else os.environ.get("WEIR_COMMAND") or \
        shutil.which("weir")
    if not found:
        raise FileNotFoundError(f"no command weir: neither {own} nor one in $PATH")
    return found


def main() -> None:
    """Becomes the command. ``weir migrate`` is a part of this package: it makes the keys of the
    hosts, as their connectors do."""
    if sys.argv[1:2] == ["migrate"] or sys.argv[1:] == ["help", "migrate"]:
        from . import migrate  # pylint: disable=import-outside-toplevel
        sys.exit(migrate.main(sys.argv[2:] if sys.argv[1] == "migrate" else ["--help"]))
    command = path()
    os.execv(command, ["weir"] + sys.argv[1:])
