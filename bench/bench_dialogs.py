"""Claim: an idle call costs less than 20 kB of memory, and its end gives everything back.

So many calls come in (sipp), are answered by the app's document and stay, on hold so that no audio runs. Measured once
their transactions are over: what control and media worker have to themselves, against before, when some calls had come
and gone already. Then the callers hang up, and every gauge must be where it was. One JSON line.
`python bench/bench_dialogs.py [CALLS]`; needs sipp.
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
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import programs

DOCUMENT = '<Response><Play digits="w"/><Pause length="600"/></Response>'  # the digits answer, the pause does not
RATE = 50  # calls a second
SETTLED = 40  # seconds after the last answer: transactions are over after 32
WARM_UP = 200  # calls
IDLE_WITHIN = 40.0  # seconds


@contextmanager
def callers(folder: Path, sip_port: int, calls: int, hold: int) -> Iterator[subprocess.Popen[bytes]]:
    """Calls that come one after the other, and stay for `hold` seconds each."""
    scenario = (programs.HERE / "call_hold.xml").read_text().replace("[hold]", str(1000 * hold))
    (folder / "call_hold.xml").write_text(scenario)
    command = [
        "sipp", f"127.0.0.1:{sip_port}", "-sf", "call_hold.xml", "-s", programs.NUMBER, "-m", str(calls),
        "-l", str(calls), "-r", str(RATE), "-i", "127.0.0.1", "-p", str(programs.free_port()),
        "-nostdin", "-timeout", str(calls // RATE + hold + 60),
    ]  # fmt: skip
    pin = partial(os.sched_setaffinity, 0, {programs.LOAD})
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=pin
    ) as sipp:
        try:
            yield sipp
        finally:
            sipp.kill()


def up(gateway: programs.Gateway, calls: int) -> dict[str, int]:
    """Waits until the calls are up and their transactions over; what the gateway holds then."""
    until = time.monotonic() + calls / RATE + SETTLED
    while time.monotonic() < until:
        held = gateway.gauges()
        if held["ports_in_use"] == calls and held["transactions"] == 0:
            break
        time.sleep(1)
    return held


def memory(gateway: programs.Gateway) -> tuple[int, int]:
    """Bytes that control and the media worker have to themselves."""
    control, *workers = programs.family(gateway.pid)
    return programs.rss(control), sum(programs.rss(one) for one in workers)


def measure(gateway: programs.Gateway, calls: int) -> dict[str, object]:
    """The line's figures."""
    with tempfile.TemporaryDirectory() as name:
        folder, idle = Path(name), gateway.gauges()
        with callers(folder, gateway.sip_port, WARM_UP, 0) as sipp:  # what the first calls bring in, stays
            sipp.wait()
        gateway.seconds_until(idle, IDLE_WITHIN)
        before = memory(gateway)
        with callers(folder, gateway.sip_port, calls, calls // RATE + SETTLED + 15) as sipp:
            held, there = up(gateway, calls), memory(gateway)
            failed = sipp.wait() != 0
        seconds = gateway.seconds_until(idle, IDLE_WITHIN)
        after = memory(gateway)
    each = [round((now - then) / calls / 1000, 1) for now, then in zip(there, before, strict=True)]
    left = [round((now - then) / 1e6, 1) for now, then in zip(after, before, strict=True)]
    return {
        "calls": calls, "held": held, "kb_per_call_control": each[0], "kb_per_call_worker": each[1],
        "kb_per_call": round(sum(each), 1), "failed": failed, "back_to_idle": seconds is not None,
        "idle_after_s": round(seconds, 1) if seconds is not None else None, "gauges_after": gateway.gauges(),
        "mb_left_control": left[0], "mb_left_worker": left[1],
    }  # fmt: skip


def main() -> None:
    """A gateway, the calls, the line."""
    if shutil.which("sipp") is None:
        print(json.dumps({"bench": "dialogs", "skipped": "sipp is not installed"}))
        return
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with programs.app(DOCUMENT) as app_port, programs.gateway(app_port) as gateway:
        print(json.dumps({"bench": "dialogs", **measure(gateway, calls), "machine": platform.node()}), flush=True)


if __name__ == "__main__":
    main()
