"""A member of a conference: a call, the part it takes, and the port that carries it into the conference's room."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from gateway.calls.call import Call
from gateway.calls.leg import Leg
from gateway.calls.media import Port, Worker
from media.commands import Bridge, Connect, Join, Leave, Unbridge
from media.events import Event, Talking
from media.negotiate import StreamPlan
from twiml.control import ConferenceTarget


@dataclass(slots=True, eq=False)
class Member:
    """`out`: why it takes part no more (webhooks.md: ReasonParticipantLeft)."""

    call: Call
    leg: Leg
    target: ConferenceTarget
    created: datetime
    muted: bool
    end_on_exit: bool
    beep: str
    coaching: str | None  # SID of the call that hears it
    wait: tuple[str | None, str]  # URL and method of what it hears until the conference starts
    hold: bool = False
    inside: bool = False  # its audio goes into the room
    updated: datetime | None = None
    moved: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    out: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    holding: asyncio.Future[None] | None = None  # done when the hold is over
    waiting: asyncio.Future[None] | None = None  # done when it waits no more, or with something else
    ear: asyncio.Lock = field(default_factory=asyncio.Lock)  # held by the one document that it hears
    entrance: Entrance | None = None

    @property
    def sid(self) -> str:
        return self.call.sid

    def wait_no_more(self) -> None:
        """What it waits with is over."""
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_result(None)

    def part(self, room: int, coaches: int, *, alone: bool, tells: bool) -> Join:
        """What the media worker has to know. `alone`: a coach of somebody who is not there is heard by nobody."""
        assert self.entrance is not None
        muted = self.muted or self.hold or alone
        return Join(self.entrance.row, room, muted, self.hold, 0.0, coaches, tells)


class Entrance:
    """The port by which a leg is in a room: its own, or one on the room's worker that is joined to it by RTP."""

    def __init__(self, leg: Leg, talking: Callable[[bool], None]) -> None:
        self._leg = leg
        self._talking = talking
        self._crossing: tuple[Port, Port] | None = None

    async def open(self, worker: Worker, ip: str) -> None:
        """NoPort where the two workers cannot be joined."""
        self._leg.on_talking = self._talking
        port = self._leg.port
        assert port is not None, "who is answered has a port"
        if port.worker is worker:
            return
        near = await port.worker.allocate()
        try:
            far = await worker.allocate()
        except BaseException:
            near.release()
            raise
        far.hear = self._hear
        far.lost = lambda reason: self._leg.fail(f"the conference's media worker died: {reason}")
        near.send(Connect(near.number, _plan(ip, far)))
        far.send(Connect(far.number, _plan(ip, near)))
        near.send(Bridge(port.number, near.number))
        self._crossing = near, far

    @property
    def port(self) -> Port | None:
        """The port in the room."""
        return self._crossing[1] if self._crossing else self._leg.port

    @property
    def row(self) -> int:
        return self.port.number if self.port is not None else -1

    def send(self, command: Join) -> None:
        """To the room's worker."""
        if self.port is not None:
            self.port.send(command)

    def close(self) -> None:
        """Out of the room."""
        self._leg.on_talking = None
        if self.port is not None:
            self.port.send(Leave(self.row))
        if self._crossing is not None:
            near, far = self._crossing
            self._leg.send(Unbridge(self._leg.row))
            near.release()
            far.release()

    def _hear(self, event: Event) -> None:
        if isinstance(event, Talking):
            self._talking(event.talking)


def _plan(ip: str, port: Port) -> StreamPlan:
    return StreamPlan(ip, port.udp_port, port.udp_port + 1, "PCMU", 0, 101, 20, True, True, ip)
