"""TCP and TLS, the gateway as server and as client; what is too large for a datagram."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from sip.transport.tls import TlsFiles
from tests.interop import scenario as s
from tests.interop.sipp.carrier import Carrier
from tests.interop.sipp.conftest import ENDS, Stage
from tests.lib.certificates import Authority
from tests.lib.tls_relay import TlsRelay

pytestmark = pytest.mark.interop

TCP = ("-t", "t1")
SECURE = {"SIP/2.0/[transport]": "SIP/2.0/TLS", "transport=[transport]": "transport=tls"}


def over_tls(*steps: str) -> tuple[str, ...]:
    """The same messages as they are said over TLS: Debian's sipp has TCP only, a relay speaks TLS for it."""
    made = []
    for step in steps:
        for plain, secure in SECURE.items():
            step = step.replace(plain, secure)
        made.append(step)
    return tuple(made)


class TestTcp:
    """Streams."""

    def test_a_call_in(self, stage: Stage, carrier: Carrier) -> None:
        stage.runs(ENDS)
        carrier.call(
            stage.sip, s.invite(), *s.RING, s.expect(200, Via="TCP", Contact="transport=tcp"), s.ack(),
            s.asked("BYE", Via="TCP"), s.OK, options=TCP,
        )  # fmt: skip
        stage.ended("completed")

    def test_a_call_in_of_many_messages(self, stage: Stage, carrier: Carrier) -> None:
        rounds = [step for number in range(2, 12) for step in (s.request("OPTIONS", number), s.expect(200))]
        carrier.call(stage.sip, s.invite(), *s.ANSWERED, *rounds, *s.BYE, options=TCP)

    def test_a_call_out(self, stage: Stage, carrier: Carrier) -> None:
        stage.trunk(f"{carrier.uri};transport=tcp")
        steps = (
            s.asked("INVITE", Via="TCP", Contact="transport=tcp"), s.reply("180 Ringing"), s.TAKES,
            s.asked("ACK", Via="TCP"), s.asked("BYE", Via="TCP"), s.OK,
        )  # fmt: skip
        with carrier.answering(*steps, options=TCP):
            sid = stage.places()
        stage.ended("completed", sid)

    def test_a_call_out_that_the_far_end_ends(self, stage: Stage, carrier: Carrier) -> None:
        stage.trunk(f"{carrier.uri};transport=tcp")
        steps = (
            s.asked("INVITE", keep=True), s.TAKES, s.asked("ACK"), s.request("BYE", 1, callee=True),
            s.expect(200, Via="TCP"),
        )  # fmt: skip
        with carrier.answering(*steps, options=TCP):
            sid = stage.places("<Response><Gather timeout='20'/></Response>")
        stage.ended("completed", sid)

    def test_an_invite_too_large_for_a_datagram_goes_over_tcp(self, stage: Stage, carrier: Carrier) -> None:
        """RFC 3261 §18.1.1."""
        stage.trunk(carrier.uri, headers={"X-Long": "x" * 1200})
        steps = (s.asked("INVITE", Via="TCP", X_Long="xxx"), s.TAKES, s.asked("ACK"), *s.ENDED)
        with carrier.answering(*steps, options=TCP):
            sid = stage.places()
        stage.ended("completed", sid)

    def test_nobody_listens(self, stage: Stage, carrier: Carrier) -> None:
        stage.trunk(f"{carrier.uri};transport=tcp")
        stage.ended("failed", stage.places())


class TestTls:
    """Both ends show a certificate and verify the other's."""

    @pytest.fixture
    def files(self, authority: Authority) -> TlsFiles:
        """A certificate of the far end, from the authority that the gateway trusts."""
        return authority.issue("127.0.0.1", file="far end")

    @pytest.fixture
    def relay(self, stage: Stage, files: TlsFiles, authority: Authority) -> Iterator[TlsRelay]:
        """The way to the gateway's TLS port."""
        listen = tomllib.loads(stage.gateway.config.read_text())["sip"]["tls_listen"]
        host, _, port = listen.rpartition(":")
        stage.gateway.operator("PUT", "trunks/secure", {"addresses": ["127.0.0.1/32"]})
        with TlsRelay((host, int(port)), files, authority.path, serves=False) as one:
            yield one
        stage.gateway.operator("DELETE", "trunks/secure")

    def test_a_call_in(self, stage: Stage, carrier: Carrier, relay: TlsRelay) -> None:
        steps = (
            s.invite(), *s.RING, s.expect(200, Via="TLS", Contact="transport=tls", keep_tag=True), s.ack(),
            s.pause(200), *s.BYE,
        )  # fmt: skip
        carrier.call(f"127.0.0.1:{relay.port}", *over_tls(*steps), options=TCP)
        stage.ended("completed")
        assert relay.versions == ["TLSv1.3"]

    def test_a_call_in_that_we_end_on_its_connection(self, stage: Stage, carrier: Carrier, relay: TlsRelay) -> None:
        stage.runs(ENDS)
        steps = (s.invite(), *s.ANSWERED, s.asked("BYE", Via="TLS.*alias"), s.OK)
        carrier.call(f"127.0.0.1:{relay.port}", *over_tls(*steps), options=TCP)
        assert len(relay.versions) == 1

    @pytest.mark.parametrize("form", ["sip:127.0.0.1:{};transport=tls", "sips:127.0.0.1:{}"], ids=["transport", "sips"])
    def test_a_call_out(self, stage: Stage, carrier: Carrier, files: TlsFiles, authority: Authority, form: str) -> None:
        scheme = form.partition(":")[0]
        steps = (
            s.asked("INVITE", Via="TLS", Contact=f"<{scheme}:"), s.reply("180 Ringing"), s.TAKES,
            s.asked("ACK", Via="TLS"),
            s.asked("BYE", Via="TLS"), s.OK,
        )  # fmt: skip
        secured = over_tls(*steps)
        if scheme == "sips":
            secured = tuple(
                one.replace("Contact: <sip:", "Contact: <sips:").replace(";transport=tls", "") for one in secured
            )
        with TlsRelay(("127.0.0.1", carrier.port), files, authority.path, serves=True) as relay:
            stage.trunk(form.format(relay.port))
            with carrier.answering(*secured, options=TCP):
                sid = stage.places()
            stage.ended("completed", sid)
            assert relay.versions == ["TLSv1.3"]
        assert f"{scheme}:+12125550123@" in carrier.received("INVITE")[0]

    def test_a_server_with_a_strangers_certificate_gets_no_call(
        self, stage: Stage, carrier: Carrier, tmp_path: Path
    ) -> None:
        stranger = Authority(tmp_path, "stranger")
        with TlsRelay(("127.0.0.1", carrier.port), stranger.issue("127.0.0.1"), stranger.path, serves=True) as relay:
            stage.trunk(f"sip:127.0.0.1:{relay.port};transport=tls")
            stage.ended("failed", stage.places())
            assert relay.versions == []
