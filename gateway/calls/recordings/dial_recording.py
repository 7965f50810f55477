"""The recording that a Dial asks for: of the caller's port, from the ringing or from the answer on."""

from __future__ import annotations

from gateway.calls.call import Call
from gateway.calls.recordings.recording import Recording, RecordingPlan
from twiml.plans import DialPlan


class DialRecording:
    """None until its moment comes (twiml-voice.md: Dial, `record`)."""

    def __init__(self, parent: Call, plan: DialPlan, source: str) -> None:
        self._parent = parent
        self._plan = plan
        self._source = source
        self._recording: Recording | None = None

    async def from_ringing(self) -> None:
        """The far end is being called; a caller who is not answered yet has nothing to record."""
        if self._plan.record.startswith("record-from-ringing") and self._parent.answered_at is not None:
            await self._start()

    async def from_answer(self) -> None:
        """The two are joined."""
        if self._plan.record != "do-not-record" and self._recording is None:
            await self._start()

    async def _start(self) -> None:
        plan = self._plan
        self._recording = Recording(
            self._parent,
            RecordingPlan(
                source=self._source,
                channels=2 if plan.record.endswith("-dual") else 1,
                track=plan.recording_track,
                trim=plan.trim,
                status_callback=plan.recording_status_callback,
                status_callback_method=plan.recording_status_callback_method,
                status_callback_events=plan.recording_status_callback_events,
            ),
        )
        await self._recording.start()

    def stop(self) -> None:
        """Takes no more audio."""
        if self._recording is not None:
            self._recording.stop()

    async def params(self) -> dict[str, str]:
        """What the Dial's action is told of it; waits until it has stopped."""
        if self._recording is None:
            return {}
        self.stop()
        stopped = await self._recording.stopped
        return {
            "RecordingUrl": self._recording.url,
            "RecordingSid": self._recording.row.sid,
            "RecordingDuration": str(round(stopped.recorded_seconds)),
        }
