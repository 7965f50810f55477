"""PASSporTs and the Identity headers that carry them."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from sip import passport
from sip.errors import IdentityError, UntrustedError

URL = "https://certs.carrier.example/709J.pem"
KEY = ec.derive_private_key(7, ec.SECP256R1())
HEADER = {"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": URL}
PAYLOAD = {
    "attest": "A", "dest": {"tn": ["15555550100"]}, "iat": 1717243200, "orig": {"tn": "12125550123"}, "origid": "1-2-3",
}  # fmt: skip


def made(**other: Any) -> str:
    fields = {"attest": "A", "origid": "1-2-3", "orig": "+12125550123", "dest": "+15555550100", "iat": 1717243200}
    return passport.sign(KEY, URL, **{**fields, **other})


def encoded(value: object) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def written(header: object = HEADER, payload: object = PAYLOAD, params: str = f";info=<{URL}>") -> str:
    return f"{encoded(header)}.{encoded(payload)}.{encoded(bytes(64))}{params}"


def test_what_is_signed_is_read_and_believed() -> None:
    """RFC 8224 §4.1: `info`, `alg` and `ppt` beside the token."""
    value = made()
    assert value.endswith(f';info=<{URL}>;alg=ES256;ppt="shaken"')
    found = passport.read(value)
    assert found is not None
    assert (found.type, found.attest, found.origid) == ("shaken", "A", "1-2-3")
    assert (found.orig, found.dest, found.iat, found.url) == ("12125550123", ("15555550100",), 1717243200, URL)
    found.check(KEY.public_key())


def test_json_is_signed_in_the_order_of_names_without_spaces() -> None:
    """RFC 8225 §9."""
    header, payload, _ = made().partition(";")[0].split(".")
    assert urlsafe_b64decode(header + "==") == json.dumps(HEADER, sort_keys=True, separators=(",", ":")).encode()
    payload_text = urlsafe_b64decode(payload + "==")
    assert payload_text == json.dumps(PAYLOAD, sort_keys=True, separators=(",", ":")).encode()


def test_every_changed_letter_of_what_is_signed_is_noticed() -> None:
    value = made()
    token = value.partition(";")[0]
    for at in range(0, len(token), 7):
        other = "A" if token[at] != "A" else "B"
        if token[at] == "." or (at == len(token) - 1):
            continue
        try:
            found = passport.read(value[:at] + other + value[at + 1 :])
        except IdentityError:
            continue
        if found is None:
            continue  # another type now
        with pytest.raises(UntrustedError):
            found.check(KEY.public_key())


def test_another_key_signed_it() -> None:
    found = passport.read(made())
    assert found is not None
    with pytest.raises(UntrustedError, match="does not fit"):
        found.check(ec.derive_private_key(8, ec.SECP256R1()).public_key())


@pytest.mark.parametrize(
    "value",
    [
        written({**HEADER, "ppt": "rcd"}),
        written({name: value for name, value in HEADER.items() if name != "ppt"}),
        written({**HEADER, "ppt": ["shaken"]}),
    ],
)
def test_other_types_are_none_of_ours(value: str) -> None:
    """RFC 8224 §6.2 step 1: what is not understood is ignored."""
    assert passport.read(value) is None


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("", "no token"),
        ("abc", "no token"),
        ("..c2lnbmF0dXJl;info=<https://a.example>", "no JSON"),  # the compact form (RFC 8224 §7)
        ("x" * 5000, "over 4096"),
        (written(params=""), "no info"),
        (written(params=";info=<https://other.example/x.pem>"), "info of the Identity header is not x5u"),
        (written(params=f";info=<{URL}>;ppt=div"), "ppt of the Identity header"),
        (written(params=f";info=<{URL}>;alg=RS256"), "alg of the Identity header"),
        (written(params=f";info=<{URL}>;info=<{URL}>"), "parameters"),
        (written(params=f';info=<{URL}>;x="'), "parameters"),
        (written({**HEADER, "typ": "JWT"}), "typ"),
        (written(b"[1]"), "no JSON object"),
        (written(b"[" * 2000), "no JSON"),
        (written(payload=b"\xff\xfe"), "no JSON"),
        (written(payload=b'{"iat":1,"iat":2}'), "no JSON"),
        (written(payload={**PAYLOAD, "iat": "now"}), "iat"),
        (written(payload={**PAYLOAD, "iat": True}), "iat"),
        (written(payload={**PAYLOAD, "iat": 1.5}), "iat"),
        (written(payload={**PAYLOAD, "orig": {"uri": "sip:a@b.example"}}), "no telephone number"),
        (written(payload={**PAYLOAD, "orig": "12125550123"}), "no orig"),
        (written(payload={**PAYLOAD, "orig": {"tn": "call me"}}), "no telephone number"),
        (written(payload={**PAYLOAD, "orig": {"tn": "٣١٢"}}), "no telephone number"),
        (written(payload={**PAYLOAD, "dest": {"tn": "15555550100"}}), "no list of numbers"),
        (written({**HEADER, "ppt": "div"}), "no div"),
        (f"a.{encoded(PAYLOAD)}.AAAA;info=<{URL}>", "base64url"),
        (f"{encoded(HEADER)}.{encoded(PAYLOAD)}.A;info=<{URL}>", "base64url"),
    ],
)
def test_what_cannot_be_read(value: str, why: str) -> None:
    with pytest.raises(IdentityError, match=why):
        passport.read(value)


def test_a_signature_of_another_length_is_none() -> None:
    found = passport.read(made().replace(";info", "AAAA;info", 1))
    assert found is not None
    with pytest.raises(UntrustedError, match="67 bytes"):
        found.check(KEY.public_key())


def test_cut_anywhere_it_is_an_error_and_nothing_else() -> None:
    value = made()
    for length in range(len(value)):
        try:
            passport.read(value[:length])
        except IdentityError:
            continue


@pytest.mark.parametrize("text", ["+1 (212) 555-0123", "12125550123", "1.212.555.0123"])
def test_numbers_are_compared_without_what_people_put_between(text: str) -> None:
    """RFC 8224 §8.3."""
    assert passport.canonical(text) == "12125550123"
