"""Requests go on to the next target, with a new branch, without ringing two phones (RFC 3263 §4.3)."""

from __future__ import annotations

from random import Random

import pytest

from sip import commands
from sip.agent import Agent
from sip.events import Answered, Cause, Ended, Invited, Ringing
from sip.finder import NO_STREAM, Expiring
from sip.message import Request, Response, parse_message
from sip.outputs import Connect, Flow, FlowFailed, FlowOpened, Host, Resolve, Resolved, Srv, Transmit
from tests.lib.wire import Wire
from tests.lib.wired import ANSWER, OFFER, assert_clean, ended

URI = "sip:bob@pbx.example"
DEAD, ALIVE = "192.0.2.66", "192.0.2.2"


def wire_to(*hosts: str) -> Wire:
    """A wire whose zone names these servers, in this order."""
    wire = Wire()
    records = tuple(Srv(priority, 0, 5060, host) for priority, host in enumerate(hosts))
    wire.dns["SRV", "_sip._udp.pbx.example"] = records
    return wire


def place(wire: Wire, session: str = "out", uri: str = URI, sdp: bytes = OFFER) -> None:
    wire.apply(wire.a, commands.Invite(session, uri, "<sip:alice@192.0.2.1>", f"<{URI}>", sdp))


def accept(wire: Wire) -> None:
    (invited,) = wire.b.said(Invited)
    assert isinstance(invited, Invited)
    wire.apply(wire.b, commands.Accept(invited.session, ANSWER))


def test_the_second_server_gets_the_call_when_the_first_is_silent() -> None:
    wire = wire_to(DEAD, ALIVE)
    place(wire)
    wire.run(31.9)
    assert not wire.b.said(Invited)
    wire.run(1)
    accept(wire)
    wire.run(1)
    assert len(wire.a.said(Answered)) == 1
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)
    assert ended(wire.a).cause is Cause.HANGUP


def test_a_server_that_was_silent_comes_last_for_some_time() -> None:
    wire = wire_to(DEAD, ALIVE)
    place(wire, "first")
    wire.run(33)
    place(wire, "second")
    wire.run(1)
    assert len(wire.b.said(Invited)) == 2
    wire.run(60)
    wire.connects.clear()
    place(wire, "third")
    assert wire.connects[0].host == DEAD


def test_a_server_that_cannot_be_connected_to_is_passed_over_at_once() -> None:
    wire = wire_to(DEAD, ALIVE)
    wire.closed.add(("udp", DEAD))
    place(wire)
    wire.run(0.5)
    assert len(wire.b.said(Invited)) == 1


def test_no_server_at_all_ends_the_call() -> None:
    wire = wire_to(DEAD, "192.0.2.67")
    wire.closed |= {("udp", DEAD), ("udp", "192.0.2.67")}
    place(wire)
    assert (ended(wire.a).cause, ended(wire.a).status) == (Cause.TRANSPORT, 503)
    assert_clean(wire)


