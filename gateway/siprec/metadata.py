"""What a recording server is told of the call that it records (RFC 7865)."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID

from lxml import etree

NAMESPACE = "urn:ietf:params:xml:ns:recording:1"
OWN = "urn:trunkline:siprec:1"  # of what RFC 7865 has no words for
_OURS: Any = {None: OWN}
_THEIRS: Any = {None: NAMESPACE}
TYPE = "application/rs-metadata+xml"
DISPOSITION = "recording-session"
NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 §2.2


def fresh(random: Random) -> str:
    """An identifier: a UUID in Base64 (RFC 7865 §6.10)."""
    return b64encode(UUID(bytes=random.randbytes(16), version=4).bytes).decode()


@dataclass(slots=True)
class Participant:
    """Somebody in the call. `aor`: a SIP URI; `left`: no more."""

    id: str
    aor: str
    name: str
    joined: datetime
    left: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """A track: what `sender` says and all others hear. `label`: of its line in SDP."""

    id: str
    label: str
    inbound: bool


@dataclass(slots=True)
class Recorded:
    """A call that is recorded; its own far end is the first of the participants. `facts` are Twilio's SIDs."""

    session: str
    began: datetime
    streams: tuple[Stream, ...]
    participants: list[Participant]
    facts: dict[str, str] = field(default_factory=dict)
    parameters: tuple[tuple[str, str], ...] = ()

    def document(self) -> bytes:
        """All of it, as XML."""
        root = etree.Element(_name("recording"), nsmap=_THEIRS)
        _child(root, "datamode", "complete")
        self._session(_child(root, "session", session_id=self.session))
        for one in self.participants:
            person = _child(_child(root, "participant", participant_id=one.id), "nameID", aor=one.aor)
            _child(person, "name", one.name)
        for stream in self.streams:
            _child(_child(root, "stream", stream_id=stream.id, session_id=self.session), "label", stream.label)
        recorded = _child(root, "sessionrecordingassoc", session_id=self.session)
        _child(recorded, "associate-time", _time(self.began))
        for one in self.participants:
            self._membership(
                _child(root, "participantsessionassoc", participant_id=one.id, session_id=self.session), one
            )
        for place, one in enumerate(self.participants):
            if one.left is None:
                self._streams(_child(root, "participantstreamassoc", participant_id=one.id), first=place == 0)
        return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))

    def _session(self, session: etree._Element) -> None:
        _child(session, "start-time", _time(self.began))
        own = etree.SubElement(session, f"{{{OWN}}}call", self.facts, nsmap=_OURS)
        for name, value in self.parameters:
            etree.SubElement(own, f"{{{OWN}}}parameter", name=plain(name)).text = plain(value)

    @staticmethod
    def _membership(part: etree._Element, one: Participant) -> None:
        _child(part, "associate-time", _time(one.joined))
        if one.left is not None:
            _child(part, "disassociate-time", _time(one.left))

    def _streams(self, part: etree._Element, *, first: bool) -> None:
        """Inbound is what the call's own far end says, outbound what it hears."""
        for stream in sorted(self.streams, key=lambda one: one.inbound is not first):
            _child(part, "send" if stream.inbound is first else "recv", stream.id)


def plain(text: str) -> str:
    """Without what XML has no way to write."""
    return NO_XML.sub("", text)


def _child(parent: etree._Element, name: str, text: str = "", **attributes: str) -> etree._Element:
    made = etree.SubElement(parent, _name(name), {name: plain(value) for name, value in attributes.items()})
    made.text = plain(text) or None
    return made


def _name(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _time(when: datetime) -> str:
    """RFC 3339."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
