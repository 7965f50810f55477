"""SDP as values (RFC 8866): what we need of it, tolerant of bare line feeds and missing lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address

from media.errors import SdpError


@dataclass(frozen=True, slots=True)
class MediaLine:
    """An `m=` section."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    ip: str  # of its own c= line, else the session's, else empty
    attributes: tuple[tuple[str, str], ...] = ()

    def attribute(self, name: str) -> str | None:
        """The first value of an attribute; the empty string for a flag."""
        return next((value for key, value in self.attributes if key == name), None)

    def all(self, name: str) -> list[str]:
        """All values of an attribute."""
        return [value for key, value in self.attributes if key == name]


@dataclass(frozen=True, slots=True)
class Sdp:
    """A session description."""

    media: tuple[MediaLine, ...]
    attributes: tuple[tuple[str, str], ...] = field(default=())

    def attribute(self, name: str) -> str | None:
        """A session-level attribute."""
        return next((value for key, value in self.attributes if key == name), None)


def parse(body: bytes) -> Sdp:
    """SdpError unless it starts with v=0 and every line can be read."""
    lines = [line.rstrip("\r") for line in body.decode("utf-8", "replace").split("\n")]
    lines = [line for line in lines if line.strip("\0 ")]
    if not lines or lines[0].strip() != "v=0":
        raise SdpError("an SDP body starts with v=0")
    ip = ""
    session: list[tuple[str, str]] = []
    media: list[dict[str, object]] = []
    current: dict[str, object] | None = None
    for line in lines[1:]:
        kind, equals, value = line.partition("=")
        if equals != "=" or len(kind.strip()) != 1:
            raise SdpError(f"SDP line {line[:60]!r} is not type=value")
        value = value.strip()
        if kind == "m":
            current = _media(value)
            media.append(current)
        elif kind == "c" and current is None:
            ip = _connection(value)
        elif kind == "c" and current is not None:
            current["ip"] = _connection(value)
        elif kind == "a":
            name, _, text = value.partition(":")
            (session if current is None else current["attributes"]).append((name, text.strip()))  # type: ignore[attr-defined]
    return Sdp(tuple(_frozen(one, ip) for one in media), tuple(session))


def number(text: str, most: int) -> int | None:
    """Decimal digits as a number up to `most`; None for anything else, however long it is."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        return None
    found = int(text)
    return found if found <= most else None


def _media(value: str) -> dict[str, object]:
    parts = value.split()
    port = number(parts[1].partition("/")[0], 65535) if len(parts) > 2 else None
    if port is None:
        raise SdpError(f"SDP line 'm={value[:50]}' cannot be read")
    return {"kind": parts[0], "port": port, "protocol": parts[2], "formats": tuple(parts[3:]), "attributes": []}


def _connection(value: str) -> str:
    parts = value.split()
    address = parts[2].partition("/")[0] if len(parts) == 3 else ""
    try:
        if "%" in address:
            raise ValueError("a zone of IPv6 (RFC 4007) means something on one machine alone")
        return str(ip_address(address))
    except ValueError:
        raise SdpError(f"SDP line 'c={value[:50]}' has no IP address") from None


def _frozen(one: dict[str, object], ip: str) -> MediaLine:
    one.setdefault("ip", ip)
    one["attributes"] = tuple(one["attributes"])  # type: ignore[arg-type]
    return MediaLine(**one)  # type: ignore[arg-type]
