"""What a new request is refused for: by its method, its headers, its body (RFC 3261 §8.2.1–8.2.3)."""

from __future__ import annotations

from collections.abc import Collection

from sip import registrar
from sip.bodies import ACCEPTED, SDP, is_encoded
from sip.intake import KNOWN_METHODS
from sip.layer import ALLOW, SUPPORTED
from sip.message import Request, Response

SCHEMES = ("sip", "sips", "tel")  # of a request's URI
OPTION_TAGS = frozenset(SUPPORTED.split(", "))
REGISTRAR_TAGS = OPTION_TAGS | set(registrar.OPTIONS)


def refusal(request: Request, methods: Collection[str], tag: str, *, merged: bool) -> Response | None:
    """The response of a request that cannot be served; `merged`: a copy of it is served already (§8.2.2.2)."""
    if request.method not in methods:
        return _refused(request, 405 if request.method in KNOWN_METHODS else 501, tag, Allow=ALLOW)
    if request.uri.scheme not in SCHEMES:
        return _refused(request, 416, tag)
    if merged:
        return _refused(request, 482, tag)
    if request.max_forwards == 0 and request.method != "OPTIONS":
        return _refused(request, 483, tag)
    known = REGISTRAR_TAGS if request.method == "REGISTER" else OPTION_TAGS
    if unknown := [option for option in request.tokens("Require") if option not in known]:
        return _refused(request, 420, tag, Unsupported=", ".join(unknown))
    return _of_the_body(request, tag)


def _of_the_body(request: Request, tag: str) -> Response | None:
    if is_encoded(request):
        return _refused(request, 415, tag, **{"Accept-Encoding": "identity"})
    if request.method != "INVITE":
        return None
    if not request.accepts(SDP):
        return _refused(request, 406, tag)
    if request.body and request.content_type not in (SDP, ""):
        return _refused(request, 415, tag, Accept=ACCEPTED)
    return None


def _refused(request: Request, status: int, tag: str, **headers: str) -> Response:
    response = request.reply(status, to_tag=tag)
    for name, value in headers.items():
        response.headers.add(name, value)
    return response
