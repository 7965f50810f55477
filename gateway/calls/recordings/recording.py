"""Recordings of calls: started on a port, finished by the worker, written as rows with their callbacks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import file_digest
from pathlib import Path
from typing import Any, Protocol

from gateway.calls.call import Call
from gateway.calls.media import Worker
from gateway.calls.recordings import telling
from gateway.calls.services import Services
from gateway.store.rows import Callback
from gateway.store.rows import Recording as Row
from media import files
from media.commands import Command, PauseRecord, Record, ResumeRecord, StopRecord
from media.endings import TRIMMED
from media.events import RecordEnded, RecordStopped

LOG = logging.getLogger(__name__)

REPAIRS = ThreadPoolExecutor(1, "repairs")
TROUBLE = 12400  # Twilio's internal failure
TOO_SHORT = 16101  # Twilio: the recording is absent because it was too short


class Update(Protocol):
    """A way to write changes of a row."""

    async def __call__(self, sid: str, changes: Mapping[str, Any], *, callbacks: Sequence[Callback]) -> None: ...


@dataclass(frozen=True, slots=True)
class RecordingPlan:
    """What to record and whom to tell."""

    source: str
    channels: int = 1
    track: str = "inbound"
    silence_seconds: float = 0.0
    max_seconds: float = 14400.0
    trim: bool = False
    status_callback: str | None = None
    status_callback_method: str = "POST"
    status_callback_events: tuple[str, ...] = ("completed",)


class Place(Protocol):
    """Where a recording takes its audio: a call's port (-1: none) or a conference's room (-1: none)."""

    room: int

    @property
    def conference_sid(self) -> str | None: ...

    @property
    def port(self) -> int: ...

    @property
    def is_up(self) -> bool: ...

    def send(self, command: Command) -> None: ...

    def begin(self, recording: Recording) -> None:
        """From now on it is told what the worker says of it."""
        ...

    def end(self, recording: Recording) -> None:
        """It takes no more audio."""
        ...


class OfCall:
    """What a call's peer says and hears."""

    conference_sid: str | None = None
    room = -1

    def __init__(self, call: Call) -> None:
        assert call.leg is not None
        self._call, self._leg, self._worker = call, call.leg, call.leg.worker

    @property
    def port(self) -> int:
        return self._leg.row

    @property
    def is_up(self) -> bool:
        return self._leg.port is not None

    def send(self, command: Command) -> None:
        self._leg.send(command)

    def begin(self, recording: Recording) -> None:
        if self._worker is not None:
            self._worker.recordings[recording.row.sid] = recording
        self._call.recordings[recording.row.sid] = recording

    def end(self, recording: Recording) -> None:
        if self._worker is not None:
            self._worker.recordings.pop(recording.row.sid, None)
        self._call.recordings.pop(recording.row.sid, None)


class OfRoom:
    """What is said in a conference; `running` are its recordings."""

    port = -1

    def __init__(self, worker: Worker, room: int, conference_sid: str, running: dict[str, Recording]) -> None:
        self.room = room
        self.conference_sid: str | None = conference_sid
        self._worker, self._running = worker, running

    @property
    def is_up(self) -> bool:
        return self._worker.alive

    def send(self, command: Command) -> None:
        self._worker.send(command)

    def begin(self, recording: Recording) -> None:
        self._worker.recordings[recording.row.sid] = recording
        self._running[recording.row.sid] = recording

    def end(self, recording: Recording) -> None:
        self._worker.recordings.pop(recording.row.sid, None)
        self._running.pop(recording.row.sid, None)


