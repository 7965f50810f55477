"""Claim: a thousand recordings at once cost about a tenth of a core and 1 ms of each tick, and none of them is lost.

Both tracks of each are recorded, mono and dual, in real time, by the recorder with its threads: on tmpfs and on the
disk of the working folder, with the C library and without. Budget: 0.12 ms of CPU per recording and second, 1 ms of a
tick (median; p99 and worst have what else the machine does in them, for this process has no priority). One JSON line
each: CPU milliseconds per recording and second while they run, and with their ends (hash, sync); milliseconds of the
sinks' part of a tick; how the recordings ended.
"""

from __future__ import annotations

import json
import platform
import resource
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from media.blocks import BlockIO, PythonBlocks, best
from media.commands import Record
from media.events import RecordEnded
from media.frames import FRAME, TICK
from media.recorder import Recorder
from media.sinks import Said, Sinks

SECONDS = 10


def time_case(folder: str, blocks: BlockIO, recordings: int, channels: int) -> None:
    """One JSON line."""
    ended: list[RecordEnded] = []
    with tempfile.TemporaryDirectory(dir=folder) as place:
        recorder = Recorder(ended.append, blocks=blocks)
        sinks = Sinks(recorder)
        for row in range(recordings):
            sinks.start(Record(row, f"RE{row}", str(Path(place) / f"{row}.wav"), channels, "both"))
        began = time.process_time()
        ticks = _run(sinks, recordings)
        ran = time.process_time()
        for row in range(recordings):
            sinks.stop(f"RE{row}", "stopped")
        recorder.finish()
        total = time.process_time() - began
    each = 1000 / recordings / SECONDS
    p50, p99, worst = np.percentile(ticks, (50, 99, 100)).round(2).tolist()
    print(
        json.dumps(
            {
                "bench": "recording", "machine": platform.node(), "on": folder, "io": type(blocks).__name__,
                "recordings": recordings, "channels": channels, "cpu_ms": round(each * (ran - began), 4),
                "cpu_ms_with_ends": round(each * total, 4), "tick_ms_p50": p50, "tick_ms_p99": p99,
                "tick_ms_worst": worst, "ended": Counter(one.reason for one in ended),
            }
        )
    )  # fmt: skip


def _run(sinks: Sinks, rows: int) -> list[float]:
    """Seconds of audio in real time; milliseconds of each tick."""
    random = np.random.default_rng(1)
    heard = (3000 * random.normal(size=(rows, FRAME))).astype(np.int16)
    wire = random.integers(0, 255, (rows, FRAME)).astype(np.uint8)
    said = Said(wire, np.zeros(rows, np.int64), np.ones(rows, np.bool_))
    spent = []
    due = time.monotonic()
    for _ in range(round(SECONDS / TICK)):
        due += TICK
        time.sleep(max(0.0, due - time.monotonic()))
        began = time.perf_counter()
        sinks.write(heard, said, lambda rooms: heard[rooms])
        spent.append(1000 * (time.perf_counter() - began))
    return spent


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for where in ("/dev/shm", "."):
        for io in (best(), PythonBlocks()):
            for shape in (1, 2):
                time_case(where, io, 1000, shape)
