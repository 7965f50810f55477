"""The conferences that live, by name and by SID: a name means one conference of its account at a time."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.calls.conferences.conference import Conference


class Conferences:
    """`room` gives each its number on the media workers."""

    def __init__(self) -> None:
        self._by_name: dict[tuple[str, str], Conference] = {}
        self._by_sid: dict[str, Conference] = {}
        self._rooms = count(1)

    def room(self) -> int:
        """A number that no other conference has."""
        return next(self._rooms)

    def add(self, conference: Conference) -> None:
        """It lives, until it is over."""
        row = conference.row
        self._by_name[row.account_sid, row.friendly_name] = self._by_sid[row.sid] = conference
        conference.over.add_done_callback(lambda _: self._forget(conference))

    def _forget(self, conference: Conference) -> None:
        row = conference.row
        self._by_sid.pop(row.sid, None)
        if self._by_name.get((row.account_sid, row.friendly_name)) is conference:
            del self._by_name[row.account_sid, row.friendly_name]

    def named(self, account_sid: str, name: str) -> Conference | None:
        """The one that can be entered under this name."""
        found = self._by_name.get((account_sid, name))
        return None if found is None or found.is_ending else found

    def fetch(self, account_sid: str, sid: str) -> Conference | None:
        """One of an account by its SID."""
        found = self._by_sid.get(sid)
        return found if found is not None and found.row.account_sid == account_sid else None
