"""`/operator/v1/calls/{sid}/pcap` and `/operator/v1/captures`: what a call's SIP and RTP really are, for Wireshark."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.api.http import Reply, Request, Route
from gateway.api.operator.resources import parsed
from gateway.calls.captures.capture import Captures

CONTENT_TYPE = "application/vnd.tcpdump.pcap"


class Awaited(BaseModel):
    """The next calls of a number."""

    model_config = ConfigDict(extra="forbid")

    number: str = Field(min_length=1, max_length=255)
    calls: int = Field(default=1, ge=1, le=1000)


class CallCaptures:
    """Begun by POST, downloaded by GET, ended by DELETE; of a call that is up, or of the next ones of a number."""

    def __init__(self, captures: Captures) -> None:
        self._captures = captures

    def routes(self) -> list[Route]:
        """The path."""
        methods = {"POST": self.start, "GET": self.fetch, "DELETE": self.delete}
        return [
            Route("/operator/v1/calls/{sid}/pcap", methods),
            Route("/operator/v1/captures", {"GET": self.list, "POST": self.expect}),
            Route("/operator/v1/captures/{number}", {"DELETE": self.forget}),
        ]

    async def start(self, request: Request) -> Reply:
        """From now on the call is captured."""
        sid = request.variables["sid"]
        self._captures.start(sid)
        return Reply(201, json=self._shown(sid, running=True))

    async def fetch(self, request: Request) -> Reply:
        """The file so far; also after the end of the call."""
        sid = request.variables["sid"]
        headers = {"Content-Disposition": f'attachment; filename="{sid}.pcap"'}
        return Reply(body=await self._captures.fetch(sid), content_type=CONTENT_TYPE, headers=headers)

    async def delete(self, request: Request) -> Reply:
        """Ends it; the file is gone."""
        self._captures.delete(request.variables["sid"])
        return Reply(204)

    async def list(self, request: Request) -> Reply:
        """The captures that are there, and the numbers whose next calls will be captured."""
        shown = [self._shown(sid, running=running) for sid, running in self._captures.all.items()]
        awaited = [{"number": number, "calls": calls} for number, calls in self._captures.awaited.wanted.items()]
        return Reply(json={"captures": shown, "awaited": awaited})

    async def expect(self, request: Request) -> Reply:
        """`{"number": "+15551234567", "calls": 3}`: the next calls from or to it, from their INVITE on."""
        wanted = parsed(Awaited, request)
        self._captures.awaited.expect(wanted.number, wanted.calls)
        return Reply(201, json=wanted.model_dump())

    async def forget(self, request: Request) -> Reply:
        """A number's calls are awaited no more; those that are being captured still are."""
        self._captures.awaited.forget(request.variables["number"])
        return Reply(204)

    def _shown(self, sid: str, *, running: bool) -> dict[str, Any]:
        until, leg_bytes = self._captures.until(sid).isoformat(), self._captures.bounds.bytes
        return {"call_sid": sid, "running": running, "until": until, "leg_bytes": leg_bytes}
