"""Kamailio in front of the gateway: as a carrier's SBC, as a registrar, and as servers of which one fails."""

from __future__ import annotations

import contextlib
import functools
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from twilio.rest import Client

from sip.outputs import Host, Naptr, Record, Srv
from tests.interop import scenario as s
from tests.interop.conftest import NUMBER, ROOT, App, GatewayProcess, ends_as, need, wait_for
from tests.interop.kamailio.process import Kamailio
from tests.interop.pjsua import ended, start_pjsua
from tests.interop.scenario import ANSWERED, BYE
from tests.interop.sipp.carrier import Carrier
from tests.interop.sipp.conftest import carrier
from tests.interop.test_sipp import IDLE
from tests.lib import dns
from tests.lib.certificates import Authority
from tests.lib.ports import free_port

__all__ = ["carrier"]  # a fixture

LONG = "<Response><Say>Hello.</Say><Pause length='20'/></Response>"
BRIEF = "<Response><Pause length='1'/></Response>"
SECOND_NUMBER = "+15555550101"
ELSEWHERE = "+12125550123"

Zone = dict[tuple[str, str], tuple[Record, ...]]


@pytest.fixture(scope="module")
def zone() -> Iterator[Zone]:
    """What DNS says to the gateway."""
    records: Zone = {}
    with dns.in_thread(records) as server:
        records["server", server.nameserver] = ()
        yield records


class Gateway(GatewayProcess):
    """A gateway that one client asks, over one connection: they would count as left behind."""

    @functools.cached_property
    def _one_client(self) -> Client:
        return super().client()

    def client(self) -> Client:
        return self._one_client


@pytest.fixture(scope="module")
def idle() -> dict[str, float]:
    """The metrics of the gateway before the first call."""
    return {}


