"""`/operator/v1/calls/{sid}/pcap`: what a call's SIP and RTP really are, as a file for Wireshark."""

from __future__ import annotations

from gateway.api.http import Reply, Request, Route
from gateway.calls.captures import Captures

CONTENT_TYPE = "application/vnd.tcpdump.pcap"


class CallCaptures:
    """Begun by POST, downloaded by GET, ended by DELETE."""

    def __init__(self, captures: Captures) -> None:
        self._captures = captures

    def routes(self) -> list[Route]:
        """The path."""
        methods = {"POST": self.start, "GET": self.fetch, "DELETE": self.delete}
        return [Route("/operator/v1/calls/{sid}/pcap", methods)]

    async def start(self, request: Request) -> Reply:
        """From now on the call is captured."""
        sid = request.variables["sid"]
        self._captures.start(sid)
        bounds = self._captures.bounds
        shown = {"call_sid": sid, "until": self._captures.until(sid).isoformat(), "leg_bytes": bounds.bytes}
        return Reply(201, json=shown)

    async def fetch(self, request: Request) -> Reply:
        """The file so far; also after the end of the call."""
        sid = request.variables["sid"]
        headers = {"Content-Disposition": f'attachment; filename="{sid}.pcap"'}
        return Reply(body=await self._captures.fetch(sid), content_type=CONTENT_TYPE, headers=headers)

    async def delete(self, request: Request) -> Reply:
        """Ends it; the file is gone."""
        self._captures.delete(request.variables["sid"])
        return Reply(204)
