"""Recordings of ours that an app plays: read from the disk, because our own port is closed to our own requests.

As with Twilio, who has a recording's URL may hear it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from gateway.clock import Clock
from gateway.speech.threads import aside
from gateway.store.rows import Recording
from gateway.webhooks.errors import FetchError

_PATH = re.compile(r"(?:/api)?/2010-04-01/Accounts/(AC[0-9a-f]{32})/Recordings/(RE[0-9a-f]{32})(?:\.wav|\.mp3)?")


class Recordings(Protocol):
    """What is asked of `store.recordings`."""

    async def fetch(self, account_sid: str, sid: str) -> Recording | None: ...


class OwnRecordings:
    """`fetch.Inside`. `public_url` is asked for at each use: it may be known only once we listen."""

    def __init__(self, recordings: Recordings, folder: Path, public_url: Callable[[], str], clock: Clock) -> None:
        self._recordings = recordings
        self._folder = folder
        self._public_url = public_url
        self._clock = clock

    async def __call__(self, url: str) -> bytes | None:
        """The recording's WAV file; None where the URL is no recording of ours, FetchError where it is gone."""
        base = self._public_url()
        path = url.partition("#")[0].partition("?")[0]
        found = _PATH.fullmatch(path.removeprefix(base)) if path.startswith(base) else None
        if found is None:
            return None
        with self._clock.working():
            row = await self._recordings.fetch(found[1], found[2])
            if row is None or row.status != "completed":
                raise FetchError(11200, f"{url} is {'no recording' if row is None else row.status}", 404)
            file = self._folder / row.blob
            try:
                return await aside(file.read_bytes)
            except OSError as error:
                raise FetchError(11200, f"{url}: its file cannot be read: {error.strerror}", 500) from error