class Peers:
    """One agent that calls; the servers are played by the test, which sees every request."""

    def __init__(self, *hosts: str, sdp: bytes = OFFER) -> None:
        self.agent = Agent(Random(3))
        self.now = 0.0
        self.sent: list[tuple[str, Request]] = []
        self.wants: list[Connect] = []
        self.events: list[object] = []
        self.refusing: set[tuple[str, str]] = set()
        self.records = tuple(Srv(priority, 0, 5060, host) for priority, host in enumerate(hosts))
        self.do(self.agent.apply(commands.Invite("out", URI, "<sip:a@192.0.2.1>", f"<{URI}>", sdp), 0.0))

    def do(self, outputs: object) -> None:
        assert isinstance(outputs, list)
        for output in outputs:
            match output:
                case Transmit(flow=flow, data=data):
                    message = parse_message(data)
                    assert isinstance(message, Request)
                    self.sent.append((f"{flow.transport} {flow.remote[0]}", message))
                case Resolve(question=question):
                    records = self.records if question.name == "_sip._udp.pbx.example" else ()
                    self.do(self.agent.apply(Resolved(question, records, 0.0), self.now))
                case Connect(request=request, target=target):
                    self.wants.append(output)
                    answer: FlowOpened | FlowFailed = FlowFailed(request, "refused")
                    if (target.transport, target.host) not in self.refusing:
                        flow = Flow(target.transport, ("192.0.2.1", 5060), (target.host, target.port), len(self.wants))
                        answer = FlowOpened(request, flow)
                    self.do(self.agent.apply(answer, self.now))
                case _:
                    self.events.append(output)

    def respond(self, status: int, **headers: str) -> Request:
        """The last server answers the last INVITE."""
        where, invite = [one for one in self.sent if one[1].method == "INVITE"][-1]
        response = invite.reply(status, to_tag=f"tag{where.replace(chr(32), chr(46))}")
        for name, value in headers.items():
            response.headers.add(name.replace("_", "-"), value)
        flow = Flow("udp", ("192.0.2.1", 5060), (where.split()[1], 5060))
        self.do(self.agent.receive(bytes(response), flow, self.now))
        return invite

    def hear(self, response: Response) -> None:
        """A response comes."""
        flow = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.99", 5060))
        self.do(self.agent.receive(bytes(response), flow, self.now))

    def respond_to(self, host: str, status: int) -> None:
        """A server answers its INVITE."""
        (invite, *_) = [one for where, one in self.sent if where == f"udp {host}" and one.method == "INVITE"]
        self.hear(invite.reply(status, to_tag="x"))

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while (at := self.agent.next_timeout()) is not None and at <= end:
            self.now = at
            self.do(self.agent.tick(at))
        self.now = end

    def invites(self) -> list[str]:
        """Where INVITE was sent, repeats left out."""
        branches = {one.via[0].branch: where for where, one in self.sent if one.method == "INVITE"}
        return list(branches.values())


FIRST, SECOND = "192.0.2.11", "192.0.2.12"


def test_503_goes_on_to_the_next_target_with_a_new_branch() -> None:
    """RFC 3263 §4.3: the same request otherwise, Call-ID and tag included; the 503 is acknowledged."""
    peers = Peers(FIRST, SECOND)
    peers.respond(503)
    assert [(where, one.method) for where, one in peers.sent] == [
        (f"udp {FIRST}", "INVITE"), (f"udp {FIRST}", "ACK"), (f"udp {SECOND}", "INVITE"),
    ]  # fmt: skip
    (_, first), (_, ack), (_, second) = peers.sent
    assert ack.via[0].branch == first.via[0].branch != second.via[0].branch
    assert (first.call_id, first.from_.tag, first.cseq) == (second.call_id, second.from_.tag, second.cseq)
    assert len(second.via) == len(second.contact) == 1
    peers.respond(503)
    (ended,) = peers.events
    assert isinstance(ended, Ended)
    assert (ended.cause, ended.status) == (Cause.REFUSED, 503)
    peers.run(100)
    assert (peers.agent.sessions, peers.agent.transactions) == (0, 0)


def test_a_repeated_503_of_the_first_server_is_acknowledged_again() -> None:
    peers = Peers(FIRST, SECOND)
    invite = peers.respond(503)
    before = len(peers.sent)
    flow = Flow("udp", ("192.0.2.1", 5060), (FIRST, 5060))
    peers.do(peers.agent.receive(bytes(invite.reply(503, to_tag="again")), flow, 1.0))
    (where, ack) = peers.sent[before]
    assert (where, ack.method, ack.via[0].branch) == (f"udp {FIRST}", "ACK", invite.via[0].branch)
    assert len(peers.sent) == before + 1


@pytest.mark.parametrize("status", [180, 183])
def test_no_phone_rings_twice(status: int) -> None:
    """Once a provisional response above 100 came, a 503 is final."""
    peers = Peers(FIRST, SECOND)
    peers.respond(status)
    peers.respond(503)
    assert peers.invites() == [f"udp {FIRST}"]
    assert [type(event) for event in peers.events] == [Ringing, Ended]


def test_100_alone_does_not_bind() -> None:
    peers = Peers(FIRST, SECOND)
    peers.respond(100)
    peers.respond(503)
    assert peers.invites() == [f"udp {FIRST}", f"udp {SECOND}"]


