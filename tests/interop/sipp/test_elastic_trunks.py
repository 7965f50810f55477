"""A PBX behind Elastic SIP Trunking that was set up with Twilio's own library: sipp is the PBX, and the carrier."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from twilio.rest import Client

from tests.interop import scenario as s
from tests.interop.conftest import NUMBER, wait_for
from tests.interop.sipp.carrier import Carrier, header
from tests.interop.sipp.conftest import DIALLED, Stage
from tests.interop.sipp.test_transfers import told

pytestmark = pytest.mark.interop

DOMAIN = "pbx.example"
LOGIN = ("pbx", "IWasAtSignal2018")
MINE = f"From: <sip:{NUMBER}@{DOMAIN}>;tag={s.FROM_TAG}"
TALKS = (s.asked("INVITE", keep=True), s.reply("180 Ringing"), s.TAKES, s.asked("ACK"))


class Trunk:
    """A customer's trunk, and all that was made with it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.sid = client.trunking.v1.trunks.create(domain_name=DOMAIN, friendly_name="office").sid
        self.lists: list[object] = []

    def rings(self, *uris: str) -> None:
        """Its number's calls go there, one after the other."""
        way = self.client.trunking.v1.trunks(self.sid)
        for priority, uri in enumerate(uris):
            way.origination_urls.create(
                sip_url=uri, priority=priority, weight=1, enabled=True, friendly_name=f"PBX {priority}"
            )
        (number,) = self.client.incoming_phone_numbers.list(phone_number=NUMBER)
        way.phone_numbers.create(phone_number_sid=number.sid)

    def logs_in(self) -> None:
        """Who calls out has this user's password."""
        made = self.client.sip.credential_lists.create(friendly_name="PBX users")
        one = self.client.sip.credential_lists(made.sid)
        one.credentials.create(username=LOGIN[0], password=LOGIN[1])
        self.client.trunking.v1.trunks(self.sid).credentials_lists.create(credential_list_sid=made.sid)
        self.lists.append(one)

    def calls_from(self, network: str) -> None:
        """Who calls out comes from there."""
        made = self.client.sip.ip_access_control_lists.create(friendly_name="PBX addresses")
        one = self.client.sip.ip_access_control_lists(made.sid)
        one.ip_addresses.create(friendly_name="PBX", ip_address=network)
        self.client.trunking.v1.trunks(self.sid).ip_access_control_lists.create(ip_access_control_list_sid=made.sid)
        self.lists.append(one)

    def transfers(self, mode: str) -> None:
        """Its PBX may send others on like that; who is called sees the number of the PBX."""
        way = self.client.trunking.v1.trunks(self.sid)
        way.update(transfer_mode=mode, transfer_caller_id="from-transferor")

    def delete(self) -> None:
        """As if it had never been."""
        assert self.client.trunking.v1.trunks(self.sid).delete()
        for one in self.lists:
            assert one.delete()  # type: ignore[attr-defined]


@pytest.fixture
def trunk(stage: Stage) -> Iterator[Trunk]:
    """A trunk without anything."""
    one = Trunk(stage.gateway.client())
    yield one
    one.delete()


def directions(stage: Stage, trunk: Trunk, first: str) -> None:
    """The newest two calls are those of the trunk, and they are over."""

    def newest() -> list[tuple[str, str, str | None]]:
        found = stage.gateway.client().calls.list(limit=2)
        return sorted((one.direction, one.status, one.trunk_sid) for one in found)

    wanted = sorted([(first, "completed", trunk.sid), ("outbound-dial", "completed", None)])
    try:
        wait_for(lambda: newest() == wanted, 5, "two calls that are over")
    except AssertionError as error:
        raise AssertionError(f"{newest()}, not {wanted}") from error


def test_a_call_to_the_number_rings_the_pbx(stage: Stage, trunk: Trunk, carrier: Carrier, other: Carrier) -> None:
    trunk.rings(other.uri)
    stage.app.asked.clear()
    with other.answering(*TALKS, *s.ENDED):
        carrier.call(stage.sip, s.invite(), *s.RING, s.expect(200, keep_tag=True), s.ack(), s.pause(300), *s.BYE)
    (invite,) = other.received("INVITE")
    assert invite.startswith(f"INVITE sip:{NUMBER}@127.0.0.1:{other.port} SIP/2.0")
    assert "sip:+15555550123@" in header(invite, "From")
    assert stage.app.to("/voice") == []
    directions(stage, trunk, "trunking-originating")


def test_the_second_pbx_rings_where_the_first_is_out_of_order(
    stage: Stage, trunk: Trunk, carrier: Carrier, other: Carrier
) -> None:
    trunk.rings(f"sip:127.0.0.1:{carrier.port}", other.uri)
    broken = s.asked("INVITE"), s.reply("503 Service Unavailable"), s.asked("ACK")
    caller = Carrier(carrier.folder.parent)
    with carrier.answering(*broken), other.answering(*TALKS, *s.ENDED):
        caller.call(stage.sip, s.invite(), *s.RING, s.expect(200, keep_tag=True), s.ack(), s.pause(300), *s.BYE)
    assert len(carrier.received("INVITE")) == len(other.received("INVITE")) == 1


