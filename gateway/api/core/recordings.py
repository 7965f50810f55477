"""`Recordings`: rows, and their audio as WAV or MP3."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import lameenc

from gateway.api.core.shape import VERSION, base, date
from gateway.api.fields import Form
from gateway.api.http import Reply, Request, Route
from gateway.api.paging import envelope, page_of
from gateway.clock import Clock
from gateway.errors import ApiError, not_found
from gateway.store import Store
from gateway.store.rows import Recording
from media.files import HEADER_SIZE
from media.frames import RATE

BIT_RATE = 32  # kbit/s: more than 8000 Hz of telephone speech can use
DELETABLE = ("completed", "absent", "failed")


class Recordings:
    """The resource; its files are below `folder`."""

    def __init__(self, store: Store, clock: Clock, folder: Path, public_url: str) -> None:
        self._store = store
        self._clock = clock
        self._folder = folder
        self._public_url = public_url

    def routes(self) -> list[Route]:
        """The paths; media before metadata, because both are the same path with another ending."""
        account = "/Accounts/{account}"
        routes = []
        for path in (f"{account}/Recordings", f"{account}/Calls/{{call}}/Recordings"):
            routes += [
                Route(path, {"GET": self.list}),
                Route(f"{path}/{{sid}}\\.wav", {"GET": self.wav}),
                Route(f"{path}/{{sid}}\\.mp3", {"GET": self.mp3}),
                Route(f"{path}/{{sid}}", {"GET": self.fetch, "DELETE": self.delete}),
            ]
        return routes

    async def list(self, request: Request) -> Reply:
        """Newest first."""
        form, page = Form(request.fields), page_of(request)
        filters: dict[str, Any] = form.times("DateCreated", "date_created")
        call_sid = request.variables.get("call") or form.text("CallSid")
        if call_sid:
            filters["call_sid"] = call_sid
        found = await self._store.recordings.page(request.account_sid, page, filters)
        return envelope(request, "recordings", page, found, [self.show(row) for row in found.rows])

    async def fetch(self, request: Request) -> Reply:
        """One; without an ending it is its audio (rest-api.md: call control)."""
        if not request.path.endswith(".json"):
            return await self.wav(request)
        return Reply(json=self.show(await self._one(request)))

    async def delete(self, request: Request) -> Reply:
        """Removes the audio; the row stays as deleted."""
        row = await self._one(request)
        if row.status not in DELETABLE:
            raise ApiError(409, 20009, f"Recording {row.sid} is {row.status}; it can be deleted when it is finished")
        await self._store.recordings.update(row.sid, {"status": "deleted", "date_updated": self._clock.wall()})
        with self._clock.working():
            await asyncio.to_thread((self._folder / row.blob).unlink, missing_ok=True)
        return Reply(204)

    async def wav(self, request: Request) -> Reply:
        """The file as it is."""
        return Reply(body=await self._audio(request), content_type="audio/x-wav")

    async def mp3(self, request: Request) -> Reply:
        """Encoded when it is asked for."""
        wav = await self._audio(request)
        with self._clock.working():
            body = await asyncio.to_thread(encode, wav)
        return Reply(body=body, content_type="audio/mpeg")

    async def _audio(self, request: Request) -> bytes:
        row = await self._one(request)
        if row.status != "completed":
            raise not_found(request.path)
        try:
            with self._clock.working():
                return await asyncio.to_thread((self._folder / row.blob).read_bytes)
        except FileNotFoundError:
            raise not_found(request.path) from None

    async def _one(self, request: Request) -> Recording:
        row = await self._store.recordings.fetch(request.account_sid, request.variables["sid"])
        if row is None or row.status == "deleted" or row.call_sid != request.variables.get("call", row.call_sid):
            raise not_found(request.path)
        return row

    def show(self, row: Recording) -> dict[str, Any]:
        """As JSON."""
        path = f"{base(row.account_sid)}/Recordings/{row.sid}"
        return {
            "sid": row.sid, "account_sid": row.account_sid, "call_sid": row.call_sid, "conference_sid": None,
            "status": row.status, "source": row.source, "channels": row.channels, "track": row.track,
            "start_time": date(row.start_time), "duration": None if row.duration is None else str(row.duration),
            "price": None, "price_unit": "USD", "error_code": row.error_code, "encryption_details": None,
            "media_url": f"{self._public_url}{path}", "api_version": VERSION, "date_created": date(row.date_created),
            "date_updated": date(row.date_updated), "uri": f"{path}.json", "subresource_uris": {},
        }  # fmt: skip


def encode(wav: bytes) -> bytes:
    """A WAV file of ours as MP3."""
    encoder = lameenc.Encoder()
    encoder.set_bit_rate(BIT_RATE)
    encoder.set_in_sample_rate(RATE)
    encoder.set_channels(int.from_bytes(wav[22:24], "little"))
    encoder.set_quality(5)
    encoder.silence()
    return bytes(encoder.encode(wav[HEADER_SIZE:]) + encoder.flush())
