"""The arithmetic on samples in C (`mixing.c`, `dtmf.c`), where that was built: a row at a time, all steps at once.

Between two ticks caches go cold: each pass over all audio that is spared is worth more than it seems.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from media import dtmf, native
from media.arithmetic import Arithmetic, NumpyArithmetic
from media.codecs import g711
from media.frames import FRAME, Mask, Pcm, Rows, Wire
from media.mixer import Audio, Mix
from media.routes import Members


class _Members(ctypes.Structure):
    """`struct members`."""

    _fields_ = (("rows", ctypes.c_void_p), ("room", ctypes.c_void_p), ("gain", ctypes.c_void_p))


class NativeArithmetic:
    """By the C library; the interpreter lock is released meanwhile."""

    def __init__(self, library: ctypes.CDLL) -> None:
        number, pointer, single = ctypes.c_int64, ctypes.c_void_p, ctypes.c_float
        members = ctypes.POINTER(_Members)
        self._glance, self._sum, self._own = library.dtmf_glance, library.mixing_sum, library.mixing_own
        self._glance.argtypes = [pointer, pointer, number, pointer, single, single, pointer]
        self._sum.argtypes = [members, number, pointer, pointer, pointer]
        self._own.argtypes = [members, pointer, number, *(pointer,) * 6]
        self._glance.restype = self._sum.restype = self._own.restype = None
        self._bank, self._codes = dtmf.WHOLE_BANK.ctypes.data, g711.ENCODE.ctypes.data

    def glance(self, rows: Rows, heard: Pcm) -> Mask:
        suspect = np.empty(len(rows), np.bool_)
        self._glance(heard.ctypes.data, rows.ctypes.data, len(rows), self._bank, *dtmf.LIMITS, suspect.ctypes.data)
        return suspect

    def sums(self, members: Members, spoke: Mask, heard: Pcm) -> Audio:
        rooms = np.zeros((len(members.rooms), FRAME), np.float32)
        self._sum(_told(members), len(members), spoke.ctypes.data, heard.ctypes.data, rooms.ctypes.data)
        return rooms

    def own(self, mix: Mix, which: Rows, entries: Rows, law: Rows, wire: Wire) -> None:
        columns: tuple[NDArray[Any], ...] = (mix.heard, mix.rooms, entries, law)
        self._own(
            _told(mix.members), which.ctypes.data, len(which), *(one.ctypes.data for one in columns), self._codes,
            wire.ctypes.data,
        )  # fmt: skip


def _told(members: Members) -> _Members:
    return _Members(members.rows.ctypes.data, members.room.ctypes.data, members.gain.ctypes.data)


LIBRARY = Path(__file__).with_name("libarithmetic.so")
SOURCES = ("arithmetic.h", "mixing.c", "dtmf.c")


def best() -> Arithmetic:
    """The C library where there is one."""
    library = native.load(LIBRARY, *SOURCES)
    return NumpyArithmetic() if library is None else NativeArithmetic(library)
