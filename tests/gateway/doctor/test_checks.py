"""Each check over facts: the good case, each way to be wrong, and the cure."""

from __future__ import annotations

import errno
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.config import Settings
from gateway.doctor import carriers, certificates, listeners, machine, storage
from gateway.doctor.carriers import Way
from gateway.doctor.certificates import Certificate
from gateway.doctor.finding import Finding, Level, fine, wrong
from gateway.doctor.listeners import Listener
from gateway.doctor.machine import Machine
from gateway.doctor.storage import Base, Folder
from gateway.sections import Http, Media, Sip, Stir
from gateway.trunks.model import Trunk
from sip.outputs import Target

NOW = datetime(2024, 6, 1, tzinfo=UTC)
OUTSIDE = "93.184.216.34"
OPEN = Settings(sip=Sip(listen="0.0.0.0:5060"))


def only(found: list[Finding]) -> tuple[str, str, str]:
    """Level, sentence and cure of the one finding."""
    (one,) = found
    return str(one.level), one.what, one.cure


def test_a_line_says_how_bad_what_and_the_cure() -> None:
    assert str(fine("clock", "is kept right")) == "ok       clock: is kept right"
    assert str(wrong("data /d", "is full", "make room")) == "error    data /d: is full. Cure: make room"


@pytest.mark.parametrize(
    ("error", "running", "level", "words"),
    [
        (0, False, Level.OK, "free"),
        (errno.EADDRINUSE, True, Level.OK, "the gateway is running"),
        (errno.EADDRINUSE, False, Level.ERROR, "another program uses it"),
        (errno.EADDRNOTAVAIL, False, Level.ERROR, "does not have this address"),
        (errno.EACCES, True, Level.ERROR, "may not bind"),
        (socket.EAI_NONAME, False, Level.ERROR, "this name has no address"),
        (errno.EAFNOSUPPORT, False, Level.ERROR, "EAFNOSUPPORT"),
    ],
)
def test_listeners(error: int, running: bool, level: Level, words: str) -> None:
    one = Listener("sip.listen", "udp", "192.0.2.1", 5060, error)
    (found,) = listeners.check([one], running=running)
    assert found.level is level
    assert words in found.what
    assert bool(found.cure) is (level is not Level.OK)
    assert found.subject == "sip.listen 192.0.2.1:5060 (udp)"


def test_binding_tells_what_is_free_and_what_is_not() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert listeners.bound("s", "udp", "127.0.0.1", port).error == errno.EADDRINUSE
    assert listeners.bound("s", "udp", "127.0.0.1", port).error == 0
    assert listeners.bound("s", "tcp", "198.51.100.7", 5060).error == errno.EADDRNOTAVAIL
    assert listeners.bound("s", "tcp", "no such name", 5060).error == socket.EAI_NONAME


def test_the_settings_that_listen_are_named() -> None:
    settings = Settings(
        http=Http(listen="127.0.0.1:0", operator="127.0.0.1:0"),
        sip=Sip(listen="127.0.0.1:0", ws_listen="127.0.0.1:0", extra_listen=("udp:[::1]:0",)),
    )
    names = [(one.setting, one.transport) for one in listeners.gather(settings)]
    assert names == [
        ("http.listen", "tcp"), ("http.operator", "tcp"), ("sip.listen", "udp"), ("sip.listen", "tcp"),
        ("sip.ws_listen", "ws"), ("sip.extra_listen", "udp"),
    ]  # fmt: skip


def test_tokens_in_the_clear() -> None:
    assert listeners.open_to_strangers(Settings()) == []
    level, what, cure = only(listeners.open_to_strangers(Settings(http=Http(listen="0.0.0.0:8080"))))
    assert (level, "unencrypted" in what, "http.tls_cert" in cure) == ("warning", True, True)


# carriers


