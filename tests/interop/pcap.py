"""A pcap file with one RFC 4733 digit, for sipp's play_pcap_audio."""

from __future__ import annotations

import struct

from media.dtmf import EVENTS, payload


def digit(key: str) -> bytes:
    """The file: six packets of the event and three that end it, 20 ms apart."""
    file = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for index in range(9):
        end = index > 5
        event = payload(EVENTS.index(key), end, 160 * min(index + 1, 6))
        rtp = struct.pack(">BBHII", 0x80, 101 | (0x80 if index == 0 else 0), 1000 + index, 16000, 0x1234) + event
        udp = struct.pack(">HHHH", 6000, 6002, 8 + len(rtp), 0) + rtp
        head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\x7f\0\0\1", b"\x7f\0\0\1")
        frame = b"\0" * 12 + b"\x08\0" + head + udp
        file += struct.pack("<IIII", 0, 20000 * index, len(frame), len(frame)) + frame
    return file
