"""A conference that lives: who takes part, when it starts and ends, what its app is told (twiml-voice.md: Conference).

Everything that is told is written with the row's next `SequenceNumber`, in the order in which it happened.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from gateway.calls.coming import Coming
from gateway.calls.media import NoPort
from gateway.calls.member import Entrance, Member
from gateway.calls.recordings import OfRoom, Recording
from gateway.calls.services import Services
from gateway.calls.telling import KINDS, LAST_LEFT, callback, conference_plan, ended, new_row
from gateway.store.rows import Conference as Row
from media import music
from media.commands import Piece, PlayRoom, StopRoom
from media.events import RoomPlayEnded
from twiml.control import ConferenceTarget

LOG = logging.getLogger(__name__)

BY_API = "conference-ended-via-api"


class Conference:
    """`room`: its number on the media worker of its first member."""

    def __init__(self, services: Services, row: Row, room: int) -> None:
        self.row = row
        self.members: dict[str, Member] = {}  # by call SID
        self.coming: dict[str, Coming] = {}  # who is being called, by call SID
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.adding = asyncio.Lock()  # who is called is called one after the other: the next knows of it
        self.services = services
        self.recordings: dict[str, Recording] = {}  # that take audio, by SID
        self._room = room
        self._host: Member | None = None  # who brought the media worker
        self._kept = False  # whether the row is in the database
        self._turn = asyncio.Lock()  # one change after the other
        self._held = 0  # how many are about to come, or have left of whom nobody was told yet
        self._playing = 0
        self._plays: dict[int, asyncio.Future[str]] = {}
        self._ending: tuple[str, str | None] | None = None  # reason, call that ended it
        self._finished = False

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
        await self._keep()
        await self._tell("participant-join", self._of(member))
        if self.row.status == "in-progress":
            await self._open(member)
            self._beep(member, "onEnter", music.BEEP_IN)
        elif len(self.members) > 1 and any(one.target.start_on_enter for one in self.members.values()):
            await self._start()

    async def leave(self, member: Member, reason: str) -> None:
        """Takes part no more; who was waited for, or was the last, ends the conference."""
        if self.members.pop(member.sid, None) is None:
            return
        self._close(member)
        self._join_coaches()
        kicked = reason == "participant_updated_via_api"
        async with self.lasting("last-participant-kicked" if kicked else LAST_LEFT):
            async with self._turn:
                await self._tell_left(member, reason)
            if member.end_on_exit and not self.is_ending:
                how = "kicked" if kicked else "left"
                self.end(f"participant-with-end-conference-on-exit-{how}", member.sid)
        if self.row.status == "in-progress" and not self.is_ending:
            self._beep(member, "onExit", music.BEEP_OUT)

    async def expect(self, coming: Coming) -> None:
        """Somebody is called, and is a member with the answer; until it is known, the conference is not over."""
        self.coming[coming.sid] = coming
        coming.call.when_over = lambda: self.services.spawn(self._missed(coming))
        await self._keep()

    async def _missed(self, coming: Coming) -> None:
        """The call is over: whether it ever took part."""
        if self.coming.pop(coming.sid, None) is not None:
            async with self.lasting(), self._turn:
                await self._tell_left(coming, "participant_add_failed")

    @asynccontextmanager
    async def lasting(self, last: str = LAST_LEFT) -> AsyncIterator[None]:
        """The conference is not over before this is done; then it is, if nobody is there."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            if not (self._held or self.members or self.coming or self._finished):
                await self._finish(*(self._ending or (last, None)))

    async def _keep(self) -> None:
        async with self._turn:
            if not self._kept:
                self._kept = True
                await self.services.store.conferences.insert(self.row)

    def end(self, reason: str = BY_API, call_sid: str | None = None) -> None:
        """Everybody goes; the conference is over with the last of them."""
        self._ending = self._ending or (reason, call_sid)
        left = "conference_ended_via_api" if reason == BY_API else "moderator_ended_conference"
        for member in list(self.members.values()):
            self.dismiss(member, left)
        for coming in list(self.coming.values()):
            coming.give_up()

    def dismiss(self, member: Member, reason: str = "participant_updated_via_api") -> None:
        """Makes a member go; its Dial is over."""
        if not member.out.done():
            member.out.set_result(reason)

    async def update(self, member: Member, **changes: Any) -> None:
        """Another part for a member: `muted`, `hold`, `coaching`, `end_on_exit`, `beep`, `wait`."""
        muted, hold = member.muted, member.hold
        for name, value in changes.items():
            setattr(member, name, value)
        member.updated = self.services.clock.wall()
        if member.inside:
            self._join(member)
        elif "wait" in changes:
            member.wait_no_more()
            member.leg.stop_playing()
        if member.muted != muted:
            await self._tell("participant-mute" if member.muted else "participant-unmute", self._of(member))
        if member.hold != hold:
            await self._tell("participant-hold" if member.hold else "participant-unhold", self._of(member))
        if changes.keys() - {"muted", "hold"}:
            await self._tell("participant-modify", self._of(member))

    # media

    async def _start(self) -> None:
        if self.row.status != "init":
            return
        self.row = replace(self.row, status="in-progress")
        LOG.info("- conference %s starts", self.row.friendly_name)
        await self._change({"status": "in-progress"}, "conference-start", {})
        for member in list(self.members.values()):
            await self._open(member)
        await self._record()

    async def _record(self) -> None:
        """From the start on, where one of those who are there then wants it."""
        member = next((one for one in self.members.values() if one.target.record and one.inside), None)
        if member is not None:
            place = OfRoom(self._worker, self._room, self.row.sid, self.recordings)
            await Recording(member.call, conference_plan(member.target), place).start()

    async def _open(self, member: Member) -> None:
        """Its audio goes into the room; what it heard while it waited is over."""
        port = member.leg.port
        if member.entrance is not None or member.leg.over or port is None:
            return
        if self._host is None:
            self._host = member
            self._worker = port.worker
            self._worker.rooms[self._room] = self._hear
        entrance = member.entrance = Entrance(member.leg, lambda talking: self._hear_talking(member, talking))
        try:
            await entrance.open(self._worker, self.services.addresses.media_inside)
        except NoPort as error:
            member.call.warn(12400, f"conference {self.row.friendly_name}: no media port: {error}", error=True)
            self.dismiss(member, "participant_add_failed")
            return
        if member.sid not in self.members:
            entrance.close()
            return
        member.inside = True
        if not member.moved.done():
            member.moved.set_result(None)
            member.wait_no_more()
        if not member.hold:
            member.leg.stop_playing()
        self._join(member)
        self._join_coaches()

    def _close(self, member: Member) -> None:
        if member.holding is not None and not member.holding.done():
            member.holding.set_result(None)
        if member.inside and member.entrance is not None:
            member.entrance.close()
        member.inside = False

    def _join(self, member: Member) -> None:
        assert member.entrance is not None
        pupil = self.members.get(member.coaching or "")
        coaches = pupil.entrance.row if pupil is not None and pupil.entrance is not None else -1
        alone = member.coaching is not None and coaches < 0
        member.entrance.send(member.part(self._room, coaches, alone=alone, tells=self._wants("speaker")))

    def _join_coaches(self) -> None:
        """Coaches are heard by who they coach as soon as that one is there, and by nobody without it."""
        for member in self.members.values():
            if member.coaching is not None and member.inside:
                self._join(member)

    def _beep(self, member: Member, when: str, pieces: tuple[Piece, ...]) -> None:
        if member.beep in ("true", when):
            self._send(pieces)

    def _send(self, pieces: Sequence[Piece], loops: int = 1) -> int:
        self._playing += 1
        self._worker.send(PlayRoom(self._room, self._playing, tuple(pieces), loops))
        return self._playing

    async def play(self, pieces: Sequence[Piece], loops: int = 1) -> str:
        """Plays to everybody; why it did not play to its end, empty where it did."""
        if self.row.status != "in-progress":
            return "the conference has not started"
        done: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        number = self._send(pieces, loops)
        self._plays[number] = done
        try:
            return await done
        finally:
            if not done.done() or done.cancelled():
                self._worker.send(StopRoom(self._room))
            self._plays.pop(number, None)

    def _hear(self, event: RoomPlayEnded) -> None:
        done = self._plays.get(event.playing)
        if done is not None and not done.done():
            done.set_result("" if event.completed else event.error or "another announcement took its place")

    def _hear_talking(self, member: Member, talking: bool) -> None:
        event = "participant-speech-start" if talking else "participant-speech-stop"
        self.services.spawn(self._tell(event, self._of(member)))

    # what is told

    def _wants(self, kind: str) -> bool:
        return bool(self.row.status_callback) and kind in self.row.status_callback_events.split()

    async def _tell_left(self, member: Member | Coming, reason: str) -> None:
        fields = {"ParticipantCallStatus": member.call.row.status, "ReasonParticipantLeft": reason}
        await self._tell("participant-leave", self._of(member) | fields)

    def _of(self, member: Member | Coming) -> dict[str, str]:
        fields = {
            "CallSid": member.sid,
            "Muted": _word(member.muted),
            "Hold": _word(member.hold),
            "Coaching": _word(member.coaching is not None),
            "EndConferenceOnExit": _word(member.end_on_exit),
            "StartConferenceOnEnter": _word(member.target.start_on_enter),
        }
        if member.coaching is not None:
            fields["CallSidToCoach"] = member.coaching
        return fields | ({"ParticipantLabel": member.target.label} if member.target.label else {})

    async def tell_announced(self, url: str, failure: str) -> None:
        """What became of an announcement."""
        fields = {"AnnounceUrl": url} | ({"ReasonAnnouncementFailed": failure} if failure else {})
        await self._tell("announcement-fail" if failure else "announcement-end", fields)

    async def _tell(self, event: str, fields: Mapping[str, str]) -> None:
        if self._wants(KINDS[event]):
            await self._change({}, event, fields)

    async def _change(self, changes: dict[str, Any], event: str, fields: Mapping[str, str]) -> None:
        """The row with what is told of it, in one transaction."""
        changes["date_updated"] = self.services.clock.wall()
        self.row = replace(self.row, **changes)
        told = []
        if self._wants(KINDS[event]):
            told = [callback(self.row, event, fields, self.services)]
            changes["sequence"] = self.row.sequence + 1
            self.row = replace(self.row, sequence=self.row.sequence + 1)
        await self.services.store.conferences.update(self.row.sid, changes, callbacks=told)
        if told:
            self.services.outbox.kick()

    async def _finish(self, reason: str, call_sid: str | None) -> None:
        self._ending, self._finished = (reason, call_sid), True
        if self._host is not None:
            self._worker.rooms.pop(self._room, None)
        if self._kept:
            await self._change(*ended(reason, call_sid))
        LOG.info("x conference %s: %s", self.row.friendly_name, reason)
        self.over.set_result(None)


def begun(services: Services, account_sid: str, target: ConferenceTarget) -> Conference:
    """A new conference, which can be found from now on."""
    conference = Conference(services, new_row(services, account_sid, target), services.conferences.room())
    services.conferences.add(conference)
    return conference


def _word(value: bool) -> str:
    return "true" if value else "false"
