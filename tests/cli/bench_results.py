# SPDX-License-Identifier: Apache-2.0
"""What the tests of weir bench share about what it prints."""
import re

# How short a bench may be whose figures nobody reads.
SHORT = ("--time", "60ms", "--rounds", "2")


def ordered(spread):
    """Asserts that SPREAD is a range with its median."""
    assert spread["min"] <= spread["median"] <= spread["max"], spread


def fits(text, columns=100):
    """Fails unless no line of TEXT is longer than COLUMNS, or ends in blanks. The name of the file
    that is measured stands for nothing."""
    for line in text.decode().splitlines():
        length = len(re.sub(r"/\S+/", "", line))
        assert length <= columns and line == line.rstrip(), (length, line)
