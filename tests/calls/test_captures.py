"""A call's SIP and RTP, captured while it is up: its own leg and those that it dials, in one file, within bounds."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from gateway.api.http import Reply, Router
from gateway.api.http import Request as HttpRequest
from gateway.api.operator.captures import CallCaptures
from gateway.calls.captures.capture import Bounds, Captures
from gateway.calls.captures.recent_sip import Crossed, RecentSip
from gateway.errors import ApiError
from media import pcap
from media.commands import Capture
from sip.outputs import Flow
from tests.calls.test_dial import documents
from tests.lib.far_ends import Callee, Caller
from tests.lib.loop import START, VirtualClock, passes, run
from tests.lib.rig import Rig
from tests.lib.whole import NUMBER, EngineLink, Whole, whole
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
            captures.close()
            assert one.endpoint.tap is None
            await passes(40)

    run(main)


def test_it_begins_with_the_invite_of_a_call_that_is_up_and_other_calls_are_not_in_it(tmp_path: Path) -> None:
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
            own = [word for word, *_ in sip(seen)]
            assert own[0] == "INVITE"
            assert own[-4:] == ["200", "ACK", "BYE", "200"]
            assert own.count("INVITE") == own.count("BYE") == 1
            assert [at for at, *_ in seen] == sorted(at for at, *_ in seen)
            assert seen[0][0] < START.timestamp() + 0.1
            assert set(rtp(seen)) == {(GATEWAY, CALLER)}
            captures.close()
            await passes(40)

    run(main)


def test_what_is_kept_of_sip_is_bounded_and_of_calls_only() -> None:
    recent, flow = RecentSip(5_000), Flow("udp", ("127.0.0.2", 5060), ("127.0.0.3", 5060))
    for number in range(20):
        for method in (b"INVITE", b"REGISTER", b"OPTIONS"):
            data = b"SIP/2.0 200 OK\r\nCall-ID: %d\r\nCSeq: 1 %s\r\n" % (number % 4, method)
            recent.add(Crossed(number, data + bytes(1_000 - len(data)), flow, True))
    assert [(one.at, one.data[:40].split()[4]) for one in recent.of("2")] == [(18, b"2")]
    assert [one.at for number in "0123" for one in recent.of(number)] == [16, 17, 18, 19]
    assert recent.of("") == []
    nothing = RecentSip(0)
    nothing.add(recent.of("1")[0])
    assert nothing.of("1") == []


def test_the_next_calls_of_a_number_are_captured_from_their_first_message_on(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, PAUSE) as one:
            captures = captures_of(one, tmp_path)
            callers = [Caller(one, f"127.0.0.{host}") for host in (10, 11, 12, 13)]
            for number, caller in enumerate(callers):
                caller.call()
                await passes(1)
                if number == 0:
                    captures.awaited.expect(NUMBER, 2)
            assert captures.awaited.wanted == {}
            assert list(captures.all) == list(one.exchange.calls)[1:3]
            for caller in callers:
                caller.hangup()
            await passes(1)
            for host, sid in zip((11, 12), captures.all, strict=True):
                seen = seen_in(await captures.fetch(sid))
                assert {word for word, *_ in sip(seen)} == {"INVITE", "100", "180", "200", "ACK", "BYE"}
                assert sip(seen)[0] == ("INVITE", f"127.0.0.{host}", GATEWAY)
                assert rtp(seen)[GATEWAY, f"127.0.0.{host}"] >= 48
            captures.close()
            await passes(40)

    run(main)


def test_the_calls_that_an_awaited_call_dials_belong_to_it(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, documents()) as one:
            captures = captures_of(one, tmp_path)
            captures.awaited.expect(NUMBER, 5)
            caller, callee = Caller(one), Callee(one)
            caller.call()
            await passes(1)
            callee.answer()
            await passes(1)
            callee.hangup()
            await caller.gone
            assert captures.awaited.wanted == {NUMBER: 4}
            (sid,) = captures.all
            theirs = [one for one in sip(seen_in(await captures.fetch(sid))) if CALLEE in one]
            assert [word for word, *_ in theirs] == ["INVITE", "100", "180", "200", "ACK", "BYE", "200"]
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

            async def ask(method: str, path: str, body: object = None) -> Reply:
                serve, variables = router.find(method, path)
                return await serve(HttpRequest(method, path, variables, {}, json=body))

            assert (await ask("POST", path)).status == 201
            (shown,) = (await ask("GET", "/operator/v1/captures")).json["captures"]
            assert (shown["call_sid"], shown["running"]) == (await sid_of(one), True)
            assert (await ask("GET", path)).body.startswith(pcap.FILE_HEADER[:4])
            assert (await ask("DELETE", path)).status == 204
            assert (await ask("POST", "/operator/v1/captures", {"number": "+1", "calls": 3})).status == 201
            listed = (await ask("GET", "/operator/v1/captures")).json
            assert listed == {"captures": [], "awaited": [{"number": "+1", "calls": 3}]}
            assert (await ask("DELETE", "/operator/v1/captures/%2B1")).status == 204
            for wrong in ({}, {"number": ""}, {"number": "+1", "calls": 0}, {"number": "+1", "more": 1}, ["+1"]):
                with pytest.raises(ApiError):
                    await ask("POST", "/operator/v1/captures", wrong)
            with pytest.raises(ApiError, match="not found"):
                await ask("DELETE", "/operator/v1/captures/%2B1")
            captures.start(await sid_of(one))
            (file,) = (tmp_path / "captures").iterdir()
            file.unlink()
            with pytest.raises(ApiError, match="is not captured"):  # as where it is deleted while it is read
                await captures.fetch(await sid_of(one))
            captures.close()
            caller.hangup()
            await passes(40)

    run(main)
