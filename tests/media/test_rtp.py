"""Packet headers as columns, and reports from them."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from media import rtcp, rtp
from media.ports import Ports
from media.rtp import WIDTH, Headers
from tests.lib.rig import plan_of


def parsed(*packets: bytes) -> Headers:
    data = np.zeros((len(packets), WIDTH), np.uint8)
    for row, packet in zip(data, packets, strict=True):
        row[: len(packet)] = np.frombuffer(packet[:WIDTH], np.uint8)
    return rtp.parse(data, np.array([len(packet) for packet in packets]))


def packet(first: int = 0x80, second: int = 0, body: bytes = b"\1" * 160, sequence: int = 1, stamp: int = 2) -> bytes:
    return struct.pack(">BBHII", first, second, sequence, stamp, 0xDEADBEEF) + body


def test_a_plain_header() -> None:
    one = parsed(packet(second=0x80 | 101, sequence=65535, stamp=2**32 - 1))
    assert (one.ok[0], one.marker[0], one.payload_type[0]) == (True, True, 101)
    assert (one.sequence[0], one.timestamp[0], one.ssrc[0]) == (65535, 2**32 - 1, 0xDEADBEEF)
    assert (one.start[0], one.size[0]) == (12, 160)


def test_sources_extension_and_padding_are_stepped_over() -> None:
    body = bytes(8) + struct.pack(">HH", 0xBEDE, 2) + bytes(8) + b"\1" * 160 + bytes(3) + b"\4"
    one = parsed(packet(first=0x80 | 0x20 | 0x10 | 2, body=body))
    assert (one.ok[0], one.start[0], one.size[0]) == (True, 12 + 8 + 4 + 8, 160)


@pytest.mark.parametrize(
    "bad",
    [b"", b"\x80", packet()[:11], packet(first=0x40), packet(first=0x8F, body=b"\0" * 8), packet(first=0x90, body=b"")],
    ids=["empty", "one byte", "short", "version", "sources cut off", "extension cut off"],
)
def test_what_does_not_add_up_is_not_ok(bad: bytes) -> None:
    assert parsed(packet(), bad).ok.tolist() == [True, False]


def test_padding_longer_than_the_packet_is_not_ok() -> None:
    assert not parsed(packet(first=0xA0, body=b"\1\1\xff")).ok[0]


def test_what_is_packed_is_parsed_again() -> None:
    data = np.zeros((3, WIDTH), np.uint8)
    columns = [
        np.array(column) for column in ([0, 8, 101], [0, 40000, 65535], [0, 2**31, 2**32 - 1], [1, 2, 2**32 - 1])
    ]
    marker = np.array([True, False, True])
    rtp.pack(data, columns[0], marker, *columns[1:])
    headers = rtp.parse(data, np.full(3, 172))
    read = [headers.payload_type, headers.sequence, headers.timestamp, headers.ssrc]
    assert [one.tolist() for one in read] == [column.tolist() for column in columns]
    assert headers.marker.tolist() == marker.tolist()


@pytest.mark.parametrize(("ahead", "of", "steps"), [(5, 3, 2), (3, 5, -2), (2, 65534, 4), (65534, 2, -4)])
def test_serial_arithmetic_wraps(ahead: int, of: int, steps: int) -> None:
    assert rtp.distance(np.array([ahead]), np.array([of]), 16).tolist() == [steps]


def reception(sequences: list[int]) -> rtcp.Reports:
    reports = rtcp.Reports(1)
    reports.begin(0, 0xDEADBEEF, sequences[0] & 0xFFFF, 0, 0.0)
    for tick, sequence in enumerate(sequences):
        reports.received(
            np.zeros(1, np.int64), parsed(packet(sequence=sequence & 0xFFFF, stamp=tick * 160)), tick * 0.02
        )
    return reports


def test_loss_is_counted_across_the_wrap() -> None:
    quality = reception([number for number in range(65500, 65600) if number % 10]).quality(0)
    assert (quality.expected, quality.lost) == (99, 9)
    assert quality.jitter_ms < 1e-9


def test_repeats_and_disorder_are_no_loss() -> None:
    assert reception([1, 3, 2, 2, 4]).quality(0).lost == 0


def test_a_sender_report_has_its_parts() -> None:
    ports, reports = Ports(1), reception([1, 2, 4])
    ports.take(0, 0xABCD, 7, 1000)
    ports.connect(0, plan_of(0), 0.0)
    ports.packets_out[0], ports.bytes_out[0] = 50, 8000
    data = reports.report(ports, 0, 10.5)
    first, kind, words = struct.unpack_from(">BBH", data)
    assert (first, kind, words) == (0x81, 200, 12)
    ssrc, _, fraction_of_second, stamp, packets, octets = struct.unpack_from(">IIIIII", data, 4)
    assert (ssrc, fraction_of_second, stamp, packets, octets) == (0xABCD, 2**31, 1000, 50, 8000)
    source, lost, highest = struct.unpack_from(">III", data, 28)
    assert (source, lost & 0xFFFFFF, lost >> 24, highest) == (0xDEADBEEF, 1, 64, 4)
    assert data[52:56] == struct.pack(">BBH", 0x81, 202, (len(data) - 56) // 4)


def test_a_report_says_how_long_ago_the_peer_s_own_was_heard() -> None:
    """RFC 3550 §6.4.1: LSR, and DLSR in units of 1/65536 s; both zero as long as there was none."""
    ports, reports = Ports(1), reception([1])
    ports.take(0, 1, 1, 1)
    assert struct.unpack_from(">II", reports.report(ports, 0, 5.0), 24) == (0, 0)
    assert reports.heard(0, struct.pack(">BBHIIIIII", 0x80, 200, 6, 7, 0x11112222, 0x33334444, 0, 1, 160), 1, 5.5)
    assert struct.unpack_from(">II", reports.report(ports, 0, 7.0), 24) == (0x22223333, 98304)


def test_who_sent_nothing_reports_as_receiver() -> None:
    ports = Ports(1)
    ports.take(0, 1, 1, 1)
    assert reception([1]).report(ports, 0, 0.0)[1] == 201


def test_reports_of_the_peer_are_read_and_junk_is_left() -> None:
    reports = rtcp.Reports(1)
    blocks = [struct.pack(">IIIIII", ssrc, lost, 0, 0, 0, 0) for ssrc, lost in ((9, 5), (1, 77))]
    about = struct.pack(">BBHI", 0x82, 201, 13, 5) + b"".join(blocks)
    assert reports.heard(0, about, 1, 1.0)
    assert reports.lost_far[0] == 77
    for junk in (b"", b"\x81", b"\x81\xc9\xff\xff" + bytes(8), b"\x00" * 40, bytes(range(128, 255))):
        assert not reports.heard(0, junk, 1, 1.0)
    for end in range(len(about)):
        reports.heard(0, about[:end], 1, 1.0)
    assert reports.heard(0, struct.pack(">BBHI", 0x81, 203, 1, 5), 1, 1.0), "BYE is RTCP, and ends nothing"
    other = struct.pack(">BBHI", 0x81, 201, 7, 5) + struct.pack(">IIIIII", 2, 99, 0, 0, 0, 0)
    assert reports.heard(0, other, 1, 1.0)
    assert reports.lost_far[0] == 77, "it is about another stream than ours"
