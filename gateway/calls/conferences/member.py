"""A member of a conference: a call, and the part that it takes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from gateway.calls.call import Call
from gateway.calls.leg import Leg
from gateway.calls.media import Worker
from twiml.targets import ConferenceTarget


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
    listens: bool = False  # it hears what is said there before it is inside
    updated: datetime | None = None
    moved: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    out: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    holding: asyncio.Future[None] | None = None  # done when the hold is over
    waiting: asyncio.Future[None] | None = None  # done when it waits no more, or with something else
    ear: asyncio.Lock = field(default_factory=asyncio.Lock)  # held by the one document that it hears

    @property
    def sid(self) -> str:
        return self.call.sid

    @property
    def worker(self) -> Worker | None:
        """The media worker that has it in the conference's room."""
        port = self.leg.port
        there = self.inside or self.listens
        return port.worker if there and port is not None and port.worker.alive else None

    def wait_no_more(self) -> None:
        """What it waits with is over."""
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_result(None)
