"""RFC 5118, SIP torture test messages for IPv6: all of its messages, written from its text, with what becomes of each.

Bodies end their lines with CR LF, so their lengths are counted here and are not always the numbers that the RFC prints.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import NamedTuple

import pytest

from media import sdp
from sip.events import Invited
from sip.message import Request
from tests.torture.flows import given, request


class Case(NamedTuple):
    section: str
    name: str
    sent: tuple[int, ...]
    sentence: str
    head: str
    body: str = ""

    def __bytes__(self) -> bytes:
        body = self.body.strip("\n").replace("\n", "\r\n").encode() + b"\r\n" if self.body else b""
        head = self.head.strip("\n").replace("\n", "\r\n").encode()
        return head + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def register(uri: str) -> str:
    """The REGISTER of §4.1 to §4.4, which differs in its Request-URI."""
    return f"""
REGISTER {uri} SIP/2.0
To: sip:user@example.com
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Max-Forwards: 70
Contact: "Caller" <sip:caller@[2001:db8::1]>
CSeq: 98176 REGISTER
"""


def options(host: str) -> str:
    """The OPTIONS of §4.10."""
    return f"""
OPTIONS sip:user@[{host}] SIP/2.0
To: sip:user@[{host}]
From: sip:user@example.com;tag=810x2
Via: SIP/2.0/UDP lab1.east.example.com;branch=z9hG4bKas3-111
Call-ID: G9559905523997077@hlau_4100
CSeq: 689 OPTIONS
Max-Forwards: 70
"""


TABLE = (
    Case("4.1", "ipv6-good", (405,), "Well formed. We are no registrar.", register("sip:[2001:db8::10]")),
    Case("4.2", "ipv6-bad", (400,), "The reference has no brackets: 400 is due.", register("sip:2001:db8::10")),
    Case("4.3", "port-ambiguous", (405,), "Well formed, but what was meant as a port belongs to the address.",
         register("sip:[2001:db8::10:5070]")),
    Case("4.4", "port-unambiguous", (405,), "Well formed; the port stands behind the bracket.",
         register("sip:[2001:db8::10]:5070")),
    Case("4.5", "via-received-param-with-delim", (481,),
         "Brackets in `received` are against the grammar; a robust server reads the Via nonetheless.", """
BYE sip:[2001:db8::10] SIP/2.0
To: sip:user@example.com;tag=bd76ya
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Max-Forwards: 70
CSeq: 321 BYE
"""),
    Case("4.5", "via-received-param-no-delim", (200,), "`received` without brackets is what the grammar says.", """
OPTIONS sip:[2001:db8::10] SIP/2.0
To: sip:user@example.com
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3
Call-ID: SSG95523997077@hlau_4100
Max-Forwards: 70
Contact: "Caller" <sip:caller@[2001:db8::9:1]>
CSeq: 921 OPTIONS
"""),
    Case("4.6", "ipv6-in-sdp", (100,), "Well formed; addresses in SDP have no brackets.", """
INVITE sip:user@[2001:db8::10] SIP/2.0
To: sip:user@[2001:db8::10]
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::20];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Contact: "Caller" <sip:caller@[2001:db8::20]>
CSeq: 8612 INVITE
Max-Forwards: 70
Content-Type: application/sdp
""", """
v=0
o=assistant 971731711378798081 0 IN IP6 2001:db8::20
s=Live video feed for today's meeting
c=IN IP6 2001:db8::20
t=3338481189 3370017201
m=audio 6000 RTP/AVP 2
a=rtpmap:2 G726-32/8000
m=video 6024 RTP/AVP 107
a=rtpmap:107 H263-1998/90000
"""),
    Case("4.7", "mult-ip-in-header", (481,), "Well formed; the Via list mixes both kinds of address.", """
BYE sip:user@host.example.net SIP/2.0
Via: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144
Via: SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200
Call-ID: 997077@lau_4100
Max-Forwards: 70
CSeq: 89187 BYE
To: sip:user@example.net;tag=9817--94
From: sip:user@example.com;tag=81x2
"""),
    Case("4.8", "mult-ip-in-sdp", (100,), "Well formed; each media line has a connection address of its own.", """
INVITE sip:user@[2001:db8::10] SIP/2.0
To: sip:user@[2001:db8::10]
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Contact: "Caller" <sip:caller@[2001:db8::9:1]>
Max-Forwards: 70
CSeq: 8912 INVITE
Content-Type: application/sdp
""", """
v=0
o=bob 280744730 28977631 IN IP4 host.example.com
s=
t=0 0
m=audio 22334 RTP/AVP 0
c=IN IP4 192.0.2.1
m=video 6024 RTP/AVP 107
c=IN IP6 2001:db8::1
a=rtpmap:107 H263-1998/90000
"""),
    Case("4.9", "ipv4-mapped-ipv6", (100,), "Well formed; IPv4-mapped addresses in Via, Contact and SDP.", """