@pytest.mark.parametrize("status", [404, 408, 480, 486, 500, 603])
def test_other_failures_are_the_answer(status: int) -> None:
    peers = Peers(FIRST, SECOND)
    peers.respond(status)
    assert peers.invites() == [f"udp {FIRST}"]


def test_a_call_that_we_gave_up_goes_nowhere_else() -> None:
    peers = Peers(FIRST, SECOND)
    peers.do(peers.agent.apply(commands.Hangup("out"), 0.0))
    peers.run(100)
    assert peers.invites() == [f"udp {FIRST}"]
    assert peers.agent.sessions == 0


def test_a_call_that_was_canceled_goes_nowhere_else() -> None:
    peers = Peers(FIRST, SECOND)
    peers.respond(100)
    peers.do(peers.agent.apply(commands.Hangup("out"), 0.0))
    assert peers.sent[-1][1].method == "CANCEL"
    peers.respond(503)
    assert peers.invites() == [f"udp {FIRST}"]


def test_cancel_follows_the_request_to_its_second_target() -> None:
    peers = Peers(FIRST, SECOND)
    peers.respond(503)
    second = peers.respond(180)
    peers.do(peers.agent.apply(commands.Hangup("out"), 0.0))
    where, cancel = peers.sent[-1]
    assert (where, cancel.method) == (f"udp {SECOND}", "CANCEL")
    assert cancel.via[0].branch == second.via[0].branch


def test_retry_after_of_a_503_is_kept_to() -> None:
    peers = Peers(FIRST, SECOND)
    peers.respond(503, Retry_After="300")
    for at, where in ((299.0, SECOND), (301.0, FIRST)):
        peers.now = at
        peers.do(peers.agent.apply(commands.Invite(f"at {at}", URI, "<sip:a@192.0.2.1>", f"<{URI}>", OFFER), at))
        assert peers.invites()[-1] == f"udp {where}"


def test_credentials_go_to_the_server_that_asked_for_them() -> None:
    """A nonce is known where it was made."""
    command = commands.Invite(
        "auth", URI, "<sip:a@192.0.2.1>", f"<{URI}>", OFFER, credentials=commands.Credentials("a", "b")
    )
    peers = Peers(FIRST, SECOND)
    peers.respond(486)
    peers.records = peers.records[::-1]
    peers.do(peers.agent.apply(command, 0.0))
    peers.records = ()
    peers.respond(401, WWW_Authenticate='Digest realm="x", nonce="n", algorithm=MD5')
    assert "Authorization" in peers.sent[-1][1].headers
    assert peers.sent[-1][0] == f"udp {peers.sent[-2][0].split()[1]}"


