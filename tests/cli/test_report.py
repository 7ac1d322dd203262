#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of `weir report`: the page, its JSON, its errors; and the page in Chromium."""
import csv
import html as html_module
import html.parser
import json
import os
import re
import shutil
import subprocess

from harness import Skip, case, main
from report_results import JOBS, SAME_NAMES, fitted, make, measured, one_name

VOID = {"meta", "link", "br", "img", "input", "hr"}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


class Page(html.parser.HTMLParser):
    """Checks that elements are nested, and gathers what a page has."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.tags, self.text = [], [], [], [], ""
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        assert tag not in ("script", "img", "iframe", "object", "embed"), tag
        assert not [name for name in attrs if name.startswith("on")], attrs
        if "id" in attrs:
            self.ids.append(attrs["id"])
        for name in "href", "src", "action", "data":
            if name in attrs:
                self.links.append(attrs[name])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, (tag, self.open, self.getpos())

    def handle_data(self, data):
        self.text += data


@case
def page(weir):
    """the page is well-formed, needs nothing besides itself, and all names in it are text"""
    text = make(weir)
    got = Page(text)
    assert len(set(got.ids)) == len(got.ids), got.ids
    for link in got.links:
        assert link == "data:," or (link[0] == "#" and link[1:] in got.ids), link
    assert not re.search(r"https?:|@import|url\(", text)
    assert "alert(1)" in got.text and "<script" not in text and "<img" not in text
    assert "\x01" not in text
    for words in ("Schedulers side by side", "sim: pace on nvme", "suite on nvme", "Over time",
                  "Throughput in each window", "the mark is the share by weight", "<i>&\"flood"):
        assert words in got.text, words
    assert got.tags.count("svg") > 10 and "prefers-color-scheme:dark" in text
    assert "@media print" in text


@case
def probes_and_fit(weir):
    """the page has what was probed, and the model beside the drive; * is beyond the limit"""
    both = fitted()
    text = weir.run("report", "-", stdin=json.dumps(both).encode())[0].decode()
    got = Page(text)
    for words in ("probes of </script>", "fit of a drive", "83.0 us", "96,000/s", "3200.0 MB/s",
                  "how long & <far>?", "Simulated", "was the bottleneck", "How much a second",
                  "Writes of a flood", "1 TiB", "The model does not fit.",
                  "Half of 11 figures are within a factor of 1.01, nine of ten within 1.90",
                  "the worst is iops of read-4k-8: 0.50 times", "the drive", "the model",
                  "channels", "48,000/s"):
        assert words in got.text, words
    assert re.findall(r'<td class="bad">([^<]*)<', text) == ["0.50 *"], text
    assert got.tags.count("svg") >= 6, got.tags
    # Both lines of the flood end at a tenth of where they begin.
    lines = re.findall(r'<polyline class="s s[01]" points="([^"]*)"', text)
    assert len(lines) == 3, lines
    for line in lines:
        heights = [280 - 44 - float(point.split(",")[1]) for point in line.split()]
        assert len(heights) == 8 and abs(heights[-1] / heights[0] - 0.1) < 0.01, heights
    both[1].update(fits=True, nine_of_ten=1.2)
    for row in both[1]["figures"]:
        row["ratio"] = 1.2
    text = weir.run("report", "-", stdin=json.dumps(both[1]).encode())[0].decode()
    assert "The model fits." in Page(text).text and 'class="bad"' not in text


@case
def benches_and_replays(weir):
    """a job has each scheduler beside the others, with plots; so have shares, and a replay"""
    run, tails, fairness, replay = measured()

    def of(obj):
        got = Page(weir.run("report", "-", stdin=json.dumps(obj).encode())[0].decode())
        return got, got.text
    got, text = of(run)
    for words in ("reader, reads", "<i>w, writes", "111 (55.5 to 222)", "222 (111 to 444)",
                  "p99.99", "5.00 ms", "none *", "* The thread that submits", "CPU ns an io",
                  "99.99 %"):
        assert words in text, words
    # Three jobs, each with latencies by scheduler and bars; two have the same name.
    assert got.tags.count("figure") == 6 and text.count("<i>w, writes") == 2, got.tags
    assert "<i>w, writes (2)" in text, text
    assert "p99 to floor" not in text and "fio" in text
    got, text = of(tails)
    for words in ("p99.9 to floor", "1.25 (0.625 to 2.5)", "0.875 (0.4375 to 1.75)"):
        assert words in text, words
    assert "* The thread" not in text
    got, text = of(fairness)
    for words in ("sizes: 4 & 4", "0.9375", "least share", "0.625 (0.3125 to 1.25)", "pace most",
                  "the mark is what is due"):
        assert words in text, words
    assert "Jain 5 ms" not in text and got.tags.count("figure") == 1
    got, text = of(replay)
    for words in ("get a block", "put a block", "load a prompt", "123 MB/s", "45 MB/s",
                  "get p999", "hit rate"):
        assert words in text, words
    assert got.tags.count("figure") == 2


@case
def runs_side_by_side(weir):
    """runs with the same jobs are told apart: by scheduler, else by drive, else by a number"""
    jobs, runs = b"[global]\nruntime=20ms\n" + SAME_NAMES.encode(), []
    for words in (("nvme", "none"), ("nvme", "pace"), ("sata", "pace"), ("nvme", "pace")):
        out, _ = weir.run("sim", "-", "--device", words[0], "--sched", words[1], "--seed",
                          len(runs) + 1, "--json", stdin=jobs)
        runs.append(json.loads(out))
    labels = ["none", "pace on nvme", "pace on sata", "pace on nvme (2)"]
    for results in runs, json.loads(one_name(json.dumps(runs).encode())):
        page, _ = weir.run("report", "-", stdin=json.dumps(results).encode())
        compared = page.decode().split('id="compared"')[1].split("</section>")[0]
        parts = compared.split("<h3>")[1:]
        assert len(parts) == 4 and len({part.split("</h3>")[0] for part in parts}) == 4, parts
        for number, part in enumerate(parts):
            rows = re.findall(r'<tr><th scope="row">(.*?)</th><td>(\d+)</td>', part)
            assert rows == [(label, f"{run['jobs'][number]['iops']:.0f}")
                            for label, run in zip(labels, runs)], (number, rows)
            bars = re.findall(r'text-anchor="end">([^<]+)</text><rect class="b0"', part)
            assert len(set(bars)) == 4, bars


@case
def values(weir):
    """the tables have the figures of the runs"""
    got = Page(make(weir))
    run = json.loads(open(weir.path("runs.json"), encoding="utf-8").readline())
    share = f"{100 * run['jobs'][0]['share']:.1f} %"
    assert share in got.text and f"{run['jobs'][0]['iops']:.0f}" in got.text, share


@case
def json_beside(weir):
    """the JSON beside the page and --json have what was read; the page's JSON can be read again"""
    make(weir)
    with open(weir.path("page.json"), encoding="utf-8") as file:
        beside = json.load(file)
    schemas = ["weir.sim.v1"] * 3 + ["weir.suite.v1", "weir.other.v1", "weir.probes.v1",
                                     "weir.fit.v1", "weir.bench.run.v1", "weir.bench.tails.v1",
                                     "weir.bench.fairness.v1", "weir.replay.v1"]
    assert [run["schema"] for run in beside] == schemas
    lines, _ = weir.run("report", weir.path("page.json"), "--json")
    assert [json.loads(line) for line in lines.decode().splitlines()] == beside


