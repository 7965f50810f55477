"""What a trunk may be, and the sentence for what it may not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.trunks.model import Target, Trunk


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"uris": ["http://sbc.example"]}, "URI scheme 'http' is not supported"),
        ({"uris": ["sip:sbc.example;transport=sctp"]}, "only sip: and sips: URIs over udp, tcp, tls are supported"),
        ({"uris": [{"uri": "sip:sbc.example", "priority": -1}]}, "greater than or equal to 0"),
        ({"addresses": ["10.0.0.0/33"]}, "does not appear to be an IPv4 or IPv6 network"),
        ({"register_to": "sip:carrier.example"}, "register_to needs a username"),
        ({"from_user": "me"}, "from_user hides who calls: set identity, too, which says it"),
        ({"from_user": "me@carrier"}, "String should match pattern"),
        ({"inbound_username": "bob"}, "inbound_username and inbound_password go together"),
        ({"headers": {"Via": "x"}}, "header 'Via' may not be set by a trunk; use a name that starts with X-"),
        ({"failover_codes": [200]}, "200 is no final failure of SIP (300-699)"),
        ({"session_expires": 60}, "session_expires is 0 or at least 90 seconds (RFC 4028)"),
        ({"codecs": ["G729"]}, "Input should be 'PCMU' or 'PCMA'"),
        ({"numbers": {"form": "local"}}, "Input should be 'e164', 'digits' or 'national'"),
        ({"colour": "red"}, "Extra inputs are not permitted"),
    ],
)
def test_what_a_trunk_may_not_be(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Trunk(name="acme", **fields)
    assert sentence in str(raised.value)


def test_plain_uris_are_tried_in_their_order() -> None:
    trunk = Trunk.model_validate({"name": "a", "uris": ["sip:1.example", {"uri": "sip:2.example", "priority": 0}]})
    assert trunk.targets == (Target(uri="sip:1.example", priority=0), Target(uri="sip:2.example", priority=0))


def test_passwords_are_not_printed() -> None:
    text = repr(Trunk(name="a", username="u", password="p4ss", inbound_username="i", inbound_password="s3cret"))
    assert "p4ss" not in text
    assert "s3cret" not in text
