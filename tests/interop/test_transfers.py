"""Independent phones transfer each other through the gateway: blind, after a consultation, and by the verb `Refer`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pytest

from tests.interop.conftest import App, GatewayProcess, wait_for
from tests.interop.makes import Baresip
from tests.interop.pjsua import ended, loudest_hertz, read_wav, start_pjsua
from tests.interop.test_registrations import DOMAIN, USERS, contacts, make, make_domain, phone
from tests.lib.namespace import ALIAS

TRANSFERABLE = "<Response><Dial action='/after' referUrl='/refer'><Sip>{To}</Sip></Dial></Response>"
ONWARD = "<Response><Dial action='/after'><Sip>{ReferTransferTarget}</Sip></Dial></Response>"
ALICE, BOB, CAROL = 440.0, 620.0, 880.0


@contextmanager
def gateway_on(host: str, folder: Path, app: App, monkeypatch: pytest.MonkeyPatch) -> Iterator[GatewayProcess]:
    """A gateway with a domain of three users, whose calls may be transferred."""
    monkeypatch.setitem(USERS, "carol", "Long-and-winding-70")
    gateway = GatewayProcess(folder, host)
    gateway.start()
    try:
        make_domain(gateway, app)
        transferable(app)
        yield gateway
    finally:
        gateway.stop()


@pytest.fixture
def office(tmp_path: Path, app: App, monkeypatch: pytest.MonkeyPatch) -> Iterator[GatewayProcess]:
    """Such a gateway."""
    with gateway_on("127.0.0.1", tmp_path, app, monkeypatch) as gateway:
        yield gateway


def transferable(app: App) -> None:
    """Whoever talks may transfer the other one."""
    app.documents |= {
        "/voice": lambda params: TRANSFERABLE.format(**params),
        "/refer": lambda params: ONWARD.format(ReferTransferTarget=escape(params["ReferTransferTarget"])),
    }


def heard(folder: Path, name: str, first: float, last: float) -> float:
    """The loudest frequency that a phone heard from one second to another, counted from the end where negative."""
    wave = read_wav(folder / f"{name}.wav")
    begin, end = (int(8000 * at) + (len(wave) if at < 0 else 0) for at in (first, last))
    return loudest_hertz(wave[begin:end])


@pytest.mark.interop
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_blind_transfer(office: GatewayProcess, app: App, tmp_path: Path, transport: str) -> None:
    """Alice calls bob, who sends her to carol and is out."""
    carol = start_pjsua(tmp_path, "carol", CAROL, *phone(office, "carol", transport))
    send = ["--transfer-to", f"sip:carol@{DOMAIN}", "--transfer-after", "2"]
    bob = start_pjsua(tmp_path, "bob", BOB, *phone(office, "bob", transport, *send))
    call = ["--call", f"sip:bob@{DOMAIN}", "--hangup-after", "7"]
    alice = start_pjsua(tmp_path, "alice", ALICE, *phone(office, "alice", transport, *call))
    assert [ended(one) for one in (bob, alice, carol)] == ["DISCONNECTED"] * 3
    (refer,) = app.to("/refer")
    assert refer.params["ReferTransferTarget"] == f"sip:carol@{DOMAIN}"
    assert abs(heard(tmp_path, "alice", 0.5, 1.5) - BOB) <= 1
    assert abs(heard(tmp_path, "alice", -2.5, -0.5) - CAROL) <= 1
    assert abs(heard(tmp_path, "carol", 1.0, 3.0) - ALICE) <= 1
    assert [one.params["DialCallStatus"] for one in app.to("/after")] == ["completed"]


@pytest.mark.interop
def test_an_attended_transfer(office: GatewayProcess, app: App, tmp_path: Path) -> None:
    """Alice calls bob; he lets her hold, asks carol, joins the two and is out."""
    carol = start_pjsua(tmp_path, "carol", CAROL, *phone(office, "carol", "udp"))
    ask = ["--consult", f"sip:carol@{DOMAIN}", "--consult-after", "2", "--join-after", "5"]
    bob = start_pjsua(tmp_path, "bob", BOB, *phone(office, "bob", "udp", *ask))
    call = ["--call", f"sip:bob@{DOMAIN}", "--hangup-after", "10"]
    alice = start_pjsua(tmp_path, "alice", ALICE, *phone(office, "alice", "udp", *call))
    assert [ended(one) for one in (bob, alice, carol)] == ["DISCONNECTED"] * 3
    (refer,) = app.to("/refer")
    assert "Replaces=" in refer.params["ReferTransferTarget"]
    assert abs(heard(tmp_path, "bob-2", 0.5, 1.5) - CAROL) <= 1
    assert abs(heard(tmp_path, "carol", 0.5, 1.5) - BOB) <= 1
    assert abs(heard(tmp_path, "alice", -2.5, -0.5) - CAROL) <= 1
    assert abs(heard(tmp_path, "carol", -2.5, -0.5) - ALICE) <= 1


@pytest.mark.interop
def test_refer_moves_a_phone(office: GatewayProcess, app: App, tmp_path: Path) -> None:
    """The document of alice's call tells her phone to call carol instead, and it does; the action says so."""
    carol = start_pjsua(tmp_path, "carol", CAROL, *phone(office, "carol", "udp"))
    move = f"<Response><Refer action='/moved'><Sip>sip:carol@{DOMAIN}</Sip></Refer></Response>"
    app.documents |= {
        "/voice": lambda params: move if "bob@" in params["To"] else TRANSFERABLE.format(**params),
        "/moved": "<Response><Hangup/></Response>",
    }
    call = ["--call", f"sip:bob@{DOMAIN}", "--hangup-after", "8"]
    alice = start_pjsua(tmp_path, "alice", ALICE, *phone(office, "alice", "udp", *call))
    wait_for(lambda: len(app.to("/moved")) == 1, 20, "the end of the Refer")
    moved = app.to("/moved")[0].params
    assert (moved["ReferCallStatus"], moved["ReferSipResponseCode"]) == ("in-progress", "202")
    assert ended(alice) == "DISCONNECTED"
    assert ended(carol) == "DISCONNECTED"
    assert abs(heard(tmp_path, "carol", 1.0, 3.0) - ALICE) <= 1
    assert abs(heard(tmp_path, "alice-2", 1.0, 3.0) - CAROL) <= 1