@case
def names_with_commas(weir):
    """a job's name with commas and quotes is a field of the CSV, and is read again"""
    name = 'a,"b",,c"'
    with open(weir.path("jobs"), "w", encoding="utf-8") as file:
        file.write(f"[{name}]\nrw=randread\nruntime=10ms\n")
    out, _ = weir.run("sim", weir.path("jobs"), "--series", weir.path("s.csv"), "--log",
                      weir.path("log.csv"), "--json")
    assert json.loads(out)["jobs"][0]["name"] == name
    for path in "s.csv", "log.csv":
        with open(weir.path(path), newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert rows and {row["job"] for row in rows} == {name} and None not in rows[0], rows[0]
    assert f"{name}, reads" in Page(weir.run("report", weir.path("s.csv"))[0].decode()).text
    for job in '"open', '"a"b', '"', '"a""':
        text = f"begin_ns,end_ns,job,direction,x\n0,1,{job},reads,1,2,3,4,5,6,7,8\n"
        weir.fails("report", "-", stdin=text.encode(), code=1, says=[":2: no line"])


@case
def inputs_stay(weir):
    """the JSON beside a page overwrites neither an input nor fio's JSON"""
    for name, text in ("page.json", '{"one": 1}'), ("other.json", '{"two": 2}'):
        with open(weir.path(name), "w", encoding="utf-8") as file:
            file.write(text)
    _, err = weir.run("report", weir.path("page.json"), weir.path("other.json"), "-o",
                      weir.path("page.html"))
    assert "page.json is an input" in err, err
    with open(weir.path("page.json"), encoding="utf-8") as file:
        assert file.read() == '{"one": 1}'
    weir.fails("report", weir.path("other.json"), "-o", weir.path("page.html"), "--fio-json",
               weir.path("page.json"), code=2, says=["--fio-json", "beside the page"])
    weir.fails("report", weir.path("other.json"), "-o", weir.path("page.html"), "--json", code=2,
               says=["--output"])


@case
def strangers_stay(weir):
    """the JSON beside a page replaces only what `weir report` wrote, and without runs nothing"""
    page, beside = weir.path("page.html"), weir.path("page.json")
    out, _ = weir.run("sim", "-", "--json", "--series", weir.path("s.csv"), stdin=JOBS)
    for text in out.decode(), "my notes\n", '["mine"]', "":
        with open(beside, "w", encoding="utf-8") as file:
            file.write(text)
        _, err = weir.run("report", "-", "-o", page, stdin=out)
        assert "page.json is not a file that `weir report` wrote, and stays" in err, (text, err)
        with open(beside, encoding="utf-8") as file:
            assert file.read() == text
    os.unlink(beside)
    weir.run("report", weir.path("s.csv"), "-o", page)
    assert not os.path.exists(beside)
    for runs in 1, 2:
        weir.run("report", "-", "-o", page, stdin=out * runs)
        with open(beside, encoding="utf-8") as file:
            assert len(json.load(file)) == runs
    weir.run("report", weir.path("s.csv"), "-o", page)
    with open(beside, encoding="utf-8") as file:
        assert len(json.load(file)) == 2


@case
def figures_that_are_not_there(weir):
    """a suite's figure that is null misses its bar"""
    figures = [{"name": name, "least": least, "most": None}
               for name, least in (("a", 0.9), ("b", None))]
    run = {"schema": "weir.suite.v1", "cases": [{"name": "c", "figures": figures}],
           "schedulers": [{"name": "none", "cases": {"c": {"a": None, "b": None}}}]}
    text = weir.run("report", "-", stdin=json.dumps(run).encode())[0].decode()
    assert '<td class="bad">- *</td><td>-</td>' in text, text


@case
def huge_values(weir):
    """values that no run has are left out of plots, and no coordinate is infinite"""
    for low, high in (1, 1e308), (-1e308, 1e308), (1e-308, 1e308), (1e-308, 1e-307):
        entries = [{"name": "x", "p50_ns": low, "p99_ns": high, "p999_ns": 1000}]
        jobs = [{"name": "a", "mbps": high, "share": low, "weight": 1},
                {"name": "b", "share": high}]
        text = json.dumps({"entries": entries}) + json.dumps({"schema": "weir.sim.v1",
                                                              "jobs": jobs})
        series = "begin_ns,end_ns,job,direction,x\n" + f"0,{high},j,reads,1,1" + f",{high}" * 6
        with open(weir.path("s.csv"), "w", encoding="utf-8") as file:
            file.write(series)
        out, _ = weir.run("report", "-", weir.path("s.csv"), stdin=text.encode())
        found = re.search(r"-?\b(inf|nan)\b", Page(out.decode()) and out.decode())
        assert not found, out[found.start() - 200:found.end() + 20]


@case
def errors(weir):
    """what is no result is named, and nothing is written"""
    bad = (("", "empty"), ("{", "line 1"), ("[1]", "number 1"), ("7", "line 1"),
           ("begin_ns,end_ns,job,direction,x\n1,2,3\n", ":2: "),
           ("begin_ns,end_ns,job,direction,x\n1,2,j,reads,1,2,inf,1,2,3,4,5\n", ":2: "),
           ("hello", "no JSON of weir"))
    for text, says in bad:
        with open(weir.path("bad"), "w", encoding="utf-8") as file:
            file.write(text)
        weir.fails("report", weir.path("bad"), "-o", weir.path("no.html"), code=1,
                   says=["bad", says])
        assert not os.path.exists(weir.path("no.html"))
    weir.fails("report", weir.path("nowhere"), code=1, says=["nowhere"])
    with open("/dev/full", "wb") as full:
        done = subprocess.run([weir.binary, "report", "-"], input=b"{}", stdout=full,
                              stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1 and done.stderr.count(b"standard output") == 1, done.stderr
    with open(weir.path("good"), "w", encoding="utf-8") as file:
        file.write("{}")
    weir.fails("report", weir.path("good"), "-o", weir.path("good"), code=2, says=["--output"])
    weir.fails("report", weir.path("good"), "--logs", weir.path("l"), code=2, says=["--series"])
    Page(weir.run("report", weir.path("good"))[0].decode())
    # Members of wrong types are left out.
    for wrong in ('{"schema": "weir.sim.v1", "jobs": 7, "device": []}',
                  '{"schema": 1, "jobs": [[[]]], "entries": [1, {"name": 2, "p50_ns": "x"}]}',
                  '{"schema": "weir.sim.v1", "jobs": [{"name": [], "latency": {"p50_ns": -1}}]}',
                  '{"schema": "weir.suite.v1", "cases": [{"figures": {}}], "schedulers": [3]}',
                  '{"schema": "weir.probes.v1", "source": 1, "probes": 7, "device": []}',
                  '{"schema": "weir.probes.v1", "probes": [1, {"name": 2, "figures": [3, {"name":'
                  ' "p50", "unit": "ns", "value": -1e300}, {"unit": [], "value": {}}]},'
                  ' {"name": "flood", "figures": [{"name": "after_4ms", "unit": "bytes",'
                  ' "value": 1e308}, {"name": "after_8ms", "value": -3}]}]}',
                  '{"schema": "weir.fit.v1", "figures": {}, "worst": 3, "fits": 1, "limit": "x"}',
                  '{"schema": "weir.fit.v1", "median": -1, "figures": [1, {"probe": "flood",'
                  ' "figure": "after_4ms", "measured": 0, "model": 1e308, "ratio": 1e308},'
                  ' {"probe": [], "ratio": 0, "unit": "ns", "measured": 1e300}]}'):
        Page(weir.run("report", "-", stdin=(wrong + wrong).encode())[0].decode())


# What is run in the page: the contrast of each text with its background, what a key can reach, and
# whether anything is wider than the screen.
LOOK = """<script>
function lum(c){const v=c.match(/[\\d.]+/g).slice(0,3).map(x=>{x/=255;
return x<=.03928?x/12.92:((x+.055)/1.055)**2.4});return .2126*v[0]+.7152*v[1]+.0722*v[2]}
function back(e){for(;e;e=e.parentElement){const b=getComputedStyle(e).backgroundColor;
if(b!='rgba(0, 0, 0, 0)'&&b!='transparent')return b}return 'rgb(255,255,255)'}
let worst=99;for(const d of document.querySelectorAll('details'))d.open=true;
for(const e of document.body.querySelectorAll('*')){
if(![...e.childNodes].some(n=>n.nodeType==3&&n.data.trim()))continue;const s=getComputedStyle(e);
const a=lum(e.closest('svg')&&e.tagName=='text'?s.fill:s.color),b=lum(back(e));
worst=Math.min(worst,(Math.max(a,b)+.05)/(Math.min(a,b)+.05))}
let lines=99;for(const e of document.querySelectorAll('.s')){const a=lum(
getComputedStyle(e).stroke),b=lum(back(e));
lines=Math.min(lines,(Math.max(a,b)+.05)/(Math.min(a,b)+.05))}
let stuck=0;for(const e of document.querySelectorAll('.wide,pre,a,summary')){e.focus();
if(document.activeElement!==e)stuck++}
document.title=JSON.stringify({worst,lines,stuck,wide:document.documentElement.scrollWidth,
dark:matchMedia('(prefers-color-scheme: dark)').matches,width:innerWidth});
</script></body>"""


def look(weir, text, *options):
    """Opens the page TEXT in Chromium; returns what LOOK found, and the picture's size."""
    with open(weir.path("look.html"), "w", encoding="utf-8") as file:
        file.write(text.replace("</body>", LOOK))
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
               f"--user-data-dir={weir.path('profile')}", *options]
    done = subprocess.run([*command, "--dump-dom", "file://" + weir.path("look.html")],
                          capture_output=True, timeout=100, check=False)
    found = re.search(r"<title>(\{.*?\})</title>", done.stdout.decode())
    if not found:
        raise Skip("Chromium does not run here: " + done.stderr.decode()[-200:])
    assert "CONSOLE" not in done.stderr.decode(), done.stderr.decode()
    subprocess.run([*command, f"--screenshot={weir.path('look.png')}",
                    "file://" + weir.path("page.html")], capture_output=True, timeout=100,
                   check=True)
    return json.loads(found[1].replace("&quot;", '"')), os.path.getsize(weir.path("look.png"))


@case
def in_chromium(weir):
    """no console error, contrast, keyboard, and no page wider than a phone; light and dark"""
    if not CHROMIUM:
        raise Skip("Chromium is not installed (Debian's package chromium)")
    text = make(weir)
    for dark, width in (False, 1200), (True, 500):
        found, size = look(weir, text, f"--window-size={width},900",
                           f"--blink-settings=preferredColorScheme={0 if dark else 1}")
        assert found["dark"] == dark, found
        assert found["worst"] >= 4.5 and found["lines"] >= 3, found
        assert found["stuck"] == 0 and found["wide"] <= found["width"], found
        assert size > 20000, size


def wide(weir):
    """Makes the page of results with wide and long tables, and returns its text."""
    cells = [{f"f{n}": {"median": n * 1e6 + k, "min": n, "max": n * 2e6}
              for n in range(20)} | {"name": f"row {k}"} for k in range(60)]
    runs = [{"schema": "weir.wide.v1", "cells": cells},
            {"schema": "weir.words.v1", "words": [{"name": "x" * 300, "what": "y" * 300, "n": 1}]}]
    path = weir.path("wide.html")
    weir.run("report", "-", "-o", path, stdin=json.dumps(runs).encode())
    with open(path, encoding="utf-8") as file:
        return file.read()


def printed(weir, text):
    """Prints the page TEXT to a PDF with a dark setting. Returns its words, and of each word its
    page's width and its own two ends; and how light the sheets are, 0 to 255."""
    html, pdf = weir.path("print.html"), weir.path("print.pdf")
    with open(html, "w", encoding="utf-8") as file:
        file.write(text)
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
         "--blink-settings=preferredColorScheme=0", f"--user-data-dir={weir.path('profile')}",
         f"--print-to-pdf={pdf}", "file://" + html], capture_output=True, timeout=100,
        check=False)
    if not os.path.exists(pdf):
        raise Skip("Chromium does not run here: " + done.stderr.decode()[-200:])
    boxes = subprocess.run(["pdftotext", "-bbox", pdf, "-"], capture_output=True, text=True,
                           timeout=60, check=True).stdout
    words, width = [], 0.0
    for page_width, left, right, word in re.findall(
            r'<page width="([\d.]+)"|<word xMin="(-?[\d.]+)" .*?xMax="(-?[\d.]+)".*?>(.*?)</word>',
            boxes):
        width = float(page_width) if page_width else width
        if not page_width:
            words.append((html_module.unescape(word), width, float(left), float(right)))
    sheets = subprocess.run(["pdftoppm", "-r", "20", "-gray", pdf], capture_output=True,
                            timeout=60, check=True).stdout
    return words, sum(sheets) / len(sheets)


