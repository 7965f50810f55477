"""How the fields of a resource are read: each reader takes a form, a name and the code that bad input answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from gateway.api.fields import Form
from gateway.errors import invalid
from gateway.sids import is_sid
from sip.errors import SipError
from sip.uri import Uri

Reader = Callable[[Form, str, int], Any]  # None: it was given empty

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+(?!\d+$){_LABEL}", re.ASCII)


def text(most: int) -> Reader:
    """Up to so many characters."""

    def read(form: Form, name: str, code: int) -> str | None:
        value = form.text(name)
        if len(value) > most:
            raise invalid(name, f"it has {len(value)} characters; {most} are allowed", code)
        return value or None

    return read


def coded(reader: Reader, code: int) -> Reader:
    """The same with a code of its own for bad input."""
    return lambda form, name, _: reader(form, name, code)


def url(form: Form, name: str, code: int) -> str | None:
    """An absolute HTTP URL."""
    return form.url(name, code) or None


def method(form: Form, name: str, code: int) -> str | None:
    """GET or POST."""
    return form.method(name, code) if form.text(name) else None


def flag(form: Form, name: str, code: int) -> bool | None:
    """true or false."""
    return form.flag(name, code) if form.text(name) else None


def whole(least: int, most: int) -> Reader:
    """A whole number in a range."""
    return lambda form, name, code: form.integer(name, least, least, most, code) if form.text(name) else None


def word(*words: str) -> Reader:
    """One of some words."""
    return lambda form, name, code: form.word(name, words, words[0], code) if form.text(name) else None


def sid(prefix: str) -> Reader:
    """A SID of this kind."""

    def read(form: Form, name: str, code: int) -> str | None:
        value = form.text(name)
        if value and not is_sid(value, prefix):
            raise invalid(name, f"{value} is not a SID that starts with {prefix}", code)
        return value or None

    return read


def domain_name(form: Form, name: str, code: int) -> str | None:
    """A host name of at least two labels, in lower case; no IP address (its last label is no number)."""
    value = form.text(name).lower()
    if value and (len(value) > 253 or not _DOMAIN.fullmatch(value)):
        raise invalid(name, f"{value} is not a domain name", code)
    return value or None


def address(form: Form, name: str, code: int) -> str | None:
    """An IP address."""
    value = form.text(name).strip()
    try:
        return str(ip_address(value)) if value else None
    except ValueError:
        raise invalid(name, f"{value} is not an IP address", code) from None


def no_lookup(form: Form, name: str, code: int) -> bool:
    """false: nothing here knows the names of callers."""
    if form.flag(name, code):
        raise invalid(name, "this version has no source of callers' names, so they cannot be looked up", code)
    return False


def sip_uri(form: Form, name: str, code: int) -> str | None:
    """A `sip:` URI that a call can go to; `sips:` is none here, as Twilio says."""
    value = form.text(name).strip()
    if not value:
        return None
    try:
        uri = Uri.parse(value)
    except SipError as error:
        raise invalid(name, str(error), code) from error
    if uri.scheme != "sip" or uri.transport not in ("udp", "tcp", "tls"):
        raise invalid(name, f"{value} is not a sip: URI over UDP, TCP or TLS", code)
    return value
