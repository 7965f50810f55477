"""STUN binding requests (RFC 5389), with the sample of RFC 5769 §2.3 as the witness for IPv6."""

from __future__ import annotations

import pytest

from sip.transport.stun import answer

REQUEST = bytes.fromhex("000100002112a442b7e7a701bc34d686fa87dfae")


def test_an_ipv4_source_is_mapped() -> None:
    """RFC 5769 §2.2: 192.0.2.1 port 32853."""
    response = answer(REQUEST, ("192.0.2.1", 32853))
    assert response == bytes.fromhex("0101000c2112a442b7e7a701bc34d686fa87dfae002000080001a147e112a643")


def test_an_ipv6_source_is_mapped() -> None:
    """RFC 5769 §2.3: 2001:db8:1234:5678:11:2233:4455:6677 port 32853."""
    response = answer(REQUEST, ("2001:db8:1234:5678:11:2233:4455:6677", 32853))
    mapped = "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    assert response == bytes.fromhex("010100182112a442b7e7a701bc34d686fa87dfae" + mapped)


def test_attributes_of_the_request_are_no_hindrance() -> None:
    software = bytes.fromhex("8022000454657374")
    request = REQUEST[:2] + b"\0\x08" + REQUEST[4:] + software
    assert answer(request, ("192.0.2.1", 1)) is not None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        REQUEST[:-1],
        REQUEST + b"\0",
        b"\x01\x01" + REQUEST[2:],  # a response
        b"\0\x11" + REQUEST[2:],  # an indication
        REQUEST[:4] + b"\0\0\0\0" + REQUEST[8:],  # no cookie
        REQUEST[:2] + b"\0\x04" + REQUEST[4:],  # an attribute is missing
    ],
)
def test_everything_else_is_no_binding_request(data: bytes) -> None:
    assert answer(data, ("192.0.2.1", 1)) is None
