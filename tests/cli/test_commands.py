#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests what the commands of weir do if no error occurs, with the real binary."""
import json
import os
import stat
import sys

from harness import case, main

ENGINES = ("posix", "uring")


def keys_of(weir):
    """Returns the keys that ls prints."""
    return weir.run("ls", weir.img)[0].decode().split("\n")[:-1]


@case
def format_says_what_it_made(weir):
    """format creates a file and describes the new store"""
    out, err = weir.run("format", weir.img, "--size", "96m")
    assert b"empty store of 9" in out and b"segments of 1 MiB" in out, out
    assert err == "", err
    status = os.stat(weir.img)
    assert status.st_size == 96 << 20
    assert status.st_blocks * 512 >= 95 << 20, "the file is sparse"


@case
def format_options(weir):
    """format takes segment, block and capacity sizes"""
    made = weir.json("format", weir.img, "--size", "128m", "--segment-bytes", "256k",
                     "--block-bytes", "512", "--capacity", "32m")
    assert made["schema"] == "weir.format.v1" and made["segment_bytes"] == 256 << 10, made
    assert made["block_bytes"] == 512 and made["capacity_bytes"] <= 32 << 20, made
    assert 0 < made["max_value_bytes"] <= 128 << 10, made


@case
def format_again(weir):
    """format --force empties a store"""
    weir.format()
    weir.run("put", weir.img, "a", stdin=b"1")
    before = weir.json("stat", weir.img)
    weir.run("format", weir.img, "--force")
    assert keys_of(weir) == []
    assert weir.json("stat", weir.img)["uuid"] != before["uuid"]


@case
def put_and_get(weir):
    """put and get, from files and standard input, byte for byte"""
    values = {"one": b"x", "text": b"hello\n", "block": bytes(range(256)) * 16,
              "large": os.urandom(400 << 10), "odd": os.urandom(12345)}
    weir.format()
    for key, value in values.items():
        with open(weir.path("in"), "wb") as file:
            file.write(value)
        if len(key) % 2:
            weir.run("put", weir.img, key, weir.path("in"))
        else:
            weir.run("put", weir.img, key, "-", stdin=value)
    for key, value in values.items():
        assert weir.run("get", weir.img, key)[0] == value
        weir.run("get", weir.img, key, "-o", weir.path("out"))
        with open(weir.path("out"), "rb") as file:
            assert file.read() == value


@case
def put_replaces(weir):
    """put replaces an existing value"""
    weir.format()
    for value in (b"first", b"second, longer", b"3"):
        weir.run("put", weir.img, "k", stdin=value)
        assert weir.run("get", weir.img, "k")[0] == value
    assert keys_of(weir) == ["k"]


@case
def engines_agree(weir):
    """each engine can read what the other one wrote"""
    weir.format()
    for engine in ENGINES:
        weir.run("put", weir.img, engine, "--engine", engine, stdin=engine.encode() * 9000)
    for engine in ENGINES:
        for other in ENGINES:
            out, _ = weir.run("get", weir.img, other, "--engine", engine, "--sched", "none")
            assert out == other.encode() * 9000


@case
def durable(weir):
    """put and del take --durable"""
    weir.format()
    weir.run("put", weir.img, "k", "--durable", stdin=b"v")
    assert weir.run("get", weir.img, "k")[0] == b"v"
    weir.run("del", weir.img, "k", "--durable")
    assert keys_of(weir) == []


@case
def delete_many(weir):
    """del deletes each key and names the keys that do not exist"""
    weir.format()
    for key in "abc":
        weir.run("put", weir.img, key, stdin=b"v")
    _, err = weir.run("del", weir.img, "a", "nope", "c", code=1)
    assert 'there is no key "nope"' in err, err
    assert keys_of(weir) == ["b"]
    done = weir.json("del", weir.img, "b")
    assert (done["schema"], done["keys"], done["deleted"]) == ("weir.del.v1", 1, 1), done


