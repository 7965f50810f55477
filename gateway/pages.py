"""Huge pages for what the process keeps in memory, where the system gives them to who asks (Linux: `madvise`).

A call touches objects all over a heap of some 100 MB. On pages of 4 kB most of what it costs is looking up where they
are, above all on virtual machines; on pages of 2 MB it is not (docs/decisions/0012-huge-pages.md).
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

from media import native

LIBRARY = Path(__file__).with_name("libpages.so")
HUGE = 1 << 21  # bytes
MADV_COLLAPSE = 25  # Linux 6.1: at once, not when the kernel comes by


class _ArenaAllocator(ctypes.Structure):
    """`PyObjectArenaAllocator` of CPython's C API."""

    _fields_ = (("context", ctypes.c_void_p), ("alloc", ctypes.c_void_p), ("free", ctypes.c_void_p))


def for_new_objects() -> bool:
    """Small objects lie on huge pages from now on. False where the library was not built: all stays as it is."""
    library = native.load(LIBRARY, "pages.c")
    if library is None:
        return False
    alloc, free = (ctypes.cast(one, ctypes.c_void_p) for one in (library.pages_alloc, library.pages_free))
    ctypes.pythonapi.PyObject_SetArenaAllocator(ctypes.byref(_ArenaAllocator(None, alloc, free)))
    return True


def for_the_heap() -> bool:
    """The C library's heap, as it is now, is moved to huge pages. False where the system does not do that."""
    start, end = _whole_pages(_heap())
    madvise = getattr(ctypes.CDLL(None), "madvise", None)
    if start >= end or madvise is None:
        return False
    return not madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), MADV_COLLAPSE)


def _heap() -> tuple[int, int]:
    """Where it begins and ends; nowhere, where nothing says so."""
    if sys.platform != "linux":
        return 0, 0
    for line in Path("/proc/self/maps").read_text().splitlines():
        if line.endswith("[heap]"):
            start, _, end = line.split()[0].partition("-")
            return int(start, 16), int(end, 16)
    return 0, 0


def _whole_pages(area: tuple[int, int]) -> tuple[int, int]:
    return -(-area[0] // HUGE) * HUGE, area[1] // HUGE * HUGE
