# SPDX-License-Identifier: Apache-2.0
"""What LMCache's raw_block and vLLM's fs have stored, weir's connectors load after a migration."""
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

from lmcache.v1.distributed.api import ObjectKey
from children import run
from vllm_host import Manager, fill, keys_of, weir_manager
from weir_kv import _command

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))

from hosts_lmcache import Arena, Host, configuration  # pylint: disable=wrong-import-position

VALUE, SLOT, META = 128 << 10, (128 << 10) + 4096, 8 << 20


def migrate(*arguments):
    """Returns the exit code, the result, and what was said."""
    done = run([sys.executable, "-m", "weir_kv.migrate", "--json", *map(str, arguments)])
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def counts(result):
    return tuple(result[name] for name in ("found", "copied", "there", "damaged", "failed"))


# A model with a slash, ranks, object groups, and salts.
KEYS = [ObjectKey(chunk_hash=bytes([i]) * 32, model_name="org/model", kv_rank=i % 3,
                  object_group_id=i % 2, cache_salt="alice" if i % 4 else "") for i in range(24)]


@pytest.fixture(name="raw")
def raw_fixture(tmp_path):
    """A file of raw_block with all of KEYS, the arena with their bytes, and the file's path."""
    path = tmp_path / "raw.img"
    with open(path, "wb") as f:
        f.truncate(64 << 20)
    arena = Arena(2 * len(KEYS) * VALUE)
    with Host(configuration("raw_block posix", str(path), VALUE, use_odirect=False), arena) as host:
        for half in (KEYS[:12], KEYS[12:]):
            objects = arena.objects(12, VALUE, KEYS.index(half[0]))
            assert host.store([(half, objects)]) == [True]
            host.adapter._core.checkpoint_now()  # so that both places of the index are used
    return path, arena


def loaded(arena, path, **params):
    """For each of KEYS whether weir has it, with the bytes that raw_block had."""
    with Host(configuration("weir Connector", str(path), VALUE, **params), arena) as host:
        found = host.lookup(KEYS)
        there = [key for key, one in zip(KEYS, found) if one]
        places = [i for i, one in enumerate(found) if one]
        arena.clear_loaded(len(KEYS) * VALUE)
        objects = [arena.objects(1, VALUE, i, True)[0] for i in places]
        if there:
            assert host.load([(there, objects)]) == [True] * len(there)
    for i in places:
        part = slice(i * VALUE, (i + 1) * VALUE)
        assert (arena.memory[part] == arena.memory[arena.half:][part]).all()
    return found


@pytest.mark.parametrize("params", [{}, {"namespace": "rev-1", "tenant_by": "salt"}])
def test_raw_block(tmp_path, raw, params):
    path, arena = raw
    before = path.read_bytes()
    words = [word for name, value in params.items()
             for word in ("--" + name.replace("_", "-"), value)]
    code, result, err = migrate(path, tmp_path / "kv.img", "--size", "64MiB", *words)
    assert (code, counts(result)) == (0, (24, 24, 0, 0, 0)), err
    assert result["bytes"] == 24 * VALUE and result["schema"] == "weir.migrate.v1"
    assert result["kind"] == "raw_block" and result["evicted"] == 0
    assert path.read_bytes() == before
    assert loaded(arena, tmp_path / "kv.img", **params) == [True] * 24
    assert loaded(arena, tmp_path / "kv.img", namespace="other") == [False] * 24
    # Once more does nothing.
    code, result, _ = migrate(path, tmp_path / "kv.img", *words)
    assert (code, counts(result)) == (0, (24, 0, 24, 0, 0))


