"""Who calls and who sent the call on, as carriers write it."""

from __future__ import annotations

import pytest

from sip import identity
from sip.message import Request


def request(*headers: tuple[str, str]) -> Request:
    made = Request(method="INVITE")
    for name, value in headers:
        made.headers.add(name, value)
    return made


@pytest.mark.parametrize(
    ("headers", "user"),
    [
        ([], None),
        ([("P-Asserted-Identity", '"Bob" <sip:+12125550123@carrier.example>')], "+12125550123"),
        ([("P-Asserted-Identity", "<sip:bob@carrier.example>, <tel:+12125550123>")], "+12125550123"),
        ([("P-Asserted-Identity", "<sip:bob@carrier.example>")], "bob"),
        ([("Remote-Party-ID", '"B" <sip:2125550123@c.example>;party=calling;privacy=off')], "2125550123"),
        ([("Remote-Party-ID", "<sip:+12125550199@c.example>;party=called")], None),
        (
            [("Remote-Party-ID", "<sip:1@c.example>"), ("P-Asserted-Identity", "<sip:+12125550123@c.example>")],
            "+12125550123",
        ),
        ([("P-Asserted-Identity", "<<<>"), ("P-Asserted-Identity", "<mailto:bob@example>")], None),
    ],
)
def test_what_is_asserted(headers: list[tuple[str, str]], user: str | None) -> None:
    """RFC 3325 §9.1: one or two values, one of them a SIP and one a tel URI."""
    found = identity.asserted(request(*headers))
    assert (found.uri.user if found else None) == user


@pytest.mark.parametrize(
    ("header", "hidden"),
    [
        (("Privacy", "none"), False),
        (("Privacy", "id"), True),
        (("Privacy", "header;user;critical"), True),
        (("Privacy", "session"), False),
        (("Remote-Party-ID", "<sip:1@c.example>;privacy=full"), True),
        (("Remote-Party-ID", "<sip:1@c.example>;privacy=off"), False),
    ],
)
def test_who_wants_not_to_be_shown(header: tuple[str, str], hidden: bool) -> None:
    """RFC 3325 §9.3, RFC 3323 §4.2; draft-ietf-sip-privacy-04 for Remote-Party-ID."""
    assert identity.hidden(request(header)) is hidden


@pytest.mark.parametrize(
    ("headers", "user"),
    [
        ([], None),
        ([("Diversion", '"A" <sip:+12125550111@c.example>;reason=no-answer;counter=1')], "+12125550111"),
        (
            [
                ("Diversion", "<tel:+12125550112>;reason=user-busy"),
                ("Diversion", "<tel:+12125550111>;reason=no-answer"),
            ],
            "+12125550112",
        ),
        ([("History-Info", "<sip:+12125550111@c.example>;index=1")], None),
        (
            [("History-Info", "<sip:1@c.example>;index=1, <sip:2@c.example;cause=302>;index=1.1;rc=1")],
            "1",
        ),
        (
            [
                ("History-Info", "<sip:3@c.example;cause=408>;index=1.1.1"),
                ("History-Info", "<sip:1@c.example>;index=1"),
                ("History-Info", "<sip:2@c.example;cause=302>;index=1.1"),
            ],
            "2",
        ),
        (
            [
                ("History-Info", "<sip:7@c.example?Reason=SIP%3Bcause%3D486%3Btext%3D%22Busy%22>;index=1"),
                ("History-Info", "<sip:8@c.example>;index=2"),
            ],
            "7",
        ),
        ([("Diversion", "not a URI at all <"), ("History-Info", "<>;index=x")], None),
    ],
)
def test_who_sent_the_call_on(headers: list[tuple[str, str]], user: str | None) -> None:
    """RFC 5806 §4: the topmost Diversion is the last; RFC 7044: the entry before the one with a cause."""
    found = identity.forwarded_from(request(*headers))
    assert (found.user if found else None) == user
