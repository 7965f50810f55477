"""Two whole gateways on one range of RTP ports: each skips what the other has, and nobody hears another's call."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.interop.conftest import NUMBER, App, GatewayProcess
from tests.interop.raw_phone import PACKET, RawPhone

CALLS, FRAMES = 3, 75  # of each gateway
SILENCE = {0x7F, 0xFF}  # µ-law has two zeros


@pytest.fixture
def both(tmp_path: Path, app: App) -> Iterator[list[GatewayProcess]]:
    """Two gateways that have just as many ports as all their calls need."""
    app.documents["/voice"] = "<Response><Echo/></Response>"
    with ExitStack() as stack:
        found: list[GatewayProcess] = []
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            one = GatewayProcess(tmp_path / name)
            one.rtp, one.rtp_ports = (found[0] if found else one).rtp, 2 * 2 * CALLS
            stack.callback(one.stop)
            one.start()
            one.client().incoming_phone_numbers.create(phone_number=NUMBER, voice_url=app.url("/voice"))
            found.append(one)
        yield found


def phone_of(gateway: GatewayProcess, stack: ExitStack) -> RawPhone:
    host, port = gateway.sip.split(":")
    return stack.enter_context(closing(RawPhone((host, int(port)), NUMBER)))


def say(phones: list[RawPhone], frame: int) -> None:
    """A frame of each, in which every byte says whose it is."""
    for number, phone in enumerate(phones):
        head = struct.pack(">BBHII", 0x80, 0, frame, frame * PACKET, 77)
        phone.rtp.sendto(head + bytes([number + 1] * PACKET), phone.remote)


def heard(phone: RawPhone) -> list[bytes]:
    """The payloads that came."""
    phone.rtp.settimeout(0)
    found = []
    while True:
        try:
            found.append(phone.rtp.recv(2048)[12:])
        except BlockingIOError:
            return found


@pytest.mark.alone
@pytest.mark.interop
def test_calls_of_two_gateways_share_the_ports_and_no_packet(both: list[GatewayProcess]) -> None:
    with ExitStack() as stack:
        phones = [phone_of(both[number % 2], stack) for number in range(2 * CALLS)]
        talk(both, phones)
        for gateway in both:
            refused = phone_of(gateway, stack).invite()
            assert refused.startswith("SIP/2.0 503"), refused[:200]
        both[0].stop()
        after = phone_of(both[1], stack)
        after.dial()
        assert after.remote[1] in {phone.remote[1] for phone in phones[::2]}  # those of the one that has gone


def talk(both: list[GatewayProcess], phones: list[RawPhone]) -> None:
    """All of them call, and hear their own echo."""
    for phone in phones:
        phone.dial()
    first = both[0].rtp
    assert sorted(phone.remote[1] for phone in phones) == list(range(first, first + 4 * CALLS, 2))
    began = time.monotonic()
    for frame in range(FRAMES):
        say(phones, frame)
        time.sleep(max(0.0, began + 0.02 * (frame + 1) - time.monotonic()))
    time.sleep(0.3)
    for number, phone in enumerate(phones):
        echoed = [one for one in heard(phone) if not set(one) <= SILENCE]
        assert set(echoed) == {bytes([number + 1] * PACKET)}
        assert FRAMES - 5 <= len(echoed) <= FRAMES  # the first ones may come before the echo begins
