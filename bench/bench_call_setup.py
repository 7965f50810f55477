"""Claim: setting up and ending a call, one webhook included, costs a few milliseconds of one core, and leaves nothing.

The whole product (control and media worker) runs on the first core, sipp and the app on the second. Next to it, in
the same run, a loop of bare sockets that exchanges the same messages. One JSON line each: calls per second that were
asked for and held, CPU milliseconds per call, 95th percentile of the time from INVITE to 200, calls lost; for the
gateway also whether everything that it held was given back, and after how many seconds (SIP keeps a transaction for 32
s). A third run, under `sampled.py`, says which layer the milliseconds belong to.
`python bench/bench_call_setup.py [RATE [CALLS]]`; needs sipp.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import programs
from programs import Cpu

DOCUMENT = "<Response><Hangup/></Response>"
IDLE_WITHIN = 40.0  # seconds: the last transaction is over 32 s after its answer


@dataclass(frozen=True, slots=True)
class Load:
    """Calls by sipp, from a folder of its own."""

    folder: Path
    rate: int
    calls: int

    def run(self, sip_port: int, calls: int) -> tuple[int, float]:
        """Calls that failed, and the 95th percentile of the answer in milliseconds."""
        for old in self.folder.glob("*_rtt.csv"):
            old.unlink()
        command = [
            "sipp", f"127.0.0.1:{sip_port}", "-sf", str(programs.HERE / "call_setup.xml"), "-s", programs.NUMBER,
            "-m", str(calls), "-r", str(self.rate), "-i", "127.0.0.1",
            "-p", str(programs.free_port()), "-nostdin", "-trace_rtt", "-rtt_freq", "1",
            "-trace_stat", "-stf", "stat.csv", "-fd", "600", "-timeout", str(calls // self.rate + 60),
        ]  # fmt: skip
        pin = partial(os.sched_setaffinity, 0, {programs.LOAD})
        subprocess.run(command, cwd=self.folder, capture_output=True, check=False, preexec_fn=pin)
        names, *rows = [line.split(";") for line in (self.folder / "stat.csv").read_text().splitlines()]
        failed = int(rows[-1][names.index("FailedCall(C)")])
        (self.folder / "stat.csv").unlink()
        files = self.folder.glob("*_rtt.csv")
        times = [float(line.split(";")[1]) for path in files for line in path.read_text().split()[1:]]
        return failed, float(np.percentile(times, 95)) if times else float("nan")

    def measure(self, pid: int, sip_port: int) -> tuple[dict[str, Any], Cpu]:
        """A short run to warm up, the run that counts: its figures, and what the program used."""
        self.run(sip_port, self.rate)
        time.sleep(1)
        began, before = time.monotonic(), Cpu.of(pid)
        failed, p95 = self.run(sip_port, self.calls)
        spent, seconds = Cpu.of(pid) - before, time.monotonic() - began
        return {
            "asked_per_s": self.rate, "held_per_s": round(self.calls / seconds, 1), "calls": self.calls,
            "failed": failed, "cpu_ms_per_call": self.each(spent.all), "of_it_kernel_ms": self.each(spent.kernel),
            "answer_p95_ms": round(p95, 1), "core_share": round(spent.all / seconds, 2),
        }, spent  # fmt: skip

    def each(self, seconds: float) -> float:
        """Milliseconds a call."""
        return round(1000 * seconds / self.calls, 2)


def say(case: str, figures: dict[str, Any]) -> None:
    """One line."""
    line = {"bench": "call_setup", "case": case, **figures, "machine": platform.node()}
    print(json.dumps(line), flush=True)


def bare(load: Load, app_port: int) -> None:
    """The bare loop's line."""
    port = programs.free_port()
    script = str(programs.HERE / "bare_answer.py")
    with programs.process(programs.PRODUCT, sys.executable, script, str(port), str(app_port)) as loop:
        assert loop.stdout is not None
        loop.stdout.readline()
        say("bare loop", load.measure(loop.pid, port)[0])


def product(load: Load, app_port: int) -> None:
    """The gateway's line."""
    with programs.gateway(app_port) as gateway:
        idle = gateway.gauges()
        figures, _ = load.measure(gateway.pid, gateway.sip_port)
        seconds = gateway.seconds_until(idle, IDLE_WITHIN)
        figures["back_to_idle"] = seconds is not None
        figures["idle_after_s"] = round(seconds, 1) if seconds is not None else None
        if seconds is None:
            figures["left"] = gateway.gauges()
        say("gateway", figures)


def layers(load: Load, app_port: int) -> None:
    """The gateway's milliseconds by layer."""
    with programs.gateway(app_port, sampled=True) as gateway:
        load.run(gateway.sip_port, load.rate)
        time.sleep(1)
        before, sampled = Cpu.of(gateway.pid), gateway.samples()["layers"]
        load.run(gateway.sip_port, load.calls)
        spent, until = Cpu.of(gateway.pid) - before, gateway.samples()["layers"]
    seconds = {layer: value - sampled.get(layer, 0.0) for layer, value in until.items()}
    scale = spent.own / sum(seconds.values())
    found = {layer: load.each(scale * value) for layer, value in seconds.items()} | {
        "worker": load.each(spent.children)
    }
    by_size = dict(sorted(found.items(), key=lambda one: -one[1]))
    say("gateway by layer", {"cpu_ms_per_call": load.each(spent.all), "layers_ms": by_size})


def main() -> None:
    """The runs, one after the other."""
    if shutil.which("sipp") is None:
        print(json.dumps({"bench": "call_setup", "skipped": "sipp is not installed"}))
        return
    rate, calls = (*map(int, sys.argv[1:3]), *(80, 1600)[len(sys.argv) - 1 :])
    with programs.app(DOCUMENT) as app_port, tempfile.TemporaryDirectory() as folder:
        for run in (bare, product, layers):
            run(Load(Path(folder), rate, calls), app_port)


if __name__ == "__main__":
    main()