class TestPatience:
    """Who calls wants no half a minute of silence before the next server is tried (timer B is 32 s)."""

    def place(self, *hosts: str, patience: float | None = 8.0) -> Peers:
        peers = Peers(*hosts)
        peers.do(peers.agent.apply(commands.Hangup("out"), 0.0))
        peers.run(100)
        peers.sent.clear()
        peers.events.clear()
        begun = peers.now
        command = commands.Invite("it", URI, "<sip:a@192.0.2.1>", f"<{URI}>", OFFER, patience=patience)
        peers.do(peers.agent.apply(command, begun))
        return peers

    @pytest.mark.parametrize(("patience", "seconds"), [(8.0, 8.0), (None, 32.0)])
    def test_a_silent_server_is_given_up(self, patience: float | None, seconds: float) -> None:
        peers = self.place(FIRST, SECOND, patience=patience)
        peers.run(seconds - 0.1)
        assert peers.invites() == [f"udp {FIRST}"]
        peers.run(0.2)
        assert peers.invites() == [f"udp {FIRST}", f"udp {SECOND}"]
        peers.run(seconds)
        (ended,) = peers.events
        assert isinstance(ended, Ended)
        assert (ended.cause, peers.invites()) == (Cause.TIMEOUT, [f"udp {FIRST}", f"udp {SECOND}"])
        peers.run(100)
        assert (peers.agent.sessions, peers.agent.transactions) == (0, 0)

    @pytest.mark.parametrize("status", [100, 180])
    def test_a_server_that_said_anything_is_waited_for(self, status: int) -> None:
        peers = self.place(FIRST, SECOND)
        peers.respond(status)
        peers.run(60)
        assert peers.invites() == [f"udp {FIRST}"]

    def test_no_phone_rings_twice_where_it_wakes_up_late(self) -> None:
        """Its provisional response is answered with CANCEL, once; what it says then is acknowledged."""
        peers = self.place(FIRST, SECOND)
        (_, first), *_ = peers.sent
        peers.run(9)
        before = len(peers.sent)
        peers.hear(first.reply(180, to_tag="late"))
        peers.hear(first.reply(183, to_tag="late"))
        peers.hear(first.reply(487, to_tag="late"))
        assert [(where, one.method) for where, one in peers.sent[before:]] == [
            (f"udp {FIRST}", "CANCEL"),
            (f"udp {FIRST}", "ACK"),
        ]
        assert {one.via[0].branch for _, one in peers.sent[before:]} == {first.via[0].branch}
        assert peers.events == []
        peers.respond(503)
        assert len(peers.events) == 1

    def test_an_answer_that_comes_too_late_is_ended(self) -> None:
        peers = self.place(FIRST, SECOND)
        (_, first), *_ = peers.sent
        peers.run(9)
        del peers.sent[:]
        ok = first.reply(200, to_tag="late")
        ok.headers.add("Contact", f"<sip:b@{FIRST}>")
        peers.hear(ok)
        assert [(where, one.method) for where, one in peers.sent] == [(f"udp {FIRST}", "ACK"), (f"udp {FIRST}", "BYE")]
        assert peers.events == []
        peers.run(300)
        assert (peers.agent.sessions, peers.agent.transactions) == (0, 0)

    def test_the_second_server_may_still_fail_over_to_the_third(self) -> None:
        peers = self.place(FIRST, SECOND, "192.0.2.13")
        (_, first), *_ = peers.sent
        peers.run(9)
        peers.hear(first.reply(180, to_tag="late"))
        peers.respond_to(SECOND, 503)
        assert peers.invites()[-1] == "udp 192.0.2.13"


LARGE = b"v=0\r\n" + b"a=candidate:1 1 UDP 1 192.0.2.1 1 typ host\r\n" * 40


def test_a_large_request_goes_over_tcp() -> None:
    """RFC 3261 §18.1.1: more than 1300 bytes; Via and Contact say so."""
    peers = Peers(FIRST, sdp=LARGE)
    ((where, invite),) = peers.sent
    assert where == f"tcp {FIRST}"
    assert (len(invite.via), invite.via[0].transport) == (1, "TCP")
    assert [contact.uri.param("transport") for contact in invite.contact] == ["tcp"]


def test_a_large_request_falls_back_to_udp_where_tcp_fails() -> None:
    peers = Peers("192.0.2.200")
    peers.refusing.add(("tcp", FIRST))
    peers.records = (Srv(0, 0, 5060, FIRST), Srv(1, 0, 5060, SECOND))
    peers.do(peers.agent.apply(commands.Invite("big", URI, "<sip:a@192.0.2.1>", f"<{URI}>", LARGE), 0.0))
    where, invite = peers.sent[-1]
    assert where == f"udp {FIRST}"
    assert (len(invite.via), invite.via[0].transport) == (1, "UDP")


@pytest.mark.parametrize(("after", "tried"), [(1000.0, False), (NO_STREAM + 1, True)])
def test_where_tcp_does_not_come_up_it_is_left_alone_for_long(after: float, tried: bool) -> None:
    """A firewall that drops it costs five seconds of one call, not of each."""
    peers = Peers(FIRST)
    peers.respond(486)
    peers.refusing.add(("tcp", FIRST))
    for session in ("first", "second"):
        peers.wants.clear()
        peers.do(peers.agent.apply(commands.Invite(session, URI, "<sip:a@x>", f"<{URI}>", LARGE), peers.now))
        peers.respond(486)
        peers.run(after)
    assert peers.invites() == [f"udp {FIRST}"] * 3
    assert [one.target.transport for one in peers.wants] == (["udp", "tcp", "udp"] if tried else ["udp"])


def test_a_small_request_stays_on_udp() -> None:
    assert Peers(FIRST).invites() == [f"udp {FIRST}"]


