"""STUN binding requests on a SIP socket, answered as keep-alives (RFC 5389 §7.3.1, RFC 5626 §3.5.2). Pure."""

from __future__ import annotations

import struct
from ipaddress import ip_address

from sip.outputs import Address

COOKIE = 0x2112A442
BINDING_REQUEST, BINDING_RESPONSE = 0x0001, 0x0101
XOR_MAPPED_ADDRESS = 0x0020
_HEADER = struct.Struct("!HHI12s")


def answer(data: bytes, source: Address) -> bytes | None:
    """The success response to a binding request from `source`; None for what is none."""
    if len(data) < _HEADER.size:
        return None
    kind, length, cookie, transaction = _HEADER.unpack_from(data)
    if kind != BINDING_REQUEST or cookie != COOKIE or length % 4 or len(data) != _HEADER.size + length:
        return None
    value = _mapped(source, transaction)
    attribute = struct.pack("!HH", XOR_MAPPED_ADDRESS, len(value)) + value
    return _HEADER.pack(BINDING_RESPONSE, len(attribute), COOKIE, transaction) + attribute


def _mapped(source: Address, transaction: bytes) -> bytes:
    """XOR-MAPPED-ADDRESS (RFC 5389 §15.2)."""
    ip = ip_address(source[0]).packed
    key = COOKIE.to_bytes(4, "big") + transaction
    family = 1 if len(ip) == 4 else 2
    hidden = bytes(one ^ other for one, other in zip(ip, key, strict=False))
    return struct.pack("!BBH", 0, family, source[1] ^ (COOKIE >> 16)) + hidden
