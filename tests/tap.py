# SPDX-License-Identifier: Apache-2.0
"""How tests that are written in Python report: TAP on standard output."""
import traceback


class Skip(Exception):
    """Why a case cannot be tried here."""


def try_case(case):
    """Returns what is wrong (a text, a list of lines, or nothing) and a remark for the report."""
    try:
        return case(), ""
    except Skip as reason:
        return None, f" # SKIP {reason}"
    except AssertionError as error:
        return str(error) or traceback.format_exc(), ""
    except Exception:  # pylint: disable=broad-except
        return traceback.format_exc(), ""


def run(cases):
    """Runs CASES, pairs of a name and a function. A case fails if its function returns what is
    wrong or raises an exception, and is skipped if it raises Skip. Returns the exit code of the
    program."""
    failed = False
    print(f"1..{len(cases)}", flush=True)
    for number, (name, case) in enumerate(cases, 1):
        wrong, remark = try_case(case)
        failed |= bool(wrong)
        for line in [wrong] if isinstance(wrong, str) else wrong or ():
            print("# " + line.strip().replace("\n", "\n# "))
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}{remark}", flush=True)
    return 1 if failed else 0