def test_a_connection_that_had_gone_stale_is_opened_again() -> None:
    """The peer closed it while nobody looked: the same target gets another chance, on a new connection."""
    agent = Agent(Random(1))
    uri = "sip:b@192.0.2.2;transport=tcp"
    (first,) = agent.apply(commands.Invite("out", uri, "<sip:a@192.0.2.1>", f"<{uri}>", OFFER), 0.0)
    assert isinstance(first, Connect)
    old = Flow("tcp", ("192.0.2.1", 5060), ("192.0.2.2", 5060), 1)
    (sent,) = agent.apply(FlowOpened(first.request, old, reused=True), 0.0)
    assert isinstance(sent, Transmit)
    (second,) = agent.apply(FlowFailed(0, "reset", old), 0.1)
    assert isinstance(second, Connect)
    assert second.target == first.target
    new = Flow("tcp", ("192.0.2.1", 5060), ("192.0.2.2", 5060), 2)
    (again,) = agent.apply(FlowOpened(second.request, new), 0.2)
    assert isinstance(again, Transmit)
    (ended,) = agent.apply(FlowFailed(0, "reset", new), 0.3)
    assert isinstance(ended, Ended)
    assert ended.cause is Cause.TRANSPORT


def test_answers_are_kept_as_long_as_they_are_good() -> None:
    wire = wire_to(ALIVE)
    wire.ttl = 100.0
    place(wire, "first")
    wire.dns.clear()
    wire.run(99)
    place(wire, "second")
    wire.run(0.5)
    assert len(wire.b.said(Invited)) == 2
    wire.run(2)
    place(wire, "third")
    wire.run(1)
    assert len(wire.b.said(Invited)) == 2
    assert [event.session for event in wire.a.said(Ended) if isinstance(event, Ended)][-1] == "third"


class Lookups:
    """An agent that calls one name; `says` is what DNS answers from now on, None: it fails."""

    def __init__(self) -> None:
        self.agent = Agent(Random(1))
        self.says: tuple[Host, ...] | None = (Host("192.0.2.2"),)
        self.ttl = 100.0
        self.asked = 0

    def call(self, now: float) -> str | None:
        """Where a call at this time goes; None: nowhere."""
        uri = "sip:b@pbx.example:5060"
        outputs = self.agent.apply(commands.Invite(str(now), uri, "<sip:a@x>", f"<{uri}>", OFFER), now)
        if isinstance(outputs[0], Resolve):
            self.asked += 1
            known = Resolved(outputs[0].question, self.says or (), self.ttl, failed=self.says is None)
            outputs = self.agent.apply(known, now)
        return outputs[0].target.host if isinstance(outputs[0], Connect) else None


class TestDnsThatFails:
    """RFC 8767: an old answer is better than none, for a day; DNS is left alone for half a minute."""

    def test_the_last_answer_is_used_on(self) -> None:
        dns = Lookups()
        assert dns.call(0.0) == "192.0.2.2"
        dns.says = None
        assert [dns.call(at) for at in (200.0, 229.0, 231.0)] == ["192.0.2.2"] * 3
        assert dns.asked == 3, "at 0, 200 and 231"

    def test_but_not_for_ever(self) -> None:
        dns = Lookups()
        dns.call(0.0)
        dns.says = None
        assert dns.call(86000.0) == "192.0.2.2"
        assert dns.call(100 + 86401.0) is None

    def test_what_never_was_known_stays_unknown_and_is_asked_again_at_once(self) -> None:
        dns = Lookups()
        dns.says = None
        assert (dns.call(0.0), dns.call(0.1)) == (None, None)
        dns.says = (Host("192.0.2.3"),)
        assert dns.call(0.2) == "192.0.2.3"
        assert dns.asked == 3

    def test_an_answer_that_there_is_nothing_any_more_is_believed(self) -> None:
        dns = Lookups()
        dns.call(0.0)
        dns.says = ()
        assert dns.call(200.0) is None
        dns.says = None
        assert dns.call(400.0) is None

    def test_a_name_that_is_not_there_is_not_asked_for_at_each_call(self) -> None:
        dns = Lookups()
        dns.says, dns.ttl = (), 30.0
        assert [dns.call(at) for at in (0.0, 29.0)] == [None, None]
        assert dns.asked == 1
        dns.says = (Host("192.0.2.3"),)
        assert dns.call(31.0) == "192.0.2.3"

    def test_a_ttl_of_zero_asks_for_each_call(self) -> None:
        dns = Lookups()
        dns.ttl = 0.0
        assert [dns.call(at) for at in (0.0, 0.0, 1.0)] == ["192.0.2.2"] * 3
        assert dns.asked == 3
        dns.says = None
        assert dns.call(2.0) == "192.0.2.2"


