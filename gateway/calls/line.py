"""The media side of a leg: its port, what plays into it, the digits that go and come, who records it."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Protocol

from gateway.calls.media import NoPort, Port, Worker, Workers
from media import commands, events

LOG = logging.getLogger(__name__)


class Owner(Protocol):
    """Whose leg it is: it is told of what happens on the leg once the call is up."""

    def media_trouble(self, text: str) -> None: ...

    def unplayable(self, error: str) -> None: ...

    def replaced(self) -> None:
        """The leg has another dialog now."""

    def message_came(self, body: bytes) -> None:
        """JSON."""


class Line(ABC):
    """What a leg can do with its port. How it ends, and what it makes of trouble, is the leg's to say."""

    def __init__(self, workers: Workers) -> None:
        self.port: Port | None = None
        self.owner: Owner | None = None
        self.on_digit: Callable[[str, bool], None] | None = None
        self.on_talking: Callable[[bool], None] | None = None
        self.withheld = 0  # so many need that nobody sees what is pressed
        self.was_withheld = False
        self.on_unseen: Callable[[str], None] | None = None  # has what is pressed then, where it is set
        self.on_withheld: Callable[[], None] | None = None  # it begins or ends
        self._told_of_strangers = False
        self._workers = workers
        self._playing = 0
        self._plays: dict[int, asyncio.Future[bool]] = {}

    @property
    @abstractmethod
    def over(self) -> bool:
        """Whether the leg has ended."""

    @abstractmethod
    def hangup(self, reason: str = "") -> None:
        """Ends the leg."""

    @abstractmethod
    def fail(self, reason: str) -> None:
        """Ends the leg because of us."""

    @abstractmethod
    def hear_one_way(self, event: events.OneWay) -> None:
        """We send, and nothing comes back."""

    async def allocate(self, near: Worker | None = None) -> Port:
        """Takes the media port."""
        if self.port is None:
            port = await self._workers.allocate(near)
            if self.over:
                port.release()
                raise NoPort("the leg ended meanwhile")
            self.port = port
            port.hear = self.hear_media
            port.lost = self._worker_lost
        return self.port

    @property
    def worker(self) -> Worker | None:
        """The media worker of the port; None where there is none."""
        return self.port.worker if self.port is not None else None

    @property
    def row(self) -> int:
        """The port's row; -1 where there is none."""
        return self.port.number if self.port is not None else -1

    def send(self, command: commands.Command) -> None:
        """A command about this leg's port; nothing happens without one."""
        if self.port is not None:
            self.port.send(command)

    def play(self, pieces: Sequence[commands.Piece], loops: int = 1, *, queue: bool = False) -> asyncio.Future[bool]:
        """Plays, with `queue` right behind what plays; the future says whether it came to its end (False: stopped,
        replaced, or it could not be had)."""
        number, done = self._begin()
        self.send(commands.Play(self.row, number, tuple(pieces), loops, queue))
        return done

    def stop_playing(self) -> None:
        """Nothing plays any more."""
        self.send(commands.Stop(self.row))

    def send_digits(self, digits: str) -> asyncio.Future[bool]:
        """Sends DTMF in the media; the future is done when all of it was sent."""
        number, done = self._begin()
        self.send(commands.SendDigits(self.row, number, digits))
        return done

    def stop_digits(self, sending: asyncio.Future[bool]) -> None:
        """Of the digits that `send_digits` sends, those that have not begun are not sent."""
        if not sending.done():
            sending.set_result(False)
            self.send(commands.SendDigits(self.row, 0, ""))

    def withhold(self, on: bool) -> None:
        """Once more, or once less, it is needed that what is pressed is kept nowhere."""
        before, self.withheld, self.was_withheld = self.withheld, self.withheld + (1 if on else -1), True
        if bool(before) != bool(self.withheld):
            self.send(commands.Withhold(self.row, on))
            if self.on_withheld is not None:
                self.on_withheld()

    def release_port(self) -> None:
        """Gives the port back."""
        if self.port is not None:
            self.port.release()
            self.port = None

    def hear_media(self, event: events.Event) -> None:
        """An event about this leg's port."""
        match event:
            case events.PlayEnded(playing=playing, completed=completed, error=error):
                if error:
                    self._hear_unplayable(error)
                self._played(playing, completed)
            case events.DigitsSent(sending=sending):
                self._played(sending, True)
            case events.DigitReceived(digit=digit, inband=inband):
                self.hear_digit(digit, "in band" if inband else "")
            case events.MediaLost(seconds=seconds):
                self.hangup(f"no media received for {seconds:g} s")
            case events.Talking(talking=talking):
                if self.on_talking is not None:
                    self.on_talking(talking)
            case events.OneWay():
                self.hear_one_way(event)
            case events.Latched(ip=ip, udp_port=udp_port):
                LOG.info("- media follows %s:%d", ip, udp_port)
            case events.Strangers(ip=ip, udp_port=udp_port, packets=packets):
                self._hear_strangers(f"{ip}:{udp_port}" if ip else "further addresses", packets)
            case events.CaptureEnded(reason=reason, error=error):
                LOG.warning("! the capture of this leg's RTP ended: %s", error or reason)
            case events.Released():
                LOG.info(
                    "x media: %d packets in, %d out, %d lost, %d late, jitter %.1f ms",
                    event.packets_in, event.packets_out, event.lost, event.late, event.jitter_ms,
                )  # fmt: skip

    def _hear_strangers(self, source: str, packets: int) -> None:
        """The first of them is among the call's events as well; a flood tells no more than that."""
        text = f"{packets} packets of strangers, from {source}, were dropped"
        LOG.warning("! %s", text)
        if self.owner is not None and not self._told_of_strangers:
            self._told_of_strangers = True
            self.owner.media_trouble(text)

    def hear_digit(self, digit: str, way: str) -> None:
        """A digit came; `way`: how, where it was not by telephone event."""
        LOG.info("< digit %s%s", "withheld" if self.withheld else digit, f" ({way})" if way else "")
        if self.withheld and self.on_unseen is not None:
            self.on_unseen(digit)
        elif self.on_digit is not None:
            self.on_digit(digit, way == "in band")

    def stop_waiting(self) -> None:
        """The leg is over: what plays is stopped."""
        for number in list(self._plays):
            self._played(number, False)

    def _begin(self) -> tuple[int, asyncio.Future[bool]]:
        self._playing += 1
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._plays[self._playing] = done
        return self._playing, done

    def _played(self, playing: int, completed: bool) -> None:
        done = self._plays.pop(playing, None)
        if done is not None and not done.done():
            done.set_result(completed)

    def _hear_unplayable(self, error: str) -> None:
        LOG.warning("! a sound could not be played: %s", error)
        if self.owner is not None:
            self.owner.unplayable(error)

    def _worker_lost(self, reason: str) -> None:
        self.port = None
        self.fail(f"the media worker died: {reason}")
