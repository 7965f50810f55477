"""Asks callers for credentials before their agent's peer sees a request, with nonces that go stale (RFC 7616)."""

from __future__ import annotations

from random import Random

from sip.digest import parse_fields
from sip.message import Request, parse_message

CHALLENGED = {"INVITE", "BYE", "UPDATE", "INFO", "REFER"}


class Challenger:
    """Keeps no transactions: a repeated request gets the same answer, an ACK of ours is swallowed."""

    def __init__(self, random: Random, *, proxy: bool) -> None:
        self._random = random
        self._status = 407 if proxy else 401
        self._theirs = "Proxy-Authenticate" if proxy else "WWW-Authenticate"
        self._ours = "Proxy-Authorization" if proxy else "Authorization"
        self._nonces = ["first"]
        self._refused: set[str] = set()
        self._passed: set[str] = set()
        self._calls: set[str] = set()  # that came in here: who is called from here has no credentials

    def answers(self, data: bytes) -> bytes | None:
        """A challenge; nothing for an ACK of one; None for what may pass."""
        if data.startswith(b"SIP/2.0"):
            return None
        request = parse_message(data)
        assert isinstance(request, Request)
        if request.method == "ACK" and request.via[0].branch in self._refused:
            return b""
        if not request.to.tag:
            self._calls.add(request.call_id)
        if request.method not in CHALLENGED or request.call_id not in self._calls:
            return None
        nonce = parse_fields((request.headers.get(self._ours) or "Digest x=y").partition(" ")[2]).get("nonce")
        if nonce == self._nonces[-1] or request.via[0].branch in self._passed:
            self._passed.add(request.via[0].branch)
            return None
        return self._challenge(request, stale=nonce in self._nonces)

    def renew(self) -> None:
        """From now on only a new nonce is good."""
        self._nonces.append(f"{self._random.getrandbits(32):08x}")

    def _challenge(self, request: Request, *, stale: bool) -> bytes:
        self._refused.add(request.via[0].branch)
        response = request.reply(self._status, to_tag="challenged")
        value = f'Digest realm="sim", nonce="{self._nonces[-1]}", qop="auth", algorithm=SHA-256'
        response.headers.add(self._theirs, f"{value}, stale=true" if stale else value)
        return bytes(response)
