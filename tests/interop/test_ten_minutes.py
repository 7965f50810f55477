"""Ten minutes of a call in virtual time: what comes out is what went in, once, but for what the network took.

Each frame is told apart by what is in it. Sequence numbers and the timestamp wrap on the way.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np

from media import commands, events
from media.codecs import g711
from media.frames import FRAME
from tests.lib.rig import Rig, Sent

TICKS = 30_000
FIRST = 65_536 - 3_000  # of the sequence numbers
CODES = np.random.default_rng(5).integers(0, 255, (TICKS, FRAME), np.uint8)  # 255 is silence
CODES[:, :2] = np.arange(TICKS)[:, None] // [1, 250] % 250

LOSS, DOUBLE, LATE = 0.02, 0.02, 0.01


def packet(row: int, number: int) -> Sent:
    """The frame `number`; the timestamp wraps in the middle."""
    return Sent(row, CODES[number].tobytes(), FIRST + number, (number - TICKS // 2) * FRAME)


def network(random: Random) -> tuple[dict[int, list[int]], set[int]]:
    """What arrives in each tick, out of order, some twice, some much too late; and what never does."""
    arrivals, lost = defaultdict(list), set()
    for number in range(TICKS):
        if number > 10 and random.random() < LOSS:
            lost.add(number)
            continue
        for _ in range(1 + (random.random() < DOUBLE)):
            late = 12 if random.random() < LATE and number > 10 else random.randrange(3)
            arrivals[number + late].append(number)
    return arrivals, lost


def recorded(path: Path) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """The samples of a recording."""
    return np.frombuffer(path.read_bytes()[44:], "<i2").astype(np.int16)


def frames_of(pcm: np.ndarray[tuple[int], np.dtype[np.int16]]) -> list[int]:
    """The numbers of the frames in a recording, in order; silence is left out, and anything else fails."""
    known = {one.tobytes(): number for number, one in enumerate(g711.decode(CODES, np.zeros(TICKS, np.int64)))}
    frames = pcm.reshape(-1, FRAME)
    return [known[frame.tobytes()] for frame in frames[np.abs(frames).max(axis=1) > 8]]


def test_what_a_network_does_to_ten_minutes_is_all_that_is_missing(tmp_path: Path) -> None:
    """Row 0 is recorded, row 1 hears its echo, row 2 is recorded where the network is a good one. Playout may leave out
    a frame where it moves forward."""
    rig, path, good, random = Rig(3), tmp_path / "a.wav", tmp_path / "b.wav", Random(1)
    rig.do(commands.Record(0, "RE1", str(path)))
    rig.do(commands.Bridge(1, 1))
    rig.do(commands.Record(2, "RE2", str(good)))
    arrivals, lost = network(random)
    steady = defaultdict(list)
    for number in range(TICKS):
        steady[number + random.randrange(2)].append(number)
    sent, came, forward = [], [], 0
    delays = rig.engine._jitter.delay
    for tick in range(TICKS + 20):
        numbers = arrivals.get(tick, [])
        before = int(delays[0])
        bad = [packet(row, number) for number in numbers for row in (0, 1)]
        out = rig.tick(*bad, *(packet(2, number) for number in steady.get(tick, [])))
        forward += int(delays[0]) < before
        came += numbers
        sent += [(one.sequence, one.timestamp, one.payload) for one in out.get(1, [])]
    for row in (2, 0):
        rig.do(commands.Release(row))
    assert frames_of(recorded(good)) == list(range(TICKS)), "all of them, once, in order"
    end = rig.heard(events.Released)[-1]
    assert isinstance(end, events.Released)

    played = frames_of(recorded(path))
    assert all(one < next_one for one, next_one in pairwise(played)), "doubled, or out of order"
    missing = set(range(TICKS)) - set(played)
    assert lost <= missing
    assert len(missing - lost) <= end.late + forward
    assert end.late < 2 * LATE * TICKS
    assert forward < 30  # of 120 times that it could

    passed = [one for one in sent if one[2][:2] != b"\xff\xff"]
    assert [one[2] for one in passed] == [CODES[number].tobytes() for number in came], "forwarded: as it came"
    shifts = {
        ((sequence - number) & 0xFFFF, (stamp - number * FRAME) & 0xFFFFFFFF)
        for (sequence, stamp, _), number in zip(passed, came, strict=True)
    }
    silences = len(sent) - len(passed)
    assert silences < 0.01 * TICKS
    assert len(shifts) <= 1 + silences, "a frame keeps its place, but where silence of ours came between"