@pytest.fixture(scope="module")
def gateway(zone: Zone, idle: dict[str, float], tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """One gateway for all of these, with DNS of ours."""
    one = Gateway(tmp_path_factory.mktemp("gateway"))
    ((_, nameserver),) = zone
    one.config.write_text(f'[sip]\nnameservers = ["{nameserver}"]\n')
    one.start()
    for number in (NUMBER, SECOND_NUMBER):
        one.client().incoming_phone_numbers.create(phone_number=number)
    idle.update((name, one.metric(name)) for name in (*IDLE, "sip_connections", "open_fds"))
    idle["open_fds"] += 4  # c-ares has epoll, inotify and a pipe of its own from the first question on
    yield one
    one.stop()


@contextlib.contextmanager
def kamailio(folder: Path, *words: str, **values: str | int) -> Iterator[Kamailio]:
    """Runs one for a block."""
    folder.mkdir(exist_ok=True)
    one = Kamailio(folder / "kamailio", *words, **values)
    one.start()
    try:
        yield one
    finally:
        one.stop()


def runs(gateway: GatewayProcess, app: App, document: str, number: str = NUMBER) -> None:
    """A number answers with a document."""
    app.documents["/voice"] = document
    (found,) = gateway.client().incoming_phone_numbers.list(phone_number=number)
    found.update(voice_url=app.url("/voice"))


def place(gateway: GatewayProcess, twiml: str = "<Response><Pause length='1'/></Response>") -> str:
    """A call by Twilio's library."""
    return str(gateway.client().calls.create(to=ELSEWHERE, from_=NUMBER, twiml=twiml).sid)


def completed(gateway: GatewayProcess, sid: str, seconds: int) -> None:
    """The call ended well, and was this long."""
    ends(gateway, sid)
    assert abs(int(gateway.client().calls(sid).fetch().duration) - seconds) <= 1


def leads_to(gateway: GatewayProcess, *uris: str, **fields: object) -> None:
    """Calls to elsewhere go there."""
    gateway.operator("PUT", "trunks/front", {"uris": uris, "username": "gateway", "password": "secret", **fields})
    gateway.operator("PUT", "routes/%2B1", {"trunks": ["front"]})


def ends(gateway: GatewayProcess, sid: str) -> None:
    """The call ended well."""
    wait_for(lambda: gateway.client().calls(sid).fetch().status == "completed", 15, "the end of the call")


def registers(gateway: GatewayProcess, registrar: Kamailio, name: str, more: str = "", **fields: object) -> None:
    """A trunk whose registrar it is."""
    trunk = {"register_to": f"sip:{registrar.address}{more}", "username": name, "password": "secret", **fields}
    gateway.operator("PUT", f"trunks/{name}", trunk)


def registration(gateway: GatewayProcess, name: str) -> dict[str, str | None]:
    """What the operator sees."""
    shown: dict[str, str | None] = gateway.operator("GET", f"trunks/{name}")["status"]["registration"]
    return shown


def is_registered(gateway: GatewayProcess, name: str, seconds: float = 5) -> None:
    """Soon."""
    wait_for(lambda: bool(registration(gateway, name)["registered_until"]), seconds, f"the registration of {name}")


TAKES = (
    s.asked("INVITE"), s.reply("180 Ringing"), s.reply("200 OK", body=s.sdp(), retrans=True), s.asked("ACK"),
    s.asked("BYE"), s.reply("200 OK", tag=""),
)  # fmt: skip


@pytest.mark.interop
class TestSessionBorderController:
    """It stays in the path of a call by Record-Route; twice, where its two sides speak different transports."""

    @pytest.mark.parametrize(("outside", "inside"), [("udp", "udp"), ("udp", "tcp"), ("tcp", "udp")])
    def test_a_call_in_holds_resumes_and_ends(
        self, gateway: GatewayProcess, app: App, carrier: Carrier, tmp_path: Path, outside: str, inside: str
    ) -> None:
        runs(gateway, app, LONG)
        with kamailio(tmp_path, GATEWAY=f"sip:{gateway.sip};transport={inside}") as sbc:
            carrier.call(
                sbc.address, s.invite(), *ANSWERED, s.pause(100),
                s.request("INVITE", 2, body=s.sdp("a=sendonly", version=2)),
                s.expect(100, optional=True), s.expect(200, body="a=recvonly"), s.ack(2), s.pause(100),
                s.request("INVITE", 3, body=s.sdp(version=3)),
                s.expect(100, optional=True), s.expect(200, body="m=audio"), s.ack(3), s.pause(100), *BYE,
                options=("-t", {"udp": "u1", "tcp": "t1"}[outside]),
            )  # fmt: skip
        ends_as(gateway, "completed")
        ok = carrier.messages().split("SIP/2.0 200 OK")[1].split("\n\n")[0]
        assert ok.count("Record-Route:") == (1 if outside == inside else 2)
        assert ok.count("r2=on") == (0 if outside == inside else 2)

    def test_our_bye_goes_back_through_it(
        self, gateway: GatewayProcess, app: App, carrier: Carrier, tmp_path: Path
    ) -> None:
        runs(gateway, app, BRIEF)
        with kamailio(tmp_path, GATEWAY=f"sip:{gateway.sip};transport=tcp") as sbc:
            carrier.call(sbc.address, s.invite(), *ANSWERED, s.asked("BYE"), s.reply("200 OK", tag=""))
            assert sbc.asked("BYE") == 1
        ends_as(gateway, "completed")

    def test_the_caller_gives_up_while_it_rings(
        self, gateway: GatewayProcess, app: App, carrier: Carrier, tmp_path: Path
    ) -> None:
        runs(gateway, app, "<Response><Pause length='5'/></Response>")
        with kamailio(tmp_path, GATEWAY=f"sip:{gateway.sip};transport=tcp") as sbc:
            carrier.call(
                sbc.address, s.invite(), s.expect(100, optional=True), s.expect(180), s.cancel(), s.expect(200),
                s.expect(487), s.ack_failure(),
            )  # fmt: skip
        ends_as(gateway, "canceled")

    def test_our_own_phone_calls_through_it(self, gateway: GatewayProcess, app: App, tmp_path: Path) -> None:
        runs(gateway, app, "<Response><Gather numDigits='1' action='/choice' timeout='8'/></Response>")
        app.documents["/choice"] = "<Response><Say>Thank you.</Say><Hangup/></Response>"
        with kamailio(tmp_path, GATEWAY=f"sip:{gateway.sip};transport=tcp") as sbc:
            command = [sys.executable, "-m", "gateway", "phone", NUMBER, "--sip", sbc.address, "--digits", "w7"]
            phone = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=30, check=False)
        assert phone.returncode == 0, phone.stdout + phone.stderr
        assert app.to("/choice")[0].params["Digits"] == "7"
        ends_as(gateway, "completed")

    @pytest.mark.parametrize(
        ("inside", "outside", "algorithm"),
        [("udp", "udp", "MD5"), ("tcp", "udp", "SHA-256"), ("udp", "tcp", "SHA-256")],
    )
    def test_a_call_out_is_challenged_and_forwarded(
        self, gateway: GatewayProcess, carrier: Carrier, tmp_path: Path, inside: str, outside: str, algorithm: str
    ) -> None:
        to = f"sip:127.0.0.1:{carrier.port};transport={outside}"
        options = ("-t", {"udp": "u1", "tcp": "t1"}[outside])
        with kamailio(tmp_path, "CHALLENGE", CARRIER=to, ALGORITHM=algorithm) as sbc:
            leads_to(gateway, f"sip:{sbc.address};transport={inside}")
            with carrier.answering(*TAKES, options=options):
                sid = place(gateway)
            completed(gateway, sid, 1)
            assert [sbc.asked(method) for method in ("INVITE", "ACK", "BYE")] == [2, 1, 1]
        (invite,) = carrier.messages().split("INVITE sip:")[1:]
        assert "Proxy-Authorization" not in invite.split("v=0")[0]

    def test_a_wrong_password_is_refused_once(self, gateway: GatewayProcess, tmp_path: Path) -> None:
        with kamailio(tmp_path, "CHALLENGE") as sbc:
            leads_to(gateway, f"sip:{sbc.address}", password="wrong")
            sid = place(gateway)
            wait_for(lambda: gateway.client().calls(sid).fetch().status == "failed", 5, "the failure")

    def test_a_called_phone_hangs_up_through_it(self, gateway: GatewayProcess, tmp_path: Path) -> None:
        port = free_port()
        with kamailio(tmp_path, "CHALLENGE", CARRIER=f"sip:127.0.0.1:{port}") as sbc:
            leads_to(gateway, f"sip:{sbc.address};transport=tcp")
            bob = start_pjsua(tmp_path, "bob", 620.0, "--port", str(port), "--hangup-after", "1")
            sid = place(gateway, LONG)
            assert ended(bob) == "DISCONNECTED"
            completed(gateway, sid, 1)
            assert sbc.asked("BYE") == 1


