#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the reference with the headers, which are read here by other means than it is made by:
declarations by the compiler, comments by what stands directly above a name.

    test_reference.py FOLDER        with man3 and html; TAP on standard output
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402
from tap import Skip  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
GENERATOR = os.path.join(ROOT, "tools", "reference", "reference.py")
MAN, HTML = (os.path.join(sys.argv[1], name) for name in ("man3", "html"))


def read(*parts):
    """The text of a file."""
    with open(os.path.join(*parts), encoding="utf-8") as file:
        return file.read()


def symbols():
    """What libweir.so exports."""
    found = re.findall(r"^\t(weir_\w+);", read(ROOT, "libweir.map"), re.M)
    assert len(found) > 60, found
    return found


def pages():
    """Name -> text of each manual page that is no alias."""
    found = {os.path.basename(path)[:-2]: read(path) for path in glob.glob(MAN + "/*.3")}
    return {name: text for name, text in found.items() if not text.startswith(".so ")}


def headers():
    """Header -> its text."""
    return {"weir/" + os.path.basename(path): read(path)
            for path in glob.glob(os.path.join(ROOT, "include", "weir", "*.h"))}


def section(page, name):
    """The lines of a section of a page."""
    match = re.search(rf"^\.Sh {name}\n(.*?)(?=^\.Sh |\Z)", page, re.M | re.S)
    return match.group(1) if match else ""


def synopsis(page):
    """(header, declaration) of a page."""
    text = section(page, "SYNOPSIS").replace('"', "")
    result = re.search(r"^\.Ft (.*)$", text, re.M).group(1)
    name = re.search(r"^\.Fo (\w+)$", text, re.M).group(1)
    parameters = ", ".join(re.findall(r"^\.Fa (.*)$", text, re.M))
    star = "" if result.endswith("*") else " "
    return re.search(r"^\.In (\S+)$", text, re.M).group(1), f"{result}{star}{name}({parameters});"


def comment_above(text, name):
    """The comment that ends directly above the declaration of NAME."""
    found = re.search(rf"/\*((?:(?!\*/).)*)\*/\n[\w *]*\b{name}\(", text, re.S)
    assert found, f"no comment above {name}"
    return found.group(1)


def case_pages():
    """each exported function has a manual page of its own, and each page has its name"""
    missing = set(symbols()) - set(pages())
    assert not missing, missing
    for name, page in pages().items():
        assert f"\n.Nm {name}\n.Nd " in page and page.count(".Sh DESCRIPTION") == 1, name
        assert section(page, "DESCRIPTION").strip(), name


def case_synopsis():
    """each SYNOPSIS is what the header says, word by word, and what the compiler makes of it"""
    source = "#include <weir/weir.h>\n"
    texts = {name: re.sub(r"\s+", " ", text) for name, text in headers().items()}
    for name in symbols():
        header, declaration = synopsis(pages()[name])
        assert declaration in texts[header], f"{declaration} is not in {header}"
        source += f"extern {declaration}\n"
    include = [os.path.join(ROOT, "include"), os.path.join(sys.argv[1], "..", "include")]
    command = [shutil.which("cc") or "gcc", "-x", "c", "-fsyntax-only", "-Werror", "-"]
    command += [f"-I{folder}" for folder in include]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def case_errors():
    """ERRORS has each error that the comment names, and is absent where it names none"""
    named = 0
    for name in symbols():
        page = pages()[name]
        header, _ = synopsis(page)
        comment = comment_above(headers()[header], name)
        codes = set(re.findall(r"-(E[A-Z0-9]{2,})\b", comment))
        shown = set(re.findall(r"\\-(E[A-Z0-9]{2,})\b", section(page, "ERRORS")))
        assert codes == shown, f"{name}: the comment names {codes}, the page {shown}"
        named += bool(codes)
    assert named > 30, named


