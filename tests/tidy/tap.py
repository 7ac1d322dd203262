# SPDX-License-Identifier: Apache-2.0
"""How tests that are written in Python report: TAP on standard output."""


def run(cases):
    """Runs CASES, pairs of a name and a function that returns what is wrong (a text, or a list of
    lines) or nothing. Returns the exit code of the program."""
    failed = False
    print(f"1..{len(cases)}", flush=True)
    for number, (name, judge) in enumerate(cases, 1):
        wrong = judge()
        failed |= bool(wrong)
        for line in [wrong] if isinstance(wrong, str) else wrong or ():
            print("# " + line.strip().replace("\n", "\n# "))
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}", flush=True)
    return 1 if failed else 0
