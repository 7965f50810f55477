"""[limits]: calls in a second and at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.engine import CreateCall
from gateway.calls.limits import LATER, Limits
from gateway.errors import ApiError
from media import negotiate
from sip.commands import Invite
from sip.outputs import Address
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.phones import Phone, domain
from tests.lib.whole import NUMBER, SimulatedEndpoint, Wire, fake_media, whole, whole_with


def test_without_numbers_there_is_no_limit() -> None:
    limits = Limits()
    assert all(limits.admit(0.0, living) is None for living in range(1000))


def test_so_many_calls_at_once() -> None:
    limits = Limits(concurrency=2)
    assert [limits.admit(0.0, living) for living in (0, 1, 2, 3, 1)] == [None, None, LATER, LATER, None]


def test_so_many_calls_in_a_second() -> None:
    limits = Limits(cps=2)
    assert [limits.admit(at, 0) for at in (0.0, 0.25, 0.5, 1.0, 1.2, 1.25)] == [
        None, None, 0.5, None, pytest.approx(0.05), None,
    ]  # fmt: skip


def test_less_than_one_call_in_a_second() -> None:
    limits = Limits(cps=0.5)
    assert [limits.admit(at, 0) for at in (0, 1, 2, 3.5, 4)] == [None, 1.0, None, 0.5, None]


def test_a_call_that_has_no_place_takes_no_turn() -> None:
    limits = Limits(cps=1, concurrency=1)
    assert [limits.admit(0.0, 1), limits.admit(0.0, 0)] == [LATER, None]


def test_who_waits_as_told_is_admitted() -> None:
    async def main(clock: VirtualClock) -> list[float]:
        limits = Limits(cps=5)
        started: list[float] = []
        while len(started) < 26:
            wait = limits.admit(clock.now(), 0)
            if wait is None:
                started.append(clock.now())
            else:
                await passes(wait + 1e-6)
        return started

    started = run(main)
    assert started[-1] == pytest.approx(5.0, abs=0.01)
    assert all(started[at + 5] - started[at] >= 1 for at in range(20))


@given(st.floats(0.1, 20), st.lists(st.floats(0, 2), max_size=60))
def test_no_window_has_more_than_its_share(cps: float, pauses: list[float]) -> None:
    limits, now = Limits(cps=cps), 0.0
    started: list[float] = []
    for pause in pauses:
        now += pause
        if limits.admit(now, 0) is None:
            started.append(now)
    for first in started:
        assert sum(first <= at < first + 1 for at in started) <= max(1, -(-cps // 1))


class Listening(SimulatedEndpoint):
    """A phone whose every datagram is kept."""

    def __init__(self, wire: Wire, address: Address, heard: list[bytes]) -> None:
        super().__init__(wire, address, lambda _: None)
        self._heard = heard

    def receive(self, data: bytes, source: Address) -> None:
        self._heard.append(data)
        super().receive(data, source)


def test_a_call_too_many_is_refused_from_both_sides(tmp_path: Path) -> None:
    """SIP: 503 with Retry-After. REST: 429 / 20429."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": "<Response><Pause length='30'/></Response>"}) as one:
            one.exchange.limits = Limits(concurrency=1)
            heard: list[bytes] = []
            callers: list[Listening] = []
            for number in (3, 4):
                address = (f"127.0.0.{number}", 5060)
                callers.append(Listening(one.wire, address, heard))
                sdp = negotiate.offer(address[0], 4000, ("PCMU",), session_id=1, version=1)
                uri = f"sip:{NUMBER}@127.0.0.2:5060"
                callers[-1].apply(Invite("c", uri, f"<sip:+1555555012{number}@{address[0]}>", f"<{uri}>", sdp))
                await passes(1)
            refused = [data for data in heard if data.startswith(b"SIP/2.0 503")]
            assert len(refused) == 1
            assert b"\r\nRetry-After: 5\r\n" in refused[0]
            assert len(one.exchange.calls) == 1
            (account,) = await one.services.store.accounts.all()
            wanted = CreateCall("+15555550100", NUMBER, twiml="<Response/>")
            with pytest.raises(ApiError) as raised:
                await one.exchange.create(account.account_sid, wanted)
            assert (raised.value.status, raised.value.code) == (429, 20429)
            assert raised.value.headers == {"Retry-After": "5"}
            await passes(60)
            assert one.exchange.calls == {}
            one.exchange.limits = Limits(concurrency=1)
            made = await asyncio.gather(
                *(one.exchange.create(account.account_sid, wanted) for _ in range(3)), return_exceptions=True
            )
            assert sum(isinstance(result, ApiError) for result in made) == 2
            await passes(90)

    run(main)


def test_the_caller_id_is_what_the_far_end_sees_and_must_be_ones_own(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            (account,) = await one.services.store.accounts.all()
            wanted = CreateCall("+12125550123", "+12125550999", NUMBER, twiml="<Response/>")
            row = await one.exchange.create(account.account_sid, wanted)
            assert row.from_ == NUMBER
            foreign = CreateCall("+12125550123", NUMBER, "+12125550999", twiml="<Response/>")
            with pytest.raises(ApiError) as raised:
                await one.exchange.create(account.account_sid, foreign)
            assert raised.value.code == 21210
            await passes(5)

    run(main)


def test_one_source_has_its_share_of_calls_and_a_trunk_has_its_own_limits(tmp_path: Path) -> None:
    """From the INVITE on: a hundred at once that nothing is known of yet are a hundred too many."""

    documents = {"/voice": "<Response><Say>Hello</Say><Pause length='30'/></Response>"}

    async def main(clock: VirtualClock) -> None:
        async with whole_with(fake_media, clock, tmp_path, documents) as one:
            await domain(one)
            one.exchange.limits = Limits(of_source=2)
            phones = [Phone(one, "alice", "198.51.100.7", 6000 + number) for number in range(4)]
            for phone in phones:
                phone.call("1234")
            await passes(1)
            assert sorted(phone.is_answered() for phone in phones) == [False, False, True, True]
            refused = [phone.ended() for phone in phones if not phone.is_answered()]
            assert [end.status for end in refused if end is not None] == [503, 503]
            reasons = {line.reason for line in one.services.admission.refusals.newest_first("198.51.100.7")}
            assert reasons == {"2 calls of 198.51.100.7 are up or wait to be admitted"}
            local = [Phone(one, "alice", "127.0.0.7", 6000 + number) for number in range(3)]
            for phone in local:
                phone.call("1234")
            await passes(1)
            assert all(phone.is_answered() for phone in local)
            await passes(60)
            assert one.exchange.limits._sources == {}
            again = Phone(one, "alice", "198.51.100.7", 6010)
            again.call("1234")
            await passes(1)
            assert again.is_answered()
            await passes(60)

    run(main)
