"""Pacing: ticks stay on their clock, and what a stall missed is left out."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from media.frames import TICK
from media.runner import KEPT, Beat, Pace, Stats, fill_array_cache


def beats(*times: float) -> list[Beat]:
    pace = Pace(0.0)
    return [pace.beat(now) for now in times]


def test_ticks_that_are_a_little_late_do_not_move_the_clock() -> None:
    late = [beat.late for beat in beats(0.001, 0.025, 0.04)]
    assert late == pytest.approx([0.001, 0.005, 0.0])


def test_one_late_tick_is_followed_at_once() -> None:
    first, second, third = beats(0.03, 0.03, 0.04)
    assert (first.missed, second.missed, third.missed) == (0, 0, 0)
    assert second.late == pytest.approx(0.01)


def test_a_stall_is_left_out_and_no_burst_follows() -> None:
    _, stalled, after = beats(0.0, 0.02 + 0.5, 0.02 + 0.5 + TICK)
    assert (stalled.missed, after.missed) == (25, 0)
    assert after.late == pytest.approx(0.0, abs=1e-9)


class MallInfo(ctypes.Structure):
    """mallinfo2(3)."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "used", "free", "top")
    )


def used() -> int:
    """Bytes that the C library has given out."""
    function = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if function is None:
        pytest.skip("the C library does not tell")
    function.restype = MallInfo
    told = function()
    assert isinstance(told, MallInfo)
    return int(told.used)


def test_arrays_of_all_small_sizes_take_no_memory_once_the_cache_is_full() -> None:
    fill_array_cache()
    before = used()
    for size in range(1, 1024):
        masks = [np.zeros(size, np.bool_) for _ in range(7)]
        del masks
    assert used() - before < 100_000  # they would take 3.6 MB


def test_statistics_come_once_a_second_and_forget_a_stall_after_five() -> None:
    stats, said = Stats(), []
    for tick in range(KEPT + 100):
        stats.packets_in += 2
        stats.add(0.004, 1.0 if tick == 10 else 0.001)
        if stats.due:
            said.append(stats.event(3, "native", 10, 20))
    assert len(said) == (KEPT + 100) // 50
    assert said[0].tick_ms_mean == pytest.approx(4.0)
    assert (said[0].ports_in_use, said[0].packets_in, said[0].packet_io) == (3, 100, "native")
    assert said[0].late_ms_max == pytest.approx(1000.0)
    assert said[0].late_ms_p90 == pytest.approx(1.0)
    assert said[-1].late_ms_max == pytest.approx(1.0)
    assert np.isfinite(said[-1].late_ms_p99)
