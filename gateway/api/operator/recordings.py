"""`/operator/v1/recordings`: where a recording's file is, and what must be in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.api.http import Reply, Request, Route
from gateway.errors import not_found
from gateway.store import Store
from gateway.store.rows import Recording


class RecordingFiles:
    """Recordings of all accounts, deleted ones too; the files are below `folder`."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._folder = folder

    def routes(self) -> list[Route]:
        """The paths."""
        return [
            Route("/operator/v1/recordings/{sid}", {"GET": self.one}),
            Route("/operator/v1/calls/{sid}/recordings", {"GET": self.of_call}),
        ]

    async def one(self, request: Request) -> Reply:
        """By its SID."""
        found = await self._store.recordings.of_all(sid=request.variables["sid"])
        if not found:
            raise not_found(request.path)
        return Reply(json=self._shown(found[0]))

    async def of_call(self, request: Request) -> Reply:
        """Those of a call, the oldest first."""
        found = await self._store.recordings.of_all(call_sid=request.variables["sid"])
        return Reply(json={"recordings": [self._shown(row) for row in found]})

    def _shown(self, row: Recording) -> dict[str, Any]:
        return {
            "sid": row.sid, "account_sid": row.account_sid, "call_sid": row.call_sid,
            "conference_sid": row.conference_sid, "status": row.status, "source": row.source,
            "channels": row.channels, "track": row.track, "start_time": row.start_time.isoformat(),
            "seconds": row.duration, "bytes": row.size, "sha256": row.sha256, "error_code": row.error_code,
            "file": str((self._folder / row.blob).absolute()),
        }  # fmt: skip