def test_calls_to_one_name_ask_once() -> None:
    agent = Agent(Random(1))
    asked: list[Resolve] = []
    for number in range(3):
        command = commands.Invite(str(number), "sip:b@pbx.example:5060", "<sip:a@x>", "<sip:b@x>", OFFER)
        asked += [one for one in agent.apply(command, 0.0) if isinstance(one, Resolve)]
    assert [one.question.name for one in asked] == ["pbx.example"]
    outputs = agent.apply(Resolved(asked[0].question, (Host("192.0.2.2"),), 0.0), 0.1)
    assert [type(one) for one in outputs] == [Connect] * 3


def test_a_call_that_ends_while_its_name_is_asked_for_is_forgotten() -> None:
    agent = Agent(Random(1))
    command = commands.Invite("out", "sip:b@pbx.example:5060", "<sip:a@x>", "<sip:b@x>", OFFER)
    (asked,) = agent.apply(command, 0.0)
    assert isinstance(asked, Resolve)
    agent.apply(commands.Hangup("out"), 0.0)
    assert agent.apply(Resolved(asked.question, (Host("192.0.2.2"),), 9.0), 0.1) == []


def test_the_table_of_names_is_bounded() -> None:
    table: Expiring[int, int] = Expiring(limit=3)
    for number in range(3):
        table.put(number, number, until=10.0 + number, now=0.0)
    table.put(3, 3, until=99.0, now=11.0)
    assert [table.get(number, 11.0) for number in range(4)] == [None, None, 2, 3]
    for number in range(4, 9):
        table.put(number, number, until=99.0, now=12.5)
    assert len(table) == 3


# responses (RFC 3261 §18.2.2, RFC 3581 §4)

UDP = Flow("udp", ("192.0.2.2", 5060), ("192.0.2.1", 40000))
TCP = Flow("tcp", ("192.0.2.2", 5060), ("192.0.2.1", 40000), 7)


def request(via: str, method: str = "OPTIONS") -> bytes:
    return (
        f"{method} sip:b@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/{via};branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\n"
        f"To: <sip:b@192.0.2.2>\r\nCall-ID: c\r\nCSeq: 1 {method}\r\nContact: <sip:a@192.0.2.1>\r\n"
        "Content-Length: 0\r\n\r\n"
    ).encode()


@pytest.mark.parametrize(
    ("via", "remote"),
    [
        ("UDP 10.0.0.1:5071;rport", ("192.0.2.1", 40000)),
        ("UDP 10.0.0.1:5071", ("192.0.2.1", 5071)),
        ("UDP 192.0.2.1:5071", ("192.0.2.1", 5071)),
        ("UDP phone.invalid", ("192.0.2.1", 5060)),
    ],
)
def test_over_udp_a_response_goes_where_via_says(via: str, remote: tuple[str, int]) -> None:
    sent, _ = Agent(Random(1)).receive(request(via), UDP, 0.0)
    assert isinstance(sent, Transmit)
    assert sent.flow.remote == remote


def test_over_tcp_a_response_goes_back_on_the_connection() -> None:
    sent, _ = Agent(Random(1)).receive(request("TCP 10.0.0.1:5071"), TCP, 0.0)
    assert isinstance(sent, Transmit)
    assert sent.flow == TCP