@pytest.mark.interop
class TestServersOfWhichOneFails:
    """Two of them, found by NAPTR and SRV, or named by the trunk; the far end is called exactly once."""

    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    @pytest.mark.parametrize("first", ["503", "SILENCE", "DOWN"])
    def test_the_second_takes_the_call(
        self, gateway: GatewayProcess, carrier: Carrier, tmp_path: Path, zone: Zone, first: str, transport: str
    ) -> None:
        words = [] if first == "DOWN" else [first]
        to = f"sip:127.0.0.1:{carrier.port}"
        with kamailio(tmp_path / "1", *words, CARRIER=to) as failing, kamailio(tmp_path / "2", CARRIER=to) as good:
            domain = f"{first}.{transport}.example".lower()
            zone["NAPTR", domain] = (Naptr(1, 1, "S", f"SIP+D2{transport[0].upper()}", f"_sip._{transport}.{domain}"),)
            servers = (Srv(1, 0, failing.port, f"a.{domain}"), Srv(2, 0, good.port, f"a.{domain}"))
            zone["SRV", f"_sip._{transport}.{domain}"] = servers
            zone["HOST", f"a.{domain}"] = (Host("127.0.0.1"),)
            if first == "DOWN":
                failing.stop()
            leads_to(gateway, f"sip:{domain}", silence_seconds=0.7)
            with carrier.answering(*TAKES):
                ends(gateway, place(gateway, "<Response><Hangup/></Response>"))
            assert carrier.messages().count("INVITE sip:") == 1
            assert good.asked("INVITE") == 1
            assert (failing.asked("INVITE") > 0) is (first != "DOWN")

    def test_checks_take_a_dead_target_out_and_bring_it_back(
        self, gateway: GatewayProcess, carrier: Carrier, tmp_path: Path
    ) -> None:
        to = f"sip:127.0.0.1:{carrier.port}"
        with kamailio(tmp_path / "1", CARRIER=to) as first, kamailio(tmp_path / "2", CARRIER=to) as second:

            def up() -> list[bool]:
                return [one["up"] for one in gateway.operator("GET", "trunks/front")["status"]["targets"]]

            def call() -> None:
                with carrier.answering(*TAKES):
                    ends(gateway, place(gateway, "<Response><Hangup/></Response>"))

            leads_to(gateway, f"sip:{first.address}", f"sip:{second.address}", check_seconds=0.5)
            wait_for(lambda: first.asked("OPTIONS") > 2, 5, "checks")
            assert up() == [True, True]
            call()
            assert (first.asked("INVITE"), second.asked("INVITE")) == (1, 0)
            first.kill()
            wait_for(lambda: up() == [False, True], 5, "the end of the first target")
            call()
            assert second.asked("INVITE") == 1
            first.start()
            wait_for(lambda: up() == [True, True], 5, "the return of the first target")
            call()
            assert (first.asked("INVITE"), second.asked("INVITE")) == (2, 1)
        leads_to(gateway)


