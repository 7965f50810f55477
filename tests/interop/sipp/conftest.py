"""One gateway and one app for all scenarios; the far ends are each test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.conftest import NUMBER, App, GatewayProcess, serving, wait_for
from tests.interop.sipp.carrier import Carrier
from tests.interop.sipp.patience import Patience, patience
from tests.lib.certificates import Authority
from tests.lib.ports import free_port

TALKS = "<Response><Gather timeout='60'/></Response>"  # answers at once, and listens
ENDS = "<Response><Hangup/></Response>"  # answers, and ends it
RINGS = "<Response><Pause length='60'/></Response>"
DIALLED = "+12125550123"


@pytest.fixture(scope="session")
def web() -> Iterator[App]:
    """The app."""
    with serving() as one:
        yield one


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whose certificates are trusted."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory, web: App, authority: Authority) -> Iterator[GatewayProcess]:
    """The gateway, with its number bought, and a certificate for its TLS."""
    files = authority.issue("127.0.0.1", file="gateway", ca=True)
    one = GatewayProcess(tmp_path_factory.mktemp("gateway"))
    tls = f'tls_listen = "127.0.0.1:{free_port()}"\ntls_cert = "{files.cert}"\ntls_key = "{files.key}"\n'
    one.config.write_text(f'[sip]\n{tls}tls_ca = "{files.ca}"\n')
    one.start()
    one.client().incoming_phone_numbers.create(phone_number=NUMBER, voice_url=web.url("/voice"))
    yield one
    one.stop()


@pytest.fixture(scope="session", autouse=True)
def patient(
    request: pytest.FixtureRequest, host: GatewayProcess, web: App, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Patience | None]:
    """The scenarios that take their time, from the first test on; not where none of them is asked for."""
    if not any(item.nodeid.partition("::")[0].endswith("test_timers.py") for item in request.session.items):
        yield None
        return
    with patience(host, web, tmp_path_factory.mktemp("patience")) as one:
        yield one


class Stage:
    """The gateway as a scenario sees it: what its number does, and the calls it places."""

    def __init__(self, gateway: GatewayProcess, app: App) -> None:
        self.gateway, self.app = gateway, app

    @property
    def sip(self) -> str:
        """HOST:PORT of its SIP."""
        return self.gateway.sip

    def runs(self, voice: str, **others: str) -> None:
        """What the number's document is, and what is at other paths."""
        self.app.asked.clear()
        self.app.documents |= {"/voice": voice} | {f"/{path}": text for path, text in others.items()}

    def places(self, twiml: str = ENDS, *, to: str = DIALLED, **more: object) -> str:
        """A call out, by the REST API; its SID."""
        return str(self.gateway.client().calls.create(to=to, from_=NUMBER, twiml=twiml, **more).sid)

    def trunk(self, uri: str, **fields: object) -> None:
        """Calls out go there."""
        self.gateway.operator("PUT", "trunks/acme", {"uris": [uri], **fields})
        self.gateway.operator("PUT", "routes/%2B1", {"trunks": ["acme"]})

    def sid(self) -> str:
        """The call that came in."""
        return self.app.wait_for("/voice").params["CallSid"]

    def ended(self, status: str, sid: str | None = None) -> None:
        """The call has this status, soon."""
        one = self.gateway.client().calls(sid or self.sid())
        log = self.gateway.folder / "log"
        try:
            wait_for(lambda: one.fetch().status == status, 10, status)
        except AssertionError as error:
            raise AssertionError(f"{one.fetch().status}, not {status}\n{log.read_text()[-3000:]}") from error

    def codes(self, sid: str | None = None) -> list[int]:
        """The codes of the call's notifications."""
        return [int(note.error_code) for note in self.gateway.client().calls(sid or self.sid()).notifications.list()]


@pytest.fixture
def stage(host: GatewayProcess, web: App) -> Stage:
    """The gateway, whose number answers and listens."""
    one = Stage(host, web)
    one.runs(TALKS)
    return one


@pytest.fixture
def carrier(tmp_path: Path) -> Carrier:
    """A far end."""
    return Carrier(tmp_path)


@pytest.fixture
def other(tmp_path: Path) -> Carrier:
    """Another far end."""
    folder = tmp_path / "other"
    folder.mkdir()
    return Carrier(folder)


@pytest.fixture
def dialled(stage: Stage, carrier: Carrier) -> Stage:
    """The gateway, with a trunk that leads to the carrier."""
    stage.trunk(carrier.uri, username="acme", password="s3cret")
    return stage
