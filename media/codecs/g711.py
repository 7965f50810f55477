"""G.711 µ-law and A-law by table (ITU-T G.711): 8000 Hz, one byte a sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from media.frames import Mask, Pcm, Rows, Wire


def _ulaw_to_pcm() -> Pcm:
    code = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = ((code >> 4) & 7).astype(np.int32), (code & 15).astype(np.int32)
    magnitude = ((mantissa << 3) + 0x84 << exponent) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_to_pcm() -> Pcm:
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent, mantissa = ((code >> 4) & 7).astype(np.int32), (code & 15).astype(np.int32)
    low = (mantissa << 4) + 8
    magnitude = np.where(exponent == 0, low, (low + 0x100) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _nearest(table: Pcm) -> Wire:
    """For each int16 (as uint16 index) the code whose value is nearest."""
    order = np.argsort(table, kind="stable")
    values = table[order].astype(np.int32)
    samples = np.arange(-32768, 32768, dtype=np.int32)
    middle = (values[1:] + values[:-1]) / 2
    codes = order[np.searchsorted(middle, samples, side="left")].astype(np.uint8)
    return np.roll(codes, 32768)  # index 0 is sample 0, index 32768 is sample -32768


ULAW_TO_PCM, ALAW_TO_PCM = _ulaw_to_pcm(), _alaw_to_pcm()
PCM_TO_ULAW, PCM_TO_ALAW = _nearest(ULAW_TO_PCM), _nearest(ALAW_TO_PCM)

ENCODE = np.stack((PCM_TO_ULAW, PCM_TO_ALAW))


def _pairs(table: Pcm) -> NDArray[np.uint32]:
    """For each two codes, as the machine reads them at once, their two samples."""
    pairs = np.arange(1 << 16, dtype=np.uint16).view(np.uint8).reshape(-1, 2)
    return np.ascontiguousarray(table[pairs]).view(np.uint32)[:, 0]


DECODE = np.stack((_pairs(ULAW_TO_PCM), _pairs(ALAW_TO_PCM)))


def decode(wire: Wire, law: Rows) -> Pcm:
    """`wire: (rows, n)` with an even n and `law: (rows,)` 0 for µ-law, 1 for A-law -> pcm of the same shape."""
    codes = np.ascontiguousarray(wire).view(np.uint16)
    return _by_law(lambda table, rows: DECODE[table].take(codes[rows]), law, codes.shape, np.uint32).view(np.int16)


def encode(pcm: Pcm, law: Rows) -> Wire:
    """`pcm: (rows, n)` with `law: (rows,)` -> wire of the same shape."""
    values = pcm.view(np.uint16)
    return _by_law(lambda table, rows: ENCODE[table].take(values[rows]), law, values.shape, np.uint8)


def _by_law(
    look: Callable[[int, slice | Mask], NDArray[Any]], law: Rows, shape: tuple[int, ...], dtype: type
) -> NDArray[Any]:
    """One look into the table for all rows of a law: mostly there is one law."""
    if not len(law):
        return np.empty(shape, dtype)
    if (law == law[0]).all():
        return look(int(law[0]), slice(None))
    found: NDArray[Any] = np.empty(shape, dtype)
    for table in range(len(ENCODE)):
        found[law == table] = look(table, law == table)
    return found
