"""Media workers that cannot keep time take no more calls, until they can again."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.calls.media import Fill
from media import negotiate
from media.events import WorkerStats
from sip.commands import Invite
from tests.calls.test_limits import Listening
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.whole import NUMBER, whole

DOCUMENT = "<Response><Play digits='w'/><Pause length='60'/></Response>"


def stats(tick_ms: float = 2.0, late_ms: float = 0.1, in_use: int = 10) -> WorkerStats:
    return WorkerStats(in_use, tick_ms, tick_ms, late_ms, late_ms, late_ms, 500, 500, "native", 0, 0)


@pytest.mark.parametrize(
    ("said", "full"),
    [
        (None, False),
        (stats(), False),
        (stats(tick_ms=15.9), False),
        (stats(tick_ms=16.1), True),
        (stats(late_ms=10.1), True),
        (stats(late_ms=500.0, in_use=0), False),
    ],
)
def test_when_a_worker_has_its_fill(said: WorkerStats | None, full: bool) -> None:
    assert Fill().reached(said) is full


def test_a_call_that_would_break_the_others_is_refused_and_those_go_on(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": DOCUMENT}) as one:
            heard: list[bytes] = []

            async def ring(number: int) -> bytes:
                address = (f"127.0.0.{number}", 5060)
                caller = Listening(one.wire, address, heard)
                sdp = negotiate.offer(address[0], 4000, ("PCMU",), session_id=1, version=1)
                uri = f"sip:{NUMBER}@127.0.0.2:5060"
                caller.apply(Invite("c", uri, f"<sip:+1555555012{number}@{address[0]}>", f"<{uri}>", sdp))
                await passes(1)
                return heard[-1].partition(b"\r\n")[0]

            (worker,) = one.services.workers.workers
            assert await ring(3) == b"SIP/2.0 200 OK"
            worker.stats = stats(tick_ms=19.0)
            assert await ring(4) == b"SIP/2.0 503 Service Unavailable"
            assert b"\r\nRetry-After: 5\r\n" in heard[-1]
            assert len(one.exchange.calls) == 1
            worker.stats = stats()
            assert await ring(5) == b"SIP/2.0 200 OK"
            assert len(one.exchange.calls) == 2

    run(main)
