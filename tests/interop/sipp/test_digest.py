"""Challenges that we answer: 401 and 407, MD5 and SHA-256, stale nonces, and again inside the call (RFC 8760)."""

from __future__ import annotations

import hashlib
import re

import pytest

from tests.interop import scenario as s
from tests.interop.sipp.carrier import Carrier, header
from tests.interop.sipp.conftest import Stage

pytestmark = pytest.mark.interop

STATUS = {401: "401 Unauthorized", 407: "407 Proxy Authentication Required"}
ASKS = {401: "WWW-Authenticate", 407: "Proxy-Authenticate"}
GIVES = {401: "Authorization", 407: "Proxy-Authorization"}


def challenge(status: int, nonce: str, algorithm: str = "MD5", more: str = ', qop="auth"') -> str:
    """A refusal that asks for credentials."""
    asks = f'{ASKS[status]}: Digest realm="carrier.example", nonce="{nonce}", algorithm={algorithm}{more}'
    return s.reply(STATUS[status], asks)


def proves(request: str, name: str, password: str = "s3cret") -> dict[str, str]:
    """The fields of a request's credentials, computed anew here (RFC 7616 §3.4.1)."""
    fields = {key: value.strip('"') for key, value in re.findall(r'(\w+)=("[^"]*"|[^,\s]+)', header(request, name))}
    make = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[fields["algorithm"]]

    def digest(*parts: str) -> str:
        return make(":".join(parts).encode()).hexdigest()

    secret = digest(fields["username"], fields["realm"], password)
    asked = digest(request.split()[0], fields["uri"])
    middle: tuple[str, ...] = (fields["nonce"],)
    if "qop" in fields:
        middle = (fields["nonce"], fields["nc"], fields["cnonce"], fields["qop"])
    assert fields["response"] == digest(secret, *middle, asked)
    assert fields["uri"] == request.split()[1]
    return fields


@pytest.mark.parametrize("status", [401, 407])
@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@pytest.mark.parametrize(
    "more", [', qop="auth"', ', qop="auth,auth-int", opaque="o"', ""], ids=["qop", "opaque", "old"]
)
def test_a_challenge_is_answered(dialled: Stage, carrier: Carrier, status: int, algorithm: str, more: str) -> None:
    steps = (
        s.asked("INVITE", CSeq="1 INVITE", without=(GIVES[status],)), challenge(status, "abc", algorithm, more),
        s.asked("ACK"),
        s.asked("INVITE", CSeq="2 INVITE", Max_Forwards="70"),
        s.TAKES, s.asked("ACK"), *s.ENDED,
    )  # fmt: skip
    with carrier.answering(*steps):
        sid = dialled.places()
    dialled.ended("completed", sid)
    first, second = carrier.received("INVITE")
    fields = proves(second, GIVES[status])
    assert fields["username"] == "acme"
    assert (fields["nonce"], fields["algorithm"], fields["realm"]) == ("abc", algorithm, "carrier.example")
    assert header(first, "From") == header(second, "From")
    assert header(carrier.received("ACK")[1], GIVES[status]) == header(second, GIVES[status])  # RFC 3261 §22.1


def test_the_strongest_algorithm_is_taken(dialled: Stage, carrier: Carrier) -> None:
    asks = [
        f'WWW-Authenticate: Digest realm="x", nonce="{name}", algorithm={name}, qop="auth"'
        for name in ("MD5", "SHA-256")
    ]
    steps = (
        s.asked("INVITE"), s.reply(STATUS[401], *asks), s.asked("ACK"),
        s.asked("INVITE", Authorization="algorithm=SHA-256"), s.TAKES, s.asked("ACK"), *s.ENDED,
    )  # fmt: skip
    with carrier.answering(*steps):
        dialled.places()
    assert proves(carrier.received("INVITE")[1], "Authorization")["nonce"] == "SHA-256"


def test_a_stale_nonce_is_replaced_by_the_new_one(dialled: Stage, carrier: Carrier) -> None:
    steps = (
        s.asked("INVITE"), challenge(407, "old"), s.asked("ACK"), s.asked("INVITE"),
        challenge(407, "new", more=', qop="auth", stale=true'), s.asked("ACK"),
        s.asked("INVITE", CSeq="3 INVITE"), s.TAKES, s.asked("ACK"), *s.ENDED,
    )  # fmt: skip
    with carrier.answering(*steps):
        sid = dialled.places()
    dialled.ended("completed", sid)
    fields = [proves(one, "Proxy-Authorization") for one in carrier.received("INVITE")[1:]]
    assert [(one["nonce"], one["nc"]) for one in fields] == [("old", "00000001"), ("new", "00000001")]


def test_a_proxy_and_a_server_may_both_ask(dialled: Stage, carrier: Carrier) -> None:
    steps = (
        s.asked("INVITE"), challenge(407, "proxy"), s.asked("ACK"), s.asked("INVITE"), challenge(401, "server"),
        s.asked("ACK"),
        s.asked("INVITE"), s.TAKES, s.asked("ACK"), *s.ENDED,
    )  # fmt: skip
    with carrier.answering(*steps):
        sid = dialled.places()
    dialled.ended("completed", sid)
    last = carrier.received("INVITE")[-1]
    assert (proves(last, "Proxy-Authorization")["nonce"], proves(last, "Authorization")["nonce"]) == ("proxy", "server")


def test_a_wrong_password_is_tried_once(dialled: Stage, carrier: Carrier) -> None:
    steps = (
        s.asked("INVITE"),
        challenge(401, "one"),
        s.asked("ACK"),
        s.asked("INVITE"),
        challenge(401, "two"),
        s.asked("ACK"),
        *s.QUIET,
    )
    with carrier.answering(*steps):
        sid = dialled.places()
    dialled.ended("failed", sid)


def test_a_trunk_without_credentials_answers_no_challenge(stage: Stage, carrier: Carrier) -> None:
    stage.trunk(carrier.uri)
    with carrier.answering(s.asked("INVITE"), challenge(401, "one"), s.asked("ACK"), *s.QUIET):
        sid = stage.places()
    stage.ended("failed", sid)


def test_requests_inside_the_call_are_signed_and_challenged_again(dialled: Stage, carrier: Carrier) -> None:
    """The BYE is signed with the known nonce; that one is over, and the new challenge is answered too."""
    steps = (
        s.asked("INVITE"), challenge(407, "one"), s.asked("ACK"), s.asked("INVITE"), s.TAKES, s.asked("ACK"),
        s.asked("BYE", CSeq="3 BYE"),
        challenge(407, "two", more=', qop="auth", stale=true').replace(f";tag={s.TAG}", ""),
        s.asked("BYE", CSeq="4 BYE"), s.OK,
    )  # fmt: skip
    with carrier.answering(*steps):
        sid = dialled.places()
    dialled.ended("completed", sid)
    fields = [proves(one, "Proxy-Authorization") for one in carrier.received("BYE")]
    assert [(one["nonce"], one["nc"]) for one in fields] == [("one", "00000002"), ("two", "00000001")]


def test_a_bye_is_challenged_for_the_first_time(dialled: Stage, carrier: Carrier) -> None:
    steps = (
        s.asked("INVITE"), s.TAKES, s.asked("ACK"), s.asked("BYE", without=("Authorization",)),
        challenge(401, "late", "SHA-256").replace(f";tag={s.TAG}", ""), s.asked("BYE"), s.OK,
    )  # fmt: skip
    with carrier.answering(*steps):
        dialled.places()
    assert proves(carrier.received("BYE")[1], "Authorization")["nonce"] == "late"
