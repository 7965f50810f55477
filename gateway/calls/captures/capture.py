"""Captures of calls for the operator: SIP as it crosses the endpoint, RTP as media workers see it, one pcap of both.

A capture has the legs of its call and those that it dials. SIP messages belong to it by their Call-ID and are kept in
memory, also those that crossed lately, before it began; each port's RTP is written by its worker to a file. Both are
stamped by the machine's monotonic clock and come together when they are asked for. The capture of a call ends after a
while, or when it is full, and is dropped later.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from heapq import merge
from pathlib import Path
from typing import Protocol

from gateway.calls.call import Call
from gateway.calls.captures.awaited import AwaitedCalls
from gateway.calls.captures.recent_sip import Crossed, RecentSip
from gateway.calls.leg import Leg
from gateway.calls.media import Port
from gateway.clock import Clock
from gateway.errors import ApiError
from media import pcap
from media.commands import Capture, StopCapture
from sip.agent import Agent
from sip.intake import call_id_of
from sip.outputs import Address, Flow
from sip.transport.endpoint import Tap

LOG = logging.getLogger(__name__)

READING = ThreadPoolExecutor(1, "captures")
SIP_BYTES = 4 << 20  # of a call: thousands of messages


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a capture may cost."""

    seconds: float = 600.0
    bytes: int = 16 << 20  # of each port's RTP
    calls: int = 8  # captures that are there at once
    keep_seconds: float = 3600.0  # after its end
    recent_bytes: int = 2 << 20  # of SIP that is kept for captures to come


class Tapped(Protocol):
    """The SIP endpoint."""

    agent: Agent
    tap: Tap | None


@dataclass(slots=True, eq=False)
class CallCapture:
    """The capture of a call."""

    sid: str
    offset: float  # of UTC to the monotonic clock, in seconds
    timer: asyncio.TimerHandle
    running: bool = True
    call_ids: set[str] = field(default_factory=set)
    ports: list[Port] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    sip: list[bytes] = field(default_factory=list)  # records
    sip_bytes: int = 0
    sip_full: bool = False


