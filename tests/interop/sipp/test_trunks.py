"""Trunks as operators set them: who may call in, one-way audio, changes while calls are up."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.interop import scenario as s
from tests.interop.conftest import NUMBER, App, GatewayProcess, wait_for
from tests.interop.pjsua import ended, start_pjsua
from tests.interop.sipp.carrier import Carrier
from tests.interop.sipp.conftest import ENDS, Stage
from tests.interop.sipp.test_transports import TCP, over_tls
from tests.lib.certificates import Authority
from tests.lib.tls_relay import TlsRelay

pytestmark = pytest.mark.interop

ACME = '[[trunks]]\nname = "acme"\naddresses = ["127.0.0.1"]\ninbound_username = "acme"\ninbound_password = "s3cret"\n'


@contextmanager
def asking(folder: Path, app: App, algorithm: str) -> Iterator[Stage]:
    """A gateway whose trunk has to log in, and that offers one algorithm."""
    one = GatewayProcess(folder)
    one.config.write_text(f'[sip]\ndigest = ["{algorithm}"]\n{ACME}')
    one.start()
    one.client().incoming_phone_numbers.create(phone_number=NUMBER, voice_url=app.url("/voice"))
    stage = Stage(one, app)
    stage.runs(ENDS)
    try:
        yield stage
    finally:
        one.stop()


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, web: App) -> Iterator[Stage]:
    """Where one logs in."""
    with asking(tmp_path_factory.mktemp("asking"), web, "MD5") as stage:
        yield stage


class TestLogins:
    """A digest user; sipp knows MD5 alone."""

    def logging_in(self, username: str, password: str) -> tuple[str, ...]:
        """INVITE, 401, ACK, INVITE with credentials."""
        login = f"[authentication username={username} password={password}]"
        return (
            s.invite(), s.expect(100, optional=True), s.expect(401, auth=True, WWW_Authenticate="algorithm=MD5"),
            s.ack_failure(), s.invite(None, login, cseq=2),
        )  # fmt: skip

    def test_a_user_logs_in(self, door: Stage, carrier: Carrier) -> None:
        door.runs(ENDS)
        carrier.call(
            door.sip, *self.logging_in("acme", "s3cret"), *s.RING, s.expect(200), s.ack(2), *s.ENDED
        )  # fmt: skip
        door.ended("completed")

    @pytest.mark.parametrize("login", [("acme", "wrong"), ("nobody", "s3cret")], ids=["password", "user"])
    def test_a_wrong_login_is_asked_again_and_told_nothing(
        self, door: Stage, carrier: Carrier, login: tuple[str, str]
    ) -> None:
        door.runs(ENDS)
        carrier.call(
            door.sip, *self.logging_in(*login), s.expect(100, optional=True),
            s.expect(401, WWW_Authenticate="Digest realm"), s.ack_failure(2),
        )  # fmt: skip
        assert "stale" not in carrier.messages()
        assert door.app.to("/voice") == []
        lines = door.gateway.operator("GET", "refusals/127.0.0.1")["refusals"]
        assert f"wrong password or unknown user '{login[0]}'" in lines[0]["reason"]


@pytest.mark.parametrize(("password", "calls"), [("s3cret", 1), ("wrong", 0)])
def test_a_phone_logs_in_with_sha_256(tmp_path: Path, app: App, password: str, calls: int) -> None:
    """pjsua2, where nothing weaker is offered."""
    with asking(tmp_path, app, "SHA-256") as stage:
        uri = f"sip:{NUMBER}@{stage.sip}"
        phone = start_pjsua(tmp_path, "acme", 440.0, "--call", uri, "--login", f"acme:{password}")
        assert ended(phone) == "DISCONNECTED"
        assert len(app.to("/voice")) == calls


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_a_certificate_admits_without_a_login(
    stage: Stage, carrier: Carrier, authority: Authority, known: bool
) -> None:
    """`asked` has to log in from this machine; the certificate's trunk has not."""
    name = "sbc.carrier.example"
    login = {"inbound_username": "asked", "inbound_password": "s3cret"}
    stage.gateway.operator("PUT", "trunks/asked", {"addresses": ["127.0.0.1/32"], **login})
    stage.gateway.operator("PUT", "trunks/certified", {"certificates": [name if known else "other.example"]})
    host, _, port = tomllib.loads(stage.gateway.config.read_text())["sip"]["tls_listen"].rpartition(":")
    files = authority.issue(name, "127.0.0.1", file="carrier")
    answers = (*s.ANSWERED, *s.BYE) if known else (s.expect(100, optional=True), s.expect(401), s.ack_failure())
    with TlsRelay((host, int(port)), files, authority.path, serves=False) as relay:
        carrier.call(f"127.0.0.1:{relay.port}", *over_tls(s.invite(), *answers), options=TCP)
    for trunk in ("asked", "certified"):
        stage.gateway.operator("DELETE", f"trunks/{trunk}")


def test_one_way_audio_is_told_with_where_it_goes(stage: Stage, carrier: Carrier) -> None:
    """sipp sends no audio."""
    carrier.call(stage.sip, s.invite(), *s.ANSWERED, s.pause(4200), *s.BYE)
    stage.ended("completed")
    notes = stage.gateway.client().calls(stage.sid()).notifications.list()
    (text,) = [note.message_text for note in notes if note.error_code == "53405"]
    assert text.startswith("one-way audio: sending to 127.0.0.1:")
    assert "nothing received for " in text


def test_a_trunk_that_goes_leaves_its_calls_alone(stage: Stage, carrier: Carrier) -> None:
    stage.gateway.operator("PUT", "trunks/out", {"uris": [carrier.uri]})
    stage.gateway.operator("PUT", "routes/%2B44", {"trunks": ["out"]})
    talk = "<Response><Pause length='2'/></Response>"
    with carrier.answering(s.asked("INVITE"), s.TAKES, s.asked("ACK"), *s.ENDED):
        sid = stage.places(talk, to="+442071838750")
        wait_for(lambda: stage.gateway.client().calls(sid).fetch().status == "in-progress", 5, "the answer")
        assert stage.gateway.operator("GET", "trunks/out")["status"]["calls"] == 1
        stage.gateway.operator("DELETE", "routes/%2B44")
        stage.gateway.operator("DELETE", "trunks/out")
        stage.ended("failed", stage.places(talk, to="+442071838750"))
    stage.ended("completed", sid)
    assert int(stage.gateway.client().calls(sid).fetch().duration) in (2, 3)
