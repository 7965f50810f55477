"""Writes to many files at once: `blocks.c` where it was built, else the same in Python."""

from __future__ import annotations

import ctypes
import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from media import native
from media.frames import Rows

Fds = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a write: bytes by file, and the errno where not all could be written (else 0)."""

    sizes: Rows
    errors: Fds


class BlockIO(Protocol):
    """What the recorder needs."""

    def write(self, fds: Fds, offsets: Rows, data: NDArray[Any], starts: Rows) -> Written:
        """Byte `starts[i]` to the end of row i to `fds[i]` (-1: nowhere) at `offsets[i]`. `data` is contiguous."""
        ...

    def sync(self, fds: list[int]) -> list[int]:
        """Brings these files, all of one file system, to the disk; the errno of each, 0 where it went well."""
        ...


class NativeBlocks:
    """By the C library; the interpreter lock is released meanwhile."""

    def __init__(self, library: ctypes.CDLL) -> None:
        number, pointer = ctypes.c_int64, ctypes.c_void_p
        self._write, self._sync = library.blocks_write, library.blocks_sync
        self._write.argtypes = [pointer, pointer, pointer, number, pointer, number, number, pointer, pointer]
        self._write.restype = None
        self._sync.argtypes, self._sync.restype = [ctypes.c_int32], ctypes.c_int32

    def write(self, fds: Fds, offsets: Rows, data: NDArray[Any], starts: Rows) -> Written:
        stride = data.nbytes // max(1, len(data))
        sizes, errors = np.zeros(len(fds), np.int64), np.zeros(len(fds), np.int32)
        self._write(
            fds.ctypes.data, offsets.ctypes.data, data.ctypes.data, stride, starts.ctypes.data, stride, len(fds),
            sizes.ctypes.data, errors.ctypes.data,
        )  # fmt: skip
        return Written(sizes, errors)

    def sync(self, fds: list[int]) -> list[int]:
        if len(fds) > FEW and self._sync(fds[0]) == 0:
            return [0] * len(fds)
        return [_synced(fd) for fd in fds]


class PythonBlocks:
    """The same, a system call at a time."""

    def write(self, fds: Fds, offsets: Rows, data: NDArray[Any], starts: Rows) -> Written:
        sizes, errors = np.zeros(len(fds), np.int64), np.zeros(len(fds), np.int32)
        flat = data.reshape(len(data), -1).view(np.uint8)
        for index, (fd, offset, start) in enumerate(zip(fds.tolist(), offsets.tolist(), starts.tolist(), strict=True)):
            if fd >= 0:
                sizes[index], errors[index] = _written(fd, flat[index, start:].data, offset)
        return Written(sizes, errors)

    def sync(self, fds: list[int]) -> list[int]:
        return [_synced(fd) for fd in fds]


FEW = 8  # files that are synced one by one; for more, one sync of their file system costs less


def _written(fd: int, data: memoryview, offset: int) -> tuple[int, int]:
    done = 0
    while done < len(data):
        try:
            some = os.pwrite(fd, data[done:], offset + done)
        except OSError as error:
            return done, error.errno or errno.EIO
        if not some:
            return done, errno.ENOSPC
        done += some
    return done, 0


def _synced(fd: int) -> int:
    try:
        os.fdatasync(fd)
    except OSError as error:
        return 0 if error.errno == errno.EINVAL else error.errno or errno.EIO  # EINVAL: nothing that could be synced
    return 0


LIBRARY = Path(__file__).with_name("libblocks.so")


def best() -> BlockIO:
    """The C library where there is one."""
    library = native.load(LIBRARY, "blocks.c")
    return PythonBlocks() if library is None else NativeBlocks(library)
