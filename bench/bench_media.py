"""Claim: 1,500 calls of any kind on one core; a thousand of them cost few times a bare loop over the same packets.

None is lost. To the loop: echo at most 1.6, prompts with in-band digits 1.8, conferences of ten 2.0.

Control and media worker together are pinned to the first core, the callers (`load/generator.c`, their SIP by
`callers.py`) and the app to the other. In the same run a bare loop in C (`load/loop.c`) echoes as many packets. Product
and loop take turns, the other stopped meanwhile, and the median of the turns' ratios counts. Everything goes through
SIP and TwiML. A line of JSON per case and number of calls:

cpu_ms: CPU milliseconds per call and second of call. ratio: to the loop's. lost: packets of ours that did not come.
delay_ms_p99: of audio that comes back untouched (echo, bridge), from the caller's send to its arrival.
late_ms_p99: how late our ticks were. kb_per_call: memory of control and worker.

`python bench/bench_media.py [CASE,... [CALLS,... [TURNS]]]`; needs a C compiler. Writes `out/media.json`. A ratio more
than 25 % worse than `baseline.json` is said, and twice in a row exits with 1.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import programs
from callers import Callers
from programs import Cpu

OUT, BASELINE = programs.HERE / "out", programs.HERE / "baseline.json"
WORSE = 1.25
SETTLE, SECONDS = 2.0, 6.0
TICKS = ("media_late_ms_p99", "media_tick_ms")
RATE = 40.0  # calls a second while they are placed
RTP = "20000-23999"  # of the gateway
LOOP, LOOPED, CALLERS = 24000, 27000, 61000  # first ports: of the loop, of the loop's callers, of the gateway's
TEXT = "Thank you for calling. All of our lines are busy at the moment, please hold. " * 8


@dataclass(frozen=True, slots=True)
class Case:
    """What the calls do: the app's document, the callers' codecs, who of them talks."""

    document: str
    codecs: str = "0 101"
    talkers: int | None = None  # None: all
    pairs: bool = False  # each call is bridged to another
    untouched: bool = False  # what is heard are the bytes that were said: their delay can be told


CASES = {
    "echo": Case("<Response><Echo/></Response>", untouched=True),
    "prompt": Case(
        f'<Response><Gather timeout="600" numDigits="20"><Say loop="0">{TEXT}</Say></Gather></Response>', "0"
    ),
    "conference": Case('<Response><Dial><Conference beep="false" waitUrl="">room [ten]</Conference></Dial></Response>'),
    "large conference": Case(
        '<Response><Dial><Conference beep="false" waitUrl="" maxParticipants="1000">hall [thousand]</Conference></Dial>'
        "</Response>",
        talkers=3,
    ),
    "recording": Case('<Response><Record timeout="600" maxLength="3600" playBeep="false"/></Response>'),
    "bridge": Case("<Response><Dial><Sip>[uri]</Sip></Dial></Response>", pairs=True, untouched=True),
}


def build(folder: Path) -> None:
    """The load programs."""
    for name in ("generator", "loop"):
        source = programs.HERE / "load" / f"{name}.c"
        subprocess.run(["cc", "-O2", "-pthread", "-o", str(folder / name), str(source), "-lm"], check=True)


@contextmanager
def load(program: Path, core: int, *arguments: int, feed: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """A load program that is running."""
    with programs.process(core, str(program), *map(str, arguments), feed=feed) as one:
        assert one.stdout is not None
        assert one.stdout.readline() == b"ready\n"
        yield one


def told(generator: subprocess.Popen[bytes]) -> dict[str, float]:
    """What a generator saw since it was asked last."""
    generator.send_signal(signal.SIGUSR1)
    assert generator.stdout is not None
    found: dict[str, float] = json.loads(generator.stdout.readline())
    return found


class Turns:
    """Product and loop, one at a time; of the other all processes stand still."""

    def __init__(self, calls: int, product: list[int], looping: list[int]) -> None:
        self._calls = calls
        self._product, self._looping = product, looping

    def measured(self, *, product: bool) -> float:
        """CPU milliseconds per call and second of call of one of them."""
        runs, stands = (self._product, self._looping) if product else (self._looping, self._product)
        tell(stands, signal.SIGSTOP)
        tell(runs, signal.SIGCONT)
        time.sleep(SETTLE)
        return self._cpu(runs[0])

    def _cpu(self, pid: int) -> float:
        began, before = time.monotonic(), Cpu.of(pid)
        time.sleep(SECONDS)
        spent, seconds = Cpu.of(pid) - before, time.monotonic() - began
        return 1000 * spent.all / self._calls / seconds

    def go_on(self) -> None:
        """All run again."""
        tell([*self._product, *self._looping], signal.SIGCONT)


def tell(pids: list[int], what: signal.Signals) -> None:
    """A signal to all of them; one that spoke a text may be over already."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, what)


