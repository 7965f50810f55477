"""STIR/SHAKEN on whole calls in virtual time: what the app is told of who calls, and what we sign."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.sections import Stir
from gateway.trunks.certificates import Certificates
from gateway.trunks.stir import Signer, Verifier, load_signer
from sip import passport, stir
from sip.events import Invited
from sip.stir_certificates import roots
from tests.calls.test_trunking import pbx_trunk
from tests.lib import stir as telephony
from tests.lib.far_ends import Peer
from tests.lib.loop import START, VirtualClock, passes, run
from tests.lib.trunks import ABROAD, SAY, dial, route, trunk
from tests.lib.web import PUBLIC, Reply
from tests.lib.whole import NUMBER, Whole, fake_media, whole_with

CALLER = "+12125550123"  # as Peer calls
URL = "https://certs.carrier.example/709J.pem"
ROOT = telephony.Authority(START)
CARRIER = ROOT.signer("709J")

Sign = Callable[..., str]


def prepare(one: Whole[Any], signer: telephony.Signer = CARRIER, **reply: Any) -> None:
    """Verification as gateway/app.py sets it up, and a web that has the carrier's certificate."""
    services = one.services
    certificates = Certificates(one.web, one.web.guard(), services.clock, services.spawn)
    services.verifier = Verifier(certificates, roots(ROOT.pem), services.clock)
    one.web.route(URL, Reply(signer.pem, **reply))


def identity(
    signer: telephony.Signer = CARRIER, *, url: str = URL, attest: str = "A", orig: str = CALLER, dest: str = NUMBER
) -> tuple[str, str]:
    """A header of a call that comes in at once."""
    return "Identity", signer.sign(url, orig=orig, dest=dest, iat=START, attest=attest)


async def arrives(one: Whole[Any], *headers: tuple[str, str], **fields: Any) -> dict[str, str]:
    """What the app is told of a call that a carrier sends."""
    await trunk(one, "acme", addresses=["192.0.2.1"], **{"verify_identity": True, **fields})
    peer = Peer(one, "192.0.2.1")
    peer.call(None, *headers)
    await passes(5)
    peer.hangup()
    await passes(40)
    return dict(one.web.to("/voice")[-1])


def told(
    tmp_path: Path, *headers: tuple[str, str], signer: telephony.Signer = CARRIER, **fields: Any
) -> dict[str, str]:
    """The same in a gateway of its own."""

    async def main(clock: VirtualClock) -> dict[str, str]:
        async with whole_with(fake_media, clock, tmp_path, SAY) as one:
            prepare(one, signer)
            return await arrives(one, *headers, **fields)

    return run(main)


@pytest.mark.parametrize("attest", ["A", "B", "C"])
def test_the_app_is_told_who_signs_for_the_caller(tmp_path: Path, attest: str) -> None:
    """webhooks.md: StirVerstat and StirPassportToken of the incoming call."""
    header = identity(attest=attest)
    seen = told(tmp_path, header)
    assert seen["StirVerstat"] == f"TN-Validation-Passed-{attest}"
    assert seen["StirPassportToken"] == header[1].partition(";")[0]


def test_a_call_without_a_signature_says_nothing(tmp_path: Path) -> None:
    assert not {"StirVerstat", "StirPassportToken"} & set(told(tmp_path))


def test_a_trunk_that_does_not_verify_says_nothing(tmp_path: Path) -> None:
    assert "StirVerstat" not in told(tmp_path, identity(), verify_identity=False)


TAMPERED = identity(attest="B")[1]
PIECES = TAMPERED.split(".", 2)
EXPIRED = ROOT.signer("709J", end=START - timedelta(days=1))
ELSEWHERE = ROOT.signer("13125550199")


@pytest.mark.parametrize(
    ("header", "signer", "verstat"),
    [
        (identity(orig="+13125550199"), CARRIER, "No-TN-Validation"),
        (identity(dest="+13125550199"), CARRIER, "No-TN-Validation"),
        (("Identity", "nonsense"), CARRIER, "No-TN-Validation"),
        (("y", identity()[1]), CARRIER, "TN-Validation-Passed-A"),
        (("Identity", f"{PIECES[0]}.{identity()[1].split('.')[1]}.{PIECES[2]}"), CARRIER,
         "TN-Validation-Failed-A"),
        (identity(EXPIRED, attest="C"), EXPIRED, "TN-Validation-Failed-C"),
        (identity(ELSEWHERE), ELSEWHERE, "TN-Validation-Failed-A"),
        (identity(url="https://certs.carrier.example/nothing.pem"), CARRIER, "TN-Validation-Failed-A"),
        (identity(url="http://certs.carrier.example/709J.pem"), CARRIER, "TN-Validation-Failed-A"),
        (identity(url="https://me@certs.carrier.example/709J.pem"), CARRIER, "TN-Validation-Failed-A"),
        (identity(url="https://10.0.0.7/709J.pem"), CARRIER, "TN-Validation-Failed-A"),
        (identity(url="https://127.0.0.1/709J.pem"), CARRIER, "TN-Validation-Failed-A"),
        (identity(url="https://private.example/709J.pem"), CARRIER, "TN-Validation-Failed-A"),
    ],
)  # fmt: skip
def test_a_verdict_for_each_way_to_be_wrong_and_the_call_goes_on(
    tmp_path: Path, header: tuple[str, str], signer: telephony.Signer, verstat: str
) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole_with(fake_media, clock, tmp_path, SAY) as one:
            prepare(one, signer)
            one.web.names["private.example"] = ["192.168.7.7"]
            seen = await arrives(one, header)
            assert seen["StirVerstat"] == verstat
            assert one.web.to("/status")[-1]["CallStatus"] == "completed"
            fetched = [request for request in one.web.requests if request.url.startswith("https://")]
            assert all(request.addresses == (PUBLIC,) for request in fetched)

    run(main)


