"""Offer and answer for streams that go from us to them alone, each with a label (RFC 3264, RFC 4574, RFC 7866 §7.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from media.codecs import STATIC
from media.errors import NegotiationError
from media.negotiate import StreamPlan, audio_section, common, direction_of, plan_of, printed, read, usable
from media.sdp import MediaLine, Sdp

NO_EVENTS = -1  # keys are no part of these streams
HELD = ("sendonly", "inactive")  # of theirs: they want to hear nothing


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A stream of ours."""

    udp_port: int
    label: str


def offer(local_ip: str, streams: Sequence[Outgoing], codecs: Sequence[str], *, session_id: int, version: int) -> bytes:
    """All of them, in any of the codecs."""
    formats = [(STATIC[name], name) for name in codecs]
    return printed(local_ip, [_section(one, formats, "sendonly") for one in streams], session_id, version)


def accept(count: int, codecs: Sequence[str], answered: bytes) -> tuple[StreamPlan | None, ...]:
    """What their answer to our offer of `count` streams means, None for one that they refuse.

    NegotiationError where they refuse all, or have fewer (RFC 3264 §6).
    """
    session = read(answered)
    if len(session.media) < count:
        raise NegotiationError(f"the answer has {len(session.media)} streams, the offer {count}")
    plans = tuple(_plan(session, line, codecs) for line in session.media[:count])
    if not any(plans):
        raise NegotiationError("the answer refuses every stream")
    return plans


def answer(
    offered: bytes, local_ip: str, streams: Sequence[Outgoing], codecs: Sequence[str], *, session_id: int, version: int
) -> tuple[bytes, tuple[StreamPlan | None, ...]]:
    """Our answer to an offer of theirs in the same session, where streams keep their places, and what it means."""
    session = read(offered)
    plans = accept(len(streams), codecs, offered)
    sections = []
    for place, line in enumerate(session.media):
        plan = plans[place] if place < len(plans) else None
        if plan is None:
            sections.append(f"m={line.kind} 0 {line.protocol} {' '.join(line.formats) or '0'}\r\n")
        else:
            held = direction_of(session, line) in HELD
            formats = [(plan.payload_type, plan.codec)]
            sections.append(_section(streams[place], formats, "inactive" if held else "sendonly"))
    return printed(local_ip, sections, session_id, version), plans


def _section(stream: Outgoing, formats: list[tuple[int, str]], direction: str) -> str:
    return audio_section(stream.udp_port, formats, NO_EVENTS, direction) + f"a=label:{stream.label}\r\n"


def _plan(session: Sdp, line: MediaLine, codecs: Sequence[str]) -> StreamPlan | None:
    if not usable(line):
        return None
    code, name = common(line, codecs)
    return replace(plan_of(session, line, code, name, NO_EVENTS, "", False), receive=False)