class Recording:
    """A running recording. `stopped` says that no more is taken; the row is finished when the file is.

    Its states are written one after the other (`_writing`): what is paused while it ends is not paused afterwards.
    """

    def __init__(self, call: Call, plan: RecordingPlan, place: Place | None = None) -> None:
        services = call.services
        self._place = place or OfCall(call)
        now = services.clock.wall()
        sid = services.sids.new("RE")
        loop = asyncio.get_running_loop()
        self.stopped: asyncio.Future[RecordStopped] = loop.create_future()
        self.ended: asyncio.Future[RecordEnded] = loop.create_future()
        self.url = services.recording_url(call.row.account_sid, sid)
        self._call = call
        self._plan = plan
        self._writing = asyncio.Lock()
        self.row = Row(
            sid=sid, account_sid=call.row.account_sid, call_sid=call.sid, status="in-progress",
            source=plan.source, channels=plan.channels, track=plan.track, start_time=now,
            date_created=now, date_updated=now, blob=f"{sid}.wav",
            status_callback=plan.status_callback, status_callback_method=plan.status_callback_method,
            status_callback_events=" ".join(plan.status_callback_events),
            conference_sid=self._place.conference_sid,
        )  # fmt: skip

    @property
    def was_cut_off(self) -> bool:
        """Whether its worker died while it took audio."""
        return self.row.status == "in-progress" and self.ended.done() and self.ended.result().reason == "lost"

    def again(self, place: Place) -> Recording:
        """A new one like it."""
        return Recording(self._call, self._plan, place)

    async def start(self) -> None:
        """Writes the row and starts the recorder."""
        services, place, plan = self._call.services, self._place, self._plan
        self.row, told = telling.told(self.row, telling.BEGUN, self.url, services)
        await services.store.recordings.insert(self.row, callbacks=told)
        services.outbox.kick()
        place.begin(self)
        if place.is_up:
            path = str((services.recordings_dir / self.row.blob).absolute())
            place.send(
                Record(place.port, self.row.sid, path, plan.channels, plan.track,
                       plan.silence_seconds, plan.max_seconds, plan.trim, place.room)
            )  # fmt: skip
        else:  # it ended while the row was written: nobody would ever tell of the recording
            self.lost()
        services.spawn(self._finish())

    def stop(self, cut_ms: int = 0) -> None:
        """Takes no more audio; `stopped` follows."""
        if not self.stopped.done():
            self._place.send(StopRecord(self._place.port, self.row.sid, cut_ms))

    async def pause(self, *, skip: bool) -> bool:
        """Takes silence from now on, or with `skip` nothing; False where it has ended."""
        return await self._change("paused", ("paused",), lambda port: PauseRecord(port, self.row.sid, skip))

    async def resume(self) -> bool:
        """Goes on; False where it has ended."""
        return await self._change("in-progress", telling.RESUMED, lambda port: ResumeRecord(port, self.row.sid))

    async def end(self) -> bool:
        """Ends, before the call does; False where it has ended."""
        return await self._change("stopped", ("stopped",), lambda port: StopRecord(port, self.row.sid))

    async def _change(self, status: str, events: Collection[str], command: Callable[[int], Command]) -> bool:
        """What is so already is not told again."""
        async with self._writing:
            if not self._place.is_up or self.stopped.done():
                return False
            self._place.send(command(self._place.port))
            changes: dict[str, Any] = {"status": status, "date_updated": self._call.services.clock.wall()}
            if status == self.row.status:
                events = ()
            write = self._call.services.store.recordings.update
            self.row = await _written(self.row, changes, events, self.url, self._call.services, write)
            LOG.info("- recording %s %s", self.row.sid, status)
            return True

    def hear(self, event: RecordStopped | RecordEnded) -> None:
        """The worker's word about this recording."""
        if isinstance(event, RecordStopped):
            if not self.stopped.done():
                self.stopped.set_result(event)
        elif not self.ended.done():
            self.ended.set_result(event)
            if not self.stopped.done():
                self.stopped.set_result(
                    RecordStopped(event.port, event.recording, event.reason, event.recorded_seconds)
                )

    def lost(self) -> None:
        """The worker died: what it wrote until then is the recording."""
        if not self.ended.done():
            self.hear(RecordEnded(-1, self.row.sid, "lost", 0.0, 0.0, 0, False))

    async def _finish(self) -> None:
        ended = await self.ended
        self._place.end(self)
        async with self._writing:
            if ended.reason == "lost":
                await repair(self.row, self._call.services)
                return
            if ended.reason == "failed":
                self._call.warn(TROUBLE, f"recording {self.row.sid} failed: {ended.error}", error=True)
            await finish(self.row, _final(ended), self.url, self._call.services)


def _final(ended: RecordEnded) -> dict[str, Any]:
    """The row of a recording whose file is finished."""
    if ended.reason == "failed":
        return {"status": "failed", "duration": round(ended.seconds), "size": ended.size, "error_code": TROUBLE}
    return _kept(ended.seconds, ended.size, ended.sha256)


def _kept(seconds: float, size: int, sha256: str) -> dict[str, Any]:
    """The row of a recording that is a file; absent where nothing is in it (rest-api.md: recordings, 16101)."""
    known = {"duration": round(seconds), "size": size, "sha256": sha256 or None}
    return known | ({"status": "completed"} if seconds > 0 else {"status": "absent", "error_code": TOO_SHORT})


async def repair(row: Row, services: Services) -> None:
    """Finishes a recording whose writer was killed: the file gets its true length, the row its final state."""
    path = services.recordings_dir / row.blob
    try:
        with services.clock.working():
            changes = _kept(
                *await asyncio.get_running_loop().run_in_executor(REPAIRS, _repair_file, path, row.channels)
            )
    except OSError as error:
        LOG.error("! recording %s cannot be repaired: %s", row.sid, error)
        changes = {"status": "failed", "error_code": TROUBLE}
    await finish(row, changes, services.recording_url(row.account_sid, row.sid), services)


def _repair_file(path: Path, channels: int) -> tuple[float, int, str]:
    """Makes a cut-off WAV file true: whole samples, and a header that says how many; (seconds, bytes, SHA-256), zeros
    where nothing can be played."""
    path.with_name(path.name + TRIMMED).unlink(missing_ok=True)
    if not path.exists() or path.stat().st_size < files.HEADER_SIZE:
        return 0.0, 0, ""
    with path.open("r+b") as file:
        header = files.repaired(channels, path.stat().st_size)
        data = int.from_bytes(header[40:44], "little")
        file.truncate(files.HEADER_SIZE + data)
        file.write(header)
        file.seek(0)
        digest = file_digest(file, "sha256").hexdigest()
    return data / int.from_bytes(header[28:32], "little"), files.HEADER_SIZE + data, digest


async def finish(row: Row, changes: dict[str, Any], url: str, services: Services) -> None:
    """Writes a recording's final state with its callback."""
    changes["date_updated"] = services.clock.wall()
    write = services.store.recordings.finish
    row = await _written(row, changes, telling.ended(replace(row, **changes)), url, services, write)
    LOG.info("- recording %s %s, %s s, %s bytes, sha256 %s", row.sid, row.status, row.duration, row.size, row.sha256)


async def _written(
    row: Row, changes: dict[str, Any], events: Collection[str], url: str, services: Services, write: Update
) -> Row:
    """The row with the changes, which are in the database with what tells of them."""
    row, told = telling.told(replace(row, **changes), events, url, services)
    await write(row.sid, changes | {"told": row.told}, callbacks=told)
    services.outbox.kick()
    return row
