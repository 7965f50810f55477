"""The credentials of a session: challenges are answered, later requests are signed before anybody asks (RFC 8760)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sip.digest import Challenge, answer, strongest
from sip.message import Request, Response

if TYPE_CHECKING:
    from sip.commands import Credentials
    from sip.layer import Layer

HEADERS = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}
MOST = 5  # challenges in a row: a peer that calls every nonce stale
_COUNT = re.compile(r"\bnc=([0-9a-f]{8})", re.I)


class Authority:
    """What a session knows of its peers' challenges. Without credentials it answers none."""

    def __init__(self, layer: Layer, credentials: Credentials | None = None) -> None:
        self.credentials = credentials
        self._layer = layer
        self._known: dict[str, tuple[Challenge, int]] = {}  # by header of ours: the challenge, how often it was used
        self._in_a_row = 0

    def sign(self, request: Request) -> None:
        """Puts the credentials on for the realms that are known (RFC 7616 §3.3: the nonce's count goes on)."""
        for name, (challenge, count) in list(self._known.items()):
            self._put(request, name, challenge, count + 1)

    def answered(self, request: Request, response: Response) -> Request | None:
        """The request again, answering a 401 or 407, its CSeq still old; None where it is no use (RFC 3261 §22.2)."""
        theirs, ours = HEADERS[response.status]
        challenge = strongest(response.headers.all(theirs))
        if challenge is None or self.credentials is None or self._in_a_row >= MOST:
            return None
        if not challenge.stale and _was_fresh(request.headers.get(ours)):
            return None
        self._in_a_row += 1
        again = Request(method=request.method, uri=request.uri, body=request.body)
        for key, value in request.headers:
            if key not in ("Via", "Contact", ours):
                again.headers.add(key, value)
        self._put(again, ours, challenge, 1)
        return again

    def accepted(self) -> None:
        """A request got through."""
        self._in_a_row = 0

    def _put(self, request: Request, name: str, challenge: Challenge, count: int) -> None:
        assert self.credentials is not None
        username, password = self.credentials.username, self.credentials.password
        cnonce = self._layer.token()
        value = answer(challenge, username, password, request.method, str(request.uri), cnonce, count)
        request.headers.set(name, value)
        self._known[name] = challenge, count


def _was_fresh(credentials: str | None) -> bool:
    """Whether a request was the direct answer to a challenge: refused again, its password is wrong."""
    if credentials is None:
        return False
    found = _COUNT.search(credentials)
    return found is None or int(found[1], 16) == 1