@pytest.fixture
def mixed(namespace: None, tmp_path: Path, app: App, monkeypatch: pytest.MonkeyPatch) -> Iterator[GatewayProcess]:
    """The same where phones of every make can be."""
    with gateway_on(ALIAS, tmp_path, app, monkeypatch) as gateway:
        yield gateway


def near(gateway: GatewayProcess, user: str, *more: str) -> list[str]:
    """The arguments of a pjsua2 phone there."""
    return phone(gateway, user, "udp", "--host", ALIAS, *more)


@pytest.mark.interop
def test_phones_of_two_makes_go_on_after_a_transfer(mixed: GatewayProcess, app: App, tmp_path: Path) -> None:
    """Alice (pjsua2) calls bob (baresip), sends him to carol (pjsua2) and is out."""
    with make("baresip", mixed, tmp_path, "bob", BOB) as bob:
        wait_for(lambda: len(contacts(mixed)) == 1, 20, "bob's registration")
        carol = start_pjsua(tmp_path, "carol", CAROL, *near(mixed, "carol", "--hangup-after", "5"))
        send = ["--call", f"sip:bob@{DOMAIN}", "--transfer-to", f"sip:carol@{DOMAIN}", "--transfer-after", "3"]
        alice = start_pjsua(tmp_path, "alice", ALICE, *near(mixed, "alice", *send))
        assert [ended(one) for one in (alice, carol)] == ["DISCONNECTED"] * 2
        wait_for(lambda: not mixed.client().calls.list(status="in-progress"), 10, "the end of bob's call")
    assert app.to("/refer")[0].params["ReferTransferTarget"] == f"sip:carol@{DOMAIN}"
    assert abs(heard(tmp_path, "alice", 1.0, 2.5) - BOB) <= 1
    assert abs(heard(tmp_path, "carol", 1.0, 4.0) - BOB) <= 1
    assert isinstance(bob, Baresip)
    bobs = read_wav(bob.heard())
    assert abs(loudest_hertz(bobs[8000:16000]) - ALICE) <= 1
    assert abs(loudest_hertz(bobs[-24000:-8000]) - CAROL) <= 1


