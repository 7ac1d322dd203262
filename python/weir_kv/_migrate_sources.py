# SPDX-License-Identifier: Apache-2.0
"""Reads the caches that ``weir_kv.migrate`` copies: a device of LMCache's raw_block, and a folder
of vLLM's ``fs``. Neither has checksums of values, so what can be verified is said at each. Nothing
is written to a source. One thread."""
from __future__ import annotations

import hashlib
import json
import os
import re
import struct
import urllib.parse
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from . import _vllm_keys

META_BYTES = 256 << 20  # of a device where its first index does not say it: raw_block's default
_INDEX = struct.Struct("<8sIQQI")  # magic, version, sequence, payload's length, payload's crc32
_INDEX_MAGIC, _SLOT_MAGIC = b"LMCIDX01", b"LMCBLK01"
_OBJECT = re.compile(r"(?P<model>[^@]+)@0x(?P<rank>[0-9a-f]{8})@(?P<group>[0-9a-f]+)"
                     r"@(?P<hash>(?:[0-9a-f]{2})+)(?P<salt>@[^@]+)?")
_FILE = re.compile(r"(?P<hash>(?:[0-9a-f]{2})+)\.bin")


class SourceError(ValueError):
    """The source is not what it should be; the text says what was found."""


class Item(NamedTuple):
    """A value of the source. WRONG says why it must not be copied; "": nothing is known against
    it."""

    key: str | bytes
    length: int
    place: tuple[str, int]  # a file, and where the value begins in it
    wrong: str = ""


def read(item: Item, into: memoryview) -> bool:
    """Reads the value of ITEM; False: the source is too short, or cannot be read."""
    path, offset = item.place
    try:
        with open(path, "rb", buffering=0) as f:
            f.seek(offset)
            done = 0
            while done < item.length:
                n = f.readinto(into[done:item.length])
                if not n:
                    return False
                done += n
            # A cache is larger than memory: what is read once must not displace anything.
            os.posix_fadvise(f.fileno(), offset, item.length, os.POSIX_FADV_DONTNEED)
    except OSError:
        return False
    return True


