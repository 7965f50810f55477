"""Time for a worker: ticks from an absolute clock, a process that nothing holds up, and how well it went."""

from __future__ import annotations

import ctypes
import gc
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import numpy as np

from media import events
from media.frames import TICK

NICE = -10  # where real-time scheduling is not allowed; where this is not either, it is as it is
CLEANED = 500  # ticks between looks for garbage among the youngest objects
RETURNED = 1500  # ticks after which memory that nobody uses goes back to the system: 30 s
SMALL, OF_EACH = 1024, 7  # NBUCKETS and NCACHE of NumPy's allocator
TOLD = 50  # ticks between statistics: one second
KEPT = 250  # ticks whose lateness counts: five seconds


@dataclass(frozen=True, slots=True)
class Beat:
    """A tick that is due now: how late (seconds) it is, and how many before it were left out."""

    now: float
    late: float
    missed: int


class Pace:
    """When ticks are due. After a stall those that were missed are left out: no burst follows."""

    def __init__(self, now: float) -> None:
        self._due = now
        self._ticks = 0

    def beat(self, now: float) -> Beat:
        """The tick that is due; the next one is due a tick after it."""
        late = now - self._due
        missed = int(late / TICK) if late >= 2 * TICK else 0
        self._due += (missed + 1) * TICK
        return Beat(now, late, missed)

    def wait(self) -> Beat:
        """Sleeps until the next tick; garbage is looked for before, and memory given back."""
        self._ticks += 1
        if self._ticks % CLEANED == 0:
            gc.collect(0)
        if self._ticks % RETURNED == 0:
            _give_back()
        time.sleep(max(0.0, self._due - time.monotonic()))
        return self.beat(time.monotonic())


def _c_library() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(None)
    except OSError:
        return None


_C = _c_library()


def _give_back() -> None:
    """Returns what the arrays of a stall or a flood have left free between other memory (glibc; others do it alone)."""
    trim = getattr(_C, "malloc_trim", None)
    if trim is not None:
        trim(0)


@contextmanager
def undisturbed() -> Iterator[Pace]:
    """The process while it ticks: first in line for the CPU, without garbage collection of its own accord."""
    _come_first()
    fill_array_cache()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield Pace(time.monotonic())
    finally:
        gc.enable()


def fill_array_cache() -> None:
    """Makes NumPy take what it keeps for small arrays: seven blocks of each size below 1 kB, 3.6 MB.

    It would take them anyway, one by one in the first minutes of many calls, as masks of ever other lengths come by;
    and where they lay between other memory, none of that could be given back.
    """
    for size in range(1, SMALL):
        blocks = [np.empty(size, np.uint8) for _ in range(OF_EACH)]
        del blocks


def _come_first() -> None:
    """This thread before all others that are no real-time ones: a tick is short and cannot wait."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except OSError:
        with suppress(OSError):
            os.nice(NICE)


class Stats:
    """How the last second went, and how late the ticks of the last five were."""

    def __init__(self) -> None:
        self.packets_in = self.packets_out = 0
        self._late = np.zeros(KEPT)
        self._spent = np.zeros(TOLD)
        self._ticks = 0

    def add(self, spent: float, late: float) -> None:
        """A tick took `spent` seconds and was `late`."""
        self._spent[self._ticks % TOLD], self._late[self._ticks % KEPT] = spent, late
        self._ticks += 1

    @property
    def due(self) -> bool:
        """Whether a second is over."""
        return self._ticks % TOLD == 0

    def event(self, in_use: int, packet_io: str, sound_bytes: int, sound_bound: int) -> events.WorkerStats:
        """What is told; packets are counted anew."""
        p90, p99, latest = (1000 * np.percentile(self._late[: min(self._ticks, KEPT)], (90, 99, 100))).tolist()
        counts, self.packets_in, self.packets_out = (self.packets_in, self.packets_out), 0, 0
        mean, most = 1000 * float(self._spent.mean()), 1000 * float(self._spent.max())
        return events.WorkerStats(in_use, mean, most, p90, p99, latest, *counts, packet_io, sound_bytes, sound_bound)
