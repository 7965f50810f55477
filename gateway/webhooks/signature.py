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
    text = url + "".join([name + value for name, value in sorted(set(params))])
    return base64.b64encode(hmac.digest(token.encode(), text.encode(), algorithm)).decode()


def sign_body(token: str, url: str, body: bytes) -> tuple[str, str]:
    """For a body that is no form: the URL to request, with the body's hash in its query, and its signature."""
    separator = "&" if urlsplit(url).query else "?"
    url = f"{url}{separator}bodySHA256={hashlib.sha256(body).hexdigest()}"
    return url, sign(token, signed_url(url))


@lru_cache(maxsize=1024)
def signed_url(url: str) -> str:
    """The URL as voice webhooks sign it: no user info, no fragment, and over TLS no port."""
    parts = urlsplit(url)
    netloc = parts.netloc.rpartition("@")[2]
    if parts.scheme in ("https", "wss") and parts.port is not None:
        netloc = netloc.rpartition(":")[0]
    return urlunsplit(parts._replace(netloc=netloc, fragment=""))
