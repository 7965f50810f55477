"""RFC 4475, SIP torture test messages: all 49, each with what the agent does with it and what its section says.

TABLE is in the RFC's order. `sent` are the statuses of our responses; `invited` whether a call is offered to the
gateway. Where the RFC leaves a choice, the last column says which and why; the agent is a user agent server of a
gateway that passes calls on, and no registrar (405 to REGISTER, as §3.3.7 says) unless it is made one.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from media import sdp
from sip import registrar
from sip.agent import Agent
from sip.errors import ParseError
from sip.events import Dropped, Invited
from sip.framing import Framer
from sip.message import Response, parse_message, unfolded
from sip.outputs import Flow
from sip.uri import Uri
from tests.torture.flows import THEM, given, request

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "rfc4475"
BESIDE = ROOT.parent / "shared" / "torture" / "rfc4475"  # another copy of the archive, where there is one


class Case(NamedTuple):
    section: str
    title: str
    name: str
    transport: str  # what its topmost Via names
    sent: tuple[int, ...]
    invited: bool
    sentence: str  # what the section asks for, and what was chosen


YES, NO = True, False
TABLE = (
    Case("3.1.1.1", "A Short Tortuous INVITE", "wsinv", "udp", (481,), NO,
         "Well formed, with folded lines, odd spacing, compact forms. The tag of its To names no dialog of ours."),
    Case("3.1.1.2", "Wide Range of Valid Characters", "intmeth", "tcp", (501,), NO,
         "Well formed; the method is unknown to us."),
    Case("3.1.1.3", "Valid Use of the % Escaping Mechanism", "esc01", "udp", (100,), YES,
         "Well formed; escapes mean their characters and are never taken apart twice."),
    Case("3.1.1.4", "Escaped Nulls in URIs", "escnull", "udp", (405,), NO,
         "Well formed; a null does not end a user part; there are two distinct contacts."),
    Case("3.1.1.5", "Use of % When It Is Not an Escape", "esc02", "tcp", (501,), NO,
         "Well formed; the method is not REGISTER, so an endpoint answers 501."),
    Case("3.1.1.6", "Message with No LWS between Display Name and <", "lwsdisp", "udp", (200,), NO,
         "A mistake of RFC 3261's grammar: accepted as well formed."),
    Case("3.1.1.7", "Long Values in Header Fields", "longreq", "tcp", (100,), YES,
         "Well formed, with long values and 34 Via fields."),
    Case("3.1.1.8", "Extra Trailing Octets in a UDP Datagram", "dblreq", "udp", (405,), NO,
         "The REGISTER is handled as usual, the octets behind it are ignored however much they look like an INVITE."),
    Case("3.1.1.9", "Semicolon-Separated Parameters in URI User Part", "semiuri", "udp", (200,), NO,
         "Well formed; the user part is `user;par=u@example.net`."),
    Case("3.1.1.10", "Varied and Unknown Transport Types", "transports", "udp", (200,), NO,
         "Well formed; handled as if the lower Via values named UDP."),
    Case("3.1.1.11", "Multipart MIME Message", "mpart01", "udp", (405,), NO,
         "Well formed, with a binary part; framed by its length. MESSAGE is known and not allowed here."),
    Case("3.1.1.12", "Unusual Reason Phrase", "unreason", "udp", (), NO,
         "A well-formed response; of no request of ours, so it is dropped."),
    Case("3.1.1.13", "Empty Reason Phrase", "noreason", "udp", (), NO,
         "A well-formed response; of no request of ours, so it is dropped."),
    Case("3.1.2.1", "Extraneous Header Field Separators", "badinv01", "udp", (400,), NO,
         "400 is due. Its Via cannot be read, so the answer goes to where it came from."),
    Case("3.1.2.2", "Content Length Larger Than Message", "clerr", "udp", (400,), NO, "Over UDP, 400 is due."),
    Case("3.1.2.3", "Negative Content-Length", "ncl", "udp", (400,), NO,
         "An error is due; on a stream the connection is closed after it."),
    Case("3.1.2.4", "Request Scalar Fields with Overlarge Values", "scalar02", "tcp", (400,), NO,
         "400 is due for the CSeq; of Max-Forwards alone it would be our choice, and is 400, too."),
    Case("3.1.2.5", "Response Scalar Fields with Overlarge Values", "scalarlg", "tcp", (), NO,
         "The response is discarded; the connection stays, as the framing is right."),
    Case("3.1.2.6", "Unterminated Quoted String in Display Name", "quotbal", "udp", (400,), NO,
         "400 is due; to guess where the quote should end is allowed, and not done."),
    Case("3.1.2.7", "<> Enclosing Request-URI", "ltgtruri", "udp", (400,), NO,
         "It is reasonable always to refuse this with 400; ignoring the brackets is allowed, and not done."),
    Case("3.1.2.8", "Malformed SIP Request-URI (embedded LWS)", "lwsruri", "udp", (400,), NO, "400 is due."),
    Case("3.1.2.9", "Multiple SP Separating Request-Line Elements", "lwsstart", "udp", (100,), YES,
         "Refused or accepted as one likes; accepted, as nothing is ambiguous."),
    Case("3.1.2.10", "SP Characters at End of Request-Line", "trws", "tcp", (200,), NO,
         "Refused or accepted as one likes; accepted, as nothing is ambiguous."),
    Case("3.1.2.11", "Escaped Headers in SIP Request-URI", "escruri", "udp", (100,), YES,
         "Refused with 400, or accepted without the headers in the URI: accepted, and they are gone."),
    Case("3.1.2.12", "Invalid Time Zone in Date Header Field", "baddate", "udp", (100,), YES,
         "Not to be refused unless the Date matters: it does not."),
    Case("3.1.2.13", "Failure to Enclose name-addr URI in <>", "regbadct", "udp", (405,), NO,
         "400, or the brackets are inferred where nothing is ambiguous, as here. It is a REGISTER all the same."),
    Case("3.1.2.14", "Spaces within addr-spec", "badaspec", "udp", (200,), NO,
         "400, or the spaces are ignored: they are."),
    Case("3.1.2.15", "Non-token Characters in Display Name", "baddn", "udp", (400,), NO,
         "400, or the missing quotes are inferred. The archive's file ends without its empty line, and so is 400."),
    Case("3.1.2.16", "Unknown Protocol Version", "badvers", "udp", (505,), NO, "505 is due."),
    Case("3.1.2.17", "Start Line and CSeq Method Mismatch", "mismatch01", "udp", (400,), NO, "400 is due."),
    Case("3.1.2.18", "Unknown Method with CSeq Method Mismatch", "mismatch02", "udp", (501,), NO,
         "501 is better than 400 for what the future may bring."),
    Case("3.1.2.19", "Overlarge Response Code", "bigcode", "udp", (), NO, "The response is dropped."),
    Case("3.2.1", "Missing Transaction Identifier", "badbranch", "udp", (200,), NO,
         "400, or the request is told apart as RFC 2543 did: it is, and two such requests are two."),
    Case("3.3.1", "Missing Required Header Fields", "insuf", "udp", (400,), NO,
         "It must not break; ideally 400 is the answer, without what is not there."),
    Case("3.3.2", "Request-URI with Unknown Scheme", "unkscm", "tcp", (416,), NO, "Well formed; 416 is due."),
    Case("3.3.3", "Request-URI with Known but Atypical Scheme", "novelsc", "tcp", (416,), NO,
         "Well formed; 416, as no URI of that scheme will ever mean something here."),
    Case("3.3.4", "Unknown URI Schemes in Header Fields", "unksm2", "udp", (405,), NO,
         "Well formed. A registrar would say 400; we are none."),
    Case("3.3.5", "Proxy-Require and Require", "bext01", "tls", (420,), NO,
         "420, with Unsupported naming the extensions of Require: an endpoint does not look at Proxy-Require."),
    Case("3.3.6", "Unknown Content-Type", "invut", "udp", (415,), NO, "Well formed; an endpoint answers 415."),
    Case("3.3.7", "Unknown Authorization Scheme", "regaut01", "tcp", (405,), NO,
         "Well formed; an endpoint that is no registrar answers 405."),
    Case("3.3.8", "Multiple Values in Single Value Required Fields", "multi01", "udp", (400,), NO,
         "It must not break; 400 is due."),
    Case("3.3.9", "Multiple Content-Length Values", "mcl01", "udp", (400,), NO,
         "An error is due; on a stream the connection is closed after it."),
    Case("3.3.10", "200 OK Response with Broadcast Via Header Field Value", "bcast", "udp", (), NO,
         "Well formed; an endpoint discards it, and nothing is ever sent to that address."),
    Case("3.3.11", "Max-Forwards of Zero", "zeromf", "udp", (200,), NO,
         "An endpoint handles it as if it were positive. What would be passed on, an INVITE, is 483 (RFC 7332 §4)."),
    Case("3.3.12", "REGISTER with a Contact Header Parameter", "cparam01", "udp", (405,), NO,
         "The parameter is the header's, not the URI's. We are no registrar."),
    Case("3.3.13", "REGISTER with a url-parameter", "cparam02", "udp", (405,), NO,
         "The parameter is the URI's. We are no registrar."),
    Case("3.3.14", "REGISTER with a URL Escaped Header", "regescrt", "udp", (405,), NO,
         "The escaped header belongs to the contact's URI. We are no registrar."),
    Case("3.3.15", "Unacceptable Accept Offering", "sdp01", "udp", (406,), NO,
         "406, as no answer could be given in what they accept."),
    Case("3.4.1", "INVITE with RFC 2543 Syntax", "inv2543", "udp", (100,), YES,
         "Accepted: no branch, no From tag, no Content-Length, no Max-Forwards."),
)  # fmt: skip


def message(name: str) -> bytes:
    return (DATA / f"{name}.dat").read_bytes()


def test_the_table_has_all_messages_of_the_archive() -> None:
    names = [case.name for case in TABLE]
    assert sorted(names) == sorted(path.stem for path in DATA.glob("*.dat"))
    assert len(set(names)) == len({case.section for case in TABLE}) == 49


def test_the_messages_are_as_they_were() -> None:
    """Line ends and spaces are what they are about."""
    found = sha256(b"".join(b"%s %d\n" % (case.name.encode(), len(message(case.name))) for case in TABLE))
    found.update(b"".join(message(case.name) for case in TABLE))
    assert found.hexdigest() == "a2e2bc8e1eba399d3e16b400700c96793c51300a295260e185b61518ffab6390"


def test_they_are_those_of_another_copy() -> None:
    for path in BESIDE.glob("*.dat"):
        assert message(path.stem) == path.read_bytes(), path


@pytest.mark.parametrize("case", TABLE, ids=lambda case: f"{case.section}-{case.name}")
def test_each_message_is_served_refused_or_dropped(case: Case) -> None:
    said = given(message(case.name), case.transport)
    assert said.statuses == case.sent, case.sentence
    assert any(isinstance(event, Invited) for event in said.events) is case.invited
    assert not said.closed


@pytest.mark.parametrize("case", [case for case in TABLE if case.sent], ids=lambda case: case.name)
def test_a_response_has_the_lines_of_its_request_as_they_came(case: Case) -> None:
    """RFC 3261 §8.2.6.2."""
    head = message(case.name).partition(b"\r\n\r\n")[0]
    sent = bytes(given(message(case.name), case.transport).responses[0]).split(b"\r\n")
    for line in unfolded(head)[1:]:
        if line.partition(b":")[0].strip().lower() in (b"from", b"f", b"call-id", b"i", b"cseq"):
            assert line in sent


@pytest.mark.parametrize("case", [case for case in TABLE if case.name not in ("ncl", "mcl01", "clerr", "inv2543")],
                         ids=lambda case: case.name)  # fmt: skip
def test_each_message_comes_whole_out_of_a_stream(case: Case) -> None:
    data = message(case.name)
    whole = data if case.name != "baddn" else data + b"\r\n"
    framer = Framer()
    found = [one for at in range(0, len(whole), 7) for one in framer.receive(whole[at : at + 7])]
    assert whole.startswith(found[0])
    assert given(found[0], "tcp").statuses == given(whole, "udp").statuses
    assert case.name == "dblreq" or found == [whole]


# what is particular about single messages


def test_wsinv() -> None:
    """§3.1.1.1 lists what the folding and spacing hide."""
    found = request(message("wsinv"))
    assert (found.cseq.number, found.cseq.method, found.max_forwards) == (9, "INVITE", 68)
    assert found.to.tag == "1918181833n"
    assert (found.from_.display, found.from_.tag) == ('J Rosenberg \\"', "98asjd8")
    assert [(via.transport, via.host, via.branch) for via in found.via] == [
        ("UDP", "192.0.2.2", "390skdjuw"),
        ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", "z9hG4bK30239"),
    ]
    (contact,) = found.contact
    assert contact.display == 'Quoted string ""'
    assert contact.params == (("newparam", "newvalue"), ("secondparam", None), ("q", "0.33"))
    assert found.headers.get("Subject") == ""
    assert found.headers.get("UnknownHeaderWithUnusualValue") == ";;,,;;,;"
    assert found.headers.get("NewFangledHeader") == "newfangled value continued newfangled value"
    assert found.route[0].uri.params == (("lr", None), ("unknownwith", "value"), ("unknown-no-value", None))
    assert len(found.body) == 150
    (response,) = given(message("wsinv")).responses
    assert [via.branch for via in response.via] == ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"]
    assert response.to.tag == "1918181833n"


def test_intmeth() -> None:
    found = request(message("intmeth"))
    assert found.method == "!interesting-Method0123456789_*+`.%indeed'~"
    assert found.uri.user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
    assert found.uri.password == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    assert found.to.display == "BEL:\x07 NUL:\0 DEL:\x7f"
    assert found.from_.display == "token1~` token2'+_ token3*%!.-"
    assert dict(found.from_.params) == {"fromparam''~+*_!.-%": "работающий", "tag": "_token~1'+`*%!-."}
    assert found.headers.get("extensionHeader-!.%*+_`'~") == "\ufeff大停電"
    (response,) = given(message("intmeth"), "tcp").responses
    assert b'"BEL:\\\x07 NUL:\\\0 DEL:\\\x7f" <sip:' in bytes(response), "nulls in a To come back as they were"


def test_esc01() -> None:
    found = request(message("esc01"))
    assert (found.uri.user, found.uri.host) == ("sips:user@example.com", "example.net")
    assert (found.to.uri.user, found.from_.uri.user) == ("user", "I have spaces")
    assert found.contact[0].uri.params == (("lr", None), ("name", "value%41"))
    assert str(found.contact[0].uri) == "sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31"


def test_escnull() -> None:
    found = request(message("escnull"))
    assert found.to.uri.user == found.from_.uri.user == "null-\0-null"
    assert [contact.uri.user for contact in found.contact] == ["\0", "\0\0"]
    assert found.contact[0].uri != found.contact[1].uri


def test_esc02() -> None:
    found = request(message("esc02"))
    assert found.method == found.cseq.method == "RE%47IST%45R"
    assert found.to.display == found.from_.display == "%Z%45"
    assert [contact.uri.user for contact in found.contact] == ["alias1", "alias3"]


def test_longreq() -> None:
    found = request(message("longreq"))
    assert len(found.via) == 34
    assert found.to.display.startswith("I have a user name of extreme")
    assert len(given(message("longreq"), "tcp").responses[0].via) == 34


def test_dblreq() -> None:
    found = request(message("dblreq"))
    assert (found.method, found.body, found.call_id) == ("REGISTER", b"", "dblreq.0ha0isndaksdj99sdfafnl3lk233412")


def test_semiuri() -> None:
    assert request(message("semiuri")).uri.user == "user;par=u@example.net"


def test_transports() -> None:
    assert [via.transport for via in request(message("transports")).via] == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]


def test_mpart01() -> None:
    body = request(message("mpart01")).body
    assert len(body) == 553
    assert body.endswith(b"--7a9cbec02ceef655--\r\n")


def test_unreason_and_noreason() -> None:
    found = parse_message(message("unreason"))
    assert isinstance(found, Response)
    assert found.reason == "= 2**3 * 5**2 но сто девяносто девять - простое"
    found = parse_message(message("noreason"))
    assert isinstance(found, Response)
    assert (found.status, found.reason) == (100, "")
    found = parse_message(message("noreason").replace(b"100 \r", b"100\r"))
    assert isinstance(found, Response), "§3.1.1.13: a liberal receiver accepts it without the space, too"


def test_badinv01() -> None:
    said = given(message("badinv01"))
    assert said.responses[0].headers.all("Via") == ["SIP/2.0/UDP 192.0.2.15;;,;,,"]
    assert said.ways[0].remote == THEM


@pytest.mark.parametrize("name", ["ncl", "mcl01"])
def test_a_length_that_cannot_be_told_is_answered_and_ends_a_stream(name: str) -> None:
    """§3.1.2.3, §3.3.9: the framing error is not recoverable, and the connection should be closed."""
    before = message("zeromf")
    framer = Framer()
    first, second = framer.receive(before + message(name) + message("trws"))
    assert first == before
    assert given(second, "tcp").statuses == (400,)
    assert isinstance(framer.lost, ParseError)
    assert framer.receive(message("trws")) == []


def test_clerr_on_a_stream_waits_for_more() -> None:
    """§3.1.2.2: there is not much to do but wait (and the transport gives up after a while)."""
    framer = Framer()
    assert framer.receive(message("clerr")) == []
    assert framer.lost is None


def test_escruri() -> None:
    (event,) = [one for one in given(message("escruri")).events if isinstance(one, Invited)]
    assert str(event.request.uri) == "sip:user@example.com"
    assert event.request.route == []


def test_regbadct() -> None:
    assert request(message("regbadct")).contact[0].uri.headers == "Route=%3Csip:sip.example.com%3E"


def test_baddn_with_its_empty_line() -> None:
    """What the section is about: names that should be in quotes. They are inferred."""
    whole = message("baddn") + b"\r\n"
    assert given(whole).statuses == (200,)
    found = request(whole)
    assert (found.from_.display, found.to.display) == ("Bell, Alexander", "Watson, Thomas")
    assert str(found.from_) == '"Bell, Alexander" <sip:a.g.bell@example.com>;tag=43'


def test_badbranch() -> None:
    """Two requests whose branch is nothing but the magic cookie are two, and one that is repeated is one."""
    agent, flow = Agent(Random(1)), Flow("udp", ("192.0.2.200", 5060), THEM)
    for data in (message("badbranch"), message("badbranch"), message("badbranch").replace(b"CSeq: 8", b"CSeq: 9")):
        agent.receive(data, flow, 0.0)
    assert agent.transactions == 2


def test_insuf() -> None:
    (response,) = given(message("insuf")).responses
    assert [name for name, _ in response.headers] == ["Via", "CSeq", "Content-Length"]


def test_unksm2() -> None:
    found = request(message("unksm2"))
    assert [str(uri) for uri in (found.to.uri, found.from_.uri, found.contact[0].uri)] == [
        "isbn:2983792873",
        "http://www.example.com",
        "name:John_Smith",
    ]


def test_bext01() -> None:
    (response,) = given(message("bext01"), "tls").responses
    assert response.headers.get("Unsupported") == "nothingsupportsthis, nothingsupportsthiseither"


def test_invut() -> None:
    (response,) = given(message("invut")).responses
    assert response.headers.get("Accept") == "application/sdp, multipart/mixed"


def test_zeromf_as_an_invite() -> None:
    assert given(message("lwsstart").replace(b"Max-Forwards: 8", b"Max-Forwards: 0")).statuses == (483,)


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("cparam01", lambda contact: contact.params == (("unknownparam", None),) and contact.uri.params == ()),
        ("cparam02", lambda contact: contact.params == () and contact.uri.params == (("unknownparam", None),)),
        ("regescrt", lambda contact: contact.uri.headers == "Route=%3Csip:sip.example.com%3E"),
    ],
)
def test_what_belongs_to_a_contact_and_what_to_its_uri(name: str, check: Callable[..., bool]) -> None:
    assert check(request(message(name)).contact[0])


def test_inv2543() -> None:
    (event,) = [one for one in given(message("inv2543")).events if isinstance(one, Invited)]
    assert event.sdp is not None
    assert sdp.parse(event.sdp).media[0].port == 49217


def test_what_cannot_be_read_is_reported() -> None:
    refused = [case for case in TABLE if case.sent in ((400,), (505,)) and case.name != "badbranch"]
    for case in refused:
        dropped = [one for one in given(message(case.name), case.transport).events if isinstance(one, Dropped)]
        assert len(dropped) == 1, case.name


@pytest.mark.parametrize(
    ("name", "contacts"),
    [
        ("escnull", ["sip:%00@host5.example.com", "sip:%00%00@host5.example.com"]),
        ("cparam01", ["sip:+19725552222@gw1.example.net"]),
        ("cparam02", ["sip:+19725552222@gw1.example.net;unknownparam"]),
        ("dblreq", ["sip:j.user@host.example.com"]),
    ],
)
def test_what_a_registrar_keeps_of_a_register(name: str, contacts: list[str]) -> None:
    """§3.1.1.4, §3.3.12, §3.3.13, §3.1.1.8: where the gateway registers phones."""
    address, flow = Uri("sip", "user", "example.com"), Flow("udp", ("192.0.2.200", 5060), THEM)
    kept = registrar.register((), request(message(name)), flow, 0.0, registrar.Rules(), address)
    assert [binding.contact for binding in kept.bindings] == contacts
