"""sipp scenarios as lists of steps: what the far end sends and what it expects, one line each.

Steps of a caller: `invite`, `expect`, `ack`, `request`, `asked`, `reply`, `cancel`, `pause`; of a callee: `asked`,
`reply`, `request(callee=True)`, `expect`. Every expectation of a header or body is checked by sipp itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from xml.sax.saxutils import quoteattr

OFFER = """v=0
o=carrier 1 {version} IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] {address}
t=0 0
m=audio {port} RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=ptime:20
"""
ME = "[local_ip]:[local_port]"
THEM = "[remote_ip]:[remote_port]"
VIA = f"Via: SIP/2.0/[transport] {ME};branch=[branch];rport"
FROM_TAG = "[pid]SIPp[call_number]"
FROM = f"From: <sip:+15555550123@{ME}>;tag={FROM_TAG}"
TO = f"To: <sip:[service]@{THEM}>"
CONTACT = f"Contact: <sip:carrier@{ME};transport=[transport]>"
TAG = "[pid]SIPpTag01[call_number]"  # ours in a dialog that an INVITE of theirs makes

_variables = count(1)


def sdp(*lines: str, version: int = 1, address: str = "[media_ip]", port: str = "[media_port]") -> str:
    """A session description with further lines (`a=sendonly` …)."""
    return OFFER.format(version=version, address=address, port=port) + "".join(f"{line}\n" for line in lines)


def sending(text: str, *, retrans: bool = False) -> str:
    """A message as it stands, repeated until it is answered where `retrans`."""
    again = ' retrans="500"' if retrans else ""
    return f"<send{again}><![CDATA[\n{text}\n]]></send>"


def message(first: str, headers: tuple[str, ...], body: str, kind: str = "application/sdp") -> str:
    """A start line, headers and a body with what describes it."""
    content = f"Content-Type: {kind}\nContent-Length: [len]\n\n{body}" if body else "Content-Length: 0\n\n"
    return "\n".join((first, *headers, content))


# requests of the far end


def invite(
    body: str | None = None,
    *headers: str,
    cseq: int = 1,
    via: str = VIA,
    from_: str = FROM,
    contact: str = CONTACT,
    forwards: str = "Max-Forwards: 70",
    to: str = "[service]",
    host: str = THEM,
    retrans: bool = True,
) -> str:
    """INVITE to the number, or to whom at which domain; `body` empty: no offer. `headers` are added."""
    fields = (via, from_, TO, "Call-ID: [call_id]", f"CSeq: {cseq} INVITE", contact, forwards, *headers)
    first = f"INVITE sip:{to}@{host} SIP/2.0"
    return sending(message(first, tuple(filter(None, fields)), sdp() if body is None else body), retrans=retrans)


def request(
    method: str,
    cseq: int,
    *headers: str,
    body: str = "",
    kind: str = "application/sdp",
    callee: bool = False,
    tag: str = TAG,
    kept: bool = False,
    contact: str = CONTACT,
) -> str:
    """A request inside the dialog. `callee`: one that an INVITE made which `asked` kept (`tag`: ours in it).

    `tag` is empty where the request that was kept has it already. `kept`: with the tag of theirs that `expect` kept,
    where other messages came since.
    """
    from_, to = FROM, f"{TO};tag=[$totag]" if kept else "[last_To:]"
    if callee:
        from_, to = "From[$bare_to]" + (f";tag={tag}" if tag else ""), "To[$from]"
    ends = (VIA, "[routes]", from_, to, "Call-ID: [call_id]", f"CSeq: {cseq} {method}", contact, "Max-Forwards: 70")
    text = message(f"{method} [next_url] SIP/2.0", (*ends, *headers), body, kind)
    return sending(text, retrans=method != "ACK")


def ack(cseq: int = 1, *headers: str, body: str = "", callee: bool = False, kept: bool = False) -> str:
    """ACK of a 2xx, with the answer where the offer came late."""
    return request("ACK", cseq, *headers, body=body, callee=callee, kept=kept)


def ack_failure(cseq: int = 1) -> str:
    """ACK of a failure: part of its INVITE's transaction."""
    fields = ("[last_Via:]", "[last_From:]", "[last_To:]", "Call-ID: [call_id]", f"CSeq: {cseq} ACK")
    return sending(message(f"ACK sip:[service]@{THEM} SIP/2.0", (*fields, "Max-Forwards: 70"), ""))


def cancel(cseq: int = 1, *headers: str) -> str:
    """CANCEL of the INVITE."""
    fields = ("[last_Via:]", FROM, TO, "Call-ID: [call_id]", f"CSeq: {cseq} CANCEL", "Max-Forwards: 70", *headers)
    return sending(message(f"CANCEL sip:[service]@{THEM} SIP/2.0", fields, ""), retrans=True)


