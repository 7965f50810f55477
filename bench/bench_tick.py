"""Claim: one tick of the engine for 500 ports takes a fraction of its 20 ms, whatever the ports do.

Cases: every port hears a prompt; every port hears its own echo; every port forwards to a peer; every port is heard in
band; conferences of ten, all talking; one conference of all, three talking; SIPREC of a third of the ports, each fed to
two others. One JSON line each: milliseconds per tick (median, worst of 300), share of the 20 ms budget.
"""

from __future__ import annotations

import json
import platform
import time
from random import Random

import numpy as np

from media import commands
from media.codecs import SILENCE
from media.engine import Engine
from media.frames import FRAME
from media.inbox import Inbox
from media.lanes import Block
from media.library import Quiet
from media.negotiate import StreamPlan
from media.rtp import HEADER, WIDTH, Packets, pack

TICKS = 300


class OneSound:
    """A library: whatever is asked for is a minute of silence."""

    def open(self, audio: str) -> Quiet:
        return Quiet(8000 * 60)


class NoFiles:
    """A writer that is not asked for anything here."""

    def open(self, command: commands.Record) -> int:
        return 0

    def write(self, block: Block) -> bool:
        return True

    def broken(self) -> list[int]:
        return []

    def close(self, tape: int, reason: str, cut_samples: int, *, silent: bool, error: str = "") -> None: ...


def engine_for(ports: int, dtmf: int) -> Engine:
    """An engine with so many connected ports."""
    engine = Engine(ports, OneSound(), NoFiles(), Random(1), 60.0)
    for row in range(ports):
        engine.take(row)
        plan = StreamPlan("127.0.0.1", 4000 + row, 4001 + row, "PCMU", 0, dtmf, 20, True, True)
        engine.apply(commands.Connect(row, plan), 0.0)
    return engine


def inbox_for(ports: int, tick: int, talkers: int) -> Inbox:
    """A packet of noise for each port that talks, of silence for the others."""
    rows = np.arange(ports)
    data = np.random.default_rng(tick).integers(0, 256, (ports, WIDTH), np.uint8)
    data[talkers:] = SILENCE[0]
    ones = np.ones(ports, np.int64)
    pack(data, 0 * ones, ones < 0, tick * ones, tick * FRAME * ones, rows + 7)
    return Inbox(Packets(rows, data, ones * (HEADER + FRAME)))


def time_case(case: str, ports: int) -> None:
    """Times one case and prints its line."""
    engine = engine_for(ports, -1 if case == "inband" else 101)
    for row in range(ports):
        if case == "prompt":
            engine.apply(commands.Play(row, 1, (commands.Sound("a"),), 0), 0.0)
        if case == "echo":
            engine.apply(commands.Bridge(row, row), 0.0)
        if case == "bridge" and row % 2 == 0:
            engine.apply(commands.Bridge(row, row + 1), 0.0)
        if case == "siprec" and row % 3:
            engine.apply(commands.Tap(row, row - row % 3, "inbound" if row % 3 == 1 else "outbound"), 0.0)
        if case == "conferences":
            engine.apply(commands.Join(row, row // 10), 0.0)
        if case == "conference":
            engine.apply(commands.Join(row, 1), 0.0)
    spent = []
    for tick in range(TICKS):
        inbox = inbox_for(ports, tick, 3 if case == "conference" else ports)
        began = time.perf_counter()
        engine.tick(inbox, tick * 0.02)
        spent.append((time.perf_counter() - began) * 1000)
    median = float(np.median(spent))
    line = {
        "bench": "tick", "case": case, "ports": ports, "ms_median": round(median, 3),
        "ms_max": round(max(spent), 3), "share_of_budget": round(median / 20, 3), "machine": platform.node(),
    }  # fmt: skip
    print(json.dumps(line))


if __name__ == "__main__":
    for name in ("prompt", "echo", "bridge", "inband", "conferences", "conference", "siprec"):
        for count in (100, 500, 1000):
            time_case(name, count)
