"""Playout: what goes in disordered, twice, late or not at all comes out in order, once, with gaps as silence."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import numpy as np
import pytest

from media.codecs import SILENCE
from media.frames import FRAME
from media.jitter import MOST, Jitter

ROW = np.array([0])
ULAW = np.array([0])


def frame_of(jitter: Jitter) -> int:
    """What the next frame is filled with, -1 for silence."""
    (value,) = set(jitter.take(ROW)[0].tolist())
    return -1 if value == SILENCE[0] else int(value)


def play(arrivals: dict[int, list[int]], ticks: int, most: int = MOST) -> tuple[list[int], Jitter]:
    """Packets (by number, each filled with it) by the tick of their arrival -> what each tick plays, -1 for a gap."""
    jitter, played = Jitter(1, ULAW), []
    jitter.bound(0, most)
    for tick in range(ticks):
        for number in arrivals.get(tick, []):
            payload = np.full((1, FRAME), number % 200, np.uint8)
            size = np.array([FRAME])
            jitter.put(ROW, np.array([9]), np.array([(number * FRAME) & 0xFFFFFFFF]), payload, size)
        played.append(frame_of(jitter))
    return played, jitter


def test_packets_in_time_play_in_order_forty_milliseconds_later() -> None:
    played, _ = play({tick: [tick] for tick in range(50)}, 50)
    assert played == [-1, -1, *range(48)]


def test_disorder_and_repeats_leave_no_trace() -> None:
    arrivals = {tick: [tick] for tick in range(50)}
    arrivals[10], arrivals[11] = [11, 11], [10]
    played, _ = play(arrivals, 50)
    assert played == [-1, -1, *range(48)]


def test_a_lost_packet_is_a_gap() -> None:
    arrivals = {tick: [tick] for tick in range(50) if tick != 20}
    played, _ = play(arrivals, 50)
    assert played[22] == -1
    assert played[23:] == list(range(21, 48))


@pytest.mark.parametrize("seed", range(10))
def test_jitter_of_a_hundred_milliseconds_is_survived(seed: int) -> None:
    """After it has adapted, next to nothing is lost."""
    random = Random(seed)
    arrivals: dict[int, list[int]] = {}
    for number in range(1000):
        arrivals.setdefault(number + random.randint(0, 5), []).append(number)
    played, jitter = play(arrivals, 1000)
    assert jitter.delay[0] <= 6 * FRAME
    settled = played[200:]
    assert sum(value == -1 for value in settled) <= 8
    numbers = [value for value in settled if value >= 0]
    assert all((after - before) % 200 in (0, 1, 2) for before, after in pairwise(numbers))


def test_timestamps_may_wrap() -> None:
    jitter, base = Jitter(1, ULAW), (2**32 - 10 * FRAME) // FRAME
    played = []
    for number in range(30):
        stamp = np.array([((base + number) * FRAME) & 0xFFFFFFFF])
        jitter.put(ROW, np.array([9]), stamp, np.full((1, FRAME), number, np.uint8), np.array([FRAME]))
        played.append(frame_of(jitter))
    assert played == [-1, -1, *range(28)]


def test_a_row_that_begins_anew_plays_nothing_of_before() -> None:
    _, jitter = play({tick: [tick] for tick in range(20)}, 10)
    jitter.put(ROW, np.array([9]), np.array([10 * FRAME]), np.full((1, FRAME), 1, np.uint8), np.array([FRAME]))
    jitter.reset(ROW)
    for _ in range(10):
        assert frame_of(jitter) == -1
    assert (jitter.delay[0], jitter.late[0]) == (2 * FRAME, 0)


def test_playout_keeps_within_the_bound_that_it_is_given() -> None:
    """Of packets that take up to 100 ms longer than others nearly all are played, or those alone that are in time."""
    random, arrivals = Random(1), dict[int, list[int]]()
    for number in range(1000):
        arrivals.setdefault(number + random.randint(0, 5), []).append(number)
    (free, loose), (bounded, tight) = play(arrivals, 1000), play(arrivals, 1000, most=2 * FRAME)
    assert loose.delay[0] > tight.delay[0] == 2 * FRAME
    assert sum(number == -1 for number in free) < 20
    assert 300 < sum(number == -1 for number in bounded) < 700


def test_a_bound_that_is_exceeded_makes_playout_begin_anew() -> None:
    jitter = Jitter(1, ULAW)
    jitter.put(ROW, np.array([9]), np.array([0]), np.full((1, FRAME), 1, np.uint8), np.array([FRAME]))
    jitter.bound(0, FRAME)
    assert jitter.delay[0] == FRAME
    played = []
    for number in range(5, 15):
        payload = np.full((1, FRAME), number, np.uint8)
        jitter.put(ROW, np.array([9]), np.array([number * FRAME]), payload, np.array([FRAME]))
        played.append(frame_of(jitter))
    assert played == [-1, *range(5, 14)]
    jitter.begin(0)
    assert jitter.delay[0] == 2 * FRAME


HUSH = 0xFE  # code of a very small sample


def early_for(seconds: float, hushed: range) -> tuple[list[int], Jitter]:
    """Packets that come two frames before they are due; of the hushed ones what plays is nearly silence."""
    jitter, played = Jitter(1, ULAW), []
    for number in range(round(seconds * 50)):
        code = HUSH if number in hushed else number % 100
        stamp, payload = np.array([number * FRAME]), np.full((1, FRAME), code, np.uint8)
        jitter.put(ROW, np.array([9]), stamp, payload, np.array([FRAME]))
        played.append(frame_of(jitter))
    return played, jitter


def test_nothing_is_left_out_of_audio_that_never_pauses() -> None:
    played, jitter = early_for(60, range(0))
    assert played == [-1, -1, *(number % 100 for number in range(60 * 50 - 2))]
    assert jitter.delay[0] == 2 * FRAME


def test_playout_moves_forward_over_a_silent_frame() -> None:
    played, jitter = early_for(20, range(600, 620))
    assert jitter.delay[0] == FRAME
    heard = [number for number in played[2:] if number != HUSH]
    assert heard == [number % 100 for number in range(20 * 50 - 1) if number not in range(600, 620)]
    assert played.count(HUSH) == 20 - 1


def test_what_playout_leaves_out_when_it_moves_forward_is_not_played_later() -> None:
    """Packets that come early for a while, then none: nothing but silence is left in the ring."""
    jitter, played = Jitter(1, ULAW), []
    for tick in range(400):
        if tick < 300:
            payload = np.full((1, FRAME), HUSH, np.uint8)
            jitter.put(ROW, np.array([9]), np.array([tick * FRAME]), payload, np.array([FRAME]))
        played.append(frame_of(jitter))
    assert jitter.delay[0] == FRAME
    assert played[2:] == [HUSH] * (300 - 1) + [-1] * (400 - 2 - 299)


def test_the_late_part_of_a_packet_is_not_played_later() -> None:
    """60 ms of which two thirds are over: only the last third plays, and nothing of it half a second later."""
    jitter = Jitter(1, ULAW)
    jitter.put(ROW, np.array([9]), np.array([0]), np.full((1, FRAME), 1, np.uint8), np.array([FRAME]))
    played = [frame_of(jitter) for _ in range(5)]
    jitter.put(ROW, np.array([9]), np.array([FRAME]), np.full((1, 3 * FRAME), 2, np.uint8), np.array([3 * FRAME]))
    played += [frame_of(jitter) for _ in range(60)]
    assert played == [-1, -1, 1, -1, -1, 2, *[-1] * 59]
