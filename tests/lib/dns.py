"""A small DNS server for tests: UDP, A, AAAA, SRV and NAPTR, the wire format written by hand (RFC 1035)."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import cast

from sip.outputs import Host, Naptr, Record, Srv

KINDS = {1: "A", 28: "AAAA", 33: "SRV", 35: "NAPTR"}


class DnsServer(asyncio.DatagramProtocol):
    """`zone`: (kind, name) -> records, "HOST" for A and AAAA. `asked` has every question; `silent` answers nothing."""

    def __init__(self, zone: Mapping[tuple[str, str], Sequence[Record]], ttl: int = 60) -> None:
        self.zone = zone
        self.ttl = ttl
        self.silent = False
        self.asked: list[str] = []
        self.address: tuple[str, int]
        self._transport: asyncio.DatagramTransport

    @classmethod
    async def open(cls, zone: Mapping[tuple[str, str], Sequence[Record]], ttl: int = 60) -> DnsServer:
        """On a free port of loopback."""
        loop = asyncio.get_running_loop()
        _, server = await loop.create_datagram_endpoint(lambda: cls(zone, ttl), local_addr=("127.0.0.1", 0))
        return server

    def close(self) -> None:
        """Ends it."""
        self._transport.close()

    @property
    def nameserver(self) -> str:
        """For `nameservers` settings."""
        return f"{self.address[0]}:{self.address[1]}"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.address = transport.get_extra_info("sockname")[:2]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        number = struct.unpack_from("!H", data)[0]
        name, at = _read_name(data, 12)
        kind = struct.unpack_from("!H", data, at)[0]
        self.asked.append(f"{KINDS.get(kind, kind)} {name}")
        if self.silent:
            return
        known = any(one == name for _, one in self.zone)
        answers = [_pack(kind, record) for record in self._records(kind, name)]
        status = 0x8580 if known else 0x8583  # authoritative; NXDOMAIN for unknown names
        head = struct.pack("!6H", number, status, 1, len(answers), 0, 0)
        body = b"".join(
            _name(name) + struct.pack("!HHIH", kind, 1, self.ttl, len(packed)) + packed for packed in answers
        )
        self._transport.sendto(head + data[12 : at + 4] + body, addr)

    def _records(self, kind: int, name: str) -> list[Record]:
        records = self.zone.get(("HOST" if kind in (1, 28) else KINDS.get(kind, ""), name), ())
        version = {1: 4, 28: 6}.get(kind)
        return [
            record
            for record in records
            if not isinstance(record, Host) or ip_address(record.address).version == version
        ]


def _name(name: str) -> bytes:
    labels = [label.encode() for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _read_name(data: bytes, at: int) -> tuple[str, int]:
    labels = []
    while length := data[at]:
        labels.append(data[at + 1 : at + 1 + length].decode().lower())
        at += 1 + length
    return ".".join(labels), at + 1


def _pack(kind: int, record: Record) -> bytes:
    match record:
        case Host(address=address):
            return ip_address(address).packed
        case Srv():
            return struct.pack("!3H", record.priority, record.weight, record.port) + _name(record.target)
        case Naptr():
            texts = (record.flags.encode(), record.service.encode(), b"")
            packed = b"".join(bytes([len(text)]) + text for text in texts)
            return struct.pack("!2H", record.order, record.preference) + packed + _name(record.replacement)