INVITE sip:user@example.com SIP/2.0
To: sip:user@example.com
From: sip:user@east.example.com;tag=81x2
Via: SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19
Via: SIP/2.0/UDP [::ffff:192.0.2.2];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Contact: "T. desk phone" <sip:ted@[::ffff:192.0.2.2]>
CSeq: 612 INVITE
Max-Forwards: 70
Content-Type: application/sdp
""", """
v=0
o=assistant 971731711378798081 0 IN IP6 ::ffff:192.0.2.2
s=Call me soon, please!
c=IN IP6 ::ffff:192.0.2.2
t=3338481189 3370017201
m=audio 6000 RTP/AVP 2
a=rtpmap:2 G726-32/8000
m=video 6024 RTP/AVP 107
a=rtpmap:107 H263-1998/90000
"""),
    Case("4.10", "ipv6-bug-abnf-3-colons", (200,),
         "RFC 3261's grammar allows three colons before an IPv4 part; the superfluous one is ignored.",
         options("2001:db8:::192.0.2.1")),
    Case("4.10", "ipv6-correct-abnf-2-colons", (200,), "The right form of the same address.",
         options("2001:db8::192.0.2.1")),
)  # fmt: skip
NAMES = {case.name: case for case in TABLE}


def read(name: str) -> Request:
    return request(bytes(NAMES[name]))


@pytest.mark.parametrize("case", TABLE, ids=lambda case: f"{case.section}-{case.name}")
def test_each_message_is_served_or_refused(case: Case) -> None:
    said = given(bytes(case))
    assert said.statuses == case.sent, case.sentence
    assert any(isinstance(event, Invited) for event in said.events) is case.head.strip().startswith("INVITE")


def test_where_an_address_ends_and_a_port_begins() -> None:
    found = {name: read(name).uri for name in ("ipv6-good", "port-ambiguous", "port-unambiguous")}
    assert [(uri.host, uri.port) for uri in found.values()] == [
        ("2001:db8::10", None),
        ("2001:db8::10:5070", None),
        ("2001:db8::10", 5070),
    ]
    assert str(found["port-unambiguous"]) == "sip:[2001:db8::10]:5070"
    assert read("ipv6-good").contact[0].uri.host == "2001:db8::1"


@pytest.mark.parametrize("name", ["via-received-param-with-delim", "via-received-param-no-delim"])
def test_received_is_read_with_and_without_brackets(name: str) -> None:
    via = read(name).via[0]
    assert (via.host, via.reply_address()) == ("2001:db8::9:1", ("2001:db8::9:255", 5060))
    (response,) = given(bytes(NAMES[name])).responses
    assert response.via[0].reply_address()[0] == "192.0.2.100", "ours is where it really came from"


def test_both_kinds_of_address_in_a_via_list() -> None:
    (response,) = given(bytes(NAMES["mult-ip-in-header"])).responses
    assert [(via.transport, via.host, via.port) for via in response.via] == [
        ("UDP", "2001:db8::9:1", 6050),
        ("UDP", "192.0.2.1", None),
        ("TCP", "2001:db8::9:255", None),
    ]


@pytest.mark.parametrize(
    ("name", "addresses"),
    [
        ("ipv6-in-sdp", ["2001:db8::20", "2001:db8::20"]),
        ("mult-ip-in-sdp", ["192.0.2.1", "2001:db8::1"]),
        ("ipv4-mapped-ipv6", ["::ffff:192.0.2.2", "::ffff:192.0.2.2"]),
    ],
)
def test_addresses_in_sdp(name: str, addresses: list[str]) -> None:
    (event,) = [one for one in given(bytes(NAMES[name])).events if isinstance(one, Invited)]
    assert event.sdp is not None
    assert [ip_address(line.ip) for line in sdp.parse(event.sdp).media] == [ip_address(one) for one in addresses]


def test_mapped_addresses_in_headers() -> None:
    found = read("ipv4-mapped-ipv6")
    assert [(via.host, via.port) for via in found.via] == [("::ffff:192.0.2.10", 19823), ("::ffff:192.0.2.2", None)]
    assert found.contact[0].uri.host == "::ffff:192.0.2.2"


def test_three_colons_name_the_same_host_as_two() -> None:
    assert read("ipv6-bug-abnf-3-colons").uri == read("ipv6-correct-abnf-2-colons").uri