@case
def list_keys(weir):
    """ls prints keys oldest first, -l with lengths"""
    weir.format()
    for number, key in enumerate(("m", "a", "z")):
        weir.run("put", weir.img, key, stdin=b"v" * (number + 1))
    assert keys_of(weir) == ["m", "a", "z"]
    rows = [line.split() for line in weir.run("ls", "-l", weir.img)[0].decode().splitlines()]
    assert [(row[0], row[2]) for row in rows] == [("1", "m"), ("2", "a"), ("3", "z")], rows
    lines = weir.run("ls", weir.img, "--json")[0].splitlines()
    objects = [json.loads(line) for line in lines]
    assert [o["key"] for o in objects] == ["m", "a", "z"]
    assert {o["schema"] for o in objects} == {"weir.ls.v1"}
    assert objects[0]["sequence"] < objects[1]["sequence"] < objects[2]["sequence"]


@case
def odd_keys(weir):
    """keys of any bytes are escaped and read back with --escaped"""
    weir.format()
    weir.run("put", weir.img, b"tab\there\\and\xff", stdin=b"1")
    weir.run("put", weir.img, "-e", "nul\\x00", stdin=b"2")
    assert keys_of(weir) == ["tab\\x09here\\\\and\\xff", "nul\\x00"], keys_of(weir)
    for key, value in zip(keys_of(weir), (b"1", b"2")):
        assert weir.run("get", "-e", weir.img, key)[0] == value
    weir.run("del", "-e", weir.img, *keys_of(weir))
    assert keys_of(weir) == []


@case
def longest_key(weir):
    """a key may have 1024 bytes and begin with a dash"""
    weir.format()
    weir.run("put", weir.img, "k" * 1024, stdin=b"v")
    weir.run("put", "--", weir.img, "-k", stdin=b"w")
    assert keys_of(weir) == ["k" * 1024, "-k"]


@case
def json_of_values(weir):
    """put and get describe themselves with --json"""
    weir.format()
    done = weir.json("put", weir.img, "k", stdin=b"four")
    assert done == {"schema": "weir.put.v1", "path": weir.img, "key": "k", "value_bytes": 4,
                    "durable": False, "stream": 0}, done
    done = weir.json("get", weir.img, "k", "-o", weir.path("out"))
    assert (done["schema"], done["value_bytes"]) == ("weir.get.v1", 4), done
    assert os.path.getsize(weir.path("out")) == 4


@case
def statistics(weir):
    """stat shows the properties and the contents of a store"""
    weir.format()
    for number in range(10):
        weir.run("put", weir.img, f"k{number}", stdin=b"v" * 1000)
    found = weir.json("stat", weir.img)
    assert found["schema"] == "weir.stat.v1" and len(found["uuid"]) == 36, found
    assert found["content"]["entries"] == 10, found
    assert found["content"]["live_bytes"] == 10000, found
    assert found["content"]["used_segments"] >= 1, found
    assert found["recovery"]["entries"] == 10 and found["recovery"]["dropped_records"] == 0
    assert found["engine"] in ENGINES, found
    assert weir.json("stat", weir.img, "--engine", "posix")["engine"] == "posix"
    out, _ = weir.run("stat", weir.img)
    assert b"entries" in out and found["uuid"].encode() in out


@case
def reading_changes_nothing(weir):
    """get, ls and stat do not change the image, and need no write permission"""
    weir.format()
    weir.run("put", weir.img, "k", stdin=b"v")
    with open(weir.img, "rb") as file:
        before = file.read()
    os.chmod(weir.img, stat.S_IRUSR)
    for command in (("get", weir.img, "k"), ("ls", weir.img), ("stat", weir.img)):
        weir.run(*command)
    with open(weir.img, "rb") as file:
        assert file.read() == before


