"""PASSporTs: who calls whom, signed (RFC 8225), as an Identity header carries them (RFC 8224 §4).

The types `shaken` (RFC 8588) and `div` (RFC 8946), in the full form and with ES256, as SHAKEN has it.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from sip.errors import IdentityError, UntrustedError
from sip.grammar import unquote

SHAKEN, DIV = "shaken", "div"
LARGEST = 4096  # characters: five times what SHAKEN needs, half of what a header line may be
HALF = 32  # bytes of r and of s (RFC 7518 §3.4)
DETERMINISTIC = ec.ECDSA(SHA256(), deterministic_signing=True)  # RFC 6979: no chance in here

_VALUE = re.compile(r"\s*([\w\-]*\.[\w\-]*\.[\w\-]+)\s*((?:;.*)?)", re.S | re.A)
_PARAM = re.compile(r'\s*;\s*([\w\-]+)\s*(?:=\s*(<[^<>]*>|"[^"]*"|[^\s;"<>]*))?\s*', re.A)
_SEPARATORS = re.compile(r"[-.() ]")
_NUMBER = re.compile(r"[0-9*#]{1,20}", re.A)


@dataclass(frozen=True, slots=True)
class Passport:
    """A PASSporT that came, read but not verified. Numbers are canonical: digits alone."""

    token: str
    type: str  # `shaken` or `div`
    algorithm: str
    url: str  # of the certificate
    attest: str  # A, B or C; else there is no level
    origid: str
    orig: str
    dest: tuple[str, ...]
    div: str  # the number that sent the call on
    iat: int

    def check(self, key: ec.EllipticCurvePublicKey) -> None:
        """UntrustedError unless the key's owner signed this, and nobody changed it."""
        signed, _, encoded = self.token.rpartition(".")
        raw = _decoded(encoded)
        if len(raw) != 2 * HALF:
            raise UntrustedError(f"the signature has {len(raw)} bytes instead of {2 * HALF}")
        numbers = (int.from_bytes(raw[:HALF], "big"), int.from_bytes(raw[HALF:], "big"))
        try:
            key.verify(encode_dss_signature(*numbers), signed.encode(), DETERMINISTIC)
        except InvalidSignature:
            raise UntrustedError("the signature does not fit what is signed") from None


def read(value: str) -> Passport | None:
    """An Identity header's PASSporT; None for a type that we do not know, IdentityError for what cannot be read."""
    if len(value) > LARGEST:
        raise IdentityError(f"an Identity header of {len(value)} characters is over {LARGEST}")
    found = _VALUE.fullmatch(value)
    if found is None:
        raise IdentityError("the Identity header is no token with parameters")
    token, params = found[1], _params(found[2])
    header, payload = (_object(part) for part in token.split(".")[:2])
    _decoded(token.rpartition(".")[2])
    kind = header.get("ppt", "")
    if params.get("ppt", kind) != kind:
        raise IdentityError("ppt of the Identity header is not that of its PASSporT")
    if kind not in (SHAKEN, DIV):
        return None
    _check_header(header, params)
    return _passport(token, header, payload)


def _params(text: str) -> dict[str, str]:
    params, at = {}, 0
    while at < len(text):
        found = _PARAM.match(text, at)
        if found is None or found[1].lower() in params:
            raise IdentityError("the parameters of the Identity header cannot be read")
        params[found[1].lower()] = unquote(found[2] or "").strip("<>")
        at = found.end()
    return params


def _check_header(header: Mapping[str, Any], params: Mapping[str, str]) -> None:
    """What must agree between a PASSporT's header and the header field that carries it (RFC 8224 §4.1)."""
    if header.get("typ") != "passport":
        raise IdentityError("typ of the PASSporT is not passport")
    if not params.get("info"):
        raise IdentityError("the Identity header has no info")
    if header.get("x5u") != params["info"]:
        raise IdentityError("info of the Identity header is not x5u of its PASSporT")
    if params.get("alg", header.get("alg")) != header.get("alg"):
        raise IdentityError("alg of the Identity header is not that of its PASSporT")


def _passport(token: str, header: Mapping[str, Any], payload: Mapping[str, Any]) -> Passport:
    iat = payload.get("iat")
    if type(iat) is not int:
        raise IdentityError("iat of the PASSporT is no number of seconds")
    dest = _member(payload, "dest").get("tn", [])
    if not isinstance(dest, list):
        raise IdentityError("dest of the PASSporT has no list of numbers")
    return Passport(
        token=token,
        type=str(header["ppt"]),
        algorithm=str(header.get("alg", "")),
        url=str(header["x5u"]),
        attest=str(payload.get("attest", "")),
        origid=str(payload.get("origid", "")),
        orig=canonical(_member(payload, "orig").get("tn")),
        dest=tuple(canonical(number) for number in dest),
        div=canonical(_member(payload, "div").get("tn")) if header["ppt"] == DIV else "",
        iat=iat,
    )


def _member(payload: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = payload.get(name)
    if not isinstance(found, dict):
        raise IdentityError(f"the PASSporT has no {name}")
    return found


def canonical(number: object) -> str:
    """A number as PASSporTs have it (RFC 8224 §8.3): country code first, digits alone; IdentityError for others."""
    text = _SEPARATORS.sub("", number.strip()).removeprefix("+") if isinstance(number, str) else ""
    if not _NUMBER.fullmatch(text):
        raise IdentityError(f"{str(number)[:40]!r} is no telephone number")
    return text


def _object(part: str) -> dict[str, Any]:
    """A part of the token as the JSON object that it has to be."""
    try:
        found = json.loads(_decoded(part), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise IdentityError("a part of the PASSporT is no JSON") from None
    if not isinstance(found, dict):
        raise IdentityError("a part of the PASSporT is no JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two members of one name some would read the first and some the last."""
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a name is there twice")
    return dict(pairs)


def _decoded(part: str) -> bytes:
    try:
        return urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        raise IdentityError("a part of the PASSporT is no base64url") from None


def sign(
    key: ec.EllipticCurvePrivateKey, url: str, *, attest: str, origid: str, orig: str, dest: str, iat: int
) -> str:  # fmt: skip
    """The Identity header of a call from `orig` to `dest` (E.164), by the owner of the certificate behind `url`."""
    header = {"alg": "ES256", "ppt": SHAKEN, "typ": "passport", "x5u": url}
    payload = {
        "attest": attest, "dest": {"tn": [canonical(dest)]}, "iat": iat, "orig": {"tn": canonical(orig)},
        "origid": origid,
    }  # fmt: skip
    signed = f"{_encoded(_text(header))}.{_encoded(_text(payload))}"
    r, s = decode_dss_signature(key.sign(signed.encode(), DETERMINISTIC))
    signature = _encoded(r.to_bytes(HALF, "big") + s.to_bytes(HALF, "big"))
    return f'{signed}.{signature};info=<{url}>;alg=ES256;ppt="{SHAKEN}"'


def _text(value: Mapping[str, Any]) -> bytes:
    """JSON as it is signed: names in order, nothing between (RFC 8225 §9)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
