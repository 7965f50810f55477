"""Who may call in: a digest user, then a certificate, then the most specific network, then `local`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gateway.store import Store
from gateway.store.secret import SecretKey
from gateway.trunks.admission import Admission, Refusal
from gateway.trunks.book import TrunkBook
from gateway.trunks.carriers import Carriers
from gateway.trunks.gate import MOST, Gate
from sip.challenge import Challenger
from sip.digest import answer, strongest
from sip.events import AGAIN
from sip.message import Request
from sip.outputs import Flow
from sip.uri import Uri
from tests.gateway.trunks.test_carriers import Sip
from tests.lib.loop import VirtualClock, run

TRUNKS: list[dict[str, Any]] = [
    {"name": "wide", "addresses": ["203.0.113.0/24"]},
    {"name": "narrow", "addresses": ["203.0.113.64/26", "2001:db8::/32"]},
    {"name": "both", "addresses": ["198.51.100.0/24"], "inbound_username": "both", "inbound_password": "b"},
    {"name": "certified", "certificates": ["SBC.carrier.example"]},
]
ROAMING = {"name": "roaming", "inbound_username": "roam", "inbound_password": "r"}

Answers = Callable[..., str]


def admitting(folder: Path, *more: dict[str, Any]) -> Admission:
    """The admission of these trunks."""

    async def main(clock: VirtualClock) -> Admission:
        store = await Store.open(f"sqlite:///{folder}/test.db", clock, SecretKey(b"x"))
        book = TrunkBook(store, [*TRUNKS, *more], [], {}, local=True)
        await book.load()
        await store.close()
        carriers = Carriers(book, Sip(), SecretKey(b"x").token, clock, "gw")
        return Admission(book, carriers, Challenger("trunkline", Random(2)), Gate(book.belongs), clock)

    return run(main)


def answers(folder: Path, *more: dict[str, Any]) -> Answers:
    """A function that says who calls from where, with which login: a trunk's name, or the status."""
    admission = admitting(folder, *more)

    def ask(
        source: str, login: tuple[str, str] | None = None, transport: str = "udp", names: tuple[str, ...] = ()
    ) -> str:
        request = Request(method="INVITE", uri=Uri.parse("sip:+15555550100@gw"))
        flow = Flow(transport, ("192.0.2.1", 5060), (source, 5060), names=names)
        if login is not None:
            challenge = strongest(admission._challenger.values(0.0))
            assert challenge is not None
            request.headers.add("Authorization", answer(challenge, *login, "INVITE", str(request.uri), "c"))
        found = admission.of(request, flow)
        return str(found.status) if isinstance(found, Refusal) else found.name

    return ask


@pytest.mark.parametrize(
    ("source", "who"),
    [
        ("203.0.113.7", "wide"),
        ("203.0.113.70", "narrow"),
        ("2001:db8::9", "narrow"),
        ("127.0.0.1", "local"),
        ("::1", "local"),
        ("192.0.2.9", "403"),
        ("198.51.100.1", "401"),
    ],
)
def test_the_most_specific_network_is_the_one(tmp_path: Path, source: str, who: str) -> None:
    assert answers(tmp_path)(source) == who


def test_a_trunk_with_a_login_and_addresses_wants_both(tmp_path: Path) -> None:
    ask = answers(tmp_path)
    assert ask("198.51.100.1", ("both", "b")) == "both"
    assert ask("198.51.100.1", ("both", "wrong")) == "401"
    assert ask("192.0.2.9", ("both", "b")) == "403"


def test_a_login_alone_admits_from_anywhere_and_is_asked_of_everybody(tmp_path: Path) -> None:
    ask = answers(tmp_path, ROAMING)
    assert ask("192.0.2.9") == "401"
    assert ask("192.0.2.9", ("roam", "r")) == "roaming"
    assert ask("192.0.2.9", ("nobody", "r")) == "401"


def test_wrong_credentials_are_never_overlooked(tmp_path: Path) -> None:
    """Not even from a network, or a machine, that may call in without any."""
    ask = answers(tmp_path)
    assert ask("203.0.113.7", ("roam", "r")) == "401"
    assert ask("127.0.0.1", ("roam", "r")) == "401"


def test_a_certificate_admits_by_its_name(tmp_path: Path) -> None:
    ask = answers(tmp_path)
    assert ask("192.0.2.9", transport="tls", names=("other.example", "sbc.carrier.example")) == "certified"
    assert ask("192.0.2.9", transport="tls", names=("other.example",)) == "403"


@pytest.mark.parametrize(("name", "slowed"), [("sbc.carrier.example", False), ("other.example", True)])
def test_who_shows_the_certificate_of_a_trunk_is_never_slowed(tmp_path: Path, name: str, slowed: bool) -> None:
    """A carrier that asks OPTIONS every few seconds, or calls numbers that nobody has, from wherever it likes."""
    admission = admitting(tmp_path)
    flow = Flow("tls", ("192.0.2.1", 5061), ("192.0.2.9", 40000), names=(name,))
    for _ in range(MOST):
        admission.refused(flow, "OPTIONS", 200, "OK")
        admission.refused(flow, "OPTIONS", 200, AGAIN)
        admission.asked(flow)
    assert bool(admission.refused(flow, "INVITE", 404, "nobody's number")) is slowed
    assert admission.shut_out() == slowed
    assert len(admission.refusals) == 1


def test_no_web_page_of_this_machine_is_local(tmp_path: Path) -> None:
    assert answers(tmp_path)("127.0.0.1", transport="ws") == "403"
