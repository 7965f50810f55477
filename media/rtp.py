"""RTP headers as columns (RFC 3550 §5.1): many packets at once, one row each."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from media.frames import Mask, Rows, Wire

HEADER = 12
WIDTH = 512  # bytes kept of a packet that comes in: 60 ms of G.711 and headers fit

Ints = NDArray[np.int64]


@dataclass(slots=True)
class Packets:
    """Packets as columns: whose they are, their bytes, how many of them count."""

    rows: Rows  # (n,)
    data: Wire  # (n, width)
    lengths: Ints  # (n,)

    def __len__(self) -> int:
        return len(self.rows)


NONE = Packets(np.zeros(0, np.int64), np.zeros((0, WIDTH), np.uint8), np.zeros(0, np.int64))


def packets_of(packets: Sequence[tuple[int, bytes]]) -> Packets:
    """Packets (row, bytes) as columns; what is longer than `WIDTH` is cut."""
    data = np.zeros((len(packets), WIDTH), np.uint8)
    for index, (_, one) in enumerate(packets):
        data[index, : len(one)] = np.frombuffer(one, np.uint8)[:WIDTH]
    lengths = np.array([min(len(one), WIDTH) for _, one in packets], np.int64)
    return Packets(np.array([row for row, _ in packets], np.int64), data, lengths)


def joined(a: Packets, b: Packets) -> Packets:
    """Both, `a` first; of one width."""
    if not len(a):
        return b
    return Packets(
        np.concatenate((a.rows, b.rows)), np.concatenate((a.data, b.data)), np.concatenate((a.lengths, b.lengths))
    )


@dataclass(slots=True)
class Headers:
    """The headers of some packets; `ok` says which can be used."""

    ok: Mask
    marker: Mask
    payload_type: Ints
    sequence: Ints
    timestamp: Ints
    ssrc: Ints
    start: Ints  # of the payload
    size: Ints  # of the payload


_NO_ROWS = np.zeros(0, np.int64)
NO_HEADERS = Headers(np.zeros(0, np.bool_), np.zeros(0, np.bool_), *(_NO_ROWS for _ in range(6)))


def parse(data: Wire, lengths: Ints) -> Headers:
    """`data: (n, width)`; CSRCs, an extension and padding are stepped over, what does not add up is not ok."""
    if not len(lengths):
        return NO_HEADERS
    words = np.ascontiguousarray(data[:, :HEADER]).view(">u4").astype(np.int64)
    first = words[:, 0]
    start = HEADER + 4 * (first >> 24 & 15)
    extended = (first & 0x10000000) != 0
    if extended.any():
        at = np.minimum(start + 2, data.shape[1] - 2)
        row = np.arange(len(data))
        length = data[row, at].astype(np.int64) << 8 | data[row, at + 1]
        start = np.where(extended, start + 4 + 4 * length, start)
    size = lengths - start
    padded = (first & 0x20000000) != 0
    if padded.any():
        last = data[np.arange(len(data)), np.clip(lengths - 1, 0, data.shape[1] - 1)].astype(np.int64)
        size = np.where(padded, size - np.maximum(last, 1), size)
    return Headers(
        ok=((first >> 30) == 2) & (lengths >= HEADER) & (size >= 0),
        marker=(first & 0x800000) != 0,
        payload_type=first >> 16 & 0x7F,
        sequence=first & 0xFFFF,
        timestamp=words[:, 1],
        ssrc=words[:, 2],
        start=start,
        size=size,
    )


def heading(data: bytes) -> tuple[int, int, int] | None:
    """Payload type, SSRC and sequence number of one packet, None where it is no RTP."""
    if len(data) < HEADER or data[0] >> 6 != 2:
        return None
    first, sequence, _, ssrc = struct.unpack_from(">HHII", data)
    return first & 0x7F, ssrc, sequence


def payloads(packets: Packets, headers: Headers, index: Rows, width: int) -> Wire:
    """The payloads of the packets `index`: (n, width), of which `headers.size` bytes count."""
    start = headers.start[index]
    if (start == HEADER).all():  # no CSRC, no extension: nearly always
        return packets.data[index, HEADER : HEADER + width]
    at = np.minimum(start[:, None] + np.arange(width), packets.data.shape[1] - 1)
    found: Wire = packets.data[index[:, None], at]
    return found


def pack(out: Wire, payload_type: Ints, marker: Mask, sequence: Ints, timestamp: Ints, ssrc: Ints) -> None:
    """Writes plain 12-byte headers into `out: (n, >= 12)`."""
    words = np.empty((len(out), 3), ">u4")
    words[:, 0] = 0x80000000 | marker.astype(np.int64) << 23 | payload_type << 16 | sequence
    words[:, 1] = timestamp
    words[:, 2] = ssrc
    out[:, :HEADER] = words.view(np.uint8)


def distance(ahead: Ints, of: Ints, bits: int) -> Ints:
    """How far `ahead` is ahead of `of` in serial arithmetic of so many bits; negative when it is behind."""
    half = 1 << (bits - 1)
    return ((ahead - of + half) & ((1 << bits) - 1)) - half