@pytest.mark.interop
class TestRegistrar:
    """We register there, and calls come to our contact."""

    def test_two_trunks_register_stay_so_and_are_called(
        self, gateway: GatewayProcess, app: App, carrier: Carrier, tmp_path: Path
    ) -> None:
        """Five seconds each (it counts whole ones), so that they are renewed; nonces last one. To keeps the number."""
        runs(gateway, app, BRIEF)
        runs(gateway, app, BRIEF, SECOND_NUMBER)
        takes = (s.invite(), *ANSWERED, s.asked("BYE"), s.reply("200 OK", tag=""))
        with kamailio(tmp_path, "REGISTRAR", LONGEST=5, FRESH=1) as registrar:
            registers(gateway, registrar, "gateway0")
            registers(gateway, registrar, "gateway1", ";transport=tcp")
            for name in ("gateway0", "gateway1"):
                is_registered(gateway, name)
            wait_for(lambda: registrar.asked("REGISTER", "gateway0") >= 4, 8, "the renewal")
            for number in (NUMBER, SECOND_NUMBER):
                carrier.call(registrar.address, *takes, options=("-s", number))
                ends_as(gateway, "completed")
                assert gateway.client().calls.list(limit=1)[0].to == number
            for name in ("gateway0", "gateway1"):
                assert registration(gateway, name)["last_error"] is None
            gateway.operator("DELETE", "trunks/gateway0")
            wait_for(lambda: registrar.asked("REGISTER", "gateway0 0") > 0, 2, "the end of the registration")
            ring = (s.invite(), s.expect(100, optional=True), s.expect(480), s.ack_failure())
            carrier.call(registrar.address, *ring, options=("-s", NUMBER))
            carrier.call(registrar.address, *takes, options=("-s", SECOND_NUMBER))
            gateway.operator("DELETE", "trunks/gateway1")

    def test_an_interval_that_is_too_brief_for_it_is_made_longer(self, gateway: GatewayProcess, tmp_path: Path) -> None:
        with kamailio(tmp_path, "REGISTRAR", "BRIEF", ALGORITHM="MD5") as registrar:
            registers(gateway, registrar, "gateway0", expires=60)
            is_registered(gateway, "gateway0")
            until = datetime.fromisoformat(registration(gateway, "gateway0")["registered_until"] or "")
            assert 590 <= (until - datetime.now(UTC)).total_seconds() <= 600
            gateway.operator("DELETE", "trunks/gateway0")

    def test_a_wrong_password_is_said(self, gateway: GatewayProcess, tmp_path: Path) -> None:
        with kamailio(tmp_path, "REGISTRAR") as registrar:
            registers(gateway, registrar, "gateway0", password="wrong")
            wait_for(lambda: bool(registration(gateway, "gateway0")["last_error"]), 5, "the refusal")
            assert registration(gateway, "gateway0") == {"registered_until": None, "last_error": "401 Unauthorized"}
            assert registrar.asked("REGISTER") == 2
            registers(gateway, registrar, "gateway0")
            is_registered(gateway, "gateway0")
            gateway.operator("DELETE", "trunks/gateway0")


