"""Where a customer's SIP URI leads is judged at the address that is really sent to, whatever DNS said before."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.calls.placing.dialstring import INSIDE
from sip.events import Invited
from sip.outputs import Host, Record, Srv
from tests.lib.far_ends import Caller, Peer
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.whole import HOST, whole

INNER, OUTER = "10.0.0.1", "93.184.216.34"
AFTER = {"/after": "<Response><Hangup/></Response>"}
Names = dict[tuple[str, str], tuple[Record, ...]]


def dial(uri: str) -> dict[str, str]:
    return {"/voice": f"<Response><Dial action='/after' timeout='5'><Sip>{uri}</Sip></Dial></Response>", **AFTER}


def heard(tmp_path: Path, uri: str, names: Names, checked: dict[str, list[str]] | None = None) -> tuple[int, int, str]:
    """What an inner host and an outer one hear of a Dial, and how it ended; `checked` is the DNS of the first look."""

    async def main(clock: VirtualClock) -> tuple[int, int, str]:
        async with whole(clock, tmp_path, dial(uri)) as one:
            one.web.names.update(checked or {})
            one.endpoint.names.update(names)
            inner, outer, caller = Peer(one, INNER), Peer(one, OUTER), Caller(one)
            caller.call()
            await passes(2)
            if outer.events:
                outer.refuse(486)
            await passes(40)
            after = one.web.to("/after")
            return len(inner.events), len(outer.events), after[0]["DialCallStatus"] if after else ""

    return run(main)


def test_a_public_host_is_called(tmp_path: Path) -> None:
    inner, outer, status = heard(tmp_path, "sip:bob@evil.example", {("HOST", "evil.example"): (Host(OUTER),)})
    assert (inner, outer > 0, status) == (0, True, "busy")


@pytest.mark.parametrize(
    ("uri", "names"),
    [
        ("sip:bob@evil.example", {("HOST", "evil.example"): (Host(INNER),)}),  # DNS says another thing the second time
        (
            "sip:bob@evil.example",
            {
                ("SRV", "_sip._udp.evil.example"): (Srv(0, 0, 5060, "inner.example"),),
                ("HOST", "inner.example"): (Host(INNER),),
            },
        ),
        (f"sip:bob@{OUTER};maddr={INNER}", {}), (f"sip:bob@evil.example;maddr={INNER}", {}),
        (f"sip:{OUTER}@{INNER}", {}), ("sip:bob@[::ffff:10.0.0.1]", {}), ("sip:bob@[64:ff9b::a00:1]", {}),
        ("sip:bob@167772161", {("HOST", "167772161"): (Host(INNER),)}),
        ("sip:bob@[2002:a00:1::]", {}), ("sip:bob@169.254.169.254", {}),
    ],
)  # fmt: skip
def test_no_uri_leads_inside(tmp_path: Path, uri: str, names: Names) -> None:
    inner, outer, status = heard(tmp_path, uri, names)
    assert (inner, outer, status) == (0, 0, "failed")


def test_a_public_address_beside_an_inner_one_is_tried(tmp_path: Path) -> None:
    names: Names = {("HOST", "evil.example"): (Host(INNER), Host(OUTER))}
    inner, outer, status = heard(tmp_path, "sip:bob@evil.example", names)
    assert (inner, outer > 0, status) == (0, True, "busy")


def test_a_name_that_leads_inside_is_refused_at_the_first_look_with_a_line(tmp_path: Path) -> None:
    names: Names = {("HOST", "evil.example"): (Host(OUTER),)}
    assert heard(tmp_path, "sip:bob@evil.example", names, {"evil.example": [INNER]}) == (0, 0, "failed")


@pytest.mark.parametrize(
    ("uri", "code"), [("sip:bob@gone.example", 13254), ("sip:bob@198.51.100.1;secure=true", 13243)]
)
def test_a_uri_that_leads_nowhere_fails_the_dial_with_its_code(tmp_path: Path, uri: str, code: int) -> None:
    """A name without an address, and SRTP, which there is not."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, dial(uri)) as one:
            one.web.names["gone.example"] = []
            caller = Caller(one)
            caller.call()
            await passes(5)
            assert one.web.at(f"{HOST}/after")[0].params["DialCallStatus"] == "failed"
            assert [note.error_code for note in await one.notes()] == [code]

    run(main)


def test_the_gateways_own_http_port_is_not_spoken_to_in_sip(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, dial("sip:bob@127.0.0.9:8080")) as one:
            one.services.guard.add_own(("127.0.0.9", 8080))
            assert one.services.guard.refuses("127.0.0.9", 5060) is None
            caller = Caller(one)
            caller.call()
            await passes(20)
            assert one.web.at(f"{HOST}/after")[0].params["DialCallStatus"] == "failed"

    run(main)


def test_what_lets_our_own_calls_in_is_told_to_nobody_else(tmp_path: Path) -> None:
    """A URI may have our address and lead elsewhere all the same."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, dial(f"sip:bob@127.0.0.2:5060;maddr={OUTER}")) as one:
            outer, caller = Peer(one, OUTER), Caller(one)
            caller.call()
            await passes(2)
            (invited,) = outer.said(Invited)
            assert INSIDE not in invited.request.headers
            outer.refuse(486)
            await passes(5)

    run(main)