def other_call(method: str, *headers: str) -> str:
    """The INVITE of another call of the same far end (`[$totag]` is the tag that `expect(keep_tag=True)` kept)."""
    fields = (
        f"Via: SIP/2.0/[transport] {ME};branch=[branch]other;rport",
        f"From: <sip:other@{ME}>;tag=other[call_number]",
        TO,
        "Call-ID: other///[call_id]",
        f"CSeq: 1 {method}",
        f"Contact: <sip:other@{ME};transport=[transport]>",
        "Max-Forwards: 70",
        *headers,
    )
    return sending(message(f"{method} sip:[service]@{THEM} SIP/2.0", fields, sdp()))


# what comes


def expect(
    status: int, *, optional: bool = False, timeout: int = 10000, keep_rseq: bool = False, keep_tag: bool = False,
    auth: bool = False, without: tuple[str, ...] = (), **headers: str,
) -> str:  # fmt: skip
    """A response must come; its headers (`Session_Expires="900"`, `body=`) match these patterns.

    `auth`: its challenge is the one that `[authentication]` answers.
    """
    actions = ""
    if keep_rseq:
        actions += '<ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" assign_to="rseq"/>'
    if keep_tag:
        actions += '<ereg regexp="tag=([^;]+)" search_in="hdr" header="To:" assign_to="whole,totag"/>'
    more = ' optional="true"' if optional else f' timeout="{timeout}"'
    more += ' rrs="true"' if 200 <= status < 300 or status in (180, 183) else ""
    more += ' auth="true"' if auth else ""
    return f'<recv response="{status}"{more}>{_checks(headers, without, actions)}</recv>'


def asked(
    method: str, *, timeout: int = 15000, optional: bool = False, keep: bool = False,
    without: tuple[str, ...] = (), **headers: str,
) -> str:  # fmt: skip
    """A request must come. `keep` remembers it for late responses and for requests of ours in its dialog."""
    actions = ""
    if keep:
        whole = {"Via": "via", "From": "from", "To": "bare_to", "CSeq": "cseq"}
        for header, name in whole.items():
            actions += f'<ereg regexp=":.*" search_in="hdr" header="{header}" assign_to="{name}"/>'
    more = ' optional="true"' if optional else f' timeout="{timeout}"'
    more += ' rrs="true"' if keep else ""
    return f'<recv request="{method}" crlf="true"{more}>{_checks(headers, without, actions)}</recv>'


def _checks(patterns: dict[str, str], without: tuple[str, ...], actions: str) -> str:
    found = ""
    for name, pattern in patterns.items():
        found += _check(name.replace("_", "-"), pattern, "check_it")
    for name in without:
        found += _check(name, ".", "check_it_inverse")
    return f"<action>{found}{actions}</action>" if found or actions else ""


def _check(header: str, pattern: str, how: str) -> str:
    where = 'search_in="body"' if header == "body" else f'search_in="hdr" header="{header}:"'
    return f'<ereg regexp={quoteattr(pattern)} {where} {how}="true" assign_to="v{next(_variables)}"/>'


# responses of the far end


def reply(
    status: str,
    *headers: str,
    body: str = "",
    kind: str = "application/sdp",
    tag: str = TAG,
    contact: str = CONTACT,
    retrans: bool = False,
    kept: bool = False,
) -> str:
    """A response to the last request; `tag` empty copies To as it came. `kept`: to the request that `asked` kept."""
    to = "To[$bare_to]" if kept else "[last_To:]"
    asked_by = ("Via[$via]", "From[$from]") if kept else ("[last_Via:]", "[last_Record-Route:]", "[last_From:]")
    fields = (
        *asked_by,
        f"{to};tag={tag}" if tag else to,
        "Call-ID: [call_id]",
        "CSeq[$cseq]" if kept else "[last_CSeq:]",
        contact,
        *headers,
    )
    return sending(message(f"SIP/2.0 {status}", tuple(filter(None, fields)), body, kind), retrans=retrans)


def pause(milliseconds: int) -> str:
    """Nothing happens for a while."""
    return f'<pause milliseconds="{milliseconds}"/>'


def digit(file: str) -> str:
    """Plays the packets of a pcap file as the media of the call."""
    return f'<nop><action><exec play_pcap_audio="{file}"/></action></nop>'


# rounds that most calls have

RING = (expect(100, optional=True), expect(180, optional=True))
ANSWERED = (*RING, expect(200, keep_tag=True), ack())
OK = reply("200 OK", tag="")
BYE = (request("BYE", 99, kept=True), expect(200))  # we end it
ENDED = (asked("BYE"), OK)  # they end it
QUIET = (pause(300),)  # and nothing more: sipp fails at a message that it does not expect
TAKES = reply("200 OK", body=sdp(), retrans=True)


def scenario(name: str, *steps: str) -> str:
    """All of it."""
    text = "\n".join(steps)
    names = sorted({*_assigned(text)})
    reference = f'<Reference variables="{",".join(names)}"/>' if names else ""
    return f'<?xml version="1.0" encoding="ISO-8859-1"?>\n<scenario name="{name}">\n{text}\n{reference}\n</scenario>\n'


def _assigned(text: str) -> Iterator[str]:
    for part in text.split('assign_to="')[1:]:
        yield from part.partition('"')[0].split(",")
