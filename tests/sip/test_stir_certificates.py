"""Certificates of signers: what they speak for, and who vouches for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from sip.errors import UntrustedError
from sip.stir_certificates import Chain, TnAuthList, parse_list, roots
from tests.lib.stir import Authority, Signer, auth_list, tlv

NOW = datetime(2024, 6, 1, tzinfo=UTC)
CALLER = "12125550123"
ROOT = Authority(NOW)
ROOTS = roots(ROOT.pem)


def key_of(signer: Signer, number: str = CALLER, now: datetime = NOW) -> ec.EllipticCurvePublicKey:
    return Chain.parse(signer.pem).key(ROOTS, now, number)


def test_the_list_of_numbers() -> None:
    """RFC 8226 §9: providers, ranges and single numbers."""
    found = parse_list(auth_list("709J", ("12125550100", 100), "13125550199"))
    assert found == TnAuthList(("709J",), (("12125550100", 100),), ("13125550199",))


@pytest.mark.parametrize(
    ("entries", "covered"),
    [
        (("709J",), True),
        (("709J", "13125550199"), True),
        (("13125550199",), False),
        ((CALLER,), True),
        ((("12125550100", 24),), True),
        ((("12125550100", 23),), False),
        ((("12125550124", 10),), False),
        ((("2125550100", 100),), False),
        ((("0", 2**31 - 1),), False),
    ],
)
def test_the_caller_has_to_be_in_the_list(entries: tuple[str | tuple[str, int], ...], covered: bool) -> None:
    """A provider signs for whatever numbers it has; a list of numbers is all there is."""
    signer = ROOT.signer(*entries)
    if covered:
        assert key_of(signer) == signer.key.public_key()
    else:
        with pytest.raises(UntrustedError, match="not for 12125550123"):
            key_of(signer)


def test_through_an_intermediate_and_within_what_it_may_give_away() -> None:
    """RFC 9060 §5: a delegate has no more than who delegates."""
    below = ROOT.intermediate(("12125550000", 10000))
    inside, outside = below.signer(("12125550100", 100)), below.signer("709J")
    for signer in (inside, outside):
        signer.certificates = (*signer.certificates, below.root)
    assert key_of(inside)
    assert key_of(outside)
    with pytest.raises(UntrustedError, match="not for 13125550199"):
        key_of(outside, "13125550199")
    alone = below.signer("709J")
    with pytest.raises(UntrustedError, match="no trusted root"):
        key_of(alone)


def test_nobody_is_believed_who_no_root_vouches_for() -> None:
    stranger = Authority(NOW)
    signer = stranger.signer("709J")
    signer.certificates = (*signer.certificates, stranger.root)
    with pytest.raises(UntrustedError, match="no trusted root"):
        key_of(signer)


def test_a_signer_is_no_authority() -> None:
    """Who has a certificate cannot make others."""
    carrier = ROOT.signer("709J")
    thief = Authority(NOW, "SHAKEN 709J")
    assert isinstance(carrier.key, ec.EllipticCurvePrivateKey)
    thief.key = carrier.key
    signer = thief.signer("999X")
    signer.certificates = (*signer.certificates, *carrier.certificates)
    with pytest.raises(UntrustedError, match="no trusted root"):
        key_of(signer)


@pytest.mark.parametrize(("start", "end"), [(-30, -1), (1, 30)], ids=["expired", "not yet"])  # days from now
def test_dates(start: int, end: int) -> None:
    signer = ROOT.signer("709J", start=NOW + timedelta(days=start), end=NOW + timedelta(days=end))
    with pytest.raises(UntrustedError, match="it holds from 2024-0"):
        key_of(signer)


def test_other_keys_than_p256() -> None:
    """RFC 8225 §8: ES256."""
    for key in (ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)):
        with pytest.raises(UntrustedError, match=r"P-256"):
            key_of(ROOT.signer("709J", key=key))


def test_a_certificate_of_the_web_speaks_for_no_number() -> None:
    with pytest.raises(UntrustedError, match="neither for which provider"):
        key_of(ROOT.signer())


def test_limits_on_claims_are_not_overlooked() -> None:
    """RFC 8226 §8: who does not understand them must not believe."""
    limits = tlv(0x30, tlv(0xA0, tlv(0x30, tlv(0x16, b"rcd"))))
    with pytest.raises(UntrustedError, match="limits what may be claimed"):
        key_of(ROOT.signer("709J", more=[("1.3.6.1.5.5.7.1.27", limits)]))


def test_a_list_that_cannot_be_read() -> None:
    good = auth_list("709J", ("12125550100", 100), "13125550199")
    for length in range(len(good)):
        with pytest.raises(UntrustedError):
            parse_list(good[:length])
    with pytest.raises(UntrustedError):
        key_of(ROOT.signer(more=[("1.3.6.1.5.5.7.1.26", b"junk")]))


@pytest.mark.parametrize(
    "entries",
    [
        tlv(0xA3, tlv(0x16, b"1")),
        tlv(0xA0, tlv(0x16, b"\xff")),
        tlv(0xA0, tlv(0x0C, b"709J")),
        tlv(0xA1, tlv(0x30)),
        tlv(0xA1, tlv(0x30, tlv(0x16, b"x"), tlv(0x02, b"\x01"))),
        tlv(0xA1, tlv(0x30, tlv(0x16, b"1"), tlv(0x16, b"1"))),
        b"\xa0\x80\x16\x00\x00\x00",
        b"\xa0\x85\x01\x01\x01\x01\x01",
    ],
)
def test_entries_that_cannot_be_read(entries: bytes) -> None:
    with pytest.raises(UntrustedError):
        parse_list(tlv(0x30, entries))


def test_what_a_certificate_url_may_lead_to() -> None:
    signer = ROOT.signer("709J")
    assert Chain.parse(signer.certificates[0].public_bytes(Encoding.DER)).leaf == signer.certificates[0]
    for data in (b"", b"<html>", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", signer.pem[:200]):
        with pytest.raises(UntrustedError, match="is no certificate"):
            Chain.parse(data)
    der = signer.certificates[0].public_bytes(Encoding.DER)
    with pytest.raises(UntrustedError, match="is no certificate"):
        Chain.parse(der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x66", 1))  # X.509 version 103
    with pytest.raises(UntrustedError, match="comes with 8 others"):
        Chain.parse(signer.pem * 9)


def test_roots_have_to_be_there() -> None:
    with pytest.raises(ValueError):
        roots(b"nothing")