def columns(words):
    """Returns the texts without spaces that WORDS are if the page has one, two or three columns."""
    return ["".join(word for word, width, left, _ in words if int(n * left / width) == k)
            for n in (1, 2, 3) for k in range(n)]


@case
def on_paper(weir):
    """printed, the page is light, has each heading and what is folded, and no table is cut"""
    if not CHROMIUM or not shutil.which("pdftotext"):
        raise Skip("Chromium or pdftotext is not installed (Debian's chromium, poppler-utils)")
    for text in make(weir), wide(weir):
        words, light = printed(weir, text)
        assert light > 230, light
        beyond = [word for word in words if word[2] < 0 or word[3] > word[1]]
        assert not beyond, beyond[:5]
        texts = columns(words)
        shown = re.sub(r'(?s)<details class="raw">.*?</details>', "", text)
        wanted = re.findall(r'(?s)<(h[123]|summary|th scope="col"|figcaption)[^>]*>(.*?)</',
                            shown)
        for tag, heading in wanted:
            # What wraps is one text without spaces. Heads of columns wrap beside one another, and
            # so do the titles of plots, in up to three columns.
            plain = [html_module.unescape(word) for word in
                     re.sub(r"<[^>]*>", " ", heading).split()]
            for word in plain if tag.startswith("th") else ["".join(plain)]:
                within = texts if tag == "figcaption" else texts[:1]
                assert any(word in text for text in within), (tag, heading)
        assert {tag[:2] for tag, _ in wanted} >= {"h1", "h2", "h3", "th"}, wanted
    # The head of a long table is on each of its sheets.
    for n in range(20):
        assert sum(word[0] == f"f{n}" for word in words) >= 2, n


main()
