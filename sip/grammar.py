"""RFC 3261 §25 as pieces: tokens, quoted strings, parameters, and how lists are split.

All of it takes time in proportion to the length of the text: what is repeated is matched possessively.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address

from sip.errors import ParseError

TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]++")
HOST = re.compile(r"\[[0-9A-Fa-f:.]++\]|[A-Za-z0-9_.\-]++")
QUOTED = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.S)
_ITEM = re.compile(r'(?:[^,"<]++|"(?:[^"\\]++|\\.)*+"|<[^>]*+>)*+', re.S)
_PARAM = re.compile(rf'\s*+;\s*+([^\s;="]++)\s*+(?:=\s*+({QUOTED.pattern}|[^\s;"]*+)\s*+)?', re.S)
_PAIR = re.compile(r"\\(.)", re.S)

Params = tuple[tuple[str, str | None], ...]
MOST_PARAMS = 100  # of one value; the longest that real equipment sends are a tenth of that


def bounded(count: int) -> None:
    """ParseError for more parameters than anybody needs: each costs a microsecond."""
    if count > MOST_PARAMS:
        raise ParseError(f"{count} parameters are more than {MOST_PARAMS}")


def text_of(raw: bytes) -> str:
    """Bytes of a message as text: UTF-8, or what old equipment sends instead."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def number(text: str, most: int) -> int | None:
    """Decimal digits as a number up to `most`; None for anything else, however long it is."""
    text = text.strip()
    if not (text.isascii() and text.isdigit()):
        return None
    if len(text) > 10:
        text = text.lstrip("0") or "0"
        if len(text) > 20:  # more than any number of SIP
            return None
    found = int(text)
    return found if found <= most else None


def split_list(value: str) -> list[str]:
    """A comma-separated header value as its items; commas inside quotes and angle brackets do not part.

    What follows a quote or bracket that is not closed is one item: whoever reads it finds the error.
    """
    if "," not in value:
        value = value.strip()
        return [value] if value else []
    items, at = [], 0
    while at < len(value):
        found = _ITEM.match(value, at)
        assert found is not None, "it matches nothing, too"
        end = found.end()
        if value[end : end + 1] != ",":
            end = len(value)
        items.append(value[at:end].strip())
        at = end + 1
    return [item for item in items if item]


def parse_params(text: str) -> Params:
    """`;name=value;flag` as pairs, names in lower case, values unquoted; ParseError for anything else."""
    if text.isprintable() and not (" " in text or '"' in text):
        return _plain_params(text)
    params, at = [], 0
    text = text.rstrip()
    while at < len(text):
        found = _PARAM.match(text, at)
        if found is None:
            raise ParseError(f"parameters {text[:60]!r} are not ;name=value")
        name, value = found[1].lower(), found[2]
        params.append((name, unquote(value) if value is not None else None))
        bounded(len(params))
        at = found.end()
    return tuple(params)


def _plain_params(text: str) -> Params:
    """Parameters without spaces and quotes, as nearly all are."""
    if not text:
        return ()
    first, *parts = text.split(";")
    bounded(len(parts))
    params = []
    for part in parts:
        name, equals, value = part.partition("=")
        if not name:
            break
        params.append((name.lower(), value if equals else None))
    if first or len(params) < len(parts):
        raise ParseError(f"parameters {text[:60]!r} are not ;name=value")
    return tuple(params)


def print_params(params: Params) -> str:
    """Pairs as `;name=value;flag`."""
    return "".join(f";{name}" if value is None else f";{name}={quote_if_needed(value)}" for name, value in params)


def unquote(text: str) -> str:
    """A quoted string without its quotes and escapes; other text as it is."""
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return _PAIR.sub(r"\1", text[1:-1]) if "\\" in text else text[1:-1]
    return text


def quote(text: str) -> str:
    """A quoted string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_BARE = re.compile(r"[A-Za-z0-9\-.!%*_+`'~\[\]:/@]*+")


def quote_if_needed(text: str) -> str:
    """A parameter's value: bare where the grammar allows it."""
    return text if _BARE.fullmatch(text) else quote(text)


def lookup(params: Params, name: str) -> str | None:
    """A parameter's value; the empty string for a flag, None when it is absent."""
    for key, value in params:
        if key == name:
            return "" if value is None else value
    return None


def bare_host(text: str) -> str:
    """A host without the brackets of an IPv6 reference; ParseError where there is no address in them.

    Three colons are read as two: RFC 3261's own grammar allows them (RFC 5118 §4.10).
    """
    if text[:1] != "[":
        return text
    address = text[1:-1].replace(":::", "::")
    try:
        IPv6Address(address)
    except ValueError:
        raise ParseError(f"{text[:60]!r} is not an IPv6 reference") from None
    return address
