"""The calls that live in a Dial, as the REST API finds them: to be hung up, recorded, or sent to another document."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.calls.call import Call
    from gateway.calls.dial.party import Party


class Parties:
    """`calls`: that a Dial has placed, by SID; `talking`: those of them that have answered."""

    def __init__(self) -> None:
        self.calls: dict[str, Call] = {}
        self.talking: dict[str, Party] = {}
