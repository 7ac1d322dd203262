# SPDX-License-Identifier: Apache-2.0
"""Sizes of a store, through the command: what is made, what a refusal advises, what is shown."""
import base64
import lzma
import os
import re
import sys

from harness import case, main

# An image of weir 0.2.0, packed: 14 segments of 64 KiB, the keys "largest" with a value of 28672
# bytes "v", the longest one that it took, and "small".
OLD = """
/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM7///A+RdADuZSXLY4Yq4h3yP4cG6JFZB7SjL2wLjNlCMfCymLBjbzfMpCLXy
lTmhx0pHWWLHBIEBXmZscLix6VEDQzPLP/0pMrtltNCsOpWU5m0Bf7+ZP44ba9wa3yuDV/u0sx6iN+I50/YoTU3ypwla
n9ifPTf26dlx+w6RXJimc6v7gZ+7ni9Jawlkg0c3s/SLDIOxZTQgJ1tDBEwWhSmz8kOmPQPHHNlPEre3WULLqOy0Ae6/
dOXQoeBc+ovMiVSwV7TM/V3jMrrcLDUtOmHKusz3Zf/q/sIsuUuQ+b4WEbI0QjzJG8oTZKTD7WBXrkaLNc7Kkg72glj/
cJWCqMM2f901JTpiQzZ2LUsQDDsxAOd3v/ELLSxPuXRNss1A+W6VdXTJDfuLiWW3XV5vO0CogsYpkzF7j94CC3cuX92e
HNchOERumZbvGcufevHa5HHJv7mk9OAVjLmWiUygM155+8vbm0DsYGRF0meT6TdEy3JhR/BC+9E0meFxK+TYtKFiMGEX
cpGL/k6mhX8JX3iCbDQT9zAh0g691kvbx2hcRNimwdgRqJkYQ7jjRr4SbPEQWad2YvgQK1gHF9HxJU8wLNgDNmwwuFrF
/INCPjd7VbGeQbGR/crbZZ0Ib8iulBsHy3o6dCcyF9VxVO/f13wECep3EqDWy5wskrBr8i0eGCMYGkvfn3SBWqDkKcbs
UfzX5C8dgWH00d850ZWhU7lXTe4yWWIkMQV0RpN6gzebukJ7uwcffWxY3EzzvJ9w0mpV2EWggURTbMINr4MHAbzHRZMv
9aKfxFaRLBCHxdIC68Dh7zi10Oj7zMQRq77TYiRpvTXUK/1Nh9zcJYJnCzcKSq5ofQX3zL3RS4vSz7jcdYsAxfou9ilL
XrxWKrNQHUKlK1hE+XiGFq5wvNlFxl9gAJAmTQihAibGGh4FzALTOMvQxPiLWDkVLmnPP8EgNZLRWkoz5R1wD/iSAqIk
CjseLLYKJxNcQb1inCQDF/ZY+E6cB1gosl6hoAihfa87Isw845V8wZijNCETyhlFnc8bVAH3F1ZUIQBKLJHROVZxKJrd
C0eQeSo914T0CTLuis5MosTcV5WFQpzlY66xBKkbTtgOfFkllIeSsJuD7YQLo8UtqPwTJiJq2EaXAeb4e5KXujw0BBAY
kCPy+GAqlt/7B+TW+JJKtrZeXMG6+h21QVDJ05Sc39aN2oouGyNzDGchSO0DOi2wrJwL0lkYRT8H1si7esW1/+adOX3s
B61YMo0+LtVp1LqqacYJgavEjmyWGw/HKApCpDxOwv8q6rI8zY4g9zry02s9RWBgLy9VZcCpaRl2YrL6AADSEXZq3ycA
vQABgAiAgEAAemmAEbHEZ/sCAAAAAARZWg==
"""


