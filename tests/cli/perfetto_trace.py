# SPDX-License-Identifier: Apache-2.0
"""Reads a trace in Perfetto's format: a reader of protobuf's wire format, and the few messages that
weir writes, checked as Perfetto's importer wants them."""
import collections


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(data):
    """The fields of the message DATA: number -> list of values, which are ints or bytes."""
    found, at = collections.defaultdict(list), 0
    while at < len(data):
        key, at = varint(data, at)
        assert key & 7 in (0, 2), f"wire type {key & 7} at {at}"
        value, at = varint(data, at)
        if key & 7 == 2:
            assert at + value <= len(data), "a field goes beyond its message"
            value, at = data[at:at + value], at + value
        found[key >> 3].append(value)
    return found


class Trace:
    """The tracks, slices and counters of the file PATH."""

    def __init__(self, path):
        self.tracks = {}  # uuid -> (name, uuid of the parent)
        self.slices = []  # (track, name, begin, end, notes), nested ones before theirs
        self.instants = []
        self.counters = collections.defaultdict(list)  # track -> [(time, value)]
        self.open = collections.defaultdict(list)
        last = 0
        with open(path, "rb") as f:
            packets = fields(f.read())
        assert set(packets) == {1}
        for packet in map(fields, packets[1]):
            assert packet[10] == [1]  # one sequence
            if 60 in packet:
                self.describe(fields(packet[60][0]))
                continue
            assert packet[8][0] >= last, "time goes back"
            last = packet[8][0]
            self.event(last, fields(packet[11][0]))
        assert not any(self.open.values()), "slices that do not end"

    def describe(self, track):
        uuid = track[1][0]
        assert uuid not in self.tracks, "a track is described twice"
        parent = track[5][0] if 5 in track else None
        assert parent is None or parent in self.tracks
        self.tracks[uuid] = (track[2][0].decode() if 2 in track else None, parent)

    @staticmethod
    def notes(event):
        pairs = {}
        for note in map(fields, event[4]):
            values = note.get(3) or note.get(4) or [note[6][0].decode()]
            pairs[note[10][0].decode()] = values[0]
        return pairs

    def event(self, at, event):
        track, kind = event[11][0], event[9][0]
        assert track in self.tracks
        if kind == 1:
            self.open[track].append((event[23][0].decode(), at, self.notes(event)))
            assert len(self.open[track]) <= 2
        elif kind == 2:
            name, begin, notes = self.open[track].pop()
            self.slices.append((track, name, begin, at, notes))
        elif kind == 3:
            self.instants.append((track, event[23][0].decode(), at))
        else:
            value = event[30][0]
            self.counters[track].append((at, value - (1 << 64) if value >> 63 else value))

    def path(self, uuid):
        """The names from the outermost track to UUID."""
        name, parent = self.tracks[uuid]
        return (*self.path(parent), name) if parent is not None else (name,)

    def counter(self, name):
        """The values of the counters NAME of all lanes."""
        return [values for uuid, values in self.counters.items() if self.tracks[uuid][0] == name]
