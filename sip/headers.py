"""Header fields in their order, kept as the lines that came (RFC 3261 §7.3); text only where somebody asks for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from sip.errors import ParseError, TooLarge
from sip.grammar import text_of

# RFC 3261 §7.3.3 and the registry of compact forms
COMPACT = {
    "i": "Call-ID", "m": "Contact", "e": "Content-Encoding", "l": "Content-Length", "c": "Content-Type",
    "f": "From", "s": "Subject", "k": "Supported", "t": "To", "v": "Via", "o": "Event", "r": "Refer-To",
    "u": "Allow-Events", "x": "Session-Expires", "b": "Referred-By", "y": "Identity",
}  # fmt: skip

_NAME = re.compile(rb"([A-Za-z0-9\-.!%*_+`'~]++)[ \t]*+:")
_UNSAFE = re.compile(r"[\r\n\0]")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a message may be. 64 kB is what fits a datagram; 200 headers is ten times what busy proxies make."""

    message: int = 65536
    headers: int = 200
    line: int = 8192
    commas: int = 2000  # in all headers: each may be a value, and takes a microsecond to be read


LIMITS = Limits()


class Headers:
    """Header fields; names are case-insensitive, compact forms count as the long ones, values are text.

    Fields of one name keep their order, which has a meaning; those of different names have none (RFC 3261 §7.3.1).
    """

    __slots__ = ("_fields",)

    def __init__(self) -> None:
        self._fields: dict[str, list[bytes]] = {}  # by the name in lower case: lines without their end

    @classmethod
    def parse(cls, lines: list[bytes], limits: Limits = LIMITS) -> Headers:
        """From unfolded lines."""
        if len(lines) > limits.headers:
            raise TooLarge(f"{len(lines)} header lines are more than {limits.headers}")
        headers = cls()
        fields = headers._fields
        for line in lines:
            key = _key(line[: line.find(b":") + 1])
            if key in fields:
                fields[key].append(line)
            else:
                fields[key] = [line]
        return headers

    @classmethod
    def readable(cls, lines: list[bytes]) -> Headers:
        """From lines of which some cannot be read, or are too much: those that can."""
        headers, commas = cls(), 0
        for line in lines[: LIMITS.headers]:
            commas += line.count(b",")
            if len(line) > LIMITS.line or commas > LIMITS.commas:
                continue
            try:
                headers._append(_key(line[: line.find(b":") + 1]), line)
            except ParseError:
                continue
        return headers

    def _append(self, key: str, line: bytes) -> None:
        self._fields.setdefault(key, []).append(line)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Names (long forms) and values."""
        for lines in self._fields.values():
            for line in lines:
                name = line.partition(b":")[0].decode().rstrip()
                yield COMPACT.get(name.lower(), name), _value(line)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._fields

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def copy(self) -> Headers:
        """The same fields, to be changed apart."""
        return self.only(self._fields)

    def only(self, names: Iterable[str]) -> Headers:
        """The fields of these names (in lower case), their lines as they came."""
        found = Headers()
        found._fields = {name: [*self._fields[name]] for name in names if name in self._fields}
        return found

    def lines(self) -> list[bytes]:
        """All lines as they go out, but for Content-Length, which is counted then."""
        return [line for key, lines in self._fields.items() if key != "content-length" for line in lines]

    def get(self, name: str) -> str | None:
        """The first field's value."""
        lines = self._fields.get(name.lower())
        return _value(lines[0]) if lines else None

    def all(self, name: str) -> list[str]:
        """The values of all fields of this name, in their order."""
        return [_value(line) for line in self._fields.get(name.lower(), ())]

    def one(self, name: str) -> str:
        """The value of a field that must be there exactly once (RFC 3261 §7.3.1)."""
        lines = self._fields.get(name.lower(), ())
        if len(lines) != 1:
            raise ParseError(f"{name} is there {len(lines)} times" if lines else f"{name} is missing")
        return _value(lines[0])

    def add(self, name: str, value: str) -> None:
        """Appends a field; line breaks become spaces, so that no value can smuggle in another header."""
        self._append(_long(name.lower()), _line(name, value))

    def prepend(self, name: str, value: str) -> None:
        """Puts a field before all others."""
        key = _long(name.lower())
        before = self._fields.pop(key, [])
        self._fields = {key: [_line(name, value), *before], **self._fields}

    def remove(self, name: str) -> None:
        """Removes all fields of this name."""
        self._fields.pop(name.lower(), None)

    def set(self, name: str, value: str) -> None:
        """Makes this the only field of its name."""
        self._fields[_long(name.lower())] = [_line(name, value)]

    def change(self, name: str, value: str) -> None:
        """Another value for the first field of this name."""
        self._fields[name.lower()][0] = _line(name, value)

    def extend(self, name: str, more: str) -> None:
        """Appends to the value of the first field of this name, which stays as it came."""
        lines = self._fields.get(name.lower())
        if lines:
            lines[0] += _safe(more)


def _long(key: str) -> str:
    return COMPACT[key].lower() if key in COMPACT else key


def _line(name: str, value: str) -> bytes:
    return b"%s: %s" % (_safe(name), _safe(value))


def _safe(text: str) -> bytes:
    return (text if text.isprintable() else _UNSAFE.sub(" ", text)).encode("utf-8", "replace")


def _value(line: bytes) -> str:
    return text_of(line.partition(b":")[2]).strip()


@lru_cache(512)
def _key(name: bytes) -> str:
    """A field's name in lower case and long form, from what its line has up to the colon."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise ParseError(f"header name {name[:60]!r} cannot be read")
    return _long(found[1].decode().lower())
