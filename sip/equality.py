"""Whether two URIs are the same (RFC 3261 §19.1.4)."""

from __future__ import annotations

from sip.uri import Uri

TELLING = ("transport", "user", "ttl", "maddr", "method")  # in one URI alone, they make it another one


def same(one: Uri, other: Uri) -> bool:
    """The user part counts letter for letter, everything else without regard to case."""
    return (
        (one.scheme, one.user, one.password, one.host, one.port)
        == (other.scheme, other.user, other.password, other.host, other.port)
        and _params_fit(dict(one.params), dict(other.params))
        and _headers(one) == _headers(other)
    )


def _params_fit(one: dict[str, str | None], other: dict[str, str | None]) -> bool:
    if one == other:
        return True
    if any((name in one) != (name in other) for name in TELLING):
        return False
    return all((one[name] or "").lower() == (other[name] or "").lower() for name in one.keys() & other.keys())


def _headers(uri: Uri) -> list[str]:
    return sorted(uri.headers.lower().split("&"))
