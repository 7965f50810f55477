"""Digest as a server (RFC 7616 §3.3, RFC 8760): what is asked, and what counts as an answer."""

from __future__ import annotations

from random import Random

import pytest

from sip import challenge as challenge_module
from sip.challenge import LIFE, Challenger
from sip.digest import Challenge, answer, strongest
from sip.message import Request
from sip.uri import Uri

URI = "sip:+15555550100@gateway.example"


def password(username: str) -> str | None:
    return {"bob": "zanzibar", "Zoë": "café"}.get(username)


def challenger(*algorithms: str) -> Challenger:
    return Challenger("trunkline", Random(1), algorithms or ("SHA-512-256", "SHA-256", "MD5"))


def asked(one: Challenger, now: float = 0.0, algorithm: str = "SHA-256") -> Challenge:
    """The challenge for an algorithm."""
    found = [Challenge.parse(value) for value in one.values(now)]
    return next(challenge for challenge in found if challenge.algorithm == algorithm)


def request(*authorizations: str, method: str = "INVITE") -> Request:
    made = Request(method=method, uri=Uri.parse(URI))
    for value in authorizations:
        made.headers.add("Authorization", value)
    return made


def test_the_strongest_algorithm_is_asked_for_first() -> None:
    """RFC 8760 §2.4: the UAS puts the most preferred challenge first; the client takes the best that it knows."""
    values = challenger().values(0.0)
    assert [Challenge.parse(value).algorithm for value in values] == ["SHA-512-256", "SHA-256", "MD5"]
    best = strongest(values)
    assert best is not None
    assert (best.algorithm, best.qop, best.realm) == ("SHA-512-256", True, "trunkline")


@pytest.mark.parametrize("algorithm", ["SHA-512-256", "SHA-256", "MD5"])
@pytest.mark.parametrize(("username", "secret"), [("bob", "zanzibar"), ("Zoë", "café")])
def test_the_right_password_is_seen(algorithm: str, username: str, secret: str) -> None:
    one = challenger()
    given = answer(asked(one, 5.0, algorithm), username, secret, "INVITE", URI, "c")
    assert one.verify(request(given), password, 6.0).user == username


def test_a_client_of_rfc_2069_has_one_use_of_a_nonce() -> None:
    one = challenger()
    challenge = Challenge("trunkline", asked(one).nonce, "MD5", qop=False)
    given = answer(challenge, "bob", "zanzibar", "INVITE", URI, "c")
    assert one.verify(request(given), password, 1.0).user == "bob"
    assert one.verify(request(given), password, 1.0).stale


def test_each_count_of_a_nonce_is_good_once_and_none_below() -> None:
    """RFC 7616 §3.3: the server can detect replays by keeping its copy of the count."""
    one = challenger()
    challenge = asked(one)
    first, second, fourth = (answer(challenge, "bob", "zanzibar", "INVITE", URI, "c", n) for n in (1, 2, 4))
    assert [one.verify(request(value), password, 1.0).user for value in (first, fourth)] == ["bob", "bob"]
    for again in (first, second, fourth):
        verdict = one.verify(request(again), password, 1.0)
        assert (verdict.user, verdict.stale) == (None, True)


@pytest.mark.parametrize(
    ("username", "secret", "method", "realm"),
    [
        ("bob", "wrong", "INVITE", "trunkline"),
        ("nobody", "zanzibar", "INVITE", "trunkline"),
        ("nobody", "", "INVITE", "trunkline"),
        ("bob", "zanzibar", "REGISTER", "trunkline"),
        ("bob", "zanzibar", "INVITE", "elsewhere"),
    ],
)
def test_what_does_not_fit_is_asked_again_without_a_hint(username: str, secret: str, method: str, realm: str) -> None:
    one = challenger()
    challenge = Challenge(realm, asked(one).nonce, "SHA-256", qop=True)
    verdict = one.verify(request(answer(challenge, username, secret, method, URI, "c")), password, 1.0)
    assert (verdict.user, verdict.stale) == (None, False)
    assert verdict.why


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Basic Ym9iOnphbnppYmFy",
        'Digest username="bob"',
        'Digest username="bob", realm="trunkline", nonce="n", uri="x", response="r", qop=auth-int, nc=0000000a',
        'Digest username="bob", realm="trunkline", nonce="n", uri="x", response="r", qop=auth, nc=1, cnonce="c"',
        'Digest username="bob", realm="trunkline", nonce="n", uri="x", response="r", qop=auth, nc=0000000g, cnonce="c"',
        'Digest username="bob", realm="trunkline", nonce="n", uri="sip:x", response="é"',
        'Digest username="bob", realm="trunkline", nonce="é.é.é", uri="sip:x", response="\udcff"',
        "Digest ,,,,",
    ],
)
def test_what_cannot_be_read_is_a_wrong_answer(value: str) -> None:
    verdict = challenger().verify(request(value), password, 0.0)
    assert (verdict.user, verdict.stale) == (None, False)


def test_a_nonce_is_over_in_its_time_and_asked_for_again_as_stale() -> None:
    """RFC 7616 §3.3: stale says that the password was right, so that nobody is asked for it again."""
    one = challenger()
    given = answer(asked(one), "bob", "zanzibar", "INVITE", URI, "c")
    assert one.verify(request(given), password, LIFE + 1).stale
    assert all("stale=true" in value for value in one.values(LIFE + 1, stale=True))


def test_a_nonce_of_an_earlier_process_is_stale() -> None:
    given = answer(asked(Challenger("trunkline", Random(2))), "bob", "zanzibar", "INVITE", URI, "c")
    assert challenger().verify(request(given), password, 1.0).stale


def test_an_algorithm_that_is_not_offered_is_no_answer() -> None:
    one = challenger("SHA-256")
    weak = Challenge("trunkline", asked(one).nonce, "MD5", qop=True)
    assert one.verify(request(answer(weak, "bob", "zanzibar", "INVITE", URI, "c")), password, 1.0).user is None


def test_credentials_for_other_realms_do_not_disturb() -> None:
    one = challenger()
    other = answer(Challenge("proxy", "n", "MD5", qop=True), "bob", "x", "INVITE", URI, "c")
    ours = answer(asked(one), "bob", "zanzibar", "INVITE", URI, "c")
    assert one.verify(request(other, ours), password, 1.0).user == "bob"


def test_what_is_kept_is_bounded_and_nothing_is_good_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where more nonces are in use than are kept, the earlier ones are asked for again, never taken twice."""
    monkeypatch.setattr(challenge_module, "KEPT", 10)
    one = challenger("MD5")
    used = [answer(asked(one, 1.0, "MD5"), "bob", "zanzibar", "INVITE", URI, "c") for _ in range(11)]
    assert [one.verify(request(value), password, 2.0).user for value in used] == ["bob"] * 11
    assert len(one._counts) == 1
    assert [one.verify(request(value), password, 2.0).user for value in used] == [None] * 11
    later = answer(asked(one, 2.5, "MD5"), "bob", "zanzibar", "INVITE", URI, "c")
    assert one.verify(request(later), password, 2.5).user == "bob"