def way(host: str = OUTSIDE, **other: Any) -> Way:
    fields = {"targets": (Target("udp", host, 5060, "sbc"),), "source": "10.0.0.5", "media": "203.0.113.9", **other}
    return Way("acme", "sip:sbc.example", "uris", **fields)


@pytest.mark.parametrize(
    ("one", "settings", "level", "words", "cure"),
    [
        (way(media=OUTSIDE), OPEN, "ok", f"is udp {OUTSIDE} port 5060; SDP says", ""),
        (way("127.0.0.1", source="127.0.0.1", media="127.0.0.1"), Settings(), "ok", "SDP says 127.0.0.1", ""),
        (way("10.0.0.9", media="10.0.0.5"), OPEN, "ok", "SDP says 10.0.0.5", ""),
        (way(targets=(), failed=("sbc.example (NAPTR)",)), OPEN, "error", "no DNS server answers", "sip.nameservers"),
        (way(targets=()), OPEN, "error", "has no server in DNS", "correct uris of the trunk"),
        (way(), Settings(), "error", "SIP listens on loopback alone", 'set sip.listen = "0.0.0.0:5060"'),
        (way(media=OUTSIDE, contact="10.0.0.5"), OPEN, "warning", "the private 10.0.0.5", "set sip.public_address"),
        (way("10.0.0.9", media="10.0.0.5", contact="10.0.0.5"), OPEN, "ok", "SDP says", ""),
        (way(media="127.0.0.1"), OPEN, "error", "which is itself", "set media.public_address"),
        (way(media="10.0.0.5"), OPEN, "error", "the private 10.0.0.5", "set media.public_address"),
        (way("10.0.0.9", media="10.1.1.1"), OPEN, "warning", "comes from 10.0.0.5", "media.rtp"),
        (way(source=None, media=OUTSIDE), OPEN, "error", "there is no way", "a route"),
    ],
)
def test_the_way_to_a_trunk(one: Way, settings: Settings, level: str, words: str, cure: str) -> None:
    found = only(carriers.check([one], settings))
    assert found[0] == level
    assert words in found[1]
    assert cure in found[2]


def test_signatures_need_keys_and_roots() -> None:
    trunks = [Trunk(name="a", attestation="A"), Trunk(name="v", verify_identity=True), Trunk(name="n")]
    found = carriers.signatures(trunks, Settings())
    assert [(one.subject, one.level, "stir." in one.cure) for one in found] == [
        ("trunk a", Level.ERROR, True), ("trunk v", Level.ERROR, True),
    ]  # fmt: skip
    stir = Stir(roots=Path("r"), certificate=Path("c"), key=Path("k"))
    assert carriers.signatures(trunks, Settings(stir=stir)) == []


# the machine

RTP = Settings(media=Media(rtp="0.0.0.0:20000-29999"))


@pytest.mark.parametrize(
    ("facts", "level"),
    [
        (Machine(None), "ok"),
        (Machine((32768, 60999)), "ok"),
        (Machine((1024, 60999)), "warning"),
        (Machine((29999, 60999)), "warning"),
        (Machine((1024, 60999), ((20000, 29999),)), "ok"),
        (Machine((1024, 60999), ((20000, 25000),)), "warning"),
    ],
)
def test_ports_that_the_system_gives_away(facts: Machine, level: str) -> None:
    found = only(machine.ports(RTP, facts))
    assert found[0] == level
    assert ("ip_local_reserved_ports=20000-29999" in found[2]) is (level == "warning")


@pytest.mark.parametrize(("files", "workers", "level"), [(20000, 1, "ok"), (1024, 1, "warning"), (1024, 20, "ok")])
def test_open_files(files: int, workers: int, level: str) -> None:
    settings = Settings(media=Media(rtp="0.0.0.0:20000-29999", workers=workers))
    found = only(machine.files(settings, Machine(files=files)))
    assert found[0] == level
    if level == "warning":
        assert "enough for 412 calls a worker, media.rtp has 5000" in found[1]
        assert "LimitNOFILE=10200" in found[2]


