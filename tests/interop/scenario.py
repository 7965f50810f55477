"""sipp scenarios as lists of steps: what the far end sends and what it expects, one line each.

`caller(...)` and `callee(...)` make the XML. Steps of a caller: `invite`, `expect`, `ack`, `request`, `asked`, `reply`,
`pause`; of a callee: `asked`, `reply`, `request`. Every expectation of a header is checked by sipp itself.
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

_variables = count(1)


def sdp(*lines: str, version: int = 1, address: str = "[media_ip]", port: str = "[media_port]") -> str:
    """A session description with further lines (`a=sendonly` …)."""
    return OFFER.format(version=version, address=address, port=port) + "".join(f"{line}\n" for line in lines)


def _send(text: str, *, retrans: bool = False, more: str = "") -> str:
    again = ' retrans="500"' if retrans else ""
    return f"<send{again}{more}><![CDATA[\n{text}\n]]></send>"


def _message(first: str, headers: tuple[str, ...], body: str, kind: str = "application/sdp") -> str:
    content = f"Content-Type: {kind}\nContent-Length: [len]\n\n{body}" if body else "Content-Length: 0\n\n"
    return "\n".join((first, *headers, content))


def invite(
    body: str | None = None,
    *headers: str,
    cseq: int = 1,
    via: str = "",
    contact: str = "carrier@",
    retrans: bool = True,
) -> str:
    """INVITE to the number; `body` empty: no offer. `headers` are added."""
    fields = (
        via or "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport",
        "From: <sip:+15555550123@[local_ip]:[local_port]>;tag=[pid]SIPp[call_number]",
        "To: <sip:[service]@[remote_ip]:[remote_port]>",
        "Call-ID: [call_id]",
        f"CSeq: {cseq} INVITE",
        f"Contact: <sip:{contact}[local_ip]:[local_port];transport=[transport]>",
        "Max-Forwards: 70",
        *headers,
    )
    first = "INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0"
    return _send(_message(first, fields, sdp() if body is None else body), retrans=retrans)


def request(
    method: str, cseq: int, *headers: str, body: str = "", kind: str = "application/sdp", callee: bool = False
) -> str:
    """A request inside the dialog; `callee`: the dialog was made by a request that came in."""
    ends: tuple[str, ...] = (
        "From: <sip:+15555550123@[local_ip]:[local_port]>;tag=[pid]SIPp[call_number]",
        "[last_To:]",
    )
    target = "[next_url]"
    if callee:
        ends = ("From[$to]", "To[$from]")
        target = "sip:[remote_ip]:[remote_port];transport=[transport]"
    fields = (
        "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport",
        *(() if callee else ("[routes]",)),
        *ends,
        "Call-ID: [call_id]",
        f"CSeq: {cseq} {method}",
        "Contact: <sip:carrier@[local_ip]:[local_port];transport=[transport]>",
        "Max-Forwards: 70",
        *headers,
    )
    text = _message(f"{method} {target} SIP/2.0", fields, body, kind)
    return _send(text, retrans=method != "ACK")


def ack(cseq: int = 1, *headers: str, body: str = "") -> str:
    """ACK of a 2xx, with the answer where the offer came late."""
    return request("ACK", cseq, *headers, body=body)


def ack_failure(cseq: int = 1) -> str:
    """ACK of a failure: part of its INVITE's transaction."""
    fields = (
        "[last_Via:]",
        "From: <sip:+15555550123@[local_ip]:[local_port]>;tag=[pid]SIPp[call_number]",
        "[last_To:]",
        "Call-ID: [call_id]",
        f"CSeq: {cseq} ACK",
        "Max-Forwards: 70",
    )
    return _send(_message("ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0", fields, ""))


