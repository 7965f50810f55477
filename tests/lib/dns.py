"""A small DNS server for tests: UDP and TCP, A, AAAA, SRV, NAPTR and CNAME, the wire format by hand (RFC 1035)."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import cast

from sip.outputs import Host, Naptr, Record, Srv

KINDS = {1: "A", 28: "AAAA", 33: "SRV", 35: "NAPTR"}
CNAME = 5
OK, SERVFAIL, NXDOMAIN = 0x8580, 0x8582, 0x8583  # authoritative answers
TRUNCATED = 0x0200

Zone = Mapping[tuple[str, str], Sequence[Record]]


class DnsServer(asyncio.DatagramProtocol):
    """`zone`: (kind, name) -> records, "HOST" for A and AAAA. `asked` has every question that came.

    `aliases`: name -> canonical name. Questions whose kind is in `silent`, or that end with a name in
    `hanging`, get no answer; those whose kind is in `failing` get SERVFAIL;
    `truncated`: over UDP there is room for nothing.
    """

    def __init__(self, zone: Zone, ttl: int = 60) -> None:
        self.zone = zone
        self.ttl = ttl
        self.aliases: dict[str, str] = {}
        self.silent: set[str] = set()
        self.hanging: set[str] = set()
        self.failing: set[str] = set()
        self.truncated = False
        self.asked: list[str] = []
        self.address: tuple[str, int]
        self._transport: asyncio.DatagramTransport
        self._server: asyncio.Server | None = None

    @classmethod
    async def open(cls, zone: Zone, ttl: int = 60) -> DnsServer:
        """On a free port of loopback."""
        loop = asyncio.get_running_loop()
        while True:
            _, server = await loop.create_datagram_endpoint(lambda: cls(zone, ttl), local_addr=("127.0.0.1", 0))
            try:
                server._server = await asyncio.start_server(server._stream, *server.address)
            except OSError:  # free over UDP alone
                server.close()
            else:
                return server

    def close(self) -> None:
        """Ends it."""
        self._transport.close()
        if self._server is not None:
            self._server.close()

    @property
    def nameserver(self) -> str:
        """For `nameservers` settings."""
        return f"{self.address[0]}:{self.address[1]}"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.address = transport.get_extra_info("sockname")[:2]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if answer := self._answer(data, udp=True):
            self._transport.sendto(answer, addr)

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Questions over TCP (RFC 1035 §4.2.2), until the asker goes."""
        try:
            while head := await reader.readexactly(2):
                answer = self._answer(await reader.readexactly(struct.unpack("!H", head)[0]), udp=False)
                if answer is not None:
                    writer.write(struct.pack("!H", len(answer)) + answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the asker went
        finally:
            writer.close()  # also where the test ends first

    def _answer(self, data: bytes, *, udp: bool) -> bytes | None:
        number = struct.unpack_from("!H", data)[0]
        name, at = _read_name(data, 12)
        kind = struct.unpack_from("!H", data, at)[0]
        self.asked.append(f"{KINDS.get(kind, kind)} {name}{'' if udp else ' over TCP'}")
        status, answers = OK, list(self._answers(kind, name))
        if KINDS.get(kind) in self.silent or any(name.endswith(one) for one in self.hanging):
            return None
        if KINDS.get(kind) in self.failing:
            status, answers = SERVFAIL, []
        elif not any(one == name for _, one in self.zone) and name not in self.aliases:
            status = NXDOMAIN
        if udp and self.truncated and answers:
            status, answers = status | TRUNCATED, []
        head = struct.pack("!6H", number, status, 1, len(answers), 0, 0)
        return head + data[12 : at + 4] + b"".join(answers)

    def _answers(self, kind: int, name: str) -> Iterator[bytes]:
        if name in self.aliases:
            yield self._record(name, CNAME, _name(self.aliases[name]))
            name = self.aliases[name]
        yield from (self._record(name, kind, _pack(record)) for record in self._records(kind, name))

    def _record(self, name: str, kind: int, packed: bytes) -> bytes:
        return _name(name) + struct.pack("!HHIH", kind, 1, self.ttl, len(packed)) + packed

    def _records(self, kind: int, name: str) -> list[Record]:
        records = self.zone.get(("HOST" if kind in (1, 28) else KINDS.get(kind, ""), name), ())
        version = {1: 4, 28: 6}.get(kind)
        return [
            record
            for record in records
            if not isinstance(record, Host) or ip_address(record.address).version == version
        ]


@contextlib.contextmanager
def in_thread(zone: Zone, ttl: int = 0) -> Iterator[DnsServer]:
    """A server in a thread of its own, for programs that ask while the test waits for them."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(DnsServer.open(zone, ttl))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def _name(name: str) -> bytes:
    labels = [label.encode() for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _read_name(data: bytes, at: int) -> tuple[str, int]:
    labels = []
    while length := data[at]:
        labels.append(data[at + 1 : at + 1 + length].decode().lower())
        at += 1 + length
    return ".".join(labels), at + 1


def _pack(record: Record) -> bytes:
    match record:
        case Host(address=address):
            return ip_address(address).packed
        case Srv():
            return struct.pack("!3H", record.priority, record.weight, record.port) + _name(record.target)
        case Naptr():
            texts = (record.flags.encode(), record.service.encode(), b"")
            packed = b"".join(bytes([len(text)]) + text for text in texts)
            return struct.pack("!2H", record.order, record.preference) + packed + _name(record.replacement)
