"""Ten thousand mutated messages over UDP and as many over TCP, while a call with audio both ways is up and stays so."""

from __future__ import annotations

import contextlib
import json
import math
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.interop.conftest import NUMBER, ROOT, App, GatewayProcess, wait_for
from tests.interop.pjsua import ended, loudest_hertz, read_wav, start_pjsua
from tests.lib.mutator import mutated
from tests.lib.ports import free_port

MESSAGES = 10_000
RATE = 600.0  # in a second
IDLE = ("calls", "ports_in_use", "dialogs", "transactions", "tasks", "sip_connections", "open_fds")
CONFIG = """
[sip]
public_address = "127.0.0.1"

[[trunks]]
name = "acme"
addresses = ["127.0.0.1"]
"""

Live = tuple[str, str]
Send = Callable[[GatewayProcess, Live, Random], None]


def address(gateway: GatewayProcess) -> tuple[str, int]:
    host, _, port = gateway.sip.rpartition(":")
    return host, int(port)


def source(random: Random, number: int) -> str:
    """The trunk's address, or that of a stranger: each of them sends a few, so that they are read."""
    return "127.0.0.1" if random.random() < 0.5 else f"127.1.{number // 2000}.{number // 8 % 250 + 1}"


def paced(number: int, began: float) -> None:
    time.sleep(max(0.0, began + number / RATE - time.monotonic()))


def over_udp(gateway: GatewayProcess, live: Live, random: Random) -> None:
    began = time.monotonic()
    for number in range(MESSAGES):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.bind((source(random, number), 0))
            one.sendto(mutated(random, "UDP", one.getsockname()[1], live), address(gateway))
        paced(number, began)


def over_tcp(gateway: GatewayProcess, live: Live, random: Random) -> None:
    """Several messages to a connection, as long as it lasts."""
    began, number = time.monotonic(), 0
    while number < MESSAGES:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as one, contextlib.suppress(OSError):
            one.settimeout(5)
            one.bind((source(random, number), 0))
            one.connect(address(gateway))
            for _ in range(random.randrange(1, 10)):
                number += 1
                paced(number, began)
                one.sendall(mutated(random, "TCP", one.getsockname()[1], live))
                if select.select([one], [], [], 0)[0]:
                    one.recv(1 << 16)


def call(gateway: GatewayProcess, folder: Path, name: str, disturb: Callable[[Live], None]) -> dict[str, Any]:
    """A call through the gateway to pjsua2, both saying a tone; what both ends saw."""
    bob = start_pjsua(folder, name, 620.0, "--port", (folder / "port").read_text(), "--patience", "200")
    phone = subprocess.Popen(
        [sys.executable, "-m", "tests.interop.raw_phone", gateway.sip, NUMBER], cwd=ROOT,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert phone.stdout is not None
        word, *live = phone.stdout.readline().split()
        assert word == "up"
        began = time.monotonic()
        disturb((live[0], live[1]))
        out, _ = phone.communicate(timeout=60)
        seen: dict[str, Any] = json.loads(out)
        seen["seconds"] = time.monotonic() - began
        assert ended(bob) == "DISCONNECTED"
    finally:
        for one in (bob, phone):
            one.kill()
            one.communicate()
    heard = read_wav(folder / f"{name}.wav").astype(float)[12000:-8000]
    seen["bob"] = {"hertz": loudest_hertz(heard[:40000]), "level": 20 * math.log10((heard**2).mean() ** 0.5 / 32768)}
    return seen


def memory(gateway: GatewayProcess) -> int:
    """Resident kilobytes."""
    assert gateway.process is not None
    text = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0])


@pytest.mark.interop
@pytest.mark.parametrize("send", [over_udp, over_tcp])
def test_a_call_goes_on_while_ten_thousand_mutated_messages_come(tmp_path: Path, app: App, send: Send) -> None:
    gateway, port = GatewayProcess(tmp_path), free_port()
    gateway.config.write_text(CONFIG)
    (tmp_path / "port").write_text(str(port))
    dial = f"<Response><Dial answerOnBridge='true'><Sip>sip:bob@127.0.0.1:{port}</Sip></Dial></Response>"
    app.documents = {"/voice": dial}
    gateway.start()
    try:
        gateway.client().incoming_phone_numbers.create(
            phone_number=NUMBER, voice_url=app.url("/voice"), status_callback=app.url("/status")
        )
        undisturbed = call(gateway, tmp_path, "calm", lambda _: time.sleep(15))
        wait_for(lambda: gateway.metric("transactions") == 0, 40, "the end of the first call's transactions")
        before, began = {name: gateway.metric(name) for name in IDLE}, memory(gateway)
        disturbed = call(gateway, tmp_path, "disturbed", lambda live: send(gateway, live, Random(11)))
        grown = memory(gateway) - began
        print(f"{send.__name__}: undisturbed {undisturbed}, disturbed {disturbed}, {grown} kB more", file=sys.stderr)
        for seen in (undisturbed, disturbed):
            assert seen["bye"] == 200
            assert abs(seen["hertz"] - 620) <= 1
            assert abs(seen["bob"]["hertz"] - 440) <= 1
        assert disturbed["gap"] <= undisturbed["gap"] + 40
        assert abs(disturbed["level"] - undisturbed["level"]) <= 0.5
        assert abs(disturbed["bob"]["level"] - undisturbed["bob"]["level"]) <= 0.5
        assert abs(disturbed["packets"] - 50 * disturbed["seconds"]) <= 60
        wait_for(lambda: len(app.to("/status")) == 2, 5, "the callbacks")
        assert [one.params["CallStatus"] for one in app.to("/status")] == ["completed"] * 2
        assert abs(int(app.to("/status")[1].params["CallDuration"]) - disturbed["seconds"]) <= 2

        def left() -> dict[str, float]:
            return {name: now for name in before if (now := gateway.metric(name)) > before[name]}

        with contextlib.suppress(AssertionError):
            wait_for(lambda: not left(), 75, "idle metrics")
        assert left() == {}, before
        assert grown < 60_000
        assert gateway.metric("worker_restarts") == 0
        log = (tmp_path / "log").read_text()
        assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:4000]
        assert gateway.process is not None
        assert gateway.process.poll() is None
    finally:
        gateway.stop()
