"""A call's SIP and RTP, captured while it is up: its own leg and those that it dials, in one file, within bounds."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from gateway.api.http import Request as HttpRequest
from gateway.api.http import Router
from gateway.api.operator.captures import CallCaptures
from gateway.calls.captures import Bounds, Captures
from gateway.errors import ApiError
from media import pcap
from media.commands import Capture
from tests.calls.test_dial import Callee, documents
from tests.calls.test_whole_calls import Caller
from tests.lib.loop import START, VirtualClock, passes, run
from tests.lib.rig import Rig
from tests.lib.whole import EngineLink, Whole, whole
from tests.media.test_captures import Seen, seen_in

GATEWAY, CALLER, CALLEE = "127.0.0.2", "127.0.0.3", "127.0.0.4"
PAUSE = {"/voice": "<Response><Play digits='1'/><Pause length='60'/></Response>"}


def captures_of(one: Whole[EngineLink], folder: Path, bounds: Bounds | None = None) -> Captures:
    services = one.services
    return Captures(
        one.endpoint, services.legs, one.exchange.calls, services.clock, folder / "captures", bounds or Bounds()
    )


async def sid_of(one: Whole[EngineLink]) -> str:
    (sid,) = one.exchange.calls
    return sid


def sip(seen: list[Seen]) -> list[tuple[str, str, str]]:
    """The first word or status of SIP messages, and between whom."""
    found = []
    for _, source, destination, data in seen:
        if 5060 in (source[1], destination[1]):
            words = data.split(b"\r\n")[0].decode().split()
            found.append((words[1] if words[0] == "SIP/2.0" else words[0], source[0], destination[0]))
    return found


def rtp(seen: list[Seen]) -> dict[tuple[str, str], int]:
    """Packets between hosts."""
    counts: dict[tuple[str, str], int] = {}
    for _, source, destination, _ in seen:
        if 5060 not in (source[1], destination[1]):
            counts[source[0], destination[0]] = counts.get((source[0], destination[0]), 0) + 1
    return counts


def test_a_call_and_the_one_that_it_dials_are_in_the_file(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, documents()) as one:
            captures = captures_of(one, tmp_path)
            caller, callee = Caller(one), Callee(one)
            caller.call()
            await passes(0.005)
            while not one.exchange.calls:
                await passes(0.01)
            sid = await sid_of(one)
            captures.start(sid)
            await passes(2)
            callee.answer()
            await passes(3)
            one.link.intrude(0, b"junk", ("203.0.113.9", 6666))
            callee.hangup()
            await caller.gone
            await passes(1)
            seen = seen_in(await captures.fetch(sid))
            assert [at for at, *_ in seen] == sorted(at for at, *_ in seen)
            assert START.timestamp() < seen[0][0] < seen[-1][0] < START.timestamp() + 10
            theirs = [one for one in sip(seen) if CALLEE in one]
            assert [word for word, *_ in theirs] == ["INVITE", "100", "180", "200", "ACK", "BYE", "200"]
            assert theirs[0][1:] == (GATEWAY, CALLEE)
            own = [word for word, *_ in sip(seen) if word]
            assert own.count("BYE") == 2
            assert ("200", GATEWAY, CALLER) in sip(seen)
            assert rtp(seen)[GATEWAY, CALLEE] == pytest.approx(150, abs=5)
            assert rtp(seen)[GATEWAY, CALLER] >= 145
            assert rtp(seen)["203.0.113.9", GATEWAY] == 1
            captures.delete(sid)
            assert list((tmp_path / "captures").iterdir()) == []
            assert one.endpoint.tap is None
            await passes(40)

    run(main)


def test_other_calls_are_not_in_it(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, PAUSE) as one:
            captures = captures_of(one, tmp_path)
            first, second = Caller(one), Caller(one, "127.0.0.5")
            first.call()
            await passes(1)
            captures.start(sid := await sid_of(one))
            second.call()
            await passes(1)
            first.hangup()
            second.hangup()
            await passes(1)
            seen = seen_in(await captures.fetch(sid))
            assert [word for word, *_ in sip(seen)] == ["BYE", "200"]
            assert set(rtp(seen)) == {(GATEWAY, CALLER)}
            captures.close()
            await passes(40)

    run(main)


def test_it_ends_and_is_dropped_by_itself(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, PAUSE) as one:
            captures = captures_of(one, tmp_path, Bounds(seconds=2, keep_seconds=5))
            caller = Caller(one)
            caller.call()
            await passes(1)
            captures.start(sid := await sid_of(one))
            assert one.link.engine.ports.captured.sum() == 1
            await passes(4)
            assert not one.link.engine.ports.captured.any()
            assert rtp(seen_in(await captures.fetch(sid)))[GATEWAY, CALLER] == pytest.approx(100, abs=2)
            await passes(4)
            with pytest.raises(ApiError, match="not captured"):
                await captures.fetch(sid)
            assert list((tmp_path / "captures").iterdir()) == []
            caller.hangup()
            await passes(40)

    run(main)


def test_who_cannot_be_captured_is_refused(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, PAUSE) as one:
            captures = captures_of(one, tmp_path, Bounds(calls=1))
            callers = [Caller(one), Caller(one, "127.0.0.5")]
            for caller in callers:
                caller.call()
            await passes(1)
            first, second = one.exchange.calls
            for sid, text in (("CA0", "no call that lives"), (first, ""), (first, "already"), (second, "delete one")):
                with pytest.raises(ApiError, match=text) if text else nullcontext():
                    captures.start(sid)
            captures.delete(first)
            captures.start(second)
            captures.close()
            for caller in callers:
                caller.hangup()
            await passes(40)

    run(main)


def test_a_capture_that_is_deleted_at_once_leaves_no_file(tmp_path: Path) -> None:
    """Its worker may hear of it only afterwards."""
    path = tmp_path / "a.pcap"
    rig = Rig(1)
    rig.do(Capture(0, str(path), 1000, GATEWAY, 20000))
    rig.tick()
    assert not path.exists()


def test_the_path_of_the_operator(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, PAUSE) as one:
            captures = captures_of(one, tmp_path)
            router = Router(CallCaptures(captures).routes())
            caller = Caller(one)
            caller.call()
            await passes(1)
            path = f"/operator/v1/calls/{await sid_of(one)}/pcap"
            statuses = []
            for method in ("POST", "GET", "DELETE"):
                serve, variables = router.find(method, path)
                reply = await serve(HttpRequest(method, path, variables, {}))
                statuses.append(reply.status)
                assert method != "GET" or reply.body.startswith(pcap.FILE_HEADER[:4])
            assert statuses == [201, 200, 204]
            captures.start(await sid_of(one))
            (file,) = (tmp_path / "captures").iterdir()
            file.unlink()
            with pytest.raises(ApiError, match="is not captured"):  # as where it is deleted while it is read
                await captures.fetch(await sid_of(one))
            captures.close()
            caller.hangup()
            await passes(40)

    run(main)
