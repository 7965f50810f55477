"""`X-Twilio-Signature` (webhooks.md: signature): HMAC-SHA1 over the URL and the sorted parameters."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit


def sign(token: str, url: str, params: Iterable[tuple[str, str]] = ()) -> str:
    """The signature of a form POST (`params`), or of a GET (none)."""
    text = url + "".join(name + value for name, value in sorted(set(params)))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def signed_url(url: str) -> str:
    """The URL as voice webhooks sign it: over HTTPS without its port."""
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.port is None:
        return url
    host = parts.hostname or ""
    return urlunsplit(parts._replace(netloc=f"[{host}]" if ":" in host else host))