@pytest.mark.parametrize("network", [None, "127.0.0.1"], ids=["login", "both"])
def test_the_pbx_calls_out_with_its_login(
    stage: Stage, trunk: Trunk, carrier: Carrier, other: Carrier, network: str | None
) -> None:
    """Access list and credential list: where there are both, both are wanted."""
    trunk.logs_in()
    if network is not None:
        trunk.calls_from(network)
    stage.trunk(other.uri)
    login = "[authentication username={} password={}]".format(*LOGIN)
    out = partial(s.invite, from_=MINE, to=DIALLED, host=DOMAIN)
    steps = (
        out(), s.expect(100, optional=True),
        s.expect(401, auth=True, WWW_Authenticate=f'realm="{DOMAIN}"'), s.ack_failure(),
        out(None, login, cseq=2), *s.RING, s.expect(200, keep_tag=True), s.ack(2), s.pause(300), *s.BYE,
    )  # fmt: skip
    with other.answering(*TALKS, *s.ENDED):
        carrier.call(stage.sip, *steps)
    (invite,) = other.received("INVITE")
    assert invite.startswith(f"INVITE sip:{DIALLED}@127.0.0.1:{other.port} SIP/2.0")
    assert f"sip:{NUMBER}@" in header(invite, "From")
    directions(stage, trunk, "trunking-terminating")


def test_the_pbx_calls_out_from_its_address(stage: Stage, trunk: Trunk, carrier: Carrier, other: Carrier) -> None:
    trunk.calls_from("127.0.0.1")
    stage.trunk(other.uri)
    steps = s.invite(from_=MINE, to=DIALLED, host=DOMAIN), *s.RING, s.expect(200, keep_tag=True), s.ack(), *s.BYE
    with other.answering(*TALKS, *s.ENDED):
        carrier.call(stage.sip, *steps)
    directions(stage, trunk, "trunking-terminating")


def test_a_wrong_password_stays_out(stage: Stage, trunk: Trunk, carrier: Carrier) -> None:
    trunk.logs_in()
    out = partial(s.invite, from_=MINE, to=DIALLED, host=DOMAIN)
    carrier.call(
        stage.sip, out(), s.expect(100, optional=True), s.expect(401, auth=True), s.ack_failure(),
        out(None, f"[authentication username={LOGIN[0]} password=wrong]", cseq=2),
        s.expect(100, optional=True), s.expect(401), s.ack_failure(2),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("network", "from_"),
    [(None, MINE), ("192.0.2.7", MINE), ("127.0.0.1", s.FROM)],
    ids=["no list", "another address", "a number of nobody"],
)
def test_who_may_not_call_out_is_forbidden(
    stage: Stage, trunk: Trunk, carrier: Carrier, network: str | None, from_: str
) -> None:
    if network is not None:
        trunk.calls_from(network)
    invite = s.invite(from_=from_, to=DIALLED, host=DOMAIN)
    carrier.call(stage.sip, invite, s.expect(100, optional=True), s.expect(403), s.ack_failure())


REFERS = s.request("REFER", 1, f"Refer-To: <sip:{DIALLED}@{DOMAIN}>", callee=True)


def test_the_pbx_transfers_its_caller_to_a_number(
    stage: Stage, trunk: Trunk, carrier: Carrier, other: Carrier, tmp_path: Path
) -> None:
    """The number is reached by the operator's route."""
    trunk.rings(other.uri)
    trunk.transfers("enable-all")
    (tmp_path / "third").mkdir()
    third = Carrier(tmp_path / "third")
    stage.trunk(third.uri)
    pbx = (
        *TALKS, s.pause(400), REFERS, s.expect(202), *told(100, final=False), *told(200),
        s.asked("BYE", Reason="transferred"), s.OK,
    )  # fmt: skip
    with third.answering(*TALKS, *s.ENDED), other.answering(*pbx):
        carrier.call(stage.sip, s.invite(), *s.RING, s.expect(200, keep_tag=True), s.ack(), s.pause(3000), *s.BYE)
    (invite,) = third.received("INVITE")
    assert invite.startswith(f"INVITE sip:{DIALLED}@127.0.0.1:{third.port} SIP/2.0")
    assert f"sip:{NUMBER}@" in header(invite, "From")


@pytest.mark.parametrize("mode", ["disable-all", "sip-only"])
def test_a_transfer_that_the_trunk_does_not_allow_is_declined(
    stage: Stage, trunk: Trunk, carrier: Carrier, other: Carrier, mode: str
) -> None:
    """And they talk on."""
    trunk.rings(other.uri)
    trunk.transfers(mode)
    with other.answering(*TALKS, s.pause(400), REFERS, s.expect(603), *s.ENDED):
        carrier.call(stage.sip, s.invite(), *s.RING, s.expect(200, keep_tag=True), s.ack(), s.pause(1500), *s.BYE)
