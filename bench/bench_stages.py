"""Claim: what a tick spends beside the kernel is a fraction of it, and each stage's share is known.

A worker in this process serves so many ports over loopback sockets; each stage of its tick is timed. One JSON line per
case: CPU milliseconds of a tick (mean of 200) by stage, most first. `python bench/bench_stages.py [CALLS]`.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from media import commands, events
from media.codecs import SILENCE
from media.frames import FRAME
from media.negotiate import StreamPlan
from media.packets import best
from media.rtp import HEADER, Packets, pack
from media.runner import Beat
from media.worker import Worker, WorkerSettings

TICKS, WARM_UP = 200, 20
HOST, FIRST = "127.0.0.1", 24000
STAGES = (
    ("sockets", "drain", "receive"),
    ("sockets", "send", "send"),
    ("engine._arrivals", "sort", "parse and check"),
    ("engine._streams", "forward", "forward"),
    ("engine._streams", "wait", "forward"),
    ("engine._streams", "buffer", "playout in"),
    ("engine._streams", "hear", "playout out, decode"),
    ("engine", "_detect", "digits"),
    ("engine._conferences", "hear", "mix"),
    ("engine._conferences", "speak", "mix, encode"),
    ("engine._sources", "read", "prompts"),
    ("engine", "_speak", "speak, pack"),
    ("engine", "_record", "record"),
    ("engine", "_watch", "reports"),
)


class Clock:
    """Time by stage; what a stage spends in another one is the other's."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self._inner = [0.0]

    def watch(self, owner: object, method: str, stage: str) -> None:
        """Times a method of an object."""
        run: Callable[..., Any] = getattr(owner, method)

        def timed(*arguments: Any) -> Any:
            began = time.thread_time()
            self._inner.append(0.0)
            try:
                return run(*arguments)
            finally:
                passed = time.thread_time() - began
                self.spent[stage] += passed - self._inner.pop()
                self._inner[-1] += passed

        setattr(owner, method, timed)


def joined(worker: Worker, case: str, row: int) -> None:
    """What the case does with a row."""
    wanted: dict[str, commands.Command] = {
        "echo": commands.Bridge(row, row),
        "bridge": commands.Bridge(row, row ^ 1),
        "prompt": commands.Play(row, 1, (commands.Tone(440.0, 0.0, 1000, 0),), 0),
        "conference": commands.Join(row, row // 10),
        "large conference": commands.Join(row, 1),
        "recording": commands.Record(row, f"r{row}", os.devnull),
    }
    worker.obey(wanted[case], 0.0)


def spoken(count: int, tick: int, talkers: int) -> Packets:
    """20 ms of noise of those who talk, of silence of the others."""
    rows, ones = np.arange(count), np.ones(count, np.int64)
    data = np.random.default_rng(tick).integers(0, 256, (count, HEADER + FRAME), np.uint8)
    data[talkers:] = SILENCE[0]
    pack(data, 0 * ones, ones < 0, tick * ones, tick * FRAME * ones, rows + 7)
    return Packets(rows, data, ones * (HEADER + FRAME))


def measure(case: str, count: int, folder: str) -> dict[str, float]:
    """Milliseconds of a tick by stage."""
    worker, far, clock = Worker(WorkerSettings(folder, HOST, FIRST, FIRST + 2 * count + 1)), [], Clock()
    for row in range(count):
        (allocated,) = worker.obey(commands.Allocate(row), 0.0)
        assert isinstance(allocated, events.Allocated)
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        one.bind((HOST, 0))
        one.connect((HOST, allocated.udp_port))
        far.append(one)
        dtmf = -1 if case == "prompt" else 101
        plan = StreamPlan(HOST, one.getsockname()[1], 9, "PCMU", 0, dtmf, 20, True, True)
        worker.obey(commands.Connect(allocated.port, plan), 0.0)
    for row in range(count):
        joined(worker, case, row)
    for path, method, stage in STAGES:
        owner: Any = worker
        for name in path.split("."):
            owner = getattr(owner, name)
        clock.watch(owner, method, stage)
    fds, io = np.array([one.fileno() for one in far], np.int32), best()
    for tick in range(WARM_UP + TICKS):
        if tick == WARM_UP:
            clock.spent.clear()
        io.send(fds, spoken(count, tick, 3 if case == "large conference" else count))
        began = time.thread_time()
        worker.step(Beat(tick * 0.02, 0.0, 0))
        clock.spent["all"] += time.thread_time() - began
        io.drain(fds, np.arange(count))
    for row in range(count):
        worker.obey(commands.Release(row), TICKS * 0.02)
        far[row].close()
    worker.recorder.finish()
    by_size = sorted(clock.spent.items(), key=lambda one: -one[1])
    return {stage: round(1000 * spent / TICKS, 3) for stage, spent in by_size}


def main() -> None:
    """The lines."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for case in ("echo", "bridge", "prompt", "conference", "large conference", "recording"):
        with tempfile.TemporaryDirectory() as folder:
            line = {"bench": "stages", "case": case, "calls": count, "tick_ms": measure(case, count, folder)}
        print(json.dumps({**line, "machine": platform.node()}), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main()