def case_structs():
    """each struct and enum of the headers has a page with each of its fields"""
    for header, text in headers().items():
        for _, name, body in re.findall(r"^(struct|enum) (\w+) \{\n(.*?)^\};", text, re.M | re.S):
            page = pages()[name]
            plain = re.sub(r"/\*.*?\*/", "", body, flags=re.S)
            for field in re.findall(r"\b(\w+)(?:\[\w+\]|\)\(.*?\))?(?: = [^,]*)?[;,]", plain):
                assert re.search(rf"^\.It .*\b{field}\b", page, re.M), f"{header}: {name}.{field}"


def case_references():
    """each page that another one names is there"""
    for name, page in pages().items():
        gone = {other for other in re.findall(r"\.Xr (\S+) 3", page)} - set(pages())
        assert not gone, f"{name} names {gone}"


def case_mandoc():
    """mandoc finds nothing to complain of"""
    if not shutil.which("mandoc"):
        raise Skip("mandoc is not installed")
    files = [os.path.join(MAN, name + ".3") for name in pages()]
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *files], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def case_man():
    """man formats each page without a warning"""
    if not shutil.which("man") or not shutil.which("groff"):
        raise Skip("man or groff is not installed")
    files = [os.path.join(MAN, name + ".3") for name in pages()]
    done = subprocess.run(["groff", "-mandoc", "-Tutf8", "-ww", *files], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr


def case_html():
    """each link of the HTML leads somewhere, and the index leads to each function and struct"""
    texts = {os.path.basename(path): read(path) for path in glob.glob(HTML + "/*.html")}
    assert len(texts) == len(headers()), sorted(texts)  # weir.h has none, the index has
    ids = {f"{name}#{found}" for name, text in texts.items()
           for found in re.findall(r' id="(\w+)"', text)} | set(texts)
    for name, text in texts.items():
        assert 'name="viewport"' in text and "color-scheme: light dark" in text, name
        assert "<script" not in text and "http" not in text, name
        gone = set(re.findall(r'href="([^"]+)"', text)) - ids
        assert not gone, f"{name} links to {gone}"
    linked = {link.partition("#")[2] for link in re.findall(r'href="([^"]+)"', texts["index.html"])}
    missing = {name for name in pages() if not name.endswith(".h")} - linked
    assert not missing, missing


def generate(spoil):
    """The result of the generator on a copy of the headers to which SPOIL(folder) was done."""
    with tempfile.TemporaryDirectory(prefix="weir-reference-") as folder:
        shutil.copytree(os.path.join(ROOT, "include"), os.path.join(folder, "include"))
        shutil.copy(os.path.join(ROOT, "libweir.map"), folder)
        spoil(folder)
        return subprocess.run([sys.executable, GENERATOR, "--root", folder, folder + "/man",
                               folder + "/html"], capture_output=True, text=True, check=False)


def replace_in(folder, path, old, new):
    """Replaces OLD, which must be there, in a file of FOLDER."""
    text = read(folder, path)
    assert old in text, old
    with open(os.path.join(folder, path), "w", encoding="utf-8") as file:
        file.write(text.replace(old, new, 1))


def case_undeclared():
    """an exported function that no header declares, or that has no comment, fails"""
    done = generate(lambda folder: None)
    assert done.returncode == 0, done.stderr
    done = generate(lambda folder: replace_in(folder, "libweir.map", "\tweir_error;",
                                              "\tweir_error;\n\tweir_forgotten;"))
    assert done.returncode == 1 and "weir_forgotten" in done.stderr, done.stderr
    done = generate(lambda folder: replace_in(folder, "include/weir/base.h",
                                              "const char *weir_error(void);",
                                              "\nconst char *weir_error(void);"))
    assert done.returncode == 1 and "weir_error" in done.stderr, done.stderr


CASES = [case_pages, case_synopsis, case_errors, case_structs, case_references, case_mandoc,
         case_man, case_html, case_undeclared]


if __name__ == "__main__":
    sys.exit(tap.run([(case.__doc__, case) for case in CASES]))
