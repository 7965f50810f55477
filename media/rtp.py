"""RTP headers as columns (RFC 3550 §5.1): many packets at once, one row each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from media.frames import Mask, Rows, Wire

HEADER = 12
WIDTH = 512  # bytes kept of a packet: 60 ms of G.711 and headers fit


@dataclass(slots=True)
class Packets:
    """Packets as columns: whose they are, their bytes, how many of them count."""

    rows: Rows  # (n,)
    data: Wire  # (n, WIDTH)
    lengths: NDArray[np.int64]  # (n,)

    def __len__(self) -> int:
        return len(self.rows)


NONE = Packets(np.zeros(0, np.int64), np.zeros((0, WIDTH), np.uint8), np.zeros(0, np.int64))


@dataclass(slots=True)
class Headers:
    """The headers of some packets; `ok` says which can be used."""

    ok: Mask
    marker: Mask
    payload_type: NDArray[np.int64]
    sequence: NDArray[np.int64]
    timestamp: NDArray[np.int64]
    ssrc: NDArray[np.int64]
    start: NDArray[np.int64]  # of the payload
    size: NDArray[np.int64]  # of the payload


_NO_ROWS = np.zeros(0, np.int64)
NO_HEADERS = Headers(np.zeros(0, np.bool_), np.zeros(0, np.bool_), *(_NO_ROWS for _ in range(6)))


def parse(data: Wire, lengths: NDArray[np.int64]) -> Headers:
    """`data: (n, width)`; CSRCs, an extension and padding are stepped over, what does not add up is not ok."""
    if not len(lengths):
        return NO_HEADERS
    wide = data[:, :HEADER].astype(np.int64)
    first = wide[:, 0]
    start = HEADER + 4 * (first & 15)
    extended = (first & 0x10) != 0
    if extended.any():
        at = np.minimum(start + 2, data.shape[1] - 2)
        row = np.arange(len(data))
        words = data[row, at].astype(np.int64) << 8 | data[row, at + 1]
        start = np.where(extended, start + 4 + 4 * words, start)
    size = lengths - start
    padded = (first & 0x20) != 0
    if padded.any():
        last = data[np.arange(len(data)), np.clip(lengths - 1, 0, data.shape[1] - 1)].astype(np.int64)
        size = np.where(padded, size - np.maximum(last, 1), size)
    return Headers(
        ok=((first >> 6) == 2) & (lengths >= HEADER) & (size >= 0),
        marker=(wide[:, 1] & 0x80) != 0,
        payload_type=wide[:, 1] & 0x7F,
        sequence=wide[:, 2] << 8 | wide[:, 3],
        timestamp=wide[:, 4] << 24 | wide[:, 5] << 16 | wide[:, 6] << 8 | wide[:, 7],
        ssrc=wide[:, 8] << 24 | wide[:, 9] << 16 | wide[:, 10] << 8 | wide[:, 11],
        start=start,
        size=size,
    )


def pack(
    out: Wire,
    payload_type: NDArray[np.int64],
    marker: Mask,
    sequence: NDArray[np.int64],
    timestamp: NDArray[np.int64],
    ssrc: NDArray[np.int64],
) -> None:
    """Writes plain 12-byte headers into `out: (n, >= 12)`."""
    out[:, 0] = 0x80
    out[:, 1] = payload_type | marker.astype(np.int64) << 7
    out[:, 2:4] = _bytes(sequence, 2)
    out[:, 4:8] = _bytes(timestamp, 4)
    out[:, 8:12] = _bytes(ssrc, 4)


def _bytes(values: NDArray[np.int64], count: int) -> Wire:
    """The low bytes, most significant first: (n, count)."""
    return values.astype(">u4").view(np.uint8).reshape(-1, 4)[:, 4 - count :]


def distance(ahead: NDArray[np.int64], of: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    """How far `ahead` is ahead of `of` in serial arithmetic of so many bits; negative when it is behind."""
    half = 1 << (bits - 1)
    return ((ahead - of + half) & ((1 << bits) - 1)) - half
