"""Captures of calls for the operator: SIP as it crosses the endpoint, RTP as media workers see it, one pcap of both.

A capture has the legs of its call and those that it dials. SIP messages belong to it by their Call-ID and are kept in
memory; each port's RTP is written by its worker to a file. Both are stamped by the machine's monotonic clock and come
together when they are asked for. The capture of a call ends after a while, or when it is full, and is dropped later.
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
    """All of them. The endpoint is tapped only while there is one that runs."""

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
        self._files = 0
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob("*.pcap"):  # by a gateway that was killed
            left.unlink()

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
        self._endpoint.tap = self._hear
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
        for sid in list(self._captures):
            self.delete(sid)

    def until(self, sid: str) -> datetime:
        """When it may end by itself at the latest."""
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
        if not self._running():
            self._endpoint.tap = None

    def _drop(self, sid: str) -> None:
        capture = self._captures.pop(sid)
        capture.timer.cancel()
        for file in capture.files:
            file.unlink(missing_ok=True)

    # what is captured

    def _hear(self, data: bytes, flow: Flow, sent: bool) -> None:
        """A SIP message. A port is there before its SDP goes out, so new legs are looked for here."""
        self._follow()
        call_id = call_id_of(data)
        for capture in self._running():
            if call_id in capture.call_ids:
                self._keep(capture, data, flow, sent)

    def _follow(self) -> None:
        """The legs of captured calls, and their ports."""
        captures = {one.sid: one for one in self._running()}
        for session, leg in self._legs.items():
            for sid in leg.calls:
                if sid in captures:
                    captures[sid].call_ids.add(self._endpoint.agent.call_id(session))
                    self._capture_port(captures[sid], leg)
        for one in captures.values():
            one.call_ids.discard("")

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

    def _keep(self, capture: CallCapture, data: bytes, flow: Flow, sent: bool) -> None:
        ends: tuple[Address, Address] = (flow.local, flow.remote) if sent else (flow.remote, flow.local)
        record = pcap.record(self._clock.now(), *ends, data)
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
    parts = [pcap.FILE_HEADER + b"".join(sip), *(path.read_bytes() for path in files)]
    shift = round(offset * 1_000_000)
    found = merge(*map(pcap.records, parts), key=lambda one: one[0])
    return pcap.FILE_HEADER + b"".join(pcap.timed(at + shift, rest) for at, rest in found)
