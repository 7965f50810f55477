"""RFC 3261 §25 as pieces: tokens, quoted strings, parameters, and how lists are split."""

from __future__ import annotations

import re

from sip.errors import ParseError

TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
HOST = re.compile(r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.\-]+")
_ITEM = re.compile(r'"(?:[^"\\]|\\.)*"|<[^>]*>|[^,"<]+|.', re.S)
_PARAM = re.compile(r'\s*;\s*([^\s;=]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s;"]*)\s*)?')

Params = tuple[tuple[str, str | None], ...]


def split_list(value: str) -> list[str]:
    """A comma-separated header value as its items; commas inside quotes and angle brackets do not part."""
    items, current = [], ""
    for piece in _ITEM.findall(value):
        if piece.startswith(('"', "<")):
            current += piece
            continue
        if piece == ",":
            items.append(current)
            current = ""
        else:
            current += piece
    items.append(current)
    return [item.strip() for item in items if item.strip()]


def parse_params(text: str) -> Params:
    """`;name=value;flag` as pairs, names in lower case, values unquoted; ParseError for anything else."""
    params, at = [], 0
    text = text.rstrip()
    while at < len(text):
        found = _PARAM.match(text, at)
        if found is None:
            raise ParseError(f"parameters {text[:60]!r} are not ;name=value")
        name, value = found[1].lower(), found[2]
        params.append((name, unquote(value) if value is not None else None))
        at = found.end()
    return tuple(params)


def print_params(params: Params) -> str:
    """Pairs as `;name=value;flag`."""
    return "".join(f";{name}" if value is None else f";{name}={quote_if_needed(value)}" for name, value in params)


def unquote(text: str) -> str:
    """A quoted string without its quotes and escapes; other text as it is."""
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.S)
    return text


def quote(text: str) -> str:
    """A quoted string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_BARE = re.compile(r"[A-Za-z0-9\-.!%*_+`'~\[\]:/@]*")


def quote_if_needed(text: str) -> str:
    """A parameter's value: bare where the grammar allows it."""
    return text if _BARE.fullmatch(text) else quote(text)


def lookup(params: Params, name: str) -> str | None:
    """A parameter's value; the empty string for a flag, None when it is absent."""
    for key, value in params:
        if key == name:
            return "" if value is None else value
    return None
