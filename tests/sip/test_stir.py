"""What becomes of a call's Identity headers: one verdict for each way to be right or wrong."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from sip import passport
from sip.stir import CertificatesNeeded, Claim, Verdict, examine, judge
from sip.stir_certificates import Chain, roots
from tests.lib.stir import Authority, Signer

NOW = datetime(2024, 6, 1, 12, 0, tzinfo=UTC)
CALLER, CALLED, OTHER = "+12125550123", "+15555550100", "+13125550199"
URL, SECOND = "https://certs.a.example/709J.pem", "https://certs.b.example/400K.pem"
ROOT = Authority(NOW)
CARRIER, FORWARDER = ROOT.signer("709J"), ROOT.signer("400K")


def div(signer: Signer, *, orig: str, by: str, dest: str, url: str = SECOND) -> str:
    """Somebody sends a call on (RFC 8946 §3)."""
    claims = {"dest": {"tn": [dest]}, "div": {"tn": by}, "iat": int(NOW.timestamp()), "orig": {"tn": orig}}
    return signer.claim("div", url, claims)


def signed(signer: Signer = CARRIER, url: str = URL, **other: object) -> str:
    fields = {"orig": CALLER, "dest": CALLED, "iat": NOW, "attest": "A", **other}
    return signer.sign(url, **fields)  # type: ignore[arg-type]


def verdict(*identities: str, caller: str = CALLER, called: str = CALLED, certificates: dict[str, Signer] | None = None,
            now: datetime = NOW) -> Verdict:  # fmt: skip
    found = examine(Claim(identities, caller, called), now)
    if isinstance(found, Verdict):
        return found
    known = {URL: CARRIER, SECOND: FORWARDER} if certificates is None else certificates
    chains = {url: Chain.parse(known[url].pem) for url in found.urls if url in known}
    return judge(found, chains, roots(ROOT.pem), now)


@pytest.mark.parametrize("attest", ["A", "B", "C"])
def test_what_a_carrier_signed_is_passed_at_its_level(attest: str) -> None:
    value = signed(attest=attest)
    assert verdict(value) == Verdict(f"TN-Validation-Passed-{attest}", value.partition(";")[0])


def test_only_what_is_needed_is_asked_for_and_that_once() -> None:
    found = examine(Claim((signed(), div(FORWARDER, orig="12125550123", by="1", dest="2")), CALLER, CALLED), NOW)
    assert isinstance(found, CertificatesNeeded)
    assert found.urls == (URL,)


@pytest.mark.parametrize(
    ("values", "other", "why"),
    [
        ((signed(),), {"caller": OTHER}, "is of 12125550123, the call of 13125550199"),
        ((signed(),), {"called": OTHER}, "is for 15555550100, the call for 13125550199"),
        ((signed(),), {"caller": "sip:bob@a.example"}, "no telephone number"),
        ((signed(),), {"caller": "anonymous"}, "no telephone number"),
        ((signed(iat=NOW - timedelta(seconds=61)),), {}, "within the last 60 s"),
        ((signed(iat=NOW + timedelta(seconds=61)),), {}, "within the last 60 s"),
        (("junk",), {}, "no token"),
        ((signed(), "junk"), {}, "no token"),
        ((signed(),) * 9, {}, "more than 8"),
        ((div(FORWARDER, orig="12125550123", by="1", dest="2"),), {}, "no PASSporT of SHAKEN"),
    ],
)
def test_what_says_nothing_about_this_call(values: tuple[str, ...], other: dict[str, str], why: str) -> None:
    """Twilio: malformed, of another number, for another number, too old."""
    found = verdict(*values, **other)  # type: ignore[arg-type]
    assert found.verstat == "No-TN-Validation"
    assert why in found.why


def test_a_minute_is_fresh() -> None:
    assert verdict(signed(), now=NOW + timedelta(seconds=60)).verstat == "TN-Validation-Passed-A"


def test_a_number_from_far_in_time_costs_nothing() -> None:
    value = passport.sign(
        ec.derive_private_key(7, ec.SECP256R1()), URL, attest="A", origid="", orig=CALLER, dest=CALLED, iat=10**400
    )
    assert verdict(value).verstat == "No-TN-Validation"


def test_tampered() -> None:
    """The payload of one call with the signature of another."""
    head, _, signature = signed().split(".", 2)
    payload = signed(attest="B").split(".")[1]
    found = verdict(f"{head}.{payload}.{signature}")
    assert (found.verstat, found.why) == ("TN-Validation-Failed-B", "the signature does not fit what is signed")


def test_no_certificate() -> None:
    found = verdict(signed(attest="C"), certificates={})
    assert (found.verstat, found.why) == ("TN-Validation-Failed-C", f"the certificate {URL} cannot be had")


@pytest.mark.parametrize(
    ("signer", "why"),
    [
        (ROOT.signer("709J", end=NOW - timedelta(days=1)), "it holds from"),
        (ROOT.signer("13125550199"), "is not for 12125550123"),
        (ROOT.signer(), "neither for which provider"),
        (Authority(NOW).signer("709J"), "no trusted root"),
    ],
)
def test_a_certificate_that_is_not_believed(signer: Signer, why: str) -> None:
    found = verdict(signed(signer), certificates={URL: signer})
    assert found.verstat == "TN-Validation-Failed-A"
    assert why in found.why


def test_a_level_that_does_not_exist() -> None:
    found = verdict(signed(attest="D"))
    assert (found.verstat, found.why) == ("TN-Validation-Failed", "attest of the PASSporT is not A, B or C")


def test_another_algorithm() -> None:
    """`none`, and everything else but ES256, is refused before any key is looked at."""
    header = b64encode(f'{{"alg":"none","ppt":"shaken","typ":"passport","x5u":"{URL}"}}'.encode()).decode().strip("=")
    found = verdict(f"{header}.{signed().partition('.')[2].partition(';')[0]};info=<{URL}>")
    assert found.verstat == "TN-Validation-Failed-A"
    assert "'none', not with ES256" in found.why


def test_types_that_we_do_not_know_stand_beside() -> None:
    """RFC 8224 §6.2 step 1."""
    assert verdict(CARRIER.claim("rcd", URL, {}), signed()).verstat == "TN-Validation-Passed-A"


def test_a_call_for_several() -> None:
    """RFC 8225 §5.2.1: dest is a list."""
    claims = {
        "attest": "B", "dest": {"tn": ["13125550199", "15555550100"]}, "iat": int(NOW.timestamp()),
        "orig": {"tn": "12125550123"}, "origid": "1",
    }  # fmt: skip
    value = CARRIER.claim("shaken", URL, claims)
    assert verdict(value).verstat == "TN-Validation-Passed-B"
    assert verdict(value, called=OTHER).verstat == "TN-Validation-Passed-B"
    assert verdict(value, called="+13125550198").verstat == "No-TN-Validation"


def test_of_several_the_one_of_the_caller_counts() -> None:
    assert verdict(signed(orig=OTHER), signed(attest="B")).verstat == "TN-Validation-Passed-B"


def test_a_call_that_was_sent_on_twice() -> None:
    """RFC 8946: each step is signed by who sent it on; the caller's level stays."""
    steps = (
        div(FORWARDER, orig="12125550123", by="13125550199", dest="14155550101"),
        signed(dest=OTHER, attest="B"),
        div(CARRIER, orig="12125550123", by="14155550101", dest="15555550100", url=URL),
    )
    assert verdict(*steps).verstat == "TN-Validation-Passed-B-Diverted"
    found = verdict(*steps, certificates={URL: CARRIER})
    assert found.verstat == "TN-Validation-Failed-B-Diverted"
    assert verdict(*steps[:2]).verstat == "No-TN-Validation"


def test_who_sends_on_may_only_do_so_for_its_own_number() -> None:
    """The certificate of a step is for the number that was called, not for the caller's."""
    step = div(FORWARDER, orig="12125550123", by="13125550199", dest="15555550100")
    good, bad = ROOT.signer("13125550199"), ROOT.signer("12125550123")
    for signer, wanted in ((good, "TN-Validation-Passed-A-Diverted"), (bad, "TN-Validation-Failed-A-Diverted")):
        step = div(signer, orig="12125550123", by="13125550199", dest="15555550100")
        found = verdict(signed(dest=OTHER), step, certificates={URL: CARRIER, SECOND: signer})
        assert found.verstat == wanted


def test_a_step_of_another_caller_leads_nowhere() -> None:
    step = div(FORWARDER, orig="14155550111", by="13125550199", dest="15555550100")
    assert verdict(signed(dest=OTHER), step).verstat == "No-TN-Validation"