def test_speech() -> None:
    missing = 'flite is not installed (apt-get install flite, or [speech] engine = "auto")'
    found = only(machine.speech(RTP, Machine(speech_error=missing)))
    assert found == ("error", "flite is not installed", 'apt-get install flite, or [speech] engine = "auto"')
    assert only(machine.speech(RTP, Machine()))[0] == "ok"


@pytest.mark.parametrize(("known", "levels"), [(None, []), (True, [Level.OK]), (False, [Level.WARNING])])
def test_the_clock(known: bool | None, levels: list[Level]) -> None:
    assert [one.level for one in machine.clock(Machine(synchronised=known))] == levels


def test_this_machine_says_what_it_has() -> None:
    found = machine.gather(Settings())
    assert found.given_away is not None
    assert found.given_away[0] < found.given_away[1]
    assert found.files > 0
    assert machine._ranges("1000-2000,3000\n") == [(1000, 2000), (3000, 3000)]


# storage


@pytest.mark.parametrize(
    ("facts", "level", "words"),
    [
        (Folder(Path("/d")), "ok", "can be written to"),
        (Folder(Path("/d"), exists=False), "ok", "will be made"),
        (Folder(Path("/d"), writable=False), "error", "may not write"),
        (Folder(Path("/d"), exists=False, writable=False), "error", "may not make"),
    ],
)
def test_the_data_folder(facts: Folder, level: str, words: str) -> None:
    found = only(storage.folder(facts))
    assert found[0] == level
    assert words in found[1]


def test_secrets_and_room() -> None:
    _, secret, room = storage.folder(Folder(Path("/d"), free=5 << 20, open_secrets=("secret.key",)))
    assert (secret.level, secret.cure) == (Level.ERROR, "chmod 600 /d/secret.key")
    assert (room.level, room.what) == (Level.WARNING, "only 5 MB are free")


def test_the_folder_is_looked_at_and_not_changed(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    found = storage.gather_folder(Settings(data=folder))
    assert (found.exists, found.writable, found.open_secrets) == (False, True, ())
    assert list(tmp_path.iterdir()) == []
    folder.mkdir(parents=True)
    (folder / "secret.key").touch(0o640)
    (folder / "credentials.json").touch(0o600)
    assert storage.gather_folder(Settings(data=folder)).open_secrets == ("secret.key",)


@pytest.mark.parametrize(
    ("facts", "level", "words"),
    [
        (Base("u"), "ok", "is empty"),
        (Base("u", revision="3", newest="3"), "ok", "up to date"),
        (Base("u", revision="2", newest="3"), "ok", "from 2 to 3"),
        (Base("u", revision="9", newest="3", known=False), "error", "newer version (schema 9)"),
        (Base("u", error="refused"), "error", "does not answer: refused"),
    ],
)
def test_the_database(facts: Base, level: str, words: str) -> None:
    found = only(storage.database(facts))
    assert found[0] == level
    assert words in found[1]


# certificates


@pytest.mark.parametrize(
    ("start", "end", "level", "words"),
    [
        (-10, 100, "ok", "holds until 2024-09-09"),
        (-10, 13, "warning", "expires on 2024-06-14"),
        (-10, -1, "error", "has expired on 2024-05-31"),
        (1, 100, "error", "holds only from 2024-06-02 on"),
    ],
)
def test_the_dates_of_certificates(start: int, end: int, level: str, words: str) -> None:
    dates = (NOW + timedelta(days=start), NOW + timedelta(days=end))
    found = only(certificates.check([Certificate("sip.tls_cert", Path("c.pem"), *dates)], NOW))
    assert (found[0], found[1]) == (level, words)


def test_a_certificate_that_cannot_be_used() -> None:
    found = only(certificates.check([Certificate("sip.tls_cert", Path("c.pem"), problem="cannot be read")], NOW))
    assert found == ("error", "cannot be read", "correct sip.tls_cert")
