"""Series as Prometheus takes them in by remote write (version 0.1.0): protobuf in snappy's block format.

The encoding of `prometheus.WriteRequest` in prometheus prompb/remote.proto; of snappy, only literals are written, which
every decoder takes (google/snappy format_description.txt).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from remediator.core.model import Value

HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}

STALE = struct.pack("<Q", 0x7FF0000000000002)
"""The NaN by which Prometheus marks the end of a series (model/value/value.go)."""

_LITERAL = 0xFFFF + 1
"""Bytes of one literal, whose length is written in two."""


class Sample(Value, frozen=True):
    """A value at a Unix time in milliseconds; None ends the series."""

    at: int
    value: float | None


class Series(Value, frozen=True):
    """Samples of one series, in the order of time."""

    labels: dict[str, str]
    samples: tuple[Sample, ...]


def write_request(series: Iterable[Series]) -> bytes:
    """The body of a request that writes these."""
    return _snappy(b"".join(_field(1, _series(each)) for each in series))


def _series(series: Series) -> bytes:
    labels = (_field(1, name.encode()) + _field(2, value.encode()) for name, value in sorted(series.labels.items()))
    return b"".join(_field(1, each) for each in labels) + b"".join(_field(2, _sample(each)) for each in series.samples)


def _sample(sample: Sample) -> bytes:
    value = STALE if sample.value is None else struct.pack("<d", sample.value)
    return b"\x09" + value + b"\x10" + _varint(sample.at)


def _field(number: int, data: bytes) -> bytes:
    """A field of bytes, with its tag and length."""
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first. For numbers that are not negative."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def _snappy(data: bytes) -> bytes:
    """The block format: the length, then literals with theirs in the two bytes that the tag 61 announces."""
    parts = (data[at : at + _LITERAL] for at in range(0, len(data), _LITERAL))
    return _varint(len(data)) + b"".join(bytes([61 << 2]) + struct.pack("<H", len(part) - 1) + part for part in parts)
