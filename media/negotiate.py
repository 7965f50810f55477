"""Offer and answer (RFC 3264) for one audio stream: G.711 and telephone-event (RFC 4733)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from media import sdp
from media.codecs import LAWS, STATIC
from media.errors import NegotiationError, SdpError
from media.frames import RATE, TICK_MS
from media.sdp import MediaLine, Sdp

DTMF_TYPE = 101  # what we offer for telephone-event
_MIRROR = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive", "sendrecv": "sendrecv"}


class StreamPlan(msgspec.Struct, frozen=True, array_like=True):
    """What was agreed: where to send, which codec, which directions; from the peer's view turned into ours."""

    remote_ip: str
    remote_port: int
    rtcp_port: int
    codec: str
    payload_type: int
    dtmf_payload_type: int  # -1: none
    ptime_ms: int
    send: bool
    receive: bool
    signalling_ip: str = ""
    symmetric: bool = False
    rtcp_mux: bool = False


def offer(
    local_ip: str,
    udp_port: int,
    codecs: Sequence[str],
    *,
    session_id: int,
    version: int,
    direction: str = "sendrecv",
    events: bool = True,
) -> bytes:
    """An offer of the codecs in their order, with telephone-event unless `events` is False."""
    formats = [(STATIC[name], name) for name in codecs]
    return printed(
        local_ip, [audio_section(udp_port, formats, DTMF_TYPE if events else -1, direction)], session_id, version
    )


def answer(
    offered: bytes,
    local_ip: str,
    udp_port: int,
    codecs: Sequence[str],
    *,
    session_id: int,
    version: int,
    signalling_ip: str = "",
    symmetric: bool = False,
    events: bool = True,
) -> tuple[bytes, StreamPlan]:
    """Our answer and what it means; media lines that we do not take get port 0 (RFC 3264 §6)."""
    session = read(offered)
    chosen = next((line for line in session.media if usable(line)), None)
    if chosen is None:
        raise NegotiationError("the offer has no audio stream over RTP/AVP")
    code, name = common(chosen, codecs)
    dtmf = _dtmf(chosen) if events else -1
    theirs = direction_of(session, chosen)
    sections = [
        audio_section(udp_port, [(code, name)], dtmf, _MIRROR[theirs], mux=_muxed(chosen)) if line is chosen
        else f"m={line.kind} 0 {line.protocol} {' '.join(line.formats) or '0'}\r\n"
        for line in session.media
    ]  # fmt: skip
    plan = plan_of(session, chosen, code, name, dtmf, signalling_ip, symmetric)
    return printed(local_ip, sections, session_id, version), plan


def accept(our_offer: bytes, answered: bytes, *, signalling_ip: str = "", symmetric: bool = False) -> StreamPlan:
    """What their answer to our offer means."""
    ours = read(our_offer).media[0]
    session = read(answered)
    chosen = next((line for line in session.media if usable(line)), None)
    if chosen is None:
        raise NegotiationError("the answer refuses the audio stream")
    code, name = common(chosen, [name for _, name in _codecs(ours)])
    dtmf = _dtmf(chosen) if _dtmf(ours) >= 0 else -1  # what was not offered is not agreed on (RFC 3264 §6.1)
    return plan_of(session, chosen, code, name, dtmf, signalling_ip, symmetric)


def read(body: bytes) -> Sdp:
    """A description; NegotiationError where it is none."""
    try:
        return sdp.parse(body)
    except SdpError as error:
        raise NegotiationError(str(error)) from error


def usable(line: MediaLine) -> bool:
    """Whether a stream is one that we could take."""
    return line.kind == "audio" and line.port != 0 and line.protocol in ("RTP/AVP", "RTP/AVPF")


def _codecs(line: MediaLine) -> list[tuple[int, str]]:
    """(payload type, name) of what a line offers and we know, in its order."""
    named = {}
    for value in line.all("rtpmap"):
        code, _, encoding = value.partition(" ")
        name, _, rate = encoding.strip().partition("/")
        if sdp.number(code, 127) is not None:
            named[code] = (name.upper(), rate.partition("/")[0])
    static = {str(code): (name, str(RATE)) for name, code in STATIC.items()}
    found = []
    for code in line.formats:
        name, rate = named.get(code, static.get(code, ("", "")))
        payload_type = sdp.number(code, 127)
        if name in LAWS and rate == str(RATE) and payload_type is not None:
            found.append((payload_type, name))
    return found


