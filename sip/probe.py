"""OPTIONS outside of calls: is somebody there (RFC 3261 §11)?"""

from __future__ import annotations

from sip.client_transaction import Act
from sip.commands import Probe
from sip.events import Probed
from sip.layer import Layer, Output
from sip.message import Request, Response
from sip.uri import Uri

PATIENCE = 4.0  # seconds; a call would be given up soon after


class Prober:
    """One question."""

    def __init__(self, layer: Layer, command: Probe) -> None:
        self.timers: dict[str, float] = {}
        self._request: Request | None = None  # that an answer is awaited to
        self._layer = layer
        self._command = command

    def start(self, now: float) -> list[Output]:
        """Sends OPTIONS."""
        target = Uri.parse(self._command.uri)
        request = Request(method="OPTIONS", uri=target.without_headers())
        request.headers.add("Max-Forwards", "70")
        request.headers.add("From", f"<{self._command.from_}>;tag={self._layer.token()}")
        request.headers.add("To", f"<{target}>")
        request.headers.add("Call-ID", self._layer.token() + self._layer.token())
        request.headers.add("CSeq", "1 OPTIONS")
        self._request = request
        self._layer.alarms.set(self, "silence", now + PATIENCE)
        return self._layer.request(request, target, self, now)

    def concluded(self, request: Request, result: Response | Act, now: float) -> list[Output]:
        """The first final word."""
        if self._request is None or (isinstance(result, Response) and result.status < 200):
            return []
        self._request = None
        self.timers.clear()
        return [Probed(self._command.uri, result.status if isinstance(result, Response) else 0)]

    def ring(self, name: str, now: float) -> list[Output]:
        """Nobody answered in time."""
        assert self._request is not None
        self._layer.drop_pending(self._request)
        self._request = None
        return [Probed(self._command.uri, 0)]