@pytest.mark.interop
@pytest.mark.parametrize("kind", ["baresip", "linphone"])
def test_a_blind_transfer_by_another_make(mixed: GatewayProcess, app: App, tmp_path: Path, kind: str) -> None:
    """Alice calls bob, whose phone of that make sends her to carol."""
    with make(kind, mixed, tmp_path, "bob", BOB) as bob:
        wait_for(lambda: len(contacts(mixed)) == 1, 20, "bob's registration")
        carol = start_pjsua(tmp_path, "carol", CAROL, *near(mixed, "carol"))
        call = ["--call", f"sip:bob@{DOMAIN}", "--hangup-after", "8"]
        alice = start_pjsua(tmp_path, "alice", ALICE, *near(mixed, "alice", *call))
        wait_for(lambda: len(mixed.client().calls.list(status="in-progress")) == 2, 10, "the talk")
        bob.says()
        time.sleep(2)
        bob.transfer(f"sip:carol@{DOMAIN}")
        assert [ended(one) for one in (alice, carol)] == ["DISCONNECTED"] * 2
        assert app.to("/refer")[0].params["ReferTransferTarget"] == f"sip:carol@{DOMAIN}"
        assert not mixed.client().calls.list(status="in-progress")
    assert abs(heard(tmp_path, "alice", 1.0, 2.0) - BOB) <= 1
    assert abs(heard(tmp_path, "alice", -2.5, -0.5) - CAROL) <= 1
    assert abs(heard(tmp_path, "carol", 1.0, 3.0) - ALICE) <= 1


@pytest.mark.interop
@pytest.mark.parametrize("kind", ["baresip", "linphone"])
def test_hold_by_another_make(mixed: GatewayProcess, app: App, tmp_path: Path, kind: str) -> None:
    """Bob's phone of that make holds alice, who hears nothing, and then takes up again."""
    with make(kind, mixed, tmp_path, "bob", BOB) as bob:
        wait_for(lambda: len(contacts(mixed)) == 1, 20, "bob's registration")
        call = ["--call", f"sip:bob@{DOMAIN}", "--hangup-after", "9"]
        alice = start_pjsua(tmp_path, "alice", ALICE, *near(mixed, "alice", *call))
        wait_for(lambda: len(mixed.client().calls.list(status="in-progress")) == 2, 10, "the talk")
        bob.says()
        time.sleep(2)
        bob.hold()
        time.sleep(2.5)
        bob.resume()
        time.sleep(0.5)
        bob.says()
        assert ended(alice) == "DISCONNECTED"
    assert app.to("/after")[0].params["DialCallStatus"] == "completed"
    assert quiet_seconds(tmp_path, "alice", BOB) == pytest.approx(2.5, abs=1.0)
    if isinstance(bob, Baresip):
        assert abs(loudest_hertz(read_wav(bob.heard())[-16000:-8000]) - ALICE) <= 1


def quiet_seconds(folder: Path, name: str, hertz: float) -> float:
    """How long a phone heard nothing between two times that it heard a tone, in one piece."""
    wave = read_wav(folder / f"{name}.wav")
    pieces = [wave[at : at + 1600] for at in range(0, len(wave) - 1600, 1600)]
    quiet = [int(np.abs(piece.astype(np.int32)).max()) < 100 for piece in pieces]
    tones = [n for n, piece in enumerate(pieces) if not quiet[n] and abs(loudest_hertz(piece) - hertz) <= 5]
    gaps = [late - early for early, late in pairwise(tones) if late - early > 1]
    (gap,) = gaps
    return (gap - 1) / 5