class RawBlock:
    """A device or file of LMCache's raw_block. The crc of the index is checked, and that each slot
    has the header of its key and length."""

    kind, host = "raw_block", "lmcache"

    def __init__(self, path: str, meta_bytes: int = META_BYTES) -> None:
        self.path = path
        with open(path, "rb", buffering=0) as f:
            self._size = f.seek(0, os.SEEK_END)
            self._index = self._newest(f, meta_bytes)

    def _payload(self, f: Any, at: int, align: int) -> tuple[int, dict[str, Any]] | None:
        """Returns sequence and content of the index AT, or None where no valid one is."""
        f.seek(at)
        head = f.read(_INDEX.size)
        if len(head) < _INDEX.size:
            return None
        magic, version, sequence, length, crc = _INDEX.unpack(head)
        if magic != _INDEX_MAGIC or version != 1 or length > self._size:
            return None
        f.seek(at + align)
        payload = b""
        while len(payload) < length and (part := f.read(length - len(payload))):
            payload += part
        if len(payload) < length or zlib.crc32(payload) != crc:
            return None
        try:
            data = json.loads(payload)
        except ValueError:
            return None
        return (sequence, data) if _is_index(data) else None

    def _newest(self, f: Any, meta_bytes: int) -> dict[str, Any]:
        """Returns the newer one of the two indexes that a device has."""
        aligns = (4096, 512, 8192, 16384, 65536)
        found = [one for one in (self._payload(f, 0, align) for align in aligns) if one][:1]
        align = found[0][1]["block_align"] if found else 4096
        meta = found[0][1]["meta_total_bytes"] if found else meta_bytes
        second = self._payload(f, meta // 2 // align * align, align)
        found += [second] if second else []
        if not found:
            raise SourceError(f"{self.path}: no index of LMCache's raw_block is on it; if it was "
                              "made with another meta_total_bytes than 256 MiB, say so with "
                              "--meta-total-bytes")
        return max(found, key=lambda one: one[0])[1]

    def items(self) -> Iterator[Item]:
        """Yields all values, in the order of their places."""
        entries = self._index["entries"]
        header, slot = self._index["header_bytes"], self._index["slot_bytes"]
        with open(self.path, "rb", buffering=0) as f:
            for text, entry in sorted(entries.items(), key=lambda one: one[1]["offset"]):
                at, length = entry["offset"], entry["size"]
                wrong = "" if 0 < length <= slot - header and at + header + length <= self._size \
                    else "its place is not on the device"
                yield Item(_lmcache_key(text) or text, length, (self.path, at + header),
                           wrong or self._verify(f, text, at, length))

    @staticmethod
    def _verify(f: Any, text: str, at: int, length: int) -> str:
        if not _OBJECT.fullmatch(text):
            return "its key is not one of LMCache's server"
        f.seek(at)
        head = f.read(24)
        identity = hashlib.blake2b(text.encode(), digest_size=8).digest()
        if head != _SLOT_MAGIC + identity + length.to_bytes(8, "little"):
            return "its slot holds another value"
        return ""


def _is_index(data: Any) -> bool:
    """Says whether DATA has what is read of it."""
    numbers = ("block_align", "header_bytes", "slot_bytes", "meta_total_bytes")
    return isinstance(data, dict) and data.get("version") == 1 and \
        all(isinstance(data.get(name), int) and data[name] > 0 for name in numbers) and \
        isinstance(data.get("entries"), dict) and \
        all(isinstance(entry.get(name), int) for entry in data["entries"].values()
            for name in ("offset", "size"))


def _lmcache_key(text: str) -> str | None:
    """Returns raw_block's key TEXT as LMCache gives it to native plugins; None: it is none."""
    match = _OBJECT.fullmatch(text)
    if not match:
        return None
    return (f"{urllib.parse.unquote(match['model'])}@{match['rank']}@{match['group']}"
            f"@{match['hash']}{match['salt'] or ''}")


class Folder:
    """A folder of vLLM's ``fs``, with the caches of one or several models. A file's name and its
    length are checked: all chunks of a cache have the same length."""

    kind, host = "fs", "vllm"

    def __init__(self, path: str, namespace: str = "") -> None:
        self.path = path
        self._caches: list[tuple[str, bytes]] = []
        for at in [path, *sorted(entry.path for entry in os.scandir(path) if entry.is_dir())]:
            config = os.path.join(at, "config.json")
            if os.path.isfile(config):
                self._caches.append((at.rstrip("/"), self._prefix(config, namespace)))
        if not self._caches:
            raise SourceError(f"{path}: no cache of vLLM's fs is in it: neither {path}/config.json "
                              f"nor {path}/*/config.json is there")

    @staticmethod
    def _prefix(config: str, namespace: str) -> bytes:
        try:
            with open(config, encoding="utf-8") as f:
                return _vllm_keys.digest(_vllm_keys.facts_of_folder(json.load(f)), namespace)
        except (ValueError, KeyError, TypeError) as e:
            raise SourceError(f"{config}: not a configuration of vLLM's fs: {e!r}") from None

    def items(self) -> Iterator[Item]:
        """Yields all chunks. Temporary files of vLLM are none."""
        for base, prefix in self._caches:
            # The manager of tiers, which stores chunks as a whole, is rank 0.
            files = list(_chunks(base + "_r0"))
            usual = Counter(size for *_, size in files).most_common(1)
            for path, group, block_hash, size in files:
                wrong = "" if size == usual[0][0] and size else \
                    f"it has {size} bytes, and others have {usual[0][0]}"
                yield Item(_vllm_keys.name(prefix, block_hash, group), size, (path, 0), wrong)


def _chunks(root: str) -> Iterator[tuple[str, int, bytes, int]]:
    """Yields path, group, hash and size of each chunk: ROOT/hhh/hh_gGROUP/HASH.bin."""
    for folder, below, names in os.walk(root):
        below.sort()
        group = re.fullmatch(r"[0-9a-f]{2}_g([0-9]+)", os.path.basename(folder))
        for name in sorted(names):
            match = _FILE.fullmatch(name)
            if group and match:
                path = os.path.join(folder, name)
                yield path, int(group[1]), bytes.fromhex(match["hash"]), os.path.getsize(path)


def open_source(path: str, namespace: str, meta_bytes: int) -> RawBlock | Folder:
    """Opens PATH: a folder is vLLM's, anything else raw_block's."""
    return Folder(path, namespace) if os.path.isdir(path) else RawBlock(path, meta_bytes)