@case
def marks(weir):
    """--free-low and --free-high are kept and shown; what contradicts itself is refused"""
    image = ("format", weir.img, "-s", "128m", "--segment-bytes", "1m", "-f")
    for words, low, high in (((), 3, 4), (("--free-low", "10%"), 14, 27),
                             (("--free-low", "10", "--free-high", "12%"), 14, 17),
                             (("--free-high", "50%"), 3, 65), (("--free-low", "off"), 0, 0),
                             (("--free-low", "0%"), 0, 0)):
        weir.run(*image[:2], *(image[2:4] if not words else ()), *image[4:], *words)
        stat = weir.json("stat", weir.img)
        assert (stat["free_low"], stat["free_high"]) == (low, high), (words, stat)
        shown = f"{low} segments, with garbage {high}" if low else "what puts need"
        assert shown in weir.run("stat", weir.img)[0].decode(), words
        assert stat["content"]["background_reclaims"] == 0
    for words, said in ((("--free-low", "5%", "--free-high", "3%"), "5% is above --free-high, 3%"),
                        (("--free-low", "51%"), "from 0% to 50%"),
                        (("--free-low", "off", "--free-high", "3%"), "leave it out"),
                        (("--free-high", "0%"), "--free-low off"),
                        (("--free-low", "many"), "no percentage")):
        weir.fails("set", weir.img, *words, code=2, says=[said])
        weir.fails(*image, *words, code=2, says=[said])
    for words, low, high in ((("--free-low", "10%"), 14, 27), (("--free-high", "50"), 3, 65),
                             (("--free-low", "off"), 0, 0)):
        done = weir.json("set", weir.img, *words)
        assert (done["free_low"], done["free_high"]) == (low, high), (words, done)
        stat = weir.json("stat", weir.img)
        assert (stat["free_low"], stat["free_high"]) == (low, high), (words, stat)
    out, _ = weir.run("set", weir.img, "--free-low", "10%", "--write-budget", "1dwpd")
    assert out.decode().endswith("kept free: 14 segments, with garbage 27\n"), out
    assert weir.json("stat", weir.img)["write_budget_bytes"] == 128 << 20


@case
def every_size(weir):
    """format --size takes whatever is not below 5 MiB, and a value of half a segment fits"""
    for size in ("5m", "6m", "7m", "13m", "64m", "65m", "99m", "5242881"):
        made = weir.json("format", weir.img, "--size", size)
        assert made["segments"] >= 64, made
        assert made["max_value_bytes"] * 2 == made["segment_bytes"], made
        weir.run("put", weir.img, "k", stdin=b"v" * made["max_value_bytes"])
        assert len(weir.run("get", weir.img, "k")[0]) == made["max_value_bytes"]
        os.remove(weir.img)


@case
def max_value(weir):
    """--max-value gives segments that the values fit into well"""
    made = weir.json("format", weir.img, "--size", "200m", "--max-value", "1m")
    assert made["segment_bytes"] == 2 << 20 and made["max_value_bytes"] == 1 << 20, made
    weir.run("put", weir.img, "k", stdin=b"v" * (1 << 20))
    weir.run("format", weir.img, "--force", "--max-value", "64k")
    assert weir.json("stat", weir.img)["segment_bytes"] == 2 << 20
    err = weir.fails("format", weir.img, "--force", "--max-value", "2m", says=["200MiB", "2MiB"])
    fits = re.search(r"--max-value (\S+)", err)[1]
    weir.run("format", weir.img, "--force", "--max-value", fits)


@case
def too_long(weir):
    """the advice for a value that is too long works as it is typed"""
    weir.run("format", weir.img, "--size", "64m")
    for length in (257 << 10, 513 << 10, 3 << 20):
        with open(weir.path("value"), "wb") as file:
            file.truncate(length)
        err = weir.fails("put", weir.img, "k", weir.path("value"), says=["longer than"])
        value = re.search(r"--max-value (\S+)", err)[1]
        larger = re.search(r"device of (\S+) or more", err)
        if not larger:
            weir.run("format", weir.img, "--force", "--max-value", value)
        else:
            os.remove(weir.img)
            weir.run("format", weir.img, "--size", larger[1], "--max-value", value)
        weir.run("put", weir.img, "k", weir.path("value"))


@case
def shown(weir):
    """stat shows how much of the segments is left over"""
    weir.run("format", weir.img, "--size", "80m", "--segment-bytes", "1m")
    for key in "abcd":
        weir.run("put", weir.img, key, stdin=b"v" * (512 << 10))
    content = weir.json("stat", weir.img)["content"]
    assert content["sealed_bytes"] == 4 << 20, content
    assert 0.45 < content["unused_bytes"] / content["sealed_bytes"] < 0.5, content
    out = weir.run("stat", weir.img)[0]
    assert re.search(rb"unused at ends of segments +\d.*MiB \(4\d", out), out


@case
def made_by_an_older_weir(weir):
    """a store whose values had to be shorter opens, keeps what it had, and takes longer ones"""
    with open(weir.img, "wb") as file:
        file.write(lzma.decompress(base64.b64decode(OLD)))
    assert weir.run("get", weir.img, "largest")[0] == b"v" * 28672
    assert weir.run("get", weir.img, "small")[0] == b"small\n"
    assert weir.json("stat", weir.img)["max_value_bytes"] == 32768
    weir.run("put", weir.img, "longer", stdin=b"v" * 32768)
    assert len(weir.run("get", weir.img, "longer")[0]) == 32768
    assert weir.run("get", weir.img, "largest")[0] == b"v" * 28672


if __name__ == "__main__":
    sys.exit(main())
