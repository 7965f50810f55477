"""What is played to a whole conference: each play until it is over, and why it did not come to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway.calls.media import Worker
from media.commands import Piece, PlayRoom
from media.events import RoomPlayEnded


class RoomPlays:
    """The plays of one room."""

    def __init__(self, room: int) -> None:
        self.count = 0
        self._room = room
        self._plays: dict[int, asyncio.Future[str]] = {}

    def begin(self, worker: Worker | None, pieces: Sequence[Piece], loops: int, *, queue: bool) -> asyncio.Future[str]:
        """Plays on the room's worker; the future says why it did not come to its end, nothing where it did."""
        self.count += 1
        number, done = self.count, asyncio.get_running_loop().create_future()
        if worker is None:
            done.set_result("nobody is there to hear it")
            return done
        self._plays[number] = done
        done.add_done_callback(lambda _: self._plays.pop(number, None))
        worker.send(PlayRoom(self._room, number, tuple(pieces), loops, queue))
        return done

    def hear(self, event: RoomPlayEnded) -> None:
        """One is over."""
        if (done := self._plays.get(event.playing)) and not done.done():
            done.set_result("" if event.completed else event.error or "another announcement took its place")

    def lost(self) -> None:
        """Nothing of them is heard any more: the worker died."""
        for done in self._plays.values():
            if not done.done():
                done.set_result("its media worker died")
