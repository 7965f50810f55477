"""`X-Twilio-Signature` (webhooks.md: signature): an HMAC over the URL and the sorted parameters."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlsplit, urlunsplit


def sign(token: str, url: str, params: Iterable[tuple[str, str]] = (), algorithm: str = "sha1") -> str:
    """The signature of a form POST (`params`), or of a GET (none). `url` is taken as it is: see `signed_url`."""
    return digest(token, signed_text(url, params), algorithm)


def signed_text(url: str, params: Iterable[tuple[str, str]] = ()) -> str:
    """What is signed: the URL, and each distinct pair of name and value in order."""
    return url + "".join([name + value for name, value in sorted(set(params))])


def digest(token: str, text: str, algorithm: str = "sha1") -> str:
    """The HMAC in Base64."""
    keyed = _keyed(token, algorithm).copy()
    keyed.update(text.encode())
    return base64.b64encode(keyed.digest()).decode()


@lru_cache(maxsize=1024)  # to begin with a key costs more than to sign a request
def _keyed(token: str, algorithm: str) -> hmac.HMAC:
    return hmac.new(token.encode(), digestmod=algorithm)


def with_body_hash(url: str, body: bytes) -> str:
    """The URL to request and to sign where the body is no form: the body's hash is in its query, and no other hash."""
    parts = urlsplit(url)
    kept = [pair for pair in parts.query.split("&") if not pair.startswith("bodySHA256=")]
    query = "&".join([*(kept if parts.query else ()), f"bodySHA256={hashlib.sha256(body).hexdigest()}"])
    return urlunsplit(parts._replace(query=query))


@lru_cache(maxsize=1024)
def signed_url(url: str) -> str:
    """The URL as voice webhooks sign it: no user info, no fragment, and over TLS no port."""
    parts = urlsplit(url)
    netloc = parts.netloc.rpartition("@")[2]
    if parts.scheme in ("https", "wss") and parts.port is not None:
        netloc = netloc.rpartition(":")[0]
    return urlunsplit(parts._replace(netloc=netloc, fragment=""))
