"""Capture files as tshark and Wireshark read them: pcap with microseconds, each packet an IP packet (LINKTYPE_RAW).

What was captured came from sockets, so its IP and UDP headers are made here (RFC 791, RFC 8200, RFC 768). Nothing is
fragmented: what is too long for one IP packet is cut, and its record says how long it was.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

from media.ports import Address

RAW = 101  # LINKTYPE_RAW: each packet begins with its IP header
LONGEST = 65535 - 40 - 8  # bytes of UDP payload that every IP packet has room for
OVERHEAD = 16 + 40 + 8  # bytes of a record and of the headers, at most
UDP, HOPS = 17, 64
FILE_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, RAW)
_RECORD = struct.Struct("<IIII")

Record = tuple[int, bytes]  # microseconds, and the record behind its time


def record(at: float, source: Address, destination: Address, data: bytes) -> bytes:
    """A UDP packet that was seen at `at` (seconds)."""
    packet = udp(source, destination, data[:LONGEST])
    seconds, microseconds = divmod(round(at * 1_000_000), 1_000_000)
    whole = len(packet) + max(0, len(data) - LONGEST)
    return _RECORD.pack(seconds, microseconds, len(packet), whole) + packet


def records(file: bytes) -> Iterator[Record]:
    """What is in a file; a record that is not whole at its end, because it is being written, is left out."""
    at = len(FILE_HEADER)
    while at + _RECORD.size <= len(file):
        seconds, microseconds, size, _ = _RECORD.unpack_from(file, at)
        end = at + _RECORD.size + size
        if end > len(file):
            return
        yield seconds * 1_000_000 + microseconds, file[at + 8 : end]
        at = end


def timed(at: int, rest: bytes) -> bytes:
    """A record with another time (microseconds)."""
    return struct.pack("<II", *divmod(at, 1_000_000)) + rest


def udp(source: Address, destination: Address, data: bytes) -> bytes:
    """An IP packet between two addresses; an IPv4 address beside an IPv6 one is shown as the unspecified one."""
    there, here = ip_address(destination[0]), ip_address(source[0])
    six = isinstance(there, IPv6Address) or isinstance(here, IPv6Address)
    addresses = b"".join(_packed(one, six=six) for one in (here, there))
    size = 8 + len(data)
    head = struct.pack(">HHHH", source[1], destination[1], size, 0)
    pseudo = addresses + struct.pack(">IHBB", size, 0, 0, UDP)
    total = checksum(pseudo + head + data) or 0xFFFF
    head = head[:6] + struct.pack(">H", total)
    return (_six(addresses, size) if six else _four(addresses, size)) + head + data


def _packed(address: IPv4Address | IPv6Address, *, six: bool) -> bytes:
    return bytes(16) if six and isinstance(address, IPv4Address) else address.packed


def _four(addresses: bytes, size: int) -> bytes:
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + size, 0, 0x4000, HOPS, UDP, 0) + addresses
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:]


def _six(addresses: bytes, size: int) -> bytes:
    return struct.pack(">IHBB", 6 << 28, size, UDP, HOPS) + addresses


def checksum(data: bytes) -> int:
    """RFC 1071."""
    total: int = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
