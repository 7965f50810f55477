"""One sipp scenario per SIP feature: the far end insists on what it should see, message by message."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.interop import scenario as s
from tests.interop.conftest import NUMBER, App, GatewayProcess, free_port, need, wait_for

LONG = "<Response><Say>Hello.</Say><Pause length='20'/></Response>"
RINGING = "<Response><Pause length='20'/><Say>Hello.</Say></Response>"
BRIEF = "<Response><Pause length='1'/><Say>Bye.</Say><Hangup/></Response>"

RING = (s.expect(100, optional=True), s.expect(180, optional=True))
ANSWERED = (*RING, s.expect(200), s.ack())
BYE = (s.request("BYE", 9), s.expect(200))


class Carrier:
    """sipp on a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.program = need("sipp")
        self.folder = folder
        self.port = free_port()

    def command(self, name: str, steps: tuple[str, ...], *options: str) -> list[str]:
        """sipp with the scenario of these steps."""
        path = self.folder / f"{name}.xml"
        path.write_text(s.scenario(name, *steps))
        return [
            self.program, "-sf", str(path), "-s", NUMBER, "-m", "1", "-i", "127.0.0.1", "-p", str(self.port),
            "-mp", str(free_port()), "-timeout", "40", "-timeout_error", "-nostdin", "-trace_err", "-error_file",
            str(self.folder / "errors"), "-trace_msg", "-message_file", str(self.folder / "messages"), *options,
        ]  # fmt: skip

    def call(self, target: str, *steps: str, options: tuple[str, ...] = ()) -> None:
        """Calls in: every step must be seen."""
        command = [*self.command("caller", steps, *options), target]
        result = subprocess.run(command, cwd=self.folder, capture_output=True, check=False)
        assert result.returncode == 0, self.trouble()

    @contextmanager
    def answering(self, *steps: str, options: tuple[str, ...] = ()) -> Iterator[None]:
        """Is called: every step must be seen by the end of the block."""
        command = self.command("callee", steps, *options)
        with subprocess.Popen(
            command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                yield
                assert process.wait(30) == 0, self.trouble()
            finally:
                process.kill()

    def trouble(self) -> str:
        """What sipp complains of, and the last messages."""
        files = [self.folder / "errors", self.folder / "messages"]
        return "\n".join(path.read_text(errors="replace")[-6000:] for path in files if path.exists())

    def messages(self) -> str:
        """All messages of the call."""
        return (self.folder / "messages").read_text(errors="replace")


@pytest.fixture
def carrier(tmp_path: Path) -> Carrier:
    """A far end."""
    folder = tmp_path / "carrier"
    folder.mkdir()
    return Carrier(folder)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """One gateway for all of these: the far ends and the apps are each test's own."""
    one = GatewayProcess(tmp_path_factory.mktemp("gateway"))
    one.start()
    one.client().incoming_phone_numbers.create(phone_number=NUMBER)
    yield one
    one.stop()


def runs(gateway: GatewayProcess, app: App, document: str) -> None:
    """The number answers with a document."""
    app.documents["/voice"] = document
    (number,) = gateway.client().incoming_phone_numbers.list()
    number.update(voice_url=app.url("/voice"))


def ends_as(gateway: GatewayProcess, status: str) -> None:
    """The status of the newest call, soon."""
    wait_for(lambda: gateway.client().calls.list(limit=1)[0].status == status, 3, status)


@pytest.mark.interop
class TestCallsIn:
    """The far end calls."""

    def test_a_late_offer_is_answered_with_an_offer(self, gateway: GatewayProcess, app: App, carrier: Carrier) -> None:
        runs(gateway, app, LONG)
        carrier.call(
            gateway.sip, s.invite(""), *RING, s.expect(200, body="m=audio [0-9]+ RTP/AVP 0"), s.ack(body=s.sdp()),
            s.pause(1500), *BYE,
        )  # fmt: skip
        ends_as(gateway, "completed")

    def test_hold_resume_and_a_new_address(self, gateway: GatewayProcess, app: App, carrier: Carrier) -> None:
        runs(gateway, app, LONG)
        carrier.call(
            gateway.sip, s.invite(), *ANSWERED, s.pause(300),
            s.request("INVITE", 2, body=s.sdp("a=sendonly", version=2)),
            s.expect(100, optional=True), s.expect(200, body="a=recvonly"), s.ack(2), s.pause(300),
            s.request("INVITE", 3, body=s.sdp(version=3, port="[media_port+10]")),
            s.expect(100, optional=True), s.expect(200, body="a=sendrecv"), s.ack(3), s.pause(300),
            s.request("INVITE", 4), s.expect(100, optional=True), s.expect(200, body="m=audio"),
            s.ack(4, body=s.sdp(version=4)), s.pause(300), *BYE,
        )  # fmt: skip

    def test_cancel_before_the_answer(self, gateway: GatewayProcess, app: App, carrier: Carrier) -> None:
        runs(gateway, app, RINGING)
        carrier.call(
            gateway.sip, s.invite(), s.expect(100, optional=True), s.expect(180), s.pause(500), s.cancel(),
            s.expect(200), s.expect(487), s.ack_failure(),
        )  # fmt: skip
        ends_as(gateway, "canceled")

    def test_a_cancel_that_comes_too_late_changes_nothing(
        self, gateway: GatewayProcess, app: App, carrier: Carrier
    ) -> None:
        runs(gateway, app, LONG)
        carrier.call(
            gateway.sip, s.invite(), *RING, s.expect(200), s.cancel(), s.expect(481, optional=True), s.expect(200),
            s.ack(), s.pause(300), *BYE,
        )  # fmt: skip
        ends_as(gateway, "completed")

    def test_two_proxies_record_their_routes(self, gateway: GatewayProcess, app: App, carrier: Carrier) -> None:
        runs(gateway, app, BRIEF)
        me = "[local_ip]:[local_port]"
        routes = (f"Record-Route: <sip:{me};lr;hop=2>", f"Record-Route: <sip:{me};lr;hop=1>")
        carrier.call(
            gateway.sip, s.invite(None, *routes), *RING, s.expect(200, Record_Route="hop=2"), s.ack(),
            s.asked("BYE", Route="hop=2"), s.reply("200 OK", tag=""),
        )  # fmt: skip

    def test_requests_that_nobody_serves(self, gateway: GatewayProcess, app: App, carrier: Carrier) -> None:
        runs(gateway, app, LONG)
        carrier.call(
            gateway.sip, s.invite(), *ANSWERED,
            s.request("PUBLISH", 2), s.expect(405, Allow="INVITE"),
            s.request("WEIRD", 3), s.expect(501),
            s.request("OPTIONS", 4, "Require: teleport"), s.expect(420, Unsupported="teleport"),
            s.request("INVITE", 5, body="what", kind="text/plain"), s.expect(415, Accept="application/sdp"),
            s.ack_failure(5), *BYE,
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("via", "contact", "body"),
        [
            ("Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]", "carrier@", None),
            ("v:SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]", "", None),
            ("", "carrier@", s.sdp().replace("m=audio", "m=video 0 RTP/AVP 31\nm=audio")),
            ("", "carrier@", s.sdp().replace("0 101", "0 13 101").replace("ptime:20", "ptime:30")),
            ("", "carrier@", s.sdp().replace("a=rtpmap:101 telephone-event/8000\n", "").replace("0 101", "0")),
        ],
        ids=["no rport", "compact, no user", "several m lines", "comfort noise, ptime 30", "no events"],
    )
    def test_the_ways_of_carriers(
        self, gateway: GatewayProcess, app: App, carrier: Carrier, via: str, contact: str, body: str | None
    ) -> None:
        runs(gateway, app, BRIEF)
        carrier.call(
            gateway.sip, s.invite(body, via=via, contact=contact), *RING, s.expect(200, body="m=audio [1-9]"), s.ack(),
            s.asked("BYE"), s.reply("200 OK", tag=""),
        )  # fmt: skip


@pytest.mark.interop
class TestCallsOut:
    """The gateway calls."""

    @pytest.fixture
    def dialled(self, gateway: GatewayProcess, app: App, carrier: Carrier) -> GatewayProcess:
        """A gateway with a trunk that leads to the carrier."""
        uri = f"sip:127.0.0.1:{carrier.port}"
        gateway.operator("PUT", "trunks/acme", {"uris": [uri], "username": "acme", "password": "s3cret"})
        gateway.operator("PUT", "routes/%2B1", {"trunks": ["acme"]})
        runs(gateway, app, LONG)
        return gateway

    def place(self, gateway: GatewayProcess, twiml: str = "<Response><Say>Hi.</Say></Response>") -> str:
        call = gateway.client().calls.create(to="+12125550123", from_=NUMBER, twiml=twiml)
        return str(call.sid)

    def ended_as(self, gateway: GatewayProcess, sid: str, status: str) -> None:
        wait_for(lambda: gateway.client().calls(sid).fetch().status == status, 15, status)

    def test_early_media_then_an_answer_without_sdp_change(self, dialled: GatewayProcess, carrier: Carrier) -> None:
        steps = (
            s.asked("INVITE"), s.reply("100 Trying", tag=""), s.reply("183 Session Progress", body=s.sdp()),
            s.pause(500), s.reply("200 OK", body=s.sdp(), retrans=True), s.asked("ACK"),
            s.asked("BYE"), s.reply("200 OK", tag=""),
        )  # fmt: skip
        with carrier.answering(*steps):
            sid = self.place(dialled)
        self.ended_as(dialled, sid, "completed")

    @pytest.mark.parametrize(
        ("line", "status"),
        [("486 Busy Here", "busy"), ("480 Temporarily Unavailable", "no-answer"), ("404 Not Found", "failed"),
         ("603 Decline", "failed"), ("302 Moved Temporarily", "failed")],
    )  # fmt: skip
    def test_a_refusal_is_a_status(self, dialled: GatewayProcess, carrier: Carrier, line: str, status: str) -> None:
        with carrier.answering(s.asked("INVITE"), s.reply(line), s.asked("ACK")):
            sid = self.place(dialled)
        self.ended_as(dialled, sid, status)

    def test_the_other_of_two_answers_of_a_fork_is_ended(self, dialled: GatewayProcess, carrier: Carrier) -> None:
        steps = (
            s.asked("INVITE", keep=True), s.reply("180 Ringing", tag="one"), s.reply("180 Ringing", tag="two"),
            s.reply("200 OK", body=s.sdp(), tag="one"), s.asked("ACK", To="tag=one"),
            s.reply("200 OK", body=s.sdp(), tag="two", kept=True), s.asked("ACK", To="tag=two"),
            s.asked("BYE", To="tag=two"), s.reply("200 OK", tag=""),
            s.asked("BYE", To="tag=one"), s.reply("200 OK", tag=""),
        )  # fmt: skip
        with carrier.answering(*steps):
            sid = self.place(dialled)
        self.ended_as(dialled, sid, "completed")

    @pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
    def test_a_challenge_is_answered(self, dialled: GatewayProcess, carrier: Carrier, algorithm: str) -> None:
        challenge = f'WWW-Authenticate: Digest realm="x", nonce="abc", algorithm={algorithm}, qop="auth"'
        steps = (
            s.asked("INVITE"), s.reply("401 Unauthorized", challenge), s.asked("ACK"),
            s.asked("INVITE", Authorization=f"username=\"acme\".*algorithm={algorithm}.*nc=00000001"),
            s.reply("200 OK", body=s.sdp(), retrans=True), s.asked("ACK"),
            s.asked("BYE"), s.reply("200 OK", tag=""),
        )  # fmt: skip
        with carrier.answering(*steps):
            sid = self.place(dialled)
        self.ended_as(dialled, sid, "completed")

    def test_a_call_that_is_canceled_while_it_rings(self, dialled: GatewayProcess, carrier: Carrier) -> None:
        steps = (
            s.asked("INVITE"), s.reply("180 Ringing"), s.asked("CANCEL"), s.reply("200 OK", tag=""),
        )  # fmt: skip
        with carrier.answering(*steps):
            sid = self.place(dialled)
            wait_for(lambda: dialled.client().calls(sid).fetch().status == "ringing", 5, "ringing")
            dialled.client().calls(sid).update(status="canceled")
        self.ended_as(dialled, sid, "canceled")
