"""G.711 µ-law and A-law by table (ITU-T G.711): 8000 Hz, one byte a sample."""

from __future__ import annotations

import numpy as np

from media.frames import Pcm, Rows, Wire


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

DECODE = np.stack((ULAW_TO_PCM, ALAW_TO_PCM))
ENCODE = np.stack((PCM_TO_ULAW, PCM_TO_ALAW))


def decode(wire: Wire, law: Rows) -> Pcm:
    """`wire: (rows, n)` with `law: (rows,)` 0 for µ-law, 1 for A-law -> pcm of the same shape."""
    pcm: Pcm = DECODE[law[:, None], wire]
    return pcm


def encode(pcm: Pcm, law: Rows) -> Wire:
    """`pcm: (rows, n)` with `law: (rows,)` -> wire of the same shape."""
    wire: Wire = ENCODE[law[:, None], pcm.view(np.uint16)]
    return wire
