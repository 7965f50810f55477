"""The SIP messages of calls that crossed the endpoint last, so that a capture begins with the INVITE of its call."""

from __future__ import annotations

import re
from collections import deque
from typing import NamedTuple

from sip.intake import call_id_of
from sip.outputs import Flow

OTHERS = re.compile(rb" (?:REGISTER|OPTIONS|SUBSCRIBE|PUBLISH)\r\n")  # as CSeq ends
PLACE = 200  # bytes that keeping a message costs besides it


class Crossed(NamedTuple):
    """A message, when it crossed (monotonic seconds), over what, and which way."""

    at: float
    data: bytes
    flow: Flow
    sent: bool


class RecentSip:
    """At most `bound` bytes of messages, the oldest of which make room for new ones."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._bytes = 0
        self._messages: deque[Crossed] = deque()

    def add(self, message: Crossed) -> None:
        """One more, unless it is of no call."""
        if OTHERS.search(message.data):
            return
        self._messages.append(message)
        self._bytes += len(message.data) + PLACE
        while self._bytes > self._bound:
            self._bytes -= len(self._messages.popleft().data) + PLACE

    def of(self, call_id: str) -> list[Crossed]:
        """Those of a dialog, the oldest first."""
        seen = call_id.encode("utf-8", "surrogateescape")
        return [one for one in self._messages if seen in one.data and call_id_of(one.data) == call_id]
