"""Claim: calls that come and go for long leave nothing behind.

So many calls at a time, with as many new ones a second as end, talk in real time; every few seconds it is looked at
what the gateway holds. Judged by slope: memory may grow by less than 1 % in ten minutes, after the first two; and after
the last call descriptors, ports and tasks must be where they were. `out/soak.svg` shows the curves, one JSON line the
figures; exits with 1 where something is left.

`python bench/soak.py --minutes 20 --calls 300`; needs a C compiler.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

import numpy as np

import bench_media
import programs
from callers import Callers, Dialog

CHURN = 10.0  # calls a second that end, and begin
EVERY = 5.0  # seconds between looks
SETTLED = 120.0  # seconds that do not count
GROWTH = 1.0  # per cent in ten minutes
DOCUMENT = (
    "<Response><Gather timeout='600' numDigits='20'><Say loop='0'>Thank you for holding.</Say></Gather></Response>"
)


@dataclass(slots=True)
class Curves:
    """What was seen, a value per look."""

    seconds: list[float] = field(default_factory=list)
    values: dict[str, list[float]] = field(default_factory=dict)

    def look(self, gateway: programs.Gateway, began: float) -> None:
        """One more."""
        control, *workers = [programs.rss(pid) / 1e6 for pid in programs.family(gateway.pid)]
        seen = {"control MB": control, "worker MB": sum(workers), **gateway.gauges()}
        self.seconds.append(time.monotonic() - began)
        for name, value in seen.items():
            self.values.setdefault(name, []).append(value)

    def growth(self, name: str) -> float:
        """Per cent in ten minutes, by a straight line through what was seen once it had settled."""
        seconds, values = np.array(self.seconds), np.array(self.values[name])
        settled = seconds >= min(SETTLED, seconds[-1] / 2)
        slope = np.polyfit(seconds[settled], values[settled], 1)[0]
        return float(100 * 600 * slope / values[settled].mean())

    def svg(self) -> str:
        """The curves, each from zero to its most."""
        width, height = 900, 90
        charts = []
        for index, (name, values) in enumerate(self.values.items()):
            most, last = max([*values, 1e-9]), max(self.seconds[-1], 1e-9)
            points = " ".join(
                f"{width * second / last:.1f},{height - (height - 20) * value / most:.1f}"
                for second, value in zip(self.seconds, values, strict=True)
            )
            charts.append(
                f'<g transform="translate(0 {index * (height + 10)})"><text y="12">{name}: most {most:.1f}</text>'
                f'<polyline points="{points}" fill="none" stroke="#06c"/></g>'
            )
        total = len(charts) * (height + 10)
        font = 'font-family="sans-serif" font-size="12"'
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{total}" {font}>{"".join(charts)}</svg>'
        )


class Churn:
    """Calls that come and go; the generator is told whom its callers talk with."""

    def __init__(self, callers: Callers, generator: Popen[bytes], calls: int) -> None:
        self._callers, self._generator = callers, generator
        self._free = deque(range(calls))
        self._up: deque[Dialog] = deque()
        self._told: dict[int, int] = {}
        self.calls = 0

    def turn(self, calls: int) -> None:
        """One call more, the oldest goes when there are enough."""
        if len(self._up) >= calls:
            oldest = self._up.popleft()
            self._callers.hang_up(oldest)
            self._free.append(oldest.caller)
        self._up.append(self._callers.begin(self._free.popleft(), programs.NUMBER))
        self.calls += 1
        self._direct()

    def _direct(self) -> None:
        far = self._callers.far
        changed = {
            caller: far.get(caller, 0) for caller in {*far, *self._told} if far.get(caller) != self._told.get(caller)
        }
        assert self._generator.stdin is not None
        self._generator.stdin.write(bench_media.lines(changed).encode())
        self._generator.stdin.flush()
        self._told = far


def soak(minutes: float, calls: int, folder: Path) -> tuple[dict[str, object], Curves]:
    """The figures and the curves."""
    bench_media.build(folder)
    callers, curves = Callers(bench_media.CALLERS), Curves()
    spare = calls + int(5 * CHURN)
    with programs.app(DOCUMENT) as app_port, programs.gateway(app_port, rtp=bench_media.RTP) as gateway:
        callers.gateway_port = gateway.sip_port
        idle = gateway.gauges()
        with bench_media.load(folder / "generator", programs.LOAD, bench_media.CALLERS, spare, spare) as generator:
            churn = Churn(callers, generator, spare)
            began = due = look = time.monotonic()
            while time.monotonic() < began + 60 * minutes:
                churn.turn(calls)
                due += 1 / CHURN
                callers.listen(due)
                if time.monotonic() >= look:
                    curves.look(gateway, began)
                    look += EVERY
            heard = bench_media.told(generator)
        callers.end()
        seconds = gateway.seconds_until(idle, 60.0)
        left = {name: value - idle[name] for name, value in gateway.gauges().items() if value > idle[name]}
    growth = {name: round(curves.growth(name), 2) for name in ("control MB", "worker MB")}
    return {
        "calls": churn.calls, "at_a_time": calls, "minutes": minutes, "refused": dict(callers.refused),
        "lost": heard["lost"], "growth_percent_in_ten_minutes": growth, "left": left,
        "back_to_idle_s": None if seconds is None else round(seconds, 1),
    }, curves  # fmt: skip


def main() -> int:
    """The line; 1 where something is left or memory grows."""
    arguments = argparse.ArgumentParser(description="calls that come and go")
    arguments.add_argument("--minutes", type=float, default=20)
    arguments.add_argument("--calls", type=int, default=300)
    wanted = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures, curves = soak(wanted.minutes, wanted.calls, Path(folder))
    bench_media.OUT.mkdir(exist_ok=True)
    (bench_media.OUT / "soak.svg").write_text(curves.svg())
    print(json.dumps({"bench": "soak", **figures, "machine": platform.node()}), flush=True)
    growth = figures["growth_percent_in_ten_minutes"]
    assert isinstance(growth, dict)
    return int(bool(figures["left"]) or bool(figures["refused"]) or max(growth.values()) >= GROWTH)


if __name__ == "__main__":
    sys.exit(main())