def common(line: MediaLine, codecs: Sequence[str]) -> tuple[int, str]:
    """Payload type and name of their first codec that is among ours; NegotiationError without one."""
    for code, name in _codecs(line):
        if name in codecs:
            return code, name
    wanted = ", ".join(codecs)
    raise NegotiationError(f"no common codec: they have payload types {' '.join(line.formats)}, we {wanted}")


def _dtmf(line: MediaLine) -> int:
    for value in line.all("rtpmap"):
        code, _, encoding = value.partition(" ")
        payload_type = sdp.number(code, 127)
        if encoding.strip().lower() == f"telephone-event/{RATE}" and payload_type is not None and code in line.formats:
            return payload_type
    return -1


def direction_of(session: Sdp, line: MediaLine) -> str:
    """Theirs; a connection to 0.0.0.0 is the old way to say hold (RFC 3264 §8.4)."""
    found = "sendrecv"
    for name in _MIRROR:
        if session.attribute(name) is not None:
            found = name
    for name in _MIRROR:
        if line.attribute(name) is not None:
            found = name
    if line.ip in ("0.0.0.0", "::"):
        return "inactive" if found in ("inactive", "recvonly") else "sendonly"
    return found


def _muxed(line: MediaLine) -> bool:
    return line.attribute("rtcp-mux") is not None


def _rtcp_port(line: MediaLine) -> int:
    """The one that is named (RFC 3605), else the next after that of RTP."""
    if _muxed(line):
        return line.port
    named = sdp.number((line.attribute("rtcp") or "").partition(" ")[0], 65535)
    return named or min(line.port + 1, 65535)


def plan_of(
    session: Sdp, line: MediaLine, code: int, name: str, dtmf: int, signalling_ip: str, symmetric: bool
) -> StreamPlan:
    """What a stream of theirs means for us; `dtmf`: payload type of telephone-event, -1 for none."""
    theirs = direction_of(session, line)
    if not line.ip:
        raise NegotiationError("the audio stream has no connection address (c=)")
    held = line.ip in ("0.0.0.0", "::")
    return StreamPlan(
        remote_ip=line.ip,
        remote_port=line.port,
        rtcp_port=_rtcp_port(line),
        codec=name,
        payload_type=code,
        dtmf_payload_type=dtmf,
        ptime_ms=TICK_MS,
        send=theirs in ("sendrecv", "recvonly") and not held,
        receive=theirs in ("sendrecv", "sendonly"),
        signalling_ip=signalling_ip,
        symmetric=symmetric,
        rtcp_mux=_muxed(line),
    )


def audio_section(
    udp_port: int, formats: list[tuple[int, str]], dtmf: int, direction: str, *, mux: bool = False
) -> str:
    """A stream of ours, formats as (payload type, codec)."""
    codes = [str(code) for code, _ in formats] + ([str(dtmf)] if dtmf >= 0 else [])
    lines = [f"m=audio {udp_port} RTP/AVP {' '.join(codes)}"]
    lines += [f"a=rtpmap:{code} {name}/{RATE}" for code, name in formats]
    if dtmf >= 0:
        lines += [f"a=rtpmap:{dtmf} telephone-event/{RATE}", f"a=fmtp:{dtmf} 0-15"]
    lines += [f"a=ptime:{TICK_MS}", f"a={direction}"]
    if mux:
        lines.append("a=rtcp-mux")
    return "".join(f"{line}\r\n" for line in lines)


def printed(ip: str, sections: list[str], session_id: int, version: int) -> bytes:
    """A description with these streams."""
    family = "IP6" if ":" in ip else "IP4"
    head = f"v=0\r\no=- {session_id} {version} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n"
    return (head + "".join(sections)).encode()
