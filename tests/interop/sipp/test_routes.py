"""Proxies on the way: their Record-Routes, both roles; copies of one request; our own request that comes back."""

from __future__ import annotations

import pytest

from tests.interop import scenario as s
from tests.interop.conftest import NUMBER
from tests.interop.sipp.carrier import Carrier, header
from tests.interop.sipp.conftest import ENDS, Stage

pytestmark = pytest.mark.interop

LOOSE = (f"Record-Route: <sip:{s.ME};lr;hop=2>", f"Record-Route: <sip:{s.ME};lr;hop=1>")
DOUBLE = (f"Record-Route: <sip:{s.ME};lr;r2=on;hop=2>, <sip:{s.ME};transport=[transport];lr;r2=on;hop=1>",)
STRICT = (f"Record-Route: <sip:strict@{s.ME}>",)


def routes(message: str) -> list[str]:
    """The Routes of a request, each as its `hop`."""
    lines = [line.partition(":")[2] for line in message.splitlines() if line.startswith("Route:")]
    return [one.partition("hop=")[2].rstrip(">") for one in ",".join(lines).split(",") if one]


@pytest.mark.parametrize("record", [LOOSE, DOUBLE], ids=["two proxies", "one proxy, two sides"])
def test_of_a_call_in(stage: Stage, carrier: Carrier, record: tuple[str, ...]) -> None:
    """RFC 3261 §12.1.1: copied to the response, and our route set in the same order."""
    stage.runs(ENDS)
    carrier.call(stage.sip, s.invite(None, *record), *s.RING, s.expect(200, Record_Route="hop=2"), s.ack(), *s.ENDED)
    (bye,) = carrier.received("BYE", "caller")
    assert routes(bye) == ["2", "1"]
    assert bye.startswith(f"BYE sip:carrier@127.0.0.1:{carrier.port};transport=UDP SIP/2.0")


@pytest.mark.parametrize("record", [LOOSE, DOUBLE], ids=["two proxies", "one proxy, two sides"])
def test_of_a_call_out(dialled: Stage, carrier: Carrier, record: tuple[str, ...]) -> None:
    """RFC 3261 §12.1.2: the route set is the reverse; ACK and BYE have it."""
    answer = s.reply("200 OK", *record, body=s.sdp(), retrans=True)
    with carrier.answering(s.asked("INVITE"), answer, s.asked("ACK"), *s.ENDED):
        sid = dialled.places()
    dialled.ended("completed", sid)
    assert [routes(carrier.received(method)[0]) for method in ("ACK", "BYE")] == [["1", "2"], ["1", "2"]]


def test_of_a_strict_router(stage: Stage, carrier: Carrier) -> None:
    """RFC 3261 §12.2.1.1: it stands in the Request-URI, and the target is the last Route."""
    stage.runs(ENDS)
    carrier.call(stage.sip, s.invite(None, *STRICT), *s.RING, s.expect(200), s.ack(), *s.ENDED)
    (bye,) = carrier.received("BYE", "caller")
    assert bye.startswith(f"BYE sip:strict@127.0.0.1:{carrier.port} SIP/2.0")
    assert header(bye, "Route") == f"<sip:carrier@127.0.0.1:{carrier.port};transport=UDP>"


def test_a_copy_of_an_invite_over_another_way(stage: Stage, carrier: Carrier) -> None:
    """RFC 3261 §8.2.2.2: one proxy forked it, and both branches lead to us: one call, and 482 for the copy."""
    copy = s.invite(via=s.VIA.replace("[branch]", "[branch]-copy"), retrans=False)
    carrier.call(
        stage.sip, s.invite(), *s.RING, s.expect(200, keep_tag=True), copy, s.expect(482), s.ack_failure(),
        s.ack(kept=True),
        s.pause(100), *s.BYE,
    )  # fmt: skip
    stage.ended("completed")
    assert len(stage.app.to("/voice")) == 1


def test_a_request_with_the_next_number_is_no_copy(stage: Stage, carrier: Carrier) -> None:
    """As after a challenge of a proxy before us: another CSeq, the same Call-ID and From tag."""
    stage.runs("<Response><Reject/></Response>")
    again = s.invite(cseq=2, via=s.VIA.replace("[branch]", "[branch]-again"))
    carrier.call(
        stage.sip, s.invite(), *s.RING, s.expect(404), s.ack_failure(), again, *s.RING, s.expect(404), s.ack_failure(2)
    )


def passed(method: str, uri: str, *headers: str, body: str = "") -> str:
    """The last request as a proxy passes it on: its own Via on top."""
    fields = (
        s.VIA,
        "[last_Via:]",
        "[last_From:]",
        "[last_To:]",
        "Call-ID: [call_id]",
        "[last_CSeq:]",
        "Max-Forwards: 69",
    )
    return s.sending(s.message(f"{method} {uri} SIP/2.0", (*fields, *headers), body))


def test_our_own_request_comes_back(stage: Stage, carrier: Carrier) -> None:
    """A spiral: the carrier sends our call to another number of ours, as a proxy does. Both ends are ours, and live."""
    stage.trunk(carrier.uri)
    steps = (
        s.asked("INVITE", keep=True), passed("INVITE", f"sip:{NUMBER}@{stage.sip}", s.CONTACT, body=s.sdp()),
        s.expect(100, optional=True), s.expect(180, optional=True), s.expect(200, keep_tag=True, Via="branch"),
        s.reply("200 OK", body=s.sdp(), tag="[$totag]", kept=True), s.asked("ACK"), passed("ACK", f"sip:{stage.sip}"),
        s.asked("BYE", To="tag=", keep=True), passed("BYE", f"sip:{stage.sip}"), s.expect(200, CSeq="BYE"),
        s.reply("200 OK", tag="", kept=True),
    )  # fmt: skip
    with carrier.answering(*steps):
        sid = stage.places("<Response><Gather timeout='1'/></Response>")
    stage.ended("completed", sid)
    stage.ended("completed")
    assert stage.sid() != sid