@pytest.mark.parametrize("how", ["slow", "refusing"])
def test_a_certificate_that_does_not_come_holds_no_call_up(tmp_path: Path, how: str) -> None:
    """The caller hears ringing for 2.5 s at most; the next call does not wait again."""

    async def main(clock: VirtualClock) -> None:
        async with whole_with(fake_media, clock, tmp_path, SAY) as one:
            prepare(one, delay=30.0 if how == "slow" else 0.0)
            if how == "refusing":
                one.web.refusing.add("certs.carrier.example")
            await trunk(one, "acme", addresses=["192.0.2.1"], verify_identity=True)
            peer = Peer(one, "192.0.2.1")
            for wait, name in ((2.7, "first"), (0.3, "second")):
                peer.call(None, identity(), name=name)
                await passes(wait)
                assert one.web.to("/voice")[-1]["StirVerstat"] == "TN-Validation-Failed-A"
                peer.hangup(name)
                await passes(2)
            assert len(one.web.to("/voice")) == 2
            assert len(one.web.at(URL)) == (1 if how == "slow" else 0)
            await passes(40)

    run(main)


def test_one_fetch_for_many_calls_and_a_new_one_when_it_is_old(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole_with(fake_media, clock, tmp_path, SAY) as one:
            prepare(one, delay=0.5, headers={"Cache-Control": "max-age=90"})
            await trunk(one, "acme", addresses=["192.0.2.0/24"], verify_identity=True)
            peers = [Peer(one, f"192.0.2.{number}") for number in range(1, 5)]
            for peer in peers:
                peer.call(None, identity())
            await passes(2)
            assert [seen["StirVerstat"] for seen in one.web.to("/voice")] == ["TN-Validation-Passed-A"] * 4
            assert len(one.web.at(URL)) == 1
            for peer in peers:
                peer.hangup()
            await passes(100)
            late = CARRIER.sign(URL, orig=CALLER, dest=NUMBER, iat=clock.wall())
            one.web.route(URL, Reply(status=500))
            peers[0].call(None, ("Identity", late), name="late")
            await passes(2)
            assert one.web.to("/voice")[-1]["StirVerstat"] == "TN-Validation-Passed-A", "the old one still holds"
            assert len(one.web.at(URL)) == 2
            peers[0].hangup("late")
            await passes(40)

    run(main)


def test_a_caller_who_hangs_up_meanwhile_leaves_nothing_behind(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole_with(fake_media, clock, tmp_path, SAY) as one:
            prepare(one, delay=2.0)
            await trunk(one, "acme", addresses=["192.0.2.1"], verify_identity=True)
            peer = Peer(one, "192.0.2.1")
            peer.call(None, identity())
            await passes(1)
            peer.hangup()
            await passes(40)
            assert one.exchange.calls == {}
            assert one.web.to("/voice") == []
            assert one.web.to("/status")[-1]["CallStatus"] == "canceled"

    run(main)


def test_what_is_asserted_is_what_has_to_be_signed_and_a_hidden_number_stays_hidden(tmp_path: Path) -> None:
    headers = (
        identity(orig="+13125550199"),
        ("P-Asserted-Identity", "<sip:+13125550199@c.example>"),
        ("Privacy", "id"),
    )
    seen = told(tmp_path, *headers, trust_identity=True)
    assert (seen["From"], seen["StirVerstat"]) == ("anonymous", "TN-Validation-Passed-A")
    assert "StirPassportToken" not in seen


def test_without_roots_nobody_is_believed(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole_with(fake_media, clock, tmp_path, SAY) as one:
            prepare(one)
            certificates = Certificates(one.web, one.web.guard(), clock, one.services.spawn)
            one.services.verifier = Verifier(certificates, None, clock)
            assert (await arrives(one, identity()))["StirVerstat"] == "No-TN-Validation"

    run(main)


@pytest.mark.parametrize(("headers", "told"), [((identity(attest="B"),), ["TN-Validation-Passed-B"]), ((), [])])
def test_a_pbx_is_told_who_signs_for_the_caller(
    tmp_path: Path, headers: tuple[tuple[str, str], ...], told: list[str]
) -> None:
    """Elastic SIP Trunking: X-Twilio-VerStat, only where there is an Identity."""

    async def main(clock: VirtualClock) -> None:
        async with whole_with(fake_media, clock, tmp_path, SAY) as one:
            prepare(one)
            await trunk(one, "acme", addresses=["192.0.2.1"], verify_identity=True)
            await pbx_trunk(one, ("127.0.0.4", 1))
            carrier, pbx = Peer(one, "192.0.2.1"), Peer(one, "127.0.0.4")
            carrier.call(None, *headers)
            await passes(2)
            assert pbx.said(Invited)[0].request.headers.all("X-Twilio-VerStat") == told
            carrier.hangup()
            await passes(40)

    run(main)


# calls out


def our_signer(folder: Path) -> Signer:
    (folder / "our.pem").write_bytes(CARRIER.pem)
    (folder / "our.key").write_bytes(CARRIER.key_pem)
    settings = Stir(certificate=folder / "our.pem", key=folder / "our.key")
    made = load_signer(settings, "https://gateway.example", "secret")
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("attestation", "caller_id", "level"),
    [("A", NUMBER, "A"), ("A", "+12125550123", "B"), ("B", NUMBER, "B"), ("C", NUMBER, "C"), (None, NUMBER, None)],
)
def test_what_we_sign_others_believe(
    tmp_path: Path, attestation: str | None, caller_id: str, level: str | None
) -> None:
    """A only for a number of the account; the caller's own number, sent on, is B (ATIS-1000074 §5.2.3)."""
    noun = f"<Number statusCallback='http://127.0.0.1:1/told' statusCallbackEvent='ringing completed'>{ABROAD}</Number>"

    async def main(clock: VirtualClock) -> None:
        async with whole_with(fake_media, clock, tmp_path, dial(f"callerId='{caller_id}'", noun)) as one:
            one.web.route("http://127.0.0.1:1/told", "")
            one.services.signer = our_signer(tmp_path)
            caller, callee = Peer(one, "127.0.0.3"), Peer(one, "127.0.0.4")
            await trunk(one, "acme", uris=["sip:127.0.0.4"], attestation=attestation, numbers={"form": "digits"})
            await route(one, "acme")
            caller.call()
            await passes(1)
            callee.ring()
            await passes(1)
            callee.refuse(486)
            await passes(2)
            values = callee.said(Invited)[0].request.headers.all("Identity")
            told = [seen.get("StirStatus") for seen in one.web.to("/told")]
            assert told == [level, level]
            assert len(values) == (1 if level else 0)
            if level:
                claim = stir.Claim(tuple(values), caller_id, ABROAD)
                needed = stir.examine(claim, clock.wall())
                assert isinstance(needed, stir.CertificatesNeeded)
                assert needed.urls == (one.services.signer.url,)
                chains = {one.services.signer.url: one.services.signer.chain}
                verdict = stir.judge(needed, chains, roots(ROOT.pem), clock.wall())
                assert verdict.verstat == f"TN-Validation-Passed-{level}"
            await passes(60)

    run(main)


@pytest.mark.parametrize("caller_id", ["anonymous", "sip:bob@example.com"])
def test_who_has_no_number_is_not_signed_for(tmp_path: Path, caller_id: str) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole_with(fake_media, clock, tmp_path, dial(f"callerId='{caller_id}'")) as one:
            one.services.signer = our_signer(tmp_path)
            caller, callee = Peer(one, "127.0.0.3"), Peer(one, "127.0.0.4")
            await trunk(one, "acme", uris=["sip:127.0.0.4"], attestation="A", caller_ids=[caller_id])
            await route(one, "acme")
            caller.call()
            await passes(1)
            (came,) = callee.said(Invited)
            assert "Identity" not in came.request.headers
            caller.hangup()
            await passes(60)

    run(main)


def test_origids_are_the_accounts_own_and_stay(tmp_path: Path) -> None:
    """RFC 8588 §5: a UUID that says nothing to others, and to us who it was."""
    signer, clock = our_signer(tmp_path), VirtualClock()

    def origid(account: str) -> str:
        found = passport.read(signer.sign(account, "A", NUMBER, ABROAD, clock))
        assert found is not None
        return found.origid

    assert origid("AC1") == origid("AC1") != origid("AC2")
    assert len(origid("AC1")) == 36
    assert "AC1" not in origid("AC1")