def test_raw_block_where_something_is_wrong(tmp_path, raw):
    path, arena = raw
    with open(path, "r+b") as f:
        f.seek(META + 3 * SLOT + 8)
        f.write(b"\0" * 8)  # the slot of another key
    code, result, err = migrate(path, tmp_path / "kv.img", "--size", "64MiB")
    assert (code, counts(result)) == (1, (24, 23, 0, 1, 0))
    assert "its slot holds another value" in err
    assert loaded(arena, tmp_path / "kv.img").count(True) == 23
    # The newer index is the second one; without it the first one has half of the keys.
    with open(path, "r+b") as f:
        f.seek(META // 2 + 4096)
        f.write(b"x")
    assert migrate(path, tmp_path / "b.img", "--size", "64MiB", "--dry-run")[1]["found"] == 12
    with open(path, "r+b") as f:
        f.write(b"x")
    code, _, err = migrate(path, tmp_path / "b.img", "--size", "64MiB")
    assert code == 1 and "no index" in err and "--meta-total-bytes" in err


def test_raw_block_whose_first_index_is_damaged(tmp_path, raw):
    path, _ = raw
    with open(path, "r+b") as f:
        f.write(b"x")
    code, result, _ = migrate(path, tmp_path / "kv.img", "--size", "64MiB",
                              "--meta-total-bytes", META)
    assert (code, counts(result)) == (0, (24, 24, 0, 0, 0))


def test_a_dry_run_writes_nothing(tmp_path, raw):
    code, result, _ = migrate("--dry-run", raw[0], tmp_path / "kv.img", "--size", "64MiB")
    assert code == 0 and result["dry_run"] and result["bytes"] == 24 * VALUE
    assert not os.path.exists(tmp_path / "kv.img")


def test_values_that_are_too_long_for_the_store(tmp_path):
    m = Manager({"type": "fs", "root_dir": str(tmp_path / "fs")}, chunk=4 << 20)
    m.store(keys_of(12), lambda key: 7)
    m.close()
    code, result, err = migrate(tmp_path / "fs", tmp_path / "kv.img", "--size", "64MiB",
                                "--max-value", "128KiB")
    assert (code, counts(result)) == (1, (12, 0, 0, 0, 12))
    assert "counted only" in err and str(4 << 20) in err and "--max-value" in err
    assert migrate(tmp_path / "fs", tmp_path / "kv2.img", "--size", "128MiB", "--max-value",
                   "4MiB")[0] == 0


def test_a_store_that_is_too_small_says_so(tmp_path, raw):
    code, result, err = migrate(raw[0], tmp_path / "kv.img", "--size", "3MiB",
                                "--max-value", "128KiB")
    assert code == 1 and result["evicted"] > 0 and "smaller" in err


def test_vllm_fs(tmp_path):
    source = {"type": "fs", "root_dir": str(tmp_path / "fs")}
    m = Manager(source)
    for at in range(0, 64, 16):
        m.store(keys_of(16, at), fill)
    m.close()
    code, result, err = migrate(tmp_path / "fs", tmp_path / "kv.img", "--size", "64MiB",
                                "--namespace", "rev-1")
    assert (code, counts(result), result["kind"]) == (0, (64, 64, 0, 0, 0), "fs"), err
    m = weir_manager(tmp_path / "kv.img", namespace="rev-1")
    for at in range(0, 64, 16):
        assert m.find(keys_of(16, at)) == keys_of(16, at)
        for key, data in m.load(keys_of(16, at)).items():
            assert (data == fill(key)).all()
    m.close()


def fs_folder(tmp_path, count):
    """A folder of vLLM's fs with COUNT chunks."""
    m = Manager({"type": "fs", "root_dir": str(tmp_path / "fs")})
    for at in range(0, count, 16):
        m.store(keys_of(16, at), fill)
    m.close()
    return tmp_path / "fs"


@pytest.mark.parametrize("as_json", [False, True])
def test_a_migration_that_is_interrupted(tmp_path, as_json):
    """^C ends it in words, with the code of a shell; the store is whole, nothing else is left, and
    the next one goes on."""
    folder, store = fs_folder(tmp_path, 64), tmp_path / "kv.img"
    script = ("import sys, os, signal\n"
              "from weir_kv import migrate\n"
              "was = migrate.Migration._put\n"
              "def put(self, target, batch, views):\n"
              "    was(self, target, batch[:8], views[:8])\n"
              "    os.kill(os.getpid(), signal.SIGINT)\n"
              "migrate.Migration._put = put\n"
              "sys.exit(migrate.main(sys.argv[1:]))\n")
    done = run([sys.executable, "-c", script, *["--json"] * as_json, str(folder), str(store),
                "--size", "64MiB"])
    assert done.returncode == 130 and not done.stdout, done
    said = done.stderr.strip()
    if as_json:
        said = json.loads(said)
        assert said["schema"] == "weir.error.v1" and said["exit_code"] == 130
        said = said["message"]
    assert "interrupted; start it again to go on" in said and "Traceback" not in said
    assert sorted(os.listdir(tmp_path)) == ["fs", "kv.img"]
    code, result, err = migrate(folder, store)
    assert (code, counts(result)) == (0, (64, 56, 8, 0, 0)), err


def on_terminal(command, columns=0):
    """Returns the exit code of COMMAND, and what it writes to a terminal of so many COLUMNS as its
    standard error; 0: the terminal does not tell."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(command, stderr=its, stdout=subprocess.DEVNULL) as child:
        os.close(its)
        said = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # it has ended
                break
            said += part
    os.close(ours)
    return child.returncode, said.decode()


def test_progress_on_a_terminal(tmp_path):
    """A line that is written again and again, and is gone at the end. Elsewhere there is none."""
    folder = fs_folder(tmp_path, 192)
    command = [sys.executable, "-c", "import sys\nfrom weir_kv import migrate\nmigrate._EVERY = 0\n"
               "sys.exit(migrate.main(sys.argv[1:]))", str(folder), str(tmp_path / "kv.img")]
    code, said = on_terminal([*command, "--size", "64MiB"])
    assert code == 0, said
    line = r"\r\x1b\[K(\d+) of 192 values, \d+ copied, \d+ MB/s"
    shown = [int(n) for n in re.findall(line, said)]
    assert len(shown) > 1 and shown == sorted(set(shown)) and shown[-1] == 192
    assert said.endswith("\r\x1b[K")
    assert not run(command).stderr
    code, said = on_terminal(command, columns=20)
    assert code == 0 and max(map(len, said.split("\r\x1b[K"))) == 19, said


FULL = """
mount -t tmpfs -o size=3m none "$1" || exit 77
truncate -s 64M "$1/kv.img"
"$2" format "$1/kv.img" --force --max-value 128KiB >&2 || exit 78
"$3" -m weir_kv.migrate --json "$4" "$1/kv.img"
[ $? = 1 ] || exit 79
mount -o remount,size=80m "$1" || exit 80
"$3" -m weir_kv.migrate --json "$4" "$1/kv.img" || exit 81
"$2" fsck --data "$1/kv.img" >&2 || exit 82
"""


def test_a_filesystem_that_is_full(tmp_path):
    """What was copied stays, the words say what is full, and the next migration goes on."""
    folder, mounted = fs_folder(tmp_path, 256), tmp_path / "full"
    mounted.mkdir()
    done = run(["unshare", "-m", "sh", "-c", FULL, "sh", str(mounted),
                _command.path(), sys.executable, str(folder)])
    if done.stderr.startswith("unshare: ") or done.returncode == 77:
        pytest.skip("a filesystem cannot be mounted here")
    assert done.returncode == 0, (done.returncode, done.stderr)
    first, second = map(json.loads, done.stdout.splitlines())
    assert 0 < first["copied"] < 256 and first["failed"] and not first["there"]
    assert "no space left on the file system below it" in done.stderr
    assert "the store takes no more, so the migration ends here" in done.stderr
    assert first["copied"] + first["failed"] < 256, "the rest was tried all the same"
    assert second["there"] >= first["copied"] and second["there"] + second["copied"] == 256


def test_vllm_fs_where_a_file_is_too_short(tmp_path):
    m = Manager({"type": "fs", "root_dir": str(tmp_path / "fs")})
    m.store(keys_of(16), fill)
    m.close()
    short = next(path for path in (tmp_path / "fs").rglob("*.bin"))
    os.truncate(short, 1000)
    code, result, err = migrate(tmp_path / "fs", tmp_path / "kv.img", "--size", "64MiB")
    assert (code, counts(result)) == (1, (16, 15, 0, 1, 0))
    assert str(short) in err and "1000 bytes" in err
    m = weir_manager(tmp_path / "kv.img")
    assert len(m.find(keys_of(16))) == 15
    m.close()


@pytest.mark.parametrize("arguments,code,word", [
    (("{dir}/none", "{dir}/kv.img"), 1, "No such file"),
    (("{dir}", "{dir}/kv.img"), 1, "config.json"),
    (("{dir}", "{dir}/kv.img", "--params", "[]"), 2, "not an object"),
    (("{dir}", "{dir}/kv.img", "--params", "{{"), 2, "--params"),
    (("{dir}", "{dir}/kv.img", "--meta-total-bytes", "many"), 2, "--meta-total-bytes"),
    (("{dir}",), 2, "STORE")])
def test_what_is_typed_wrong(tmp_path, arguments, code, word):
    got, result, err = migrate(*(one.format(dir=tmp_path) for one in arguments))
    assert (got, result) == (code, None) and word in err


def test_parameters_of_the_host_that_are_wrong(tmp_path, raw):
    code, _, err = migrate(raw[0], tmp_path / "kv.img", "--params", '{"sise": 1}')
    assert code == 2 and "did you mean 'size'" in err
    assert not os.path.exists(tmp_path / "kv.img")


def test_the_command_of_the_package(tmp_path, raw):
    done = run(
        [sys.executable, "-c", "from weir_kv._command import main; main()", "migrate", "--dry-run",
         str(raw[0]), str(tmp_path / "kv.img")])
    assert done.returncode == 0 and "24 of 24 values of raw_block would be copied" in done.stdout


def test_parameters_are_looked_at_before_the_source(tmp_path):
    for words, text in ((["--size", "much"], "--size: 'much' is not a size"),
                        (["--max-value", "-1"], "--max-value"),
                        (["--tenant-by", "hat"], "--tenant-by: 'hat' is not one of"),
                        (["--params", '{"sizes": 1}'], "--params: ")):
        code, _, err = migrate(tmp_path / "absent", tmp_path / "kv.img", *words, "--dry-run")
        assert code == 2 and text in err, (words, code, err)


def test_a_store_that_will_be_shared(tmp_path, raw):
    code, result, err = migrate(raw[0], tmp_path / "kv.img", "--size", "64MiB", "--params",
                                '{"share": "on"}')
    assert (code, counts(result)) == (0, (24, 24, 0, 0, 0)), err
