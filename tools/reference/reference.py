#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the reference of the public functions from the headers: manual pages and HTML.

    tools/reference/reference.py [--root DIR] [--version V] MAN_FOLDER HTML_FOLDER

Doxygen is not used: it needs its own markup, which the comments of the headers do not have, so
that they are easy to read there. Without markup it shows each comment as one paragraph, and finds
neither errors nor headings. This program fails if a function of libweir.map is not declared and
documented in any header.
"""
import argparse
import collections
import os
import re
import sys
import time

import man
import web
from headers import ROOT, read_headers


Edition = collections.namedtuple("Edition", "version date")


class World:
    """All headers, and the relations between their items."""

    def __init__(self, root):
        self.headers = read_headers(root)
        self.items = {item.name: item for header in self.headers for item in header.items
                      if item.name}
        self.of_init = {item.init: item.name for item in self.items.values() if item.init}
        self.homes = dict.fromkeys(self.items)  # constant -> the item that contains it
        for item in self.items.values():
            self.homes[item.name] = item
            for text, _ in item.fields if item.kind == "enum" else ():
                self.homes[re.match(r"\w+", text).group()] = item

    def named_in(self, text):
        """Returns the items that TEXT names."""
        found = (self.homes.get(word) for word in re.findall(r"\b(?:weir|WEIR)_\w+", text))
        return [item for item in found if item]

    def users(self, item):
        """Returns the functions that take or return a struct or an enum."""
        return [other.name for other in self.items.values() if other.kind == "function" and
                re.search(rf"\b{item.name}\b", other.text)]

    def near(self, item):
        """Returns the pages that a reader of ITEM's page may want: the items that it names, its
        users, its header."""
        words = " ".join([item.text, *item.comment])
        near = {other.name for other in self.named_in(words) if other.kind != "macro"}
        if item.kind in ("struct", "enum"):
            near |= set(self.users(item))
        return near | {f"weir_{item.header.name}.h"}


def main():
    """Reads the headers and writes both folders."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--root", default=ROOT)
    parser.add_argument("--version", default="", help="of the library, for the manual pages")
    parser.add_argument("man")
    parser.add_argument("html")
    args = parser.parse_args()
    try:
        world = World(args.root)
    except ValueError as error:
        return f"reference: {error}"
    # Two builds of one release have the same date if the packager gives it.
    day = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())))
    man.write(world, args.man, Edition(args.version, time.strftime("%B %-d, %Y", day)))
    web.write(world, args.html)
    return 0


if __name__ == "__main__":
    sys.exit(main())
