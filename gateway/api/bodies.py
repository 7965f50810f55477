"""What the body of a request carries: the fields of a form, URL-encoded or multipart, or JSON.

Forms are in UTF-8 (rest-api.md: requests), or Latin-1; what else Python knows as a charset may take minutes to be read.
"""

from __future__ import annotations

import codecs
import json
import re
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl

FORM = "application/x-www-form-urlencoded"
MOST = 1000  # fields
CHARSETS = ("utf-8", "ascii", "iso8859-1")
UNREADABLE = (ValueError, LookupError, RecursionError)
_NAME = re.compile(rb'^content-disposition:[^\r\n]*;[ \t]*name="([^"\r\n]*)"', re.I | re.M)


def parsed(content: bytes, content_type: str) -> tuple[list[tuple[str, str]], Any]:
    """The fields of a form and what JSON says; nothing of a body of another type. UNREADABLE for what is none."""
    header = Message()
    header["Content-Type"] = content_type or FORM
    match header.get_content_type():
        case "application/json":
            return [], _json(content)
        case "application/x-www-form-urlencoded":
            charset = _charset(header)
            text = content.rstrip().decode(charset)
            return parse_qsl(text, keep_blank_values=True, max_num_fields=MOST, encoding=charset), None
        case "multipart/form-data":
            return _parts(content, str(header.get_boundary("")).encode(), _charset(header)), None
    return [], None


def _charset(header: Message) -> str:
    found = codecs.lookup(str(header.get_param("charset") or "utf-8")).name
    if found not in CHARSETS:
        raise LookupError(f"{found} is no charset of forms")
    return found


def _json(content: bytes) -> Any:
    """What a database takes, too: no half of a surrogate pair (UnicodeEncodeError), no NUL."""
    found = json.loads(content)
    if rb"\u0000" in json.dumps(found, ensure_ascii=False).encode():
        raise ValueError("it has a NUL character")
    return found


def _parts(content: bytes, boundary: bytes, charset: str) -> list[tuple[str, str]]:
    """RFC 7578."""
    pieces = (b"\r\n" + content).split(b"\r\n--" + boundary, MOST + 2)
    if not boundary or not pieces[-1].startswith(b"--"):
        raise ValueError("it does not end with its boundary")
    return [_part(piece, charset) for piece in pieces[1:-1]]


def _part(piece: bytes, charset: str) -> tuple[str, str]:
    head, _, value = piece.partition(b"\r\n\r\n")
    named = _NAME.search(head)
    if named is None:
        raise ValueError("a part has no name")
    return named[1].decode(charset), value.decode(charset)
