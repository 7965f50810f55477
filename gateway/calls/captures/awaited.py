"""Numbers whose next calls are to be captured: what happens once a day is caught when it happens."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.calls.call import Call
from gateway.errors import ApiError, not_found

MOST = 100  # numbers that are awaited at once


class AwaitedCalls:
    """By number (or SIP address), as calls have it in `From` or `To`: how many calls are still wanted."""

    def __init__(self, calls: Mapping[str, Call]) -> None:
        self.wanted: dict[str, int] = {}
        self._calls = calls
        self._seen: set[str] = set()

    def expect(self, number: str, calls: int) -> None:
        """The next so many calls from or to a number; those that are up are not meant."""
        if number not in self.wanted and len(self.wanted) >= MOST:
            raise ApiError(429, 20429, f"{MOST} numbers are awaited already: delete one")
        if not self.wanted:
            self._seen = set(self._calls)
        self.wanted[number] = calls

    def forget(self, number: str) -> None:
        """No more of them."""
        if self.wanted.pop(number, None) is None:
            raise not_found(number)

    def begun(self) -> list[Call]:
        """The awaited calls that have begun since this was asked last. A call that a call dials belongs to that one."""
        if not self.wanted or self._calls.keys() <= self._seen:
            return []
        new = [call for sid, call in self._calls.items() if sid not in self._seen]
        self._seen = set(self._calls)
        return [call for call in new if call.row.parent_call_sid is None and self._takes(call)]

    def _takes(self, call: Call) -> bool:
        for number in {call.row.from_, call.row.to} & self.wanted.keys():
            self.wanted[number] -= 1
            if not self.wanted[number]:
                del self.wanted[number]
            return True
        return False
