"""Scenarios that wait for timers of the standard: they run side by side with all other tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.interop import scenario as s
from tests.interop.conftest import NUMBER, App, GatewayProcess
from tests.interop.sipp.carrier import Carrier
from tests.lib.relay import Relay

PATIENT = "+15555550101"  # a number of their own, for the document of the others changes
WAITS = "<Response><Gather timeout='120'/></Response>"
ENDS_SOON = "<Response><Gather timeout='1'/></Response>"
LOSS = 0.2
MOST = 90  # seconds
UPDATES = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE"
SIMPLE = "Allow: INVITE, ACK, BYE, CANCEL"

TIMED = "Supported: timer"
NINETY = "Session-Expires: 90;refresher={}"

CALLS_IN: dict[str, tuple[str, ...]] = {
    "refresh by us": (
        s.invite(None, TIMED, NINETY.format("uas"), UPDATES), *s.ANSWERED, s.asked("UPDATE", timeout=50000),
        s.reply("200 OK", NINETY.format("uac"), tag=""), s.pause(200), *s.BYE,
    ),
    "glare of a call in": (
        s.invite(None, TIMED, NINETY.format("uas"), SIMPLE), *s.ANSWERED, s.asked("INVITE", keep=True, timeout=50000),
        s.request("INVITE", 2, body=s.sdp(version=2), kept=True), s.expect(491), s.ack_failure(2),
        s.reply("491 Request Pending", tag="", kept=True), s.asked("ACK"),
        s.asked("INVITE", timeout=2500), s.reply("200 OK", NINETY.format("uac"), body=s.sdp(), tag=""), s.asked("ACK"),
        *s.BYE,
    ),
    "expiry of a call in": (
        s.invite(None, TIMED, NINETY.format("uac")), *s.ANSWERED, s.asked("BYE", timeout=65000), s.OK,
    ),
    "no ack": (s.invite(), *s.RING, s.expect(200), s.asked("BYE", timeout=40000), s.OK),
    "loss of a call in": (s.invite(), *s.ANSWERED, *s.BYE, s.pause(1000)),
}  # fmt: skip

SIX = "Session-Expires: 6;refresher={}"


def granting(*headers: str, body: str = s.sdp()) -> str:
    """The answer to an INVITE, with a timer."""
    return s.reply("200 OK", "Require: timer", *headers, body=body, retrans=True)


CALLS_OUT: dict[str, tuple[str, ...]] = {
    "refresh by us, update": (
        s.asked("INVITE", Supported="timer", Session_Expires="1800"), granting(SIX.format("uac"), UPDATES),
        s.asked("ACK"),
        s.asked("UPDATE", timeout=4000), s.reply("200 OK", SIX.format("uac"), tag=""), s.asked("UPDATE", timeout=4000),
        s.reply("500 Server Internal Error", tag=""), s.asked("BYE", timeout=4000), s.OK,
    ),
    "refresh by us, invite": (
        s.asked("INVITE", keep=True), granting(SIX.format("uac"), SIMPLE), s.asked("ACK"),
        s.asked("INVITE", timeout=4000), s.reply("200 OK", SIX.format("uac"), body=s.sdp(version=1), tag=""),
        s.asked("ACK"), s.request("BYE", 1, callee=True), s.expect(200),
    ),
    "refresh by them": (
        s.asked("INVITE", keep=True), granting(SIX.format("uas")), s.asked("ACK"), s.pause(2000),
        s.request("UPDATE", 1, TIMED, "Session-Expires: 90;refresher=uac", callee=True),
        s.expect(200, Session_Expires="90;refresher=uac"), s.pause(4000),
        s.request("BYE", 2, callee=True), s.expect(200),
    ),
    "expiry of a call out": (
        s.asked("INVITE"), granting(SIX.format("uas")), s.asked("ACK"), s.pause(3500), s.asked("BYE", timeout=1500),
        s.OK,
    ),
    "glare of a call out": (
        s.asked("INVITE", keep=True), granting("Session-Expires: 24;refresher=uac", SIMPLE), s.asked("ACK"),
        s.asked("INVITE", timeout=14000, keep=True), s.request("INVITE", 1, body=s.sdp(version=2), callee=True, tag=""),
        s.expect(491), s.ack_failure(1), s.reply("491 Request Pending", tag="", kept=True), s.asked("ACK"),
        s.pause(1500),
        s.asked("INVITE", timeout=3500), s.reply("200 OK", body=s.sdp(), tag=""), s.asked("ACK"),
        s.request("BYE", 2, callee=True, tag=""), s.expect(200),
    ),
    "loss of a call out": (
        s.asked("INVITE"), s.reply("180 Ringing"), s.TAKES, s.asked("ACK"), s.asked("BYE", timeout=30000), s.OK,
        s.pause(1000),
    ),
}  # fmt: skip


class Patience:
    """The scenarios while they run."""

    def __init__(self, gateway: GatewayProcess, folder: Path) -> None:
        self._gateway, self._folder = gateway, folder
        self._carriers: dict[str, Carrier] = {}
        self._running: dict[str, Future[None]] = {}
        self.relays: dict[str, Relay] = {}

    def of(self, name: str) -> Carrier:
        """The far end of a scenario, once it is over; fails where it saw something else."""
        self._running[name].result(MOST)
        return self._carriers[name]

    def start(self, pool: ThreadPoolExecutor) -> None:
        """All of them."""
        for name in (*CALLS_IN, *CALLS_OUT):
            folder = self._folder / name.replace(" ", "-").replace(",", "")
            folder.mkdir()
            carrier = self._carriers[name] = Carrier(folder)
            run: Callable[[str, Carrier], None] = self._call_in if name in CALLS_IN else self._call_out
            self._running[name] = pool.submit(run, name, carrier)

    @contextmanager
    def _way(self, name: str, carrier: Carrier) -> Iterator[tuple[str, str]]:
        """Where the far end calls, and where it is called; possibly over a bad line."""
        if not name.startswith("loss"):
            yield self._gateway.sip, f"127.0.0.1:{carrier.port}"
            return
        with Relay(self._gateway.sip, carrier.port, loss=LOSS, seed=3) as relay:
            self.relays[name] = relay
            yield relay.address, relay.back

    def _call_in(self, name: str, carrier: Carrier) -> None:
        with self._way(name, carrier) as (target, _):
            carrier.call(target, *CALLS_IN[name], options=("-s", PATIENT), patience=MOST)

    def _call_out(self, name: str, carrier: Carrier) -> None:
        document = ENDS_SOON if name.startswith("loss") else WAITS
        with self._way(name, carrier) as (_, target), carrier.answering(*CALLS_OUT[name], patience=MOST):
            self._gateway.client().calls.create(to=f"sip:bob@{target}", from_=NUMBER, twiml=document)

    def stop(self) -> None:
        """Who is not asked any more need not go on."""
        for carrier in self._carriers.values():
            carrier.stop()


@contextmanager
def patience(gateway: GatewayProcess, app: App, folder: Path) -> Iterator[Patience]:
    """Starts them, and waits for their end or ends them."""
    app.documents["/patient"] = WAITS
    number = gateway.client().incoming_phone_numbers
    number.create(phone_number=PATIENT, voice_url=app.url("/patient"))
    with ThreadPoolExecutor(len(CALLS_IN) + len(CALLS_OUT)) as pool:
        one = Patience(gateway, folder)
        one.start(pool)
        try:
            yield one
        finally:
            one.stop()