def test_a_response_whose_connection_is_gone_opens_another() -> None:
    """RFC 3261 §18.2.2: to the source address, at the port of Via."""
    agent = Agent(Random(1))
    outputs = agent.receive(request("TCP phone.invalid:5071", "INVITE"), TCP, 0.0)
    (invited,) = [one for one in outputs if isinstance(one, Invited)]
    assert agent.apply(FlowFailed(0, "closed", TCP), 1.0) == []
    (wanted,) = agent.apply(commands.Refuse(invited.session, 486), 2.0)[:1]
    assert isinstance(wanted, Connect)
    assert (wanted.target.transport, wanted.target.host, wanted.target.port) == ("tcp", "192.0.2.1", 5071)
    new = Flow("tcp", ("192.0.2.2", 5060), ("192.0.2.1", 5071), 8)
    (sent,) = agent.apply(FlowOpened(wanted.request, new), 2.1)
    assert isinstance(sent, Transmit)
    response = parse_message(sent.data)
    assert isinstance(response, Response)
    assert (sent.flow, response.status) == (new, 486)


def test_a_response_that_finds_no_way_is_dropped() -> None:
    agent = Agent(Random(1))
    outputs = agent.receive(request("TCP phone.invalid:5071", "INVITE"), TCP, 0.0)
    (invited,) = [one for one in outputs if isinstance(one, Invited)]
    agent.apply(FlowFailed(0, "closed", TCP), 1.0)
    (wanted,) = agent.apply(commands.Refuse(invited.session, 486), 2.0)[:1]
    assert isinstance(wanted, Connect)
    agent.apply(FlowFailed(wanted.request, "refused"), 2.1)
    assert (agent.sessions, agent.transactions, agent.next_timeout()) == (0, 0, None)


# how we call ourselves


@pytest.mark.parametrize(
    ("transport", "uri", "contact"),
    [
        ("udp", "sip:b@192.0.2.2", "<sip:203.0.113.1:5060>"),
        ("tcp", "sip:b@192.0.2.2;transport=tcp", "<sip:203.0.113.1:5060;transport=tcp>"),
        ("tls", "sip:b@192.0.2.2;transport=tls", "<sip:203.0.113.1:5060;transport=tls>"),
        ("tls", "sips:b@192.0.2.2", "<sips:203.0.113.1:5060>"),
        ("udp", "sip:b@[2001:db8::2]", "<sip:[2001:db8::1]:5060>"),
    ],
)
def test_contact_and_via_name_the_public_address_and_the_transport(transport: str, uri: str, contact: str) -> None:
    """A public IPv4 address says nothing about IPv6."""
    agent = Agent(Random(1), advertised=dict.fromkeys(("udp", "tcp", "tls"), ("203.0.113.1", 0)))
    (wanted,) = agent.apply(commands.Invite("out", uri, "<sip:a@x>", "<sip:b@x>", OFFER), 0.0)
    assert isinstance(wanted, Connect)
    local = "2001:db8::1" if ":" in wanted.target.host else "10.0.0.1"
    flow = Flow(transport, (local, 5060), (wanted.target.host, wanted.target.port), 1)
    (sent,) = agent.apply(FlowOpened(wanted.request, flow), 0.0)
    assert isinstance(sent, Transmit)
    invite = parse_message(sent.data)
    assert invite.headers.get("Contact") == contact
    assert invite.via[0].transport == transport.upper()
    assert invite.via[0].host == ("2001:db8::1" if ":" in local else "203.0.113.1")


@pytest.mark.parametrize(
    ("local", "remote"),
    [("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "127.0.0.9"), ("10.0.0.1", "10.0.0.1"), ("::1", "::1")],
)
def test_who_is_on_this_machine_sees_the_local_address(local: str, remote: str) -> None:
    """Calls between numbers of ours, whose ACK and BYE a NAT need not bring back."""
    agent = Agent(Random(1), advertised={"udp": ("203.0.113.1", 0)})
    host = f"[{remote}]" if ":" in remote else remote
    (wanted,) = agent.apply(commands.Invite("out", f"sip:b@{host}", "<sip:a@x>", "<sip:b@x>", OFFER), 0.0)
    assert isinstance(wanted, Connect)
    (sent,) = agent.apply(FlowOpened(wanted.request, Flow("udp", (local, 5060), (remote, 5060))), 0.0)
    assert isinstance(sent, Transmit)
    invite = parse_message(sent.data)
    assert (invite.via[0].host, invite.contact[0].uri.host) == (local, local)