def cancel(cseq: int = 1) -> str:
    """CANCEL of the INVITE."""
    fields = (
        "[last_Via:]",
        "From: <sip:+15555550123@[local_ip]:[local_port]>;tag=[pid]SIPp[call_number]",
        "To: <sip:[service]@[remote_ip]:[remote_port]>",
        "Call-ID: [call_id]",
        f"CSeq: {cseq} CANCEL",
        "Max-Forwards: 70",
    )
    return _send(_message("CANCEL sip:[service]@[remote_ip]:[remote_port] SIP/2.0", fields, ""), retrans=True)


def _checks(patterns: dict[str, str], actions: str = "") -> str:
    found = []
    for header, pattern in patterns.items():
        name = f"v{next(_variables)}"
        where = 'search_in="body"' if header == "body" else f'search_in="hdr" header="{header}:"'
        found.append(f'<ereg regexp={quoteattr(pattern)} {where} check_it="true" assign_to="{name}"/>')
    return f"<action>{''.join(found)}{actions}</action>" if found or actions else ""


def expect(status: int, *, optional: bool = False, timeout: int = 0, **headers: str) -> str:
    """A response must come; its headers (`Session_Expires="900"`, `body=`) match these patterns."""
    named = {name.replace("_", "-"): pattern for name, pattern in headers.items()}
    more = ' optional="true"' if optional else ""
    more += ' rrs="true"' if 200 <= status < 300 or status in (180, 183) else ""
    more += f' timeout="{timeout}"' if timeout else ""
    return f'<recv response="{status}"{more}>{_checks(named)}</recv>'


def asked(method: str, *, timeout: int = 15000, optional: bool = False, keep: bool = False, **headers: str) -> str:
    """A request must come. `keep` remembers From and To for requests of ours in its dialog."""
    named = {name.replace("_", "-"): pattern for name, pattern in headers.items()}
    actions = ""
    if keep:
        actions = (
            '<ereg regexp=":.*" search_in="hdr" header="Via" assign_to="via"/>'
            '<ereg regexp=":.*" search_in="hdr" header="From" assign_to="from"/>'
            '<ereg regexp=":.*" search_in="hdr" header="To" assign_to="bare_to"/>'
            '<assignstr assign_to="to" value="[$bare_to];tag=[pid]SIPpTag01[call_number]"/>'
        )
    more = ' optional="true"' if optional else ""
    return f'<recv request="{method}" crlf="true" timeout="{timeout}"{more}>{_checks(named, actions)}</recv>'


def reply(
    status: str,
    *headers: str,
    body: str = "",
    tag: str = "[pid]SIPpTag01[call_number]",
    retrans: bool = False,
    kept: bool = False,
) -> str:
    """A response to the last request; `tag` empty copies To as it came. `kept`: to the INVITE that `asked` kept."""
    to = "To[$bare_to]" if kept else "[last_To:]"
    asked_by = ("Via[$via]", "From[$from]") if kept else ("[last_Via:]", "[last_Record-Route:]", "[last_From:]")
    fields = (
        *asked_by,
        f"{to};tag={tag}" if tag else to,
        "Call-ID: [call_id]",
        "CSeq: 1 INVITE" if kept else "[last_CSeq:]",
        "Contact: <sip:carrier@[local_ip]:[local_port];transport=[transport]>",
        *headers,
    )
    return _send(_message(f"SIP/2.0 {status}", fields, body), retrans=retrans)


def pause(milliseconds: int) -> str:
    """Nothing happens for a while."""
    return f'<pause milliseconds="{milliseconds}"/>'


def scenario(name: str, *steps: str) -> str:
    """All of it."""
    text = "\n".join(steps)
    names = sorted({*_assigned(text)})
    reference = f'<Reference variables="{",".join(names)}"/>' if names else ""
    return f'<?xml version="1.0" encoding="ISO-8859-1"?>\n<scenario name="{name}">\n{text}\n{reference}\n</scenario>\n'


def _assigned(text: str) -> Iterator[str]:
    for part in text.split('assign_to="')[1:]:
        yield part.partition('"')[0]
