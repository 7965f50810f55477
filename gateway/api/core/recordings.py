"""`Recordings`: rows, and their audio as WAV or MP3."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from gateway.api import ranges
from gateway.api.core import audio
from gateway.api.core.call_recordings import CallRecordings
from gateway.api.core.shape import VERSION, base, date
from gateway.api.engine import Recorders
from gateway.api.fields import Form
from gateway.api.formats import camel
from gateway.api.http import Reply, Request, Route
from gateway.api.paging import envelope, page_of
from gateway.clock import Clock
from gateway.errors import ApiError, not_found
from gateway.store import Store
from gateway.store.rows import Recording

DELETABLE = ("completed", "absent", "failed")
PARTS = ("add_on_results", "transcriptions")
SHOWN = {"failed": "absent"}
"""Status -> as the resource says it: of a recording that was lost, `error_code` says why; callbacks know `failed`."""


class Recordings:
    """The resource; its files are below `folder`. `public_url` is asked for at each use: it may be known late."""

    def __init__(
        self, store: Store, recorders: Recorders, clock: Clock, folder: Path, public_url: Callable[[], str]
    ) -> None:
        self._store = store
        self._of_calls = CallRecordings(store, recorders)
        self._clock = clock
        self._folder = folder
        self._public_url = public_url

    def routes(self) -> list[Route]:
        """The paths; media before metadata, because both are the same path with another ending."""
        account = "/Accounts/{account}"
        routes = []
        for path, create, update in (
            (f"{account}/Recordings", {}, {}),
            (f"{account}/Calls/{{call}}/Recordings", {"POST": self.create}, {"POST": self.update}),
            (f"{account}/Conferences/{{conference}}/Recordings", {}, {"POST": self.update_in}),
        ):
            routes += [
                Route(path, {"GET": self.list} | create),
                Route(f"{path}/{{sid}}\\.wav", {"GET": self.wav}),
                Route(f"{path}/{{sid}}\\.mp3", {"GET": self.mp3}),
                Route(f"{path}/{{sid}}", {"GET": self.fetch, "DELETE": self.delete} | update),
            ]
        return routes

    async def list(self, request: Request) -> Reply:
        """Newest first; deleted ones where they are asked for."""
        form, page = Form(request.fields), page_of(request)
        filters: dict[str, Any] = form.times("DateCreated", "date_created")
        call_sid = request.variables.get("call") or form.text("CallSid")
        if call_sid:
            filters["call_sid"] = call_sid
        deleted = form.flag("IncludeSoftDeleted")
        if conference_sid := request.variables.get("conference") or form.text("ConferenceSid"):
            filters["conference_sid"] = conference_sid
        found = await self._store.recordings.page(request.account_sid, page, filters, deleted=deleted)
        return envelope(request, "recordings", page, found, [self.show(row, request) for row in found.rows])

    async def create(self, request: Request) -> Reply:
        """Begins to record a call."""
        return Reply(201, self.show(await self._of_calls.create(request), request), "Recording")

    async def update(self, request: Request) -> Reply:
        """Pauses, resumes or stops."""
        return Reply(json=self.show(await self._of_calls.update(request), request), name="Recording")

    async def update_in(self, request: Request) -> Reply:
        """Pauses, resumes or stops one of a conference."""
        return Reply(json=self.show(await self._of_calls.update_in(request), request), name="Recording")

    async def fetch(self, request: Request) -> Reply:
        """One; without an ending it is its audio (rest-api.md: call control)."""
        if not request.path.endswith((".json", ".xml", ".csv")):
            return await self.wav(request)
        deleted = Form(request.fields).flag("IncludeSoftDeleted")
        return Reply(json=self.show(await self._one(request, deleted=deleted), request), name="Recording")

    async def delete(self, request: Request) -> Reply:
        """Removes the audio; the row stays as deleted."""
        row = await self._one(request)
        if row.status not in DELETABLE:
            raise ApiError(400, 20009, f"Recording {row.sid} is {row.status}; it can be deleted when it is finished")
        await self._store.recordings.update(row.sid, {"status": "deleted", "date_updated": self._clock.wall()})
        with self._clock.working():
            await audio.aside(partial((self._folder / row.blob).unlink, missing_ok=True))
        return Reply(204)

    async def wav(self, request: Request) -> Reply:
        """The file as it is, or its one channel."""
        return await self._media(request, "audio/x-wav", lambda wav: wav)

    async def mp3(self, request: Request) -> Reply:
        """Encoded when it is asked for."""
        return await self._media(request, "audio/mpeg", audio.mp3)

    async def _media(self, request: Request, content_type: str, form: Callable[[bytes], bytes]) -> Reply:
        row = await self._one(request)
        path, channels = self._folder / row.blob, Form(request.fields).integer("RequestedChannels", 0, 1, 2)
        if row.status != "completed":
            raise not_found(request.path)
        if channels > row.channels:
            raise ApiError(400, 20001, f"RequestedChannels 2: recording {row.sid} has one channel")
        as_it_is = content_type == "audio/x-wav" and channels in (0, row.channels)
        made = None if as_it_is else partial(_made, path, form, mixed=0 < channels < row.channels)
        try:
            with self._clock.working():
                return await audio.aside(partial(_part, path, made, request, content_type, row))
        except FileNotFoundError:
            raise not_found(request.path) from None

    async def _one(self, request: Request, *, deleted: bool = False) -> Recording:
        row = await self._store.recordings.fetch(request.account_sid, request.variables["sid"])
        gone = row is None or (row.status == "deleted" and not deleted)
        if row is None or gone or row.call_sid != request.variables.get("call", row.call_sid):
            raise not_found(request.path)
        if row.conference_sid != request.variables.get("conference", row.conference_sid):
            raise not_found(request.path)
        return row

    def show(self, row: Recording, request: Request) -> dict[str, Any]:
        """As JSON, at the path that was asked: that of its call, of its conference, or its own."""
        path = f"{base(row.account_sid)}/Recordings/{row.sid}"
        return {
            "sid": row.sid, "account_sid": row.account_sid, "call_sid": row.call_sid,
            "conference_sid": row.conference_sid, "status": SHOWN.get(row.status, row.status), "source": row.source,
            "channels": row.channels, "track": row.track,
            "start_time": date(row.start_time), "duration": None if row.duration is None else str(row.duration),
            "price": None, "price_unit": "USD", "error_code": row.error_code, "encryption_details": None,
            "media_url": f"{self._public_url()}{path}", "api_version": VERSION, "date_created": date(row.date_created),
            "date_updated": date(row.date_updated),
            "uri": f"{base(row.account_sid)}{_parent(request)}/Recordings/{row.sid}.json",
            "subresource_uris": {name: f"{path}/{camel(name)}.json" for name in PARTS},
        }  # fmt: skip


def _parent(request: Request) -> str:
    """The path of what was recorded, where the recording is asked for below it."""
    owners = (("Calls", "call"), ("Conferences", "conference"))
    return "".join(f"/{path}/{request.variables[name]}" for path, name in owners if name in request.variables)


def _made(path: Path, form: Callable[[bytes], bytes], *, mixed: bool) -> bytes:
    """The audio in another form than that of its file."""
    wav = path.read_bytes()
    return form(audio.mixed(wav) if mixed else wav)


def _part(path: Path, made: Callable[[], bytes] | None, request: Request, content_type: str, row: Recording) -> Reply:
    """The part that is asked for, of a file or of what is made of it; runs on a thread."""
    body = made() if made is not None else None
    size = path.stat().st_size if body is None else len(body)
    headers = {"Accept-Ranges": "bytes", "ETag": f'"{row.sid}-{size}"'}
    if body is None and row.sha256:  # RFC 9530 §3: of the whole file, also where a part of it is sent
        digest = b64encode(bytes.fromhex(row.sha256)).decode()
        headers |= {"ETag": f'"{row.sha256}"', "Repr-Digest": f"sha-256=:{digest}:"}
    part = ranges.wanted(request.headers, size, headers["ETag"])
    if part is None:
        raise ApiError(416, 20001, f"Range: the file has {size} bytes", {"Content-Range": f"bytes */{size}"})
    content = audio.read(path, part) if body is None else body[part.start : part.stop]
    if part.whole:
        return Reply(body=content, content_type=content_type, headers=headers)
    return Reply(206, body=content, content_type=content_type, headers={**headers, "Content-Range": part.header})
