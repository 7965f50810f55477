"""The packets of many connected UDP sockets at once: `packets.c` where it was built, else the same in Python."""

from __future__ import annotations

import ctypes
import socket
from mmap import MADV_DONTNEED, MAP_ANONYMOUS, MAP_PRIVATE, PAGESIZE, mmap
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from media import native
from media.frames import Rows
from media.rtp import WIDTH, Packets

PER_TICK = 16  # packets read of one socket in a tick: a flood of one port starves no other
LEAST = 256  # packets that a tick has room for; more with more sockets

Fds = NDArray[np.int32]


class PacketIO(Protocol):
    """What `Sockets` needs: `fds: (n,)` are connected sockets."""

    name: str

    def drain(self, fds: Fds, rows: Rows) -> Packets:
        """What came on `fds`, which belong to `rows`; the arrays are good until the next call."""
        ...

    def send(self, fds: Fds, packets: Packets) -> int:
        """Sends each packet on the socket of its row, `fds[row]` (-1: nowhere); how many left."""
        ...


class Room:
    """The arrays that packets are read into, once for all ticks, and where the next sweep begins.

    What a flood or a stall has filled is given back to the system by the first sweep that brings no more than usual.
    """

    def __init__(self) -> None:
        self._first = self._most = self._last = 0
        self._grow(LEAST)

    def _grow(self, room: int) -> None:
        self._memory = mmap(-1, room * WIDTH, MAP_PRIVATE | MAP_ANONYMOUS)  # what is not written to is not there yet
        self.data = np.frombuffer(self._memory, np.uint8).reshape(room, WIDTH)
        self.rows = np.zeros(room, np.int64)
        self.lengths = np.zeros(room, np.int64)
        self.at = self.data.ctypes.data, WIDTH, self.rows.ctypes.data, self.lengths.ctypes.data
        self._most = 0
        self._taken = Packets(self.rows[:0], self.data[:0], self.lengths[:0])

    def begin(self, sockets: int) -> int:
        """Makes room for a sweep over so many sockets; the one to begin with, so that nobody starves."""
        if len(self.rows) < 4 * sockets:
            self._grow(8 * sockets)
        usual = max(LEAST, 2 * sockets)
        if self._last <= usual < self._most:
            self._give_back(usual)
        self._first = (self._first + 1) % max(1, sockets)
        return self._first

    def _give_back(self, usual: int) -> None:
        start = -(-usual * WIDTH // PAGESIZE) * PAGESIZE
        if start < len(self._memory):
            self._memory.madvise(MADV_DONTNEED, start)
        self._most = usual

    def taken(self, count: int) -> Packets:
        """The first so many packets; mostly there are as many as in the last tick."""
        self._last, self._most = count, max(self._most, count)
        if len(self._taken) != count:
            self._taken = Packets(self.rows[:count], self.data[:count], self.lengths[:count])
        return self._taken


class NativePackets:
    """By the C library; the interpreter lock is released meanwhile."""

    name = "native"

    def __init__(self, library: ctypes.CDLL) -> None:
        number, pointer = ctypes.c_int64, ctypes.c_void_p
        self._drain, self._send = library.packets_drain, library.packets_send
        self._drain.argtypes = [pointer, pointer, number, number, number, pointer, number, pointer, pointer, number]
        self._send.argtypes = [pointer, pointer, pointer, number, pointer, number]
        self._drain.restype = self._send.restype = number
        self._room = Room()
        self._sweep: tuple[Fds, Rows] | None = None
        self._at = 0, 0

    def drain(self, fds: Fds, rows: Rows) -> Packets:
        if not len(fds):
            return self._room.taken(0)
        if self._sweep is None or fds is not self._sweep[0] or rows is not self._sweep[1]:
            self._sweep, self._at = (fds, rows), (fds.ctypes.data, rows.ctypes.data)
        room, first = self._room, self._room.begin(len(fds))
        count = self._drain(*self._at, len(fds), first, PER_TICK, *room.at, len(room.rows))
        return room.taken(count)

    def send(self, fds: Fds, packets: Packets) -> int:
        data = np.ascontiguousarray(packets.data)
        lengths = np.ascontiguousarray(packets.lengths)
        left: int = self._send(
            fds.ctypes.data, packets.rows.ctypes.data, data.ctypes.data, data.shape[1], lengths.ctypes.data,
            len(packets),
        )  # fmt: skip
        return left


class PythonPackets:
    """The same, a system call at a time."""

    name = "python"

    def __init__(self) -> None:
        self._room = Room()

    def drain(self, fds: Fds, rows: Rows) -> Packets:
        room, count, sockets = self._room, 0, len(fds)
        first = room.begin(sockets)
        turns = [*range(first, sockets), *range(first)] if sockets else []
        for one in turns:
            with Borrowed(int(fds[one])) as borrowed:
                for _ in range(PER_TICK):
                    if count == len(room.rows):
                        break
                    try:
                        length = borrowed.recv_into(room.data[count], WIDTH, socket.MSG_DONTWAIT)
                    except BlockingIOError:
                        break
                    except OSError:
                        continue  # an ICMP error about something we sent
                    room.rows[count], room.lengths[count] = rows[one], length
                    count += 1
        return room.taken(count)

    def send(self, fds: Fds, packets: Packets) -> int:
        left = 0
        for index, (fd, length) in enumerate(zip(fds[packets.rows].tolist(), packets.lengths.tolist(), strict=True)):
            if fd < 0:
                continue
            with Borrowed(fd) as borrowed:
                try:
                    borrowed.send(packets.data[index, :length].data, socket.MSG_DONTWAIT)
                    left += 1
                except OSError:
                    continue
        return left


class Borrowed:
    """A socket object around a descriptor that stays its owner's."""

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=fd)

    def __enter__(self) -> socket.socket:
        return self._socket

    def __exit__(self, *_: object) -> None:
        self._socket.detach()


LIBRARY = Path(__file__).with_name("libpackets.so")


def best() -> PacketIO:
    """The C library where there is one."""
    library = native.load(LIBRARY, "packets.c")
    return PythonPackets() if library is None else NativePackets(library)