TLS_CONFIG = """[server:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
certificate = {cert}
private_key = {key}
ca_list = {ca}
[client:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
certificate = {cert}
private_key = {key}
ca_list = {ca}
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def secure(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway that nobody may call but who shows `sbc.example`."""
    need("kamailio")
    ours = authority.issue("127.0.0.1", "gateway.example", file="gateway")
    one = Gateway(tmp_path_factory.mktemp("secure"))
    one.config.write_text(
        f'[sip]\npublic_address = "127.0.0.1"\ntls_listen = "127.0.0.1:{free_port()}"\n'
        f'tls_cert = "{ours.cert}"\ntls_key = "{ours.key}"\ntls_ca = "{authority.path}"\n'
        '[[trunks]]\nname = "sbc"\ncertificates = ["sbc.example"]\n'
    )
    one.start()
    one.client().incoming_phone_numbers.create(phone_number=NUMBER)
    yield one
    one.stop()


@pytest.mark.interop
class TestMutualTls:
    """Both show certificates of one authority; the trunk is known by the name in Kamailio's."""

    @contextlib.contextmanager
    def sbc(self, authority: Authority, folder: Path, name: str, **values: str) -> Iterator[Kamailio]:
        """A Kamailio whose certificate says `name`."""
        files = authority.issue(name, "127.0.0.1", file=name)
        config = folder / "tls.cfg"
        config.write_text(TLS_CONFIG.format(cert=files.cert, key=files.key, ca=authority.path))
        with kamailio(folder, "TLS", TLS_CONFIG=str(config), **values) as one:
            yield one

    def to(self, gateway: GatewayProcess) -> str:
        """Its TLS listener."""
        return f"sip:{tomllib.loads(gateway.config.read_text())['sip']['tls_listen']};transport=tls"

    def test_a_call_in_and_the_bye_back(
        self, secure: GatewayProcess, authority: Authority, app: App, carrier: Carrier, tmp_path: Path
    ) -> None:
        runs(secure, app, BRIEF)
        with self.sbc(authority, tmp_path, "sbc.example", GATEWAY=self.to(secure)) as one:
            carrier.call(one.address, s.invite(), *ANSWERED, s.asked("BYE"), s.reply("200 OK", tag=""))
            assert one.asked("BYE") == 1
        ends_as(secure, "completed")

    def test_another_certificate_of_the_same_authority_may_not_call(
        self, secure: GatewayProcess, authority: Authority, carrier: Carrier, tmp_path: Path
    ) -> None:
        with self.sbc(authority, tmp_path, "other.example", GATEWAY=self.to(secure)) as one:
            carrier.call(one.address, s.invite(), s.expect(100, optional=True), s.expect(403), s.ack_failure())

    def test_a_call_out_goes_over_tls(
        self, secure: GatewayProcess, authority: Authority, carrier: Carrier, tmp_path: Path
    ) -> None:
        to = f"sip:127.0.0.1:{carrier.port}"
        with self.sbc(authority, tmp_path, "sbc.example", CARRIER=to) as one:
            leads_to(secure, f"sip:127.0.0.1:{one.tls_port};transport=tls")
            with carrier.answering(*TAKES):
                ends(secure, place(secure))
            assert "transport=tls" in carrier.messages().split("INVITE sip:")[1].split("v=0")[0]


@pytest.mark.interop
def test_a_killed_registrar_is_found_again_and_nothing_is_left_of_all_this(
    gateway: GatewayProcess, idle: dict[str, float], tmp_path: Path
) -> None:
    """The first pause is 15 to 30 s (RFC 5626 §4.5); the last transactions of calls end after 32 s."""
    with kamailio(tmp_path, "REGISTRAR", LONGEST=3) as registrar:
        registers(gateway, registrar, "gateway0")
        is_registered(gateway, "gateway0")
        registrar.kill()
        gone = {"registered_until": None, "last_error": "503 it cannot be reached"}
        wait_for(lambda: registration(gateway, "gateway0") == gone, 5, "the end of the registration")
        registrar.start()
        is_registered(gateway, "gateway0", 31)
        assert registration(gateway, "gateway0")["last_error"] is None
        gateway.operator("DELETE", "trunks/gateway0")
        wait_for(lambda: registrar.asked("REGISTER", "gateway0 0") > 0, 2, "the end of the registration")

    def left() -> dict[str, float]:
        return {name: now for name in idle if (now := gateway.metric(name)) > idle[name]}

    with contextlib.suppress(AssertionError):
        wait_for(lambda: not left(), 33, "idle metrics")
    assert left() == {}, f"before: {idle}"
