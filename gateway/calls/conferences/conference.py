"""A conference that lives: who takes part, when it starts and ends (twiml-voice.md: Conference).

What is heard is gateway/calls/conferences/mixers.py, what is told of it gateway/calls/conferences/telling.py.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from gateway.calls.conferences.coming import Coming
from gateway.calls.conferences.early import Early
from gateway.calls.conferences.member import Member
from gateway.calls.conferences.mixers import Mixers
from gateway.calls.conferences.telling import LAST_LEFT, Teller, conference_plan, ended, new_row, of
from gateway.calls.media import NoPort, Worker
from gateway.calls.recordings.recording import OfRoom, Recording
from gateway.calls.services import Services
from gateway.store.rows import Conference as Row
from media import music
from media.commands import Piece
from twiml.targets import ConferenceTarget

LOG = logging.getLogger(__name__)

BY_API = "conference-ended-via-api"


class Conference:
    """`room`: its number on the media workers."""

    def __init__(self, services: Services, row: Row, room: int) -> None:
        self.members: dict[str, Member] = {}  # by call SID
        self.coming: dict[str, Coming] = {}  # who is being called, by call SID
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.adding = asyncio.Lock()  # who is called is called one after the other: the next knows of it
        self.services = services
        self.recordings: dict[str, Recording] = {}  # that take audio, by SID
        self.teller = Teller(services, row)
        tells = self.teller.wants("speaker")
        self.mixers = Mixers(services, room, self.members, tells=tells, unreached=self._unreached)
        self.mixers.on_moved = self._record_on
        self.early = Early(services, self.members, self.mixers)
        self._held = 0  # how many are about to come, or have left of whom nobody was told yet
        self._ending: tuple[str, str | None, str | None] | None = None  # reason, call that ended it, its label
        self._finished = False

    @property
    def row(self) -> Row:
        """As it is kept."""
        return self.teller.row

    @property
    def worker(self) -> Worker | None:
        """The media worker that suits whoever is called next: the home, before there is one that of somebody who waits
        or is called already; None where that could not serve one more in time."""
        calls = [one.call for one in self.members.values()] + [one.call for one in self.coming.values()]
        legs = [call.leg for call in calls if call.leg is not None]
        suiting = self.mixers.home or next((leg.worker for leg in legs if leg.worker is not None), None)
        return suiting if suiting is not None and self.services.workers.has_room(suiting) else None

    @property
    def named(self) -> dict[str, str]:
        """What requests for its documents say of it."""
        return {"ConferenceSid": self.row.sid, "FriendlyName": self.row.friendly_name}

    @property
    def is_ending(self) -> bool:
        """Whether nobody can come in any more."""
        return self._ending is not None

    # who comes and goes

    async def enter(self, member: Member) -> None:
        """Takes part from now on: hears what those hear who wait, or all others."""
        await self.teller.keep()
        await self.teller.tell("participant-join", of(member))
        if self.row.status == "in-progress":
            self._open(member)
            self._beep(member, "onEnter", music.BEEP_IN)
        elif len(self.members) > 1 and any(one.target.start_on_enter for one in self.members.values()):
            await self._start()
        else:
            self.early.waits(member)

    async def leave(self, member: Member, reason: str) -> None:
        """Takes part no more; who was waited for, or was the last, ends the conference."""
        if self.members.pop(member.sid, None) is None:
            return
        self._close(member)
        kicked = reason == "participant_updated_via_api"
        async with self.lasting("last-participant-kicked" if kicked else LAST_LEFT):
            await self.teller.tell_left(member, reason)
            if member.end_on_exit and not self.is_ending:
                how = "kicked" if kicked else "left"
                self.end(f"participant-with-end-conference-on-exit-{how}", member)
        if self.row.status == "in-progress" and not self.is_ending:
            self._beep(member, "onExit", music.BEEP_OUT)

    async def expect(self, coming: Coming) -> None:
        """Somebody is called, and is a member with the answer; until it is known, the conference is not over."""
        self.coming[coming.sid] = coming
        coming.call.when_over = lambda: self.services.spawn(self._missed(coming))
        await self.teller.keep()

    async def _missed(self, coming: Coming) -> None:
        """The call is over: whether it ever took part."""
        if self.coming.pop(coming.sid, None) is not None:
            async with self.lasting():
                await self.teller.tell_left(coming, "participant_add_failed")

    @asynccontextmanager
    async def lasting(self, last: str = LAST_LEFT) -> AsyncIterator[None]:
        """The conference is not over before this is done; then it is, if nobody is there."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            if not (self._held or self.members or self.coming or self._finished):
                await self._finish(*(self._ending or (last, None, None)))

    def end(self, reason: str = BY_API, by: Member | None = None) -> None:
        """Everybody goes; the conference is over with the last of them."""
        who = (None, None) if by is None else (by.sid, by.target.label)
        self._ending = self._ending or (reason, *who)
        left = "conference_ended_via_api" if reason == BY_API else "moderator_ended_conference"
        for member in list(self.members.values()):
            self.dismiss(member, left)
        for coming in list(self.coming.values()):
            coming.give_up()

    def dismiss(self, member: Member, reason: str = "participant_updated_via_api") -> None:
        """Makes a member go; its Dial is over."""
        if not member.out.done():
            member.out.set_result(reason)

    def _unreached(self, member: Member, error: NoPort) -> None:
        """A member who cannot be joined to the others."""
        if not member.out.done():
            member.call.warn(12400, f"conference {self.row.friendly_name}: no media port: {error}", error=True)
            self.dismiss(member, "participant_add_failed")

    async def update(self, member: Member, **changes: Any) -> None:
        """Another part for a member: `muted`, `hold`, `coaching`, `end_on_exit`, `beep`, `wait`."""
        muted, hold, tell = member.muted, member.hold, self.teller.tell
        for name, value in changes.items():
            setattr(member, name, value)
        member.updated = self.services.clock.wall()
        self.mixers.change(member)
        if "wait" in changes and not member.inside:
            member.wait_no_more()
            member.leg.stop_playing()
        if member.muted != muted:
            await tell("participant-mute" if member.muted else "participant-unmute", of(member))
        if member.hold != hold:
            await tell("participant-hold" if member.hold else "participant-unhold", of(member))
        if changes.keys() - {"muted", "hold"}:
            await tell("participant-modify", of(member))

    # what is heard

    async def _start(self) -> None:
        if self.row.status != "init":
            return
        LOG.info("- conference %s starts", self.row.friendly_name)
        await self.teller.change({"status": "in-progress"}, "conference-start", {})
        for member in list(self.members.values()):
            self._open(member)
        await self._record()

    async def _record(self) -> None:
        """From the start on, where one of those who are there then wants it."""
        member = next((one for one in self.members.values() if one.target.record and one.inside), None)
        if member is not None:
            await Recording(member.call, conference_plan(member.target), self._place()).start()

    def _record_on(self) -> None:
        """What was recorded on a worker that died goes on, as another recording, on the one that took its place."""
        for one in self.recordings.values():
            if one.was_cut_off:
                self.services.spawn(one.again(self._place()).start())

    def _place(self) -> OfRoom:
        assert self.mixers.home is not None
        return OfRoom(self.mixers.home, self.mixers.room, self.row.sid, self.recordings)

    def _open(self, member: Member) -> None:
        """Its audio goes into the room; what it heard while it waited is over."""
        if member.inside or member.leg.over or member.leg.port is None:
            return
        member.leg.on_talking = partial(self._hear_talking, member)
        self.mixers.enter(member)
        if not member.moved.done():
            member.moved.set_result(None)
            member.wait_no_more()
        if not member.hold:
            member.leg.stop_playing()

    def _close(self, member: Member) -> None:
        if member.holding is not None and not member.holding.done():
            member.holding.set_result(None)
        member.leg.on_talking = None
        self.mixers.leave(member)

    def _beep(self, member: Member, when: str, pieces: tuple[Piece, ...]) -> None:
        if member.beep in ("true", when):
            self.mixers.play(pieces)

    def play(self, pieces: Sequence[Piece], loops: int = 1, *, queue: bool = False) -> asyncio.Future[str]:
        """Plays to everybody (`Mixers.play`)."""
        if self.row.status != "in-progress":
            done: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            done.set_result("the conference has not started")
            return done
        return self.mixers.play(pieces, loops, queue=queue)

    def _hear_talking(self, member: Member, talking: bool) -> None:
        event = "participant-speech-start" if talking else "participant-speech-stop"
        self.services.spawn(self.teller.tell(event, of(member)))

    async def _finish(self, reason: str, call_sid: str | None, label: str | None) -> None:
        self._ending, self._finished = (reason, call_sid, label), True
        self.mixers.close()
        if self.teller.kept:
            await self.teller.change(*ended(reason, call_sid, label))
        LOG.info("x conference %s: %s", self.row.friendly_name, reason)
        self.over.set_result(None)


def begun(services: Services, account_sid: str, target: ConferenceTarget) -> Conference:
    """A new conference, which can be found from now on."""
    conference = Conference(services, new_row(services, account_sid, target), services.conferences.room())
    services.conferences.add(conference)
    return conference