class Captures:
    """All of them. The endpoint is tapped as long as they are open."""

    def __init__(
        self,
        sip: Tapped,
        legs: Mapping[str, Leg],
        calls: Mapping[str, Call],
        clock: Clock,
        folder: Path,
        bounds: Bounds,
    ) -> None:
        self.bounds = bounds
        self._endpoint, self._legs, self._calls = sip, legs, calls
        self._clock, self._folder = clock, folder
        self._captures: dict[str, CallCapture] = {}
        self.awaited = AwaitedCalls(calls)
        self._recent = RecentSip(bounds.recent_bytes)
        self._files = 0
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob("*.pcap"):  # by a gateway that was killed
            left.unlink()
        self._endpoint.tap = self._hear

    def start(self, sid: str) -> None:
        """Begins to capture a call that lives; ApiError where that cannot be."""
        legs = [leg for leg in self._legs.values() if sid in leg.calls]
        if not legs and sid not in self._calls:
            raise ApiError(404, 20404, f"{sid} is no call that lives")
        taken = {one.sid for one in self._captures.values() for leg in legs if leg.port in one.ports}
        if sid in self._captures or taken:
            raise ApiError(409, 20409, f"{sid} is captured already{f', with {min(taken)}' if taken else ''}")
        if len(self._captures) >= self.bounds.calls:
            raise ApiError(429, 20429, f"{len(self._captures)} captures are there already: delete one")
        offset = self._clock.wall().timestamp() - self._clock.now()
        timer = asyncio.get_running_loop().call_later(self.bounds.seconds, self._stop, sid)
        self._captures[sid] = CallCapture(sid, offset, timer)
        self._follow()
        LOG.info("- %s is captured", sid)

    async def fetch(self, sid: str) -> bytes:
        """The file, as far as it goes."""
        capture = self._of(sid)
        loop = asyncio.get_running_loop()
        parts = list(capture.sip), list(capture.files), capture.offset
        try:
            with self._clock.working():
                return await loop.run_in_executor(READING, _merged, *parts)
        except FileNotFoundError:
            raise _unknown(sid) from None  # it was deleted meanwhile

    def delete(self, sid: str) -> None:
        """Ends a capture and forgets it."""
        self._of(sid)
        self._stop(sid)
        self._drop(sid)

    def close(self) -> None:
        """Ends and forgets all."""
        self._endpoint.tap = None
        for sid in list(self._captures):
            self.delete(sid)

    @property
    def all(self) -> dict[str, bool]:
        """The captures that are there: whether each still runs."""
        return {one.sid: one.running for one in self._captures.values()}

    def until(self, sid: str) -> datetime:
        """When it may end by itself at the latest; one that has ended, when it is deleted."""
        capture = self._of(sid)
        return datetime.fromtimestamp(capture.timer.when() + capture.offset, self._clock.wall().tzinfo)

    def _of(self, sid: str) -> CallCapture:
        if sid not in self._captures:
            raise _unknown(sid)
        return self._captures[sid]

    def _running(self) -> list[CallCapture]:
        return [one for one in self._captures.values() if one.running]

    def _stop(self, sid: str) -> None:
        capture = self._captures[sid]
        capture.timer.cancel()
        if capture.running:
            capture.running = False
            for port in capture.ports:
                port.send(StopCapture(port.number))
            capture.ports.clear()  # another capture may have them
            LOG.info("- %s is captured no more", sid)
        capture.timer = asyncio.get_running_loop().call_later(self.bounds.keep_seconds, self._drop, sid)

    def _drop(self, sid: str) -> None:
        capture = self._captures.pop(sid)
        capture.timer.cancel()
        for file in capture.files:
            file.unlink(missing_ok=True)

    # what is captured

    def _hear(self, data: bytes, flow: Flow, sent: bool) -> None:
        """A SIP message. A port is there before its SDP goes out, so new legs are looked for here."""
        for call in self.awaited.begun():
            self._start_awaited(call.sid)
        if data.startswith(b"INFO ") and self._is_withheld(call_id_of(data)):
            return
        message = Crossed(self._clock.now(), data, flow, sent)
        if running := self._running():
            self._follow()
            call_id = call_id_of(data)
            for capture in running:
                if call_id in capture.call_ids:
                    self._keep(capture, message)
        self._recent.add(message)

    def _is_withheld(self, call_id: str) -> bool:
        """Whether it may be a key that nobody is to see (RFC 2976), possibly one that is sent again."""
        sessions = (session for session, leg in self._legs.items() if leg.was_withheld)
        return any(self._endpoint.agent.call_id(session) == call_id for session in sessions)

    def _start_awaited(self, sid: str) -> None:
        try:
            self.start(sid)
        except ApiError as error:
            LOG.warning("! the awaited call %s is not captured: %s", sid, error)

    def _follow(self) -> None:
        """The legs of captured calls, and their ports."""
        captures = {one.sid: one for one in self._running()}
        for session, leg in self._legs.items():
            for sid in leg.calls:
                if sid in captures:
                    self._take_in(captures[sid], self._endpoint.agent.call_id(session))
                    self._capture_port(captures[sid], leg)

    def _take_in(self, capture: CallCapture, call_id: str) -> None:
        """A dialog that belongs to a capture, with what was said in it before that was known."""
        if call_id and call_id not in capture.call_ids:
            capture.call_ids.add(call_id)
            for message in self._recent.of(call_id):
                self._keep(capture, message)

    def _capture_port(self, capture: CallCapture, leg: Leg) -> None:
        port = leg.port
        if port is None or any(port in one.ports for one in self._captures.values()):
            return
        self._files += 1
        path = (self._folder / f"{capture.sid}-{self._files}.pcap").absolute()
        capture.ports.append(port)
        try:
            path.touch(mode=0o600)  # the worker makes none, so that none comes back after it was deleted
        except OSError as error:
            LOG.warning("! the RTP of a leg of %s is not captured: %s", capture.sid, error)
            return
        capture.files.append(path)
        port.send(Capture(port.number, str(path), self.bounds.bytes, leg.media_ip, port.udp_port))

    def _keep(self, capture: CallCapture, message: Crossed) -> None:
        flow = message.flow
        ends: tuple[Address, Address] = (flow.local, flow.remote) if message.sent else (flow.remote, flow.local)
        record = pcap.record(message.at, *ends, message.data)
        if capture.sip_bytes + len(record) > SIP_BYTES:
            if not capture.sip_full:
                LOG.warning("! the capture of %s has no room for more SIP", capture.sid)
            capture.sip_full = True
            return
        capture.sip_bytes += len(record)
        capture.sip.append(record)


def _unknown(sid: str) -> ApiError:
    return ApiError(404, 20404, f"{sid} is not captured")


def _merged(sip: list[bytes], files: list[Path], offset: float) -> bytes:
    """One file, in the order of time, which is UTC now."""
    told = sorted(pcap.records(pcap.FILE_HEADER + b"".join(sip)), key=_time)  # earlier messages may have come in later
    shift = round(offset * 1_000_000)
    found = merge(told, *(pcap.records(path.read_bytes()) for path in files), key=_time)
    return pcap.FILE_HEADER + b"".join(pcap.timed(at + shift, rest) for at, rest in found)


def _time(record: pcap.Record) -> int:
    return record[0]
