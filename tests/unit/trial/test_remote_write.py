"""What is written to Prometheus: the bytes of the wire format, decoded again by another's reader."""

from __future__ import annotations

import math
import struct

from hypothesis import given
from hypothesis import strategies as st

from remediator.trial.remote_write import Sample, Series, write_request

LABELS = st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=5), max_size=3)
SAMPLES = st.lists(st.builds(Sample, st.integers(0, 2**50), st.none() | st.floats()), max_size=5).map(tuple)


def unpacked(block: bytes) -> bytes:
    """Snappy's block format, as far as it has literals of two bytes' length."""
    length, at = number(block, 0)
    found = b""
    while at < len(block):
        assert block[at] == 61 << 2
        size = struct.unpack_from("<H", block, at + 1)[0] + 1
        found += block[at + 3 : at + 3 + size]
        at += 3 + size
    assert len(found) == length
    return found


def number(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def fields(data: bytes) -> list[tuple[int, bytes | int]]:
    """A protobuf message: each field's number and its content."""
    found: list[tuple[int, bytes | int]] = []
    at = 0
    while at < len(data):
        tag, at = number(data, at)
        if tag & 7 == 1:
            found.append((tag >> 3, data[at : at + 8]))
            at += 8
        elif tag & 7 == 0:
            value, at = number(data, at)
            found.append((tag >> 3, value))
        else:
            size, at = number(data, at)
            found.append((tag >> 3, data[at : at + size]))
            at += size
    return found


@given(st.lists(st.builds(Series, LABELS, SAMPLES), max_size=4))
def test_series_come_back_as_they_were_written(series: list[Series]) -> None:
    read = []
    for _, each in fields(unpacked(write_request(series))):
        assert isinstance(each, bytes)
        parts = fields(each)
        pairs = [[text.decode() for _, text in fields(part)] for kind, part in parts if kind == 1]
        samples = [dict(fields(part)) for kind, part in parts if kind == 2]
        read.append((pairs, [(sample[2], sample[1]) for sample in samples]))
    assert [pairs for pairs, _ in read] == [[list(pair) for pair in sorted(each.labels.items())] for each in series]
    for (_, got), each in zip(read, series, strict=True):
        for (at, value), sample in zip(got, each.samples, strict=True):
            assert at == sample.at
            (decoded,) = struct.unpack("<d", value)
            stale = value == bytes.fromhex("020000000000f07f")
            assert stale is (sample.value is None)
            assert stale or decoded == sample.value or (math.isnan(decoded) and math.isnan(sample.value or 0.0))


def test_a_large_body_is_several_literals() -> None:
    many = Series({"__name__": "x"}, tuple(Sample(at, 1.0) for at in range(10_000)))
    assert len(unpacked(write_request([many]))) > 65_536