def turns(
    gateway: programs.Gateway, generator: subprocess.Popen[bytes], folder: Path, calls: int, count: int
) -> dict[str, Any]:
    """Product and loop in turn: the figures."""
    far = lines({caller: LOOP + 2 * caller for caller in range(calls)})
    seen: list[dict[str, float]] = []
    ours, bare = [], []
    with (
        load(folder / "loop", programs.PRODUCT, LOOP, LOOPED, calls) as loop,
        load(folder / "generator", programs.LOAD, LOOPED, calls, calls, feed=far) as looped,
    ):
        one = Turns(calls, programs.family(gateway.pid), [loop.pid, looped.pid])
        try:
            for _ in range(count):
                bare.append(one.measured(product=False))
                one.measured(product=True)  # what waited in the sockets goes by
                told(generator)
                ours.append(one.measured(product=True))
                seen.append(told(generator) | {name: gateway.metric(name) for name in TICKS})
        finally:
            one.go_on()
    ratios = [mine / base for mine, base in zip(ours, bare, strict=True)]
    return {
        "cpu_ms": round(median(ours), 3), "loop_ms": round(median(bare), 3), "ratio": round(median(ratios), 2),
        "ratios": [round(ratio, 2) for ratio in ratios], "lost": sum(int(one["lost"]) for one in seen),
        "unheard": max(int(one["unheard"]) for one in seen),
        "delay_ms_p99": max(one["delay_ms_p99"] for one in seen),
        "generator_late_ms": max(one["generator_late_ms"] for one in seen),
        "late_ms_p99": round(median(one["media_late_ms_p99"] for one in seen), 2),
        "tick_ms": round(median(one["media_tick_ms"] for one in seen), 2),
    }  # fmt: skip


def measure(name: str, calls: int, count: int, folder: Path) -> dict[str, Any]:
    """One case with so many calls."""
    case = CASES[name]
    callers = Callers(CALLERS, case.codecs)
    document = case.document.replace("[uri]", callers.uri)
    with programs.app(document) as app_port, programs.gateway(app_port, rtp=RTP) as gateway:
        before = [programs.rss(pid) for pid in programs.family(gateway.pid)]
        callers.gateway_port = gateway.sip_port
        placed = calls // 2 if case.pairs else calls
        talkers = calls if case.talkers is None else case.talkers
        callers.place(programs.NUMBER, placed, RATE, answers=calls - placed)
        with load(folder / "generator", programs.LOAD, CALLERS, calls, talkers, feed=lines(callers.far)) as generator:
            time.sleep(3)
            figures = turns(gateway, generator, folder, calls, count)
            there = [programs.rss(pid) for pid in programs.family(gateway.pid)]
            figures["kb_per_call"] = [
                round((now - then) / calls / 1000, 1) for now, then in zip(there, before, strict=True)
            ]
        callers.end()
    if not case.untouched:
        figures["delay_ms_p99"] = None
    return {"bench": "media", "case": name, "calls": calls, **figures, "machine": platform.node()}


def lines(far: dict[int, int]) -> str:
    """Callers and their far ports, as the generator reads them."""
    return "".join(f"{caller} {port}\n" for caller, port in far.items())


def table(found: list[dict[str, Any]]) -> str:
    """The figures for people."""
    head = "| work | calls | loop, ms | Trunkline, ms | ratio | lost | delay p99, ms | late p99, ms | kB a call |"
    rows = [head, "|---|---|---|---|---|---|---|---|---|"]
    for one in found:
        delay = "-" if one["delay_ms_p99"] is None else one["delay_ms_p99"]
        rows.append(
            f"| {one['case']} | {one['calls']} | {one['loop_ms']} | {one['cpu_ms']} | {one['ratio']} | {one['lost']} "
            f"| {delay} | {one['late_ms_p99']} | {round(sum(one['kb_per_call']))} |"
        )
    return "\n".join(rows)


def is_worse(figures: dict[str, Any]) -> bool:
    """Whether the ratio is more than `WORSE` times what it was when `baseline.json` was written."""
    known = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    base = known.get(f"{figures['case']} {figures['calls']}")
    return base is not None and figures["ratio"] > WORSE * base


def main() -> int:
    """All that was asked for; 1 where a ratio got worse, twice."""
    if shutil.which("cc") is None:
        print(json.dumps({"bench": "media", "skipped": "there is no C compiler"}))
        return 0
    names = sys.argv[1].split(",") if len(sys.argv) > 1 else list(CASES)
    sizes = [int(size) for size in sys.argv[2].split(",")] if len(sys.argv) > 2 else [200, 1000, 1500]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    found, worse = [], []
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder))
        for name, size in product(names, sizes):
            figures = measure(name, size, count, Path(folder))
            if is_worse(figures):
                figures = measure(name, size, count, Path(folder))
                worse += [f"{name} {size}"] * is_worse(figures)
            found.append(figures)
            print(json.dumps(figures), flush=True)
    OUT.mkdir(exist_ok=True)
    (OUT / "media.json").write_text(json.dumps(found, indent=1))
    print(table(found))
    if worse:
        print(f"more than {WORSE} times the ratio of {BASELINE.name}, twice: {', '.join(worse)}")
    return int(bool(worse))


if __name__ == "__main__":
    sys.exit(main())
