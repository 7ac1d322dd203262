#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads the images of a store in the most naive way, and prints what is in it.

    tools/recover.py IMAGE...          one line for each entry:
                                       HASH SEQUENCE LENGTH PAYLOAD STREAM KEY
    tools/recover.py --serve IMAGE...  for programs: for each line on standard input it reads the
                                       images again, prints the entries, and then a line with a dot

A store on several devices has an image for each of them; they come in any order.

This is a second recovery. It was written from docs/format.md alone, shares no code with the
library, and writes nothing. Tests compare the two on many thousands of images. HASH is the identity
of the key, PAYLOAD the XXH3_64 of its value, or "damaged". KEY is "?" where the batch header that
has the key is damaged. XXH3 comes from libxxhash.

Exit code: 0; 1 if the images are no store, or not all of one; 2 for a usage error.
"""
import ctypes
import signal
import struct
import sys

TOMBSTONE, STRUCK, KNOWN = 1, 0x5AC0, 3
HEADER, BATCH, PAYLOAD, FOOTER, STRIKES = 1, 2, 3, 4, 5  # the kinds of checksums
DROPPED = 1 << 31


class Wide(ctypes.Structure):
    _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]


XXH = ctypes.CDLL("libxxhash.so.0")
XXH.XXH3_64bits_withSeed.restype = ctypes.c_uint64
XXH.XXH3_64bits_withSeed.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64]
XXH.XXH3_128bits_withSecret.restype = Wide
XXH.XXH3_128bits_withSecret.argtypes = [ctypes.c_char_p, ctypes.c_size_t,
                                        ctypes.c_char_p, ctypes.c_size_t]


def xxh3(data, seed=0):
    return XXH.XXH3_64bits_withSeed(data, len(data), seed)


class NoStore(Exception):
    """The images are no store, or none that can be opened."""


class Super:
    """A superblock copy. VALID says whether it is one."""

    def __init__(self, data, copy):
        self.valid = (len(data) == 4096 and data[:8] == b"weirSUP1"
                      and struct.unpack_from("<II", data, 16) == (1, copy)
                      and struct.unpack_from("<Q", data, 8)[0] == xxh3(data[16:]))
        if not self.valid:
            return
        self.incompat = struct.unpack_from("<Q", data, 40)[0]
        self.uuid = data[48:64]
        self.revision, self.epoch = struct.unpack_from("<QQ", data, 64)
        self.device, self.devices = struct.unpack_from("<II", data, 88)
        self.device_bytes = struct.unpack_from("<Q", data, 96)[0]
        self.data_offset, self.segment_bytes, self.segments = struct.unpack_from("<QQQ", data, 112)
        self.block = struct.unpack_from("<I", data, 136)[0]
        self.secret = data[152:344]
        out = struct.unpack_from("<I", data, 3968)[0]
        self.out = struct.unpack_from(f"<{min(out, 24)}I", data, 3972)
        aside = struct.unpack_from("<I", data, 4076)[0]
        self.aside = [number for n, number in enumerate(self.out) if aside >> n & 1]
        self.base = xxh3(self.uuid + self.secret)


class Segment:
    """A segment in use: its generation and its records in log order."""

    def __init__(self, number, stream, gen):
        self.number, self.stream, self.gen = number, stream, gen
        self.records = []
        self.strikes = []  # (from, to) of the payloads of records that do not count
        self.sealed = False


class Record:
    """What a batch header or a footer says about one version of a key."""

    def __init__(self, segment, key, hash_, sequence, checksum, length, block, flags, batch):
        self.segment, self.key, self.hash, self.sequence = segment, key, hash_, sequence
        self.checksum, self.length, self.block = checksum, length, block
        self.tombstone = bool(flags & TOMBSTONE)
        self.batch = batch
        self.dropped = False
        for first, last in segment.strikes:
            if block and first & ~DROPPED <= block <= last:
                self.dropped = bool(first & DROPPED)
                self.tombstone = not self.dropped
                break


class Image:
    """Recovers the store in IMAGE (bytes): afterwards `live` has a Record for each hash."""

    def __init__(self, image):
        self.image = image
        self.super, verify = self.choose_super()
        if not verify:
            raise NoStore("no segment header belongs to the superblock")
        self.blocks = self.super.segment_bytes // self.super.block
        self.live, self.marks = {}, {}
        used = [s for s in self.headers(self.super) if s and s.stream is not None]
        segments = sorted(used, key=lambda s: (s.stream, s.gen))
        for segment in segments:
            segment.sealed = self.footer(segment)
            if not segment.sealed and segment.number not in self.super.aside:
                self.walk(segment)
        for stream in sorted({s.stream for s in segments}):
            self.apply([s for s in segments if s.stream == stream])

    def choose_super(self):
        first = Super(self.image[:4096], 1)
        size = first.device_bytes if first.valid else len(self.image)
        at = size // 65536 * 65536 - 65536
        second = Super(self.image[at:at + 4096], 2)
        good = [s for s in (first, second) if s.valid]
        if not good:
            raise NoStore("no superblock copy is valid")
        # A copy of another store knows no header here.
        verify = {id(s): sum(map(bool, self.headers(s))) for s in good}
        if len(good) == 2 and first.uuid != second.uuid:
            good = [max(good, key=lambda s: verify[id(s)])]
        best = max(good, key=lambda s: s.revision)
        if best.incompat:
            raise NoStore("it uses features of a newer version")
        return best, verify[id(best)]

    # Bytes and checksums

    def read(self, segment, block, blocks):
        at = (self.super.data_offset + segment.number * self.super.segment_bytes
              + block * self.super.block)
        return self.image[at:at + blocks * self.super.block]

    def checksum(self, kind, segment, block, gen, data, of=None):
        of = of or self.super
        words = (kind << 32 | of.device, segment, block, *gen)
        return xxh3(data, xxh3(struct.pack("<5Q", *words), of.base))

    def identity(self, key):
        wide = XXH.XXH3_128bits_withSecret(key, len(key), self.super.secret, 192)
        return wide.low, wide.high

    def needs(self, bytes_):
        return -(-bytes_ // self.super.block)

    # Structures

    def headers(self, of):
        """Yields a Segment for each header of the store of superblock OF, without a stream if the
        segment is free; None where the header is damaged, or the segment out of use and not
        set aside."""
        for number in range(of.segments):
            at = of.data_offset + number * of.segment_bytes
            data = self.image[at:at + 128]
            checksum, epoch, counter, device, segment, state, stream = struct.unpack_from(
                "<8xQ16xQQIIII", data)
            good = (data[:8] == b"weirSEG1" and data[16:32] == of.uuid and state in (1, 2)
                    and (device, segment) == (of.device, number) and stream < 32
                    and checksum == self.checksum(HEADER, number, 0, (0, 0), data[16:], of))
            segment = Segment(number, stream if state == 1 else None, (epoch, counter))
            segment.strikes = self.strikes(segment, self.image[at + 128:at + 512], of)
            good = good and (number not in of.out or number in of.aside)
            yield segment if good else None

    def strikes(self, segment, data, of):
        """Reads the strikes behind the header of SEGMENT, if there are valid ones."""
        checksum, count = struct.unpack_from("<8xQI", data)
        if (data[:8] != b"weirSTR1" or count > 45 or checksum != self.checksum(
                STRIKES, segment.number, 0, segment.gen, data[16:], of)):
            return []
        return [struct.unpack_from("<II", data, 24 + 8 * i) for i in range(count)]

    def footer(self, segment):
        """Reads the footer of SEGMENT. Returns False if there is no valid one."""
        trailer = self.read(segment, self.blocks - 1, 1)[-128:]
        checksum, epoch, counter, number, device, blocks, count, end = struct.unpack_from(
            "<8xQQQIIIII", trailer)
        if (trailer[:8] != b"weirFOT1" or (epoch, counter) != segment.gen
                or (number, device) != (segment.number, self.super.device)
                or blocks != self.needs(count * 48 + 128) or blocks >= self.blocks
                or not 1 <= end <= self.blocks - blocks):
            return False
        first = self.blocks - blocks
        body = bytearray(self.read(segment, first, blocks)[:-128])
        records = [self.footer_entry(segment, body, i, end) for i in range(count)]
        place = (FOOTER, segment.number, first, segment.gen)
        sums = struct.pack("<QQ", self.checksum(*place, bytes(body)),
                           self.checksum(*place, trailer[16:]))
        if checksum != self.checksum(*place, sums) or None in records:
            return False
        segment.records = records
        return True

    def footer_entry(self, segment, body, i, end):
        """Decodes entry I of BODY, in which a mark that it is struck becomes 0."""
        low, high, sequence, checksum, length, block, flags, key_len, batch = struct.unpack_from(
            "<QQQQIIHHI", body, i * 48)
        if flags & ~KNOWN == STRUCK:
            struct.pack_into("<H", body, i * 48 + 40, flags & KNOWN)
            flags, length, block = TOMBSTONE, 0, 0
        if not 1 <= key_len <= 1024 or flags & ~KNOWN or not 1 <= batch < end:
            return None
        if flags & TOMBSTONE:
            good = not length and not block
        else:
            good = length and batch < block and block + self.needs(length) <= end
        return Record(segment, None, (low, high), sequence, checksum, length, block, flags,
                      batch) if good else None

    def walk(self, segment):
        """Goes from batch to batch, and block by block where there is none."""
        block = 1
        while block < self.blocks:
            batch = self.batch(segment, block)
            if batch:
                blocks, mark, records = batch
                segment.records += records
                life = segment.stream, segment.gen[0]
                self.marks[life] = max(self.marks.get(life, mark), mark)
            block += blocks if batch else 1

    def batch(self, segment, block):
        """Returns the number of blocks, the watermark and the records of the batch at BLOCK, or
        None."""
        head = self.read(segment, block, 1)
        if head[:8] != b"weirBAT1":
            return None
        (checksum, epoch, counter, number, at, header_bytes, blocks, count, _flags, mark_epoch,
         mark_counter, mark_block, device) = struct.unpack_from("<8xQQQIIIIIIQQII", head)
        whole = self.needs(header_bytes)
        if ((epoch, counter) != segment.gen or (number, at) != (segment.number, block)
                or device != self.super.device or header_bytes <= 128
                or not whole <= blocks <= self.blocks - block):
            return None
        head = self.read(segment, block, whole)
        if checksum != self.checksum(BATCH, number, block, segment.gen, head[16:]):
            return None
        records, at = [], 128
        while header_bytes - at >= 32:
            record, at = self.record(segment, head, at, block)
            if not record or at > header_bytes:
                return None
            if not record.tombstone and not (block + whole <= record.block and record.block
                                             + self.needs(record.length) <= block + blocks):
                return None
            records.append(record)
        if len(records) != count:
            return None
        return blocks, (mark_epoch, mark_counter, mark_block), records

    def record(self, segment, head, at, batch):
        sequence, checksum, length, block, key_len, flags = struct.unpack_from("<QQIIHH", head, at)
        key = head[at + 32:at + 32 + key_len]
        good = 1 <= key_len <= 1024 and not flags & ~KNOWN
        good = good and (not length and not block if flags & TOMBSTONE else length)
        record = Record(segment, key, self.identity(key), sequence, checksum, length, block,
                        flags, batch) if good else None
        return record, at + 32 + (key_len + 7) // 8 * 8

    # Recovery

    def payload(self, record):
        """Returns the value of RECORD, or None if its checksum is wrong."""
        data = self.read(record.segment, record.block, self.needs(record.length))
        data = data[:record.length]
        right = record.checksum == self.checksum(PAYLOAD, record.segment.number, record.block,
                                                 record.segment.gen, data)
        return data if right else None

    def counts(self, record):
        """Returns False for a record that was dropped, or that no flush covered and whose payload
        is wrong."""
        segment = record.segment
        if record.dropped:
            return segment.sealed
        mark = self.marks.get((segment.stream, segment.gen[0]), (0, 0, 0))
        return (segment.sealed or record.tombstone or (*segment.gen, record.batch) < mark
                or self.payload(record) is not None)

    def apply(self, segments):
        """Applies the segments of one log to what the logs before it have."""
        here = {}
        for record in (r for s in segments for r in s.records):
            if not self.counts(record):
                continue
            if record.tombstone:
                here.pop(record.hash, None)
            else:
                here[record.hash] = record
        for hash_, record in here.items():
            other = self.live.get(hash_)
            if not other or self.newer(record, other):
                self.live[hash_] = record

    def newer(self, record, other):
        return ((record.segment.gen[0], record.sequence)
                >= (other.segment.gen[0], other.sequence))

    def name(self, record):
        if record.key is None:
            batch = self.batch(record.segment, record.batch)
            same = [r for r in batch[2] if r.block == record.block] if batch else []
            if not same and not record.sequence:
                same = self.unnamed(record)
            record.key = same[0].key if same else None
            record.sequence = same[0].sequence if same else record.sequence
        return record.key

    def unnamed(self, record):
        """Looks for RECORD in all batches: the footer that names it does not know which it is."""
        batches = (self.batch(record.segment, block) for block in range(1, self.blocks))
        return [r for b in batches if b for r in b[2] if r.block == record.block]

    def entries(self):
        """Yields the hash and the record of each entry whose key belongs to this device."""
        for hash_, record in self.live.items():
            if hash_[0] % self.super.devices == self.super.device:
                yield hash_, record

    def line(self, hash_, record):
        low, high = hash_
        value = self.payload(record)
        payload = "damaged" if value is None else f"{xxh3(value):016x}"
        key = self.name(record)
        return (f"{high:016x}{low:016x} {record.sequence} {record.length} {payload} "
                f"{record.segment.stream} {'?' if key is None else key.hex()}")


def check_together(images):
    """Refuses images that are not all devices of one store."""
    supers = [image.super for image in images]
    first = supers[0]
    for other in supers:
        if (other.uuid, other.devices) != (first.uuid, first.devices):
            raise NoStore("they belong to several stores")
    if sorted(s.device for s in supers) != list(range(first.devices)):
        raise NoStore(f"the store has {first.devices} devices, and these are the ones at "
                      + ", ".join(str(s.device) for s in supers))


def lines(contents):
    images = [Image(image) for image in contents]
    check_together(images)
    entries = [(hash_, image, record) for image in images for hash_, record in image.entries()]
    for hash_, image, record in sorted(entries, key=lambda entry: entry[0]):
        yield image.line(hash_, record)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def show(paths):
    try:
        for line in lines([read(path) for path in paths]):
            print(line)
    except NoStore as why:
        print(f"tools/recover.py: {', '.join(paths)}: {why}", file=sys.stderr)
        return 1
    return 0


def serve(paths):
    for _ in sys.stdin:
        if show(paths):
            print("no store")
        print(".", flush=True)
    return 0


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    arguments = sys.argv[1:]
    if len(arguments) > 1 and arguments[0] == "--serve":
        return serve(arguments[1:])
    if not arguments or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 0 if arguments in (["--help"], ["-h"]) else 2
    return show(arguments)


if __name__ == "__main__":
    sys.exit(main())
