"""What is heard in a conference: a room on each media worker that has members, joined by links to that of its home.

Each member is in the room of its own worker. A link is a member of both rooms that it joins, so that everybody hears
all others and nobody himself, whatever the number of workers. What is played to all and what is recorded is at home,
where everything is heard. When the home dies, another worker that has members is the home.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from gateway.calls.conferences.member import Member
from gateway.calls.conferences.room_plays import RoomPlays
from gateway.calls.crossing import Crossing
from gateway.calls.leg import Leg
from gateway.calls.media import NoPort, Worker
from gateway.calls.services import Services
from media.commands import Join, Leave, Piece, StopRoom
from media.events import RoomPlayEnded

PLAYOUT = {"off": 20, "small": 20, "medium": 40, "large": 0}
"""`jitterBufferSize` -> how many milliseconds playout may be behind: a frame at least, and as far as it has to be."""


@dataclass(frozen=True, slots=True)
class Way:
    """A link from a worker's room to that of the home, or what a coach says to a pupil on another worker."""

    near: Worker
    far: Worker
    coach: Member | None = None
    pupil: Member | None = None


class Mixers:
    """`room`: its number on each worker. `tells`: it is wanted to be known who talks. `unreached` hears of members
    who cannot be joined to the others."""

    def __init__(
        self, services: Services, room: int, members: Mapping[str, Member], *, tells: bool,
        unreached: Callable[[Member, NoPort], None],
    ) -> None:  # fmt: skip
        self.room = room
        self.home: Worker | None = None
        self.on_moved: Callable[[], None] = lambda: None  # the home is another worker than it was
        self._services, self._members, self._tells, self._unreached = services, members, tells, unreached
        self._early: set[Leg] = set()
        self._crossings: dict[Way, Crossing] = {}
        self._turn = asyncio.Lock()
        self._had_home = False
        self.plays = RoomPlays(room)

    # who is in

    def enter(self, member: Member) -> None:
        """Its audio goes into the room, and what is said there to it."""
        member.inside = True
        member.leg.on_withheld = self._withhold
        self.change(member)

    def listen(self, member: Member) -> None:
        """It hears what is said in the room, and is not heard."""
        member.listens = True
        self.change(member)

    def listen_no_more(self, member: Member) -> None:
        """Unless it is in the room by now, it hears it no more."""
        if not member.inside:
            self.leave(member)

    def change(self, member: Member) -> None:
        """It takes another part; nothing happens where it is not in the room."""
        if member.worker is not None:
            self._join(member)
            self._arrange()

    def leave(self, member: Member) -> None:
        """It is out of the room."""
        if member.inside or member.listens:
            member.inside = member.listens = False
            member.leg.on_withheld = None
            member.leg.send(Leave(member.leg.row))
            self._arrange()

    def overhear(self, leg: Leg) -> None:
        """What this one is sent is heard, though it is no member yet; it hears nobody."""
        self._early.add(leg)
        leg.send(Join(leg.row, self.room, deaf=True))
        self._arrange()

    def hush(self, leg: Leg) -> None:
        """It is heard no more."""
        self._early.discard(leg)
        leg.send(Leave(leg.row))
        self._arrange()

    def close(self) -> None:
        """The conference is over."""
        if self.home is not None:
            self.home.rooms.pop(self.room, None)

    def _join(self, member: Member) -> None:
        ear = self._ear(member)
        muted = member.muted or member.hold or not member.inside or (member.coaching is not None and ear < 0)
        playout = PLAYOUT[member.target.jitter_buffer]
        member.leg.send(Join(member.leg.row, self.room, muted, member.hold, 0.0, ear, self._tells, playout_ms=playout))

    def _ear(self, member: Member) -> int:
        """Who alone hears it: the row of a pupil, or of the port that carries it to one; -1 for none."""
        pupil = self._pupil(member)
        if pupil is None:
            return -1
        if pupil.worker is member.worker:
            return pupil.leg.row
        crossing = self._crossings.get(_whisper(member, pupil))
        return crossing.near.number if crossing is not None else -1

    def _pupil(self, member: Member) -> Member | None:
        found = self._members.get(member.coaching or "")
        return found if found is not None and found.worker is not None else None

    def _coaches(self) -> Iterable[Member]:
        return (one for one in self._members.values() if one.coaching is not None and one.worker is not None)

    # where they are

    def _arrange(self) -> None:
        """Links follow where members are on workers that are not joined yet, or are no more."""
        if self.home is None:
            self._choose_home()
        for coach in self._coaches():
            self._join(coach)
        self._withhold()
        if self._crossings.keys() != self._ways():
            self._services.spawn(self._cross())

    def _choose_home(self) -> None:
        workers = Counter(self._workers())
        if not workers:
            return
        self.home = workers.most_common(1)[0][0]
        self.home.rooms[self.room] = self
        if self._had_home:
            self.on_moved()
        self._had_home = True

    def _workers(self) -> Iterable[Worker]:
        yield from (one.worker for one in self._members.values() if one.worker is not None)
        yield from (leg.port.worker for leg in self._early if leg.port is not None and leg.port.worker.alive)

    def _ways(self) -> set[Way]:
        """What has to be joined now."""
        home = self.home
        ways = {Way(worker, home) for worker in set(self._workers()) if home is not None and worker is not home}
        for coach in self._coaches():
            pupil = self._pupil(coach)
            if pupil is not None and pupil.worker is not coach.worker:
                ways.add(_whisper(coach, pupil))
        return ways

    async def _cross(self) -> None:
        async with self._turn:
            for way in self._crossings.keys() - self._ways():
                self._crossings.pop(way).close()
            for way in self._ways() - self._crossings.keys():
                await self._open(way)

    async def _open(self, way: Way) -> None:
        ip = self._services.addresses.media_inside
        try:
            crossing = await Crossing.open(way.near, way.far, ip, partial(self._lost, way))
        except NoPort as error:
            for member in self._cut_off(way):
                self._unreached(member, error)
            return
        if way not in self._ways():
            crossing.close()
            return
        self._crossings[way] = crossing
        near, far = crossing.near.number, crossing.far.number
        if way.coach is None or way.pupil is None:
            crossing.join(Join(near, self.room, link=True), Join(far, self.room, link=True))
        else:
            crossing.join(
                Join(near, self.room, muted=True, apart=True),
                Join(far, self.room, deaf=True, coaches=way.pupil.leg.row),
            )
            self._join(way.coach)
        self._withhold()

    def _withhold(self) -> None:
        """What nobody may keep of a member is not kept on other workers either."""
        workers = [one.worker for one in self._members.values() if one.leg.withheld and one.worker is not None]
        for way, crossing in self._crossings.items():
            crossing.withhold(far=way.near in workers, near=any(one is not way.near for one in workers))

    def _cut_off(self, way: Way) -> list[Member]:
        """Who needs it."""
        if way not in self._ways():
            return []
        if way.coach is not None:
            return [way.coach]
        return [member for member in self._members.values() if member.worker is way.near]

    def _lost(self, way: Way) -> None:
        """A worker died: what is left is joined anew."""
        if crossing := self._crossings.pop(way, None):
            crossing.close()
        self._arrange()

    def lost(self) -> None:
        """The home died."""
        self.home = None
        self.plays.lost()
        self._arrange()

    # what is played to all

    def play(self, pieces: Sequence[Piece], loops: int = 1, *, queue: bool = False) -> asyncio.Future[str]:
        """Plays to everybody, with `queue` right behind what plays (`RoomPlays.begin`)."""
        return self.plays.begin(self.home, pieces, loops, queue=queue)

    def stop_playing(self) -> None:
        """Nothing plays to everybody any more."""
        if self.home is not None:
            self.home.send(StopRoom(self.room))

    def hear(self, event: RoomPlayEnded) -> None:
        """What was played to all is over."""
        self.plays.hear(event)


def _whisper(coach: Member, pupil: Member) -> Way:
    assert coach.worker is not None
    assert pupil.worker is not None
    return Way(coach.worker, pupil.worker, coach, pupil)
