"""Who is in which room, and what part each member takes: columns by port row, and the rooms in their order.

A room is a number that control gives; it exists while somebody is in it. `Members` is what a tick reads: it is made
anew when somebody comes, goes or changes, not in the tick.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from media.commands import Join
from media.frames import Mask, Rows


@dataclass(frozen=True, slots=True)
class Members:
    """All members of all rooms, room by room. Columns are by member unless said otherwise."""

    rows: Rows  # port rows
    starts: Rows  # by room: its first member
    rooms: Rows  # by room: its number
    room: Rows  # index into `rooms`
    speaks: Mask  # is heard by the room: neither muted nor coaching
    listens: Mask
    gain: NDArray[np.float32]
    coaching: Rows  # members who are heard by one alone
    coached: Rows  # and the members who hear them
    apart: Rows  # members who hear their coaches and nobody else
    coachable: Mask  # is one of those two kinds
    large: Mask  # is in a room where only those who talk are mixed
    tells: Mask  # it is wanted to be known when it talks

    def __len__(self) -> int:
        return len(self.rows)


_NONE = np.zeros(0, np.int64)
_NO = np.zeros(0, np.bool_)
NOBODY = Members(_NONE, _NONE, _NONE, _NONE, _NO, _NO, np.zeros(0, np.float32), _NONE, _NONE, _NONE, *(_NO,) * 3)


class Rooms:
    """The rooms of a worker. `all_below`: up to so many members everybody is mixed, in larger rooms who talks."""

    def __init__(self, rows: int, all_below: int = 16) -> None:
        self.joined = np.zeros(rows, np.bool_)
        self.wanted = np.zeros(rows, np.bool_)  # somebody needs to hear the row
        self._all_below = all_below
        self._parts: dict[int, Join] = {}
        self._members: Members | None = NOBODY

    def join(self, part: Join) -> None:
        """A port comes in, or takes another part."""
        self._parts[part.port] = part
        self.joined[part.port] = True
        self.wanted[part.port] = part.tells or not part.muted
        self._members = None

    def leave(self, row: int) -> int | None:
        """A port goes; the room, if it was in one."""
        part = self._parts.pop(row, None)
        if part is None:
            return None
        self.joined[row] = self.wanted[row] = False
        self._members = None
        return part.room

    def of(self, row: int) -> int | None:
        """The room that a port is in."""
        part = self._parts.get(row)
        return None if part is None else part.room

    def in_room(self, room: int) -> list[int]:
        """The ports that are in there."""
        return [row for row, part in self._parts.items() if part.room == room]

    def is_open(self, room: int) -> bool:
        """Whether somebody is in there."""
        return any(part.room == room for part in self._parts.values())

    @property
    def members(self) -> Members:
        """Who is where."""
        if self._members is None:
            self._members = self._ordered()
        return self._members

    def _ordered(self) -> Members:
        parts = sorted(self._parts.values(), key=lambda part: (part.room, part.port))
        if not parts:
            return NOBODY
        place = {part.port: index for index, part in enumerate(parts)}
        rooms, starts, room, counts = np.unique(
            np.array([part.room for part in parts]), return_index=True, return_inverse=True, return_counts=True
        )
        pairs = [
            (index, place[part.coaches]) for index, part in enumerate(parts) if not part.muted and self._has_pupil(part)
        ]
        apart = [index for index, part in enumerate(parts) if part.apart and not part.deaf]
        coachable = np.zeros(len(parts), np.bool_)
        coachable[[*apart, *(heard for _, heard in pairs)]] = True
        return Members(
            rows=np.array([part.port for part in parts]),
            starts=starts,
            rooms=rooms,
            room=room,
            speaks=np.array([not part.muted and part.coaches < 0 for part in parts]),
            listens=np.array([not part.deaf for part in parts]),
            gain=np.array([10 ** (part.gain_db / 20) for part in parts], np.float32),
            coaching=np.array([coach for coach, _ in pairs], np.int64),
            coached=np.array([heard for _, heard in pairs], np.int64),
            apart=np.array(apart, np.int64),
            coachable=coachable,
            large=(counts > self._all_below)[room] & ~np.array([part.link for part in parts]),
            tells=np.array([part.tells for part in parts]),
        )

    def _has_pupil(self, part: Join) -> bool:
        """Whether there is somebody who alone hears it; when that one has left the room, nobody does."""
        other = self._parts.get(part.coaches)
        return other is not None and other.room == part.room and other is not part
