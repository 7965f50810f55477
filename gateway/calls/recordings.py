"""Recordings of calls: started on a port, finished by the worker, written as rows with their callbacks."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gateway.calls import params
from gateway.calls.call import Call
from gateway.calls.services import Services
from gateway.store.rows import Callback
from gateway.store.rows import Recording as Row
from media import files
from media.commands import Record, StopRecord
from media.events import RecordEnded, RecordStopped
from media.frames import RATE

LOG = logging.getLogger(__name__)


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


class Recording:
    """A running recording. `stopped` says that no more is taken; the row is finished when the file is."""

    def __init__(self, call: Call, plan: RecordingPlan) -> None:
        services = call.services
        now = services.clock.wall()
        sid = services.sids.new("RE")
        loop = asyncio.get_running_loop()
        self.stopped: asyncio.Future[RecordStopped] = loop.create_future()
        self.ended: asyncio.Future[RecordEnded] = loop.create_future()
        self.url = services.recording_url(call.row.account_sid, sid)
        self._call = call
        self._plan = plan
        self.row = Row(
            sid=sid, account_sid=call.row.account_sid, call_sid=call.sid, status="in-progress",
            source=plan.source, channels=plan.channels, track=plan.track, start_time=now,
            date_created=now, date_updated=now, blob=f"{sid}.wav",
            status_callback=plan.status_callback, status_callback_method=plan.status_callback_method,
            status_callback_events=" ".join(plan.status_callback_events),
        )  # fmt: skip

    async def start(self) -> None:
        """Writes the row and starts the recorder on the call's port."""
        services = self._call.services
        leg = self._call.leg
        assert leg is not None
        await services.store.recordings.insert(self.row, callbacks=callbacks(self.row, self.url, services))
        leg.add_recording(self.row.sid, self)
        path = str((services.recordings_dir / self.row.blob).absolute())
        plan = self._plan
        leg.send(
            Record(leg.row, self.row.sid, path, plan.channels, plan.track,
                   plan.silence_seconds, plan.max_seconds, plan.trim)
        )  # fmt: skip
        services.spawn(self._finish())

    def stop(self, cut_ms: int = 0) -> None:
        """Takes no more audio; `stopped` follows."""
        leg = self._call.leg
        if leg is not None and not self.stopped.done():
            leg.send(StopRecord(leg.row, self.row.sid, cut_ms))

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
        if ended.reason == "lost":
            await repair(self.row, self._call.services)
            return
        failed = ended.reason == "failed"
        if failed:
            self._call.warn(12400, f"recording {self.row.sid} failed: {ended.error}", error=True)
        changes = {
            "status": "failed" if failed else "completed",
            "duration": round(ended.seconds),
            "size": ended.size,
            "error_code": 12400 if failed else None,
        }
        await finish(self.row, changes, self.url, self._call.services)


async def repair(row: Row, services: Services) -> None:
    """Finishes a recording whose writer was killed: the file gets its true length, the row its final state."""
    path = services.recordings_dir / row.blob
    with services.clock.working():
        seconds, size = await asyncio.to_thread(_repair_file, path)
    status = "completed" if seconds > 0 else "absent"
    url = services.recording_url(row.account_sid, row.sid)
    await finish(row, {"status": status, "duration": round(seconds), "size": size}, url, services)


def _repair_file(path: Path) -> tuple[float, int]:
    """Makes the header of a cut-off WAV file true; (seconds, bytes), zeros where nothing can be played."""
    if not path.exists():
        return 0.0, 0
    size = path.stat().st_size
    with path.open("r+b") as file:
        header = file.read(files.HEADER_SIZE)
        if len(header) < files.HEADER_SIZE:
            return 0.0, 0
        channels = int.from_bytes(header[22:24], "little")
        file.seek(0)
        file.write(files.repaired(header, size))
    return (size - files.HEADER_SIZE) / (2 * channels * RATE), size


async def finish(row: Row, changes: dict[str, Any], url: str, services: Services) -> None:
    """Writes a recording's final state with its callback."""
    changes["date_updated"] = services.clock.wall()
    row = replace(row, **changes)
    await services.store.recordings.update(row.sid, changes, callbacks=callbacks(row, url, services))
    services.outbox.kick()
    LOG.info("- recording %s %s, %s s", row.sid, row.status, row.duration)


def callbacks(row: Row, url: str, services: Services) -> list[Callback]:
    """The status callback that the row's state calls for, if anyone wants it."""
    event = "completed" if row.status == "failed" else row.status
    if not row.status_callback or event not in row.status_callback_events.split():
        return []
    return [
        Callback(row.account_sid, row.call_sid, row.status_callback, row.status_callback_method,
                 params.recording(row, url), services.sids.token())
    ]  # fmt: skip
