"""What is fuzzed: each target takes any bytes, lets only the project's own errors happen, and checks what must hold."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from media import negotiate, sdp
from media.errors import MediaError
from sip import identity, reliable, stir
from sip.challenge import Challenger, Claim
from sip.digest import Challenge, answer, parse_fields, strongest
from sip.errors import SipError
from sip.framing import Framer
from sip.grammar import parse_params, print_params, split_list, text_of, unquote
from sip.message import Request, Response, parse_message
from sip.outputs import Flow
from sip.passport import read
from sip.reason import Reason
from sip.redirects import Redirects
from sip.replaces import Replaces
from sip.session_timer import SessionExpires, seconds
from sip.stir_certificates import Chain, parse_list, roots
from sip.uri import Uri
from sip.values import CSeq, NameAddr, Via
from tests.fuzz.gateway import Gateway

UDP = Flow("udp", ("192.0.2.2", 5060), ("192.0.2.1", 5060))
TCP = Flow("tcp", ("192.0.2.2", 5060), ("192.0.2.1", 5060))
BETWEEN = b"\n%%\n"  # parts the messages of one input

OUR_OFFER = negotiate.offer("192.0.2.2", 20000, ["PCMU", "PCMA"], session_id=1, version=1)


def datagram(data: bytes) -> None:
    """One datagram, and the same on a stream; what is accepted prints to something that reads the same."""
    for flow in (UDP, TCP):
        gateway = Gateway()
        gateway.hear(data, flow)
        gateway.end()
    try:
        message = parse_message(data)
    except SipError:
        return
    again = parse_message(bytes(message))
    assert bytes(again) == bytes(message)
    assert again.body == message.body


def dialog(data: bytes) -> None:
    """A call of ours under way, and messages in a row: whatever comes, everything is forgotten in the end."""
    gateway = Gateway()
    gateway.call()
    for message in data.split(BETWEEN)[:12]:
        gateway.pass_time(0.3)
        gateway.hear(message, UDP)
    gateway.pass_time(70.0)  # longer than all timers of an INVITE
    gateway.check_that_nothing_hangs()
    gateway.end()


def stream(data: bytes) -> None:
    """In pieces of any size, a stream gives the same messages as in one piece."""
    sizes, data = Random(data[:1]), data[1:]
    whole, parts = Framer(), Framer()
    at_once = whole.receive(data)
    in_pieces: list[bytes] = []
    at = 0
    while at < len(data):
        size = sizes.choice((1, 2, 3, 5, 17, 100, 1500))
        in_pieces += parts.receive(data[at : at + size])
        at += size
    assert in_pieces == at_once
    assert parts.pings == whole.pings
    assert str(parts.lost) == str(whole.lost)


def _round(parse: Callable[[str], object]) -> Callable[[str], object]:
    def check(text: str) -> object:
        value = parse(text)
        assert parse(str(value)) == value, f"{value!r} prints as {str(value)!r}"
        return value

    return check


def _uri(text: str) -> None:
    uri = Uri.parse_any(text)
    if uri.scheme in ("sip", "sips"):
        again = uri.with_user("a b").with_user(uri.user)
        assert Uri.parse(str(again)) == uri, f"{uri!r} prints as {again}"


def _params(text: str) -> None:
    params = parse_params(text)
    assert parse_params(print_params(params)) == params


def _message(text: str) -> Request:
    request = Request(method="INVITE")
    for name in (
        "Session-Expires",
        "Reason",
        "Replaces",
        "RAck",
        "RSeq",
        "Min-SE",
        "Accept",
        "Contact",
        "Require",
        "P-Asserted-Identity",
        "Remote-Party-ID",
        "Privacy",
        "Diversion",
        "History-Info",
    ):
        request.headers.add(name, text)
    return request


def _redirected(text: str) -> None:
    response = Response(_message(text).headers, b"", 302)
    redirects = Redirects(Uri("sip", "a", "b"), 5)
    redirects.add(response)
    while redirects.next() is not None:
        pass


READERS: tuple[Callable[[str], object], ...] = (
    _round(Via.parse), _round(NameAddr.parse), _round(CSeq.parse), _round(Uri.parse_any), _uri, _params,
    Via.parse_many, NameAddr.parse_many, split_list, unquote, _redirected,
    lambda text: seconds(text, "Retry-After"),
    lambda text: Via.parse(text).received_from("192.0.2.1", 5060).reply_address(),
    lambda text: SessionExpires.of(_message(text)),
    lambda text: str(Reason.of(_message(text))),
    lambda text: str(Replaces.of(_message(text))),
    lambda text: reliable.rack(_message(text)),
    lambda text: reliable.rseq(_message(text)),
    lambda text: _message(text).accepts("application/sdp"),
    lambda text: (identity.asserted(_message(text)), identity.hidden(_message(text))),
    lambda text: identity.forwarded_from(_message(text)),
    lambda text: _message(text).tokens("Require"),
)  # fmt: skip


def values(data: bytes) -> None:
    """Every kind of header value; what is read prints to something that reads the same."""
    text = text_of(data).replace("\r", " ").replace("\n", " ").replace("\0", " ")
    for reader in READERS:
        with suppress(SipError):
            reader(text)


def descriptions(data: bytes) -> None:
    """SDP, as an offer and as an answer; our own answer can be read and accepted by the other side."""
    with suppress(MediaError):
        sdp.parse(data)
    with suppress(MediaError):
        ours, plan = negotiate.answer(data, "192.0.2.2", 20002, ["PCMU", "PCMA"], session_id=1, version=2)
        assert 0 < plan.remote_port < 65536
        assert 0 <= plan.rtcp_port < 65536
        assert len(sdp.parse(ours).media) == len(sdp.parse(data).media)  # RFC 3264 §6
    with suppress(MediaError):
        negotiate.accept(OUR_OFFER, data)


def digest(data: bytes) -> None:
    """Challenges of theirs and our answer to them; credentials of theirs for a challenge of ours."""
    text = text_of(data)
    with suppress(SipError):
        parse_fields(text)
        Challenge.parse(text)
    challenge = strongest(text.split("\n"))
    if challenge is not None:
        value = answer(challenge, "alice", "secret", "INVITE", "sip:bob@192.0.2.1", "c")
        fields = parse_fields(value.partition(" ")[2])
        assert (fields["realm"], fields["nonce"]) == (challenge.realm, challenge.nonce)
    with suppress(SipError):
        Claim.parse(text)
    request = Request(method="INVITE")
    for line in text.split("\n")[:5]:
        request.headers.add("Authorization", line)
    challenger = Challenger("r", Random(1))
    verdict = challenger.verify(request, lambda user: "secret" if user == "alice" else None, 1000.0)
    assert verdict.user is None, "nobody can know what our nonce is"
    ours = strongest(challenger.values(1000.0))
    assert ours is not None
    request.headers.set("Authorization", answer(ours, "alice", "secret", "INVITE", "sip:bob@192.0.2.1", "c"))
    assert challenger.verify(request, lambda _: "secret", 1000.0).user == "alice"


FOLDER = Path(__file__).parent
ROOTS = roots((FOLDER / "sti-root.pem").read_bytes())
SIGNER = Chain.parse((FOLDER / "sti-signer.pem").read_bytes())
THEN = datetime(2024, 6, 1, 12, tzinfo=UTC)  # when the seeds were signed


def identity_headers(data: bytes) -> None:
    """Identity headers of a call, one a line: there is a verdict in any case, and who passes has signed."""
    found = stir.examine(stir.Claim(tuple(text_of(data).split("\n")), "+12125550123", "+15555550100"), THEN)
    if isinstance(found, stir.CertificatesNeeded):
        found = stir.judge(found, dict.fromkeys(found.urls, SIGNER), ROOTS, THEN)
    assert found.verstat.startswith((stir.NONE, stir.FAILED, stir.PASSED))
    if found.verstat.startswith(stir.PASSED):
        passport = read(next(line for line in text_of(data).split("\n") if found.token in line))
        assert passport is not None
        passport.check(SIGNER.key(ROOTS, THEN, "12125550123"))


def certificate(data: bytes) -> None:
    """What a certificate's URL may lead to, and a list of numbers."""
    with suppress(SipError):
        parse_list(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # certificates with flaws that `cryptography` will refuse one day
        with suppress(SipError):
            Chain.parse(data).key(ROOTS, THEN, "12125550123")


TARGETS: dict[str, Callable[[bytes], None]] = {
    "datagram": datagram, "dialog": dialog, "stream": stream, "values": values, "sdp": descriptions, "digest": digest,
    "identity": identity_headers, "certificate": certificate,
}  # fmt: skip