@case
def default_store(weir):
    """WEIR_STORE is the store if no PATH is given; a given PATH is used instead of it"""
    env = {**os.environ, "WEIR_STORE": weir.img}
    other = weir.path("other.img")
    weir.format()
    weir.run("format", other, "--size", "96m", env=env)
    weir.run("put", "one", stdin=b"1", env=env)
    with open(weir.path("file"), "wb") as file:
        file.write(b"2")
    weir.run("put", weir.path("file"), weir.path("file"), env=env)  # a key, and the file
    weir.run("put", other, "k", stdin=b"3", env=env)
    weir.run("put", other, "l", weir.path("file"), env=env)
    assert keys_of(weir) == ["one", weir.path("file")], keys_of(weir)
    assert weir.run("get", "one", env=env)[0] == b"1"
    assert weir.run("cat", other, "k", env=env)[0] == b"3"
    assert weir.run("ls", env=env)[0].startswith(b"one\n")
    assert weir.run("ls", other, env=env)[0] == b"k\nl\n"
    for command in ("stat", "info", "fdp"):
        assert weir.json(command, env=env)["path"] == weir.img
    assert weir.json("replay", "synthetic", "-n", "1", env=env)["store"] == weir.img
    weir.run("del", other, "k", "l", env=env)
    assert weir.run("ls", other, env=env)[0] == b""
    # A store that does not exist is no reason to delete from another one.
    weir.fails("del", weir.path("gone.img"), "one", env=env, says=["nothing was deleted"])
    weir.run("del", "one", weir.path("file"), env=env)
    assert b"one" not in weir.run("ls", env=env)[0]
    weir.fails("get", weir.path("gone.img"), "one", env=env, says=["gone.img", "o such file"])
    weir.fails("format", "--force", code=2, env=env, says=["too few"])
    weir.fails("get", "one", code=2, says=["too few"], env={**env, "WEIR_STORE": ""})
    weir.fails("get", "one", "-o", weir.img, code=2, env=env, says=["--output"])


@case
def size_of_what_is_there(weir):
    """format --size is an error on a file of another size, but not on one of the same size"""
    weir.format()
    weir.run("format", weir.img, "--force", "--size", "96m")
    for size in ("64m", "1g"):
        weir.fails("format", weir.img, "--force", "--size", size, code=2,
                   says=["--size", weir.img, "96MiB"])
    assert os.path.getsize(weir.img) == 96 << 20
    _, err = weir.run("replay", "synthetic", "-n", "1", "--store", weir.img, "--size", "1g")
    assert "--size is ignored" in err, err


@case
def device_info(weir):
    """info shows each fact with its source, and each engine"""
    weir.format()
    found = weir.json("info", weir.img)
    facts = {a["name"]: a for a in found["attributes"]}
    assert found["schema"] == "weir.info.v1" and found["kind"] == "file", found
    assert found["capacity_bytes"] == 96 << 20
    for name in ("max_hw_sectors_kb", "max_segments", "write_cache", "rotational"):
        assert facts[name]["source"], name
    engines = {e["name"]: e for e in found["engines"]}
    assert engines["posix"]["works"] and engines["posix"]["why"], engines
    assert [e["auto"] for e in found["engines"]].count(True) == 1
    out, _ = weir.run("info", weir.img)
    assert b"max_hw_sectors_kb" in out and b"posix" in out and b"auto" in out


@case
def full_output(weir):
    """output that cannot be written is an error"""
    weir.format()
    weir.run("put", weir.img, "k", stdin=b"v" * 100000)
    with open("/dev/full", "wb") as full:
        for command in (("get", weir.img, "k"), ("ls", weir.img), ("--version",), ("help",),
                        ("stat", weir.img, "--json")):
            process = weir.start(*command, stdout=full)
            err = process.communicate()[1].decode()
            assert process.returncode == 1 and "standard output" in err, (command, err)


if __name__ == "__main__":
    sys.exit(main())
