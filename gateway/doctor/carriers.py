"""Can each trunk be found, does it find us, and does it hear us where SDP says?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from random import Random

from gateway.calls.addresses import Addresses, wild
from gateway.config import Settings
from gateway.doctor.finding import Finding, doubtful, fine, wrong
from gateway.sections import host_port, is_loopback
from gateway.trunks.model import Trunk
from sip.locate import Missing, locate
from sip.outputs import Question, Record, Resolved, Target
from sip.transport.local import route
from sip.uri import Uri

Ask = Callable[[Question], Awaitable[Resolved]]


@dataclass(frozen=True, slots=True)
class Way:
    """Where a trunk's URI leads: the first target, our address towards it, and what SDP would say."""

    trunk: str
    uri: str
    field: str  # of the trunk: `uris` or `register_to`
    targets: tuple[Target, ...] = ()
    failed: tuple[str, ...] = ()  # names that DNS gave no answer for
    source: str | None = None  # our address towards the first target
    media: str = ""  # what SDP says to it
    contact: str = ""  # what Contact says to it

    @property
    def subject(self) -> str:
        return f"trunk {self.trunk}"


def check(ways: Sequence[Way], settings: Settings) -> list[Finding]:
    """What is to be said of each way: the first thing that stands in it."""
    return [_judged(one, settings) for one in ways]


def _judged(way: Way, settings: Settings) -> Finding:
    if way.failed:
        cure = "see that its DNS server answers, or set sip.nameservers"
        return wrong(way.subject, f"no DNS server answers for {', '.join(way.failed)}", cure)
    if not way.targets:
        cure = f"correct {way.field} of the trunk"
        return wrong(way.subject, f"{way.uri} has no server in DNS (NAPTR, SRV, A and AAAA were asked for)", cure)
    host = way.targets[0].host
    checks = (_heard(way, host), _called(way, host), _left(way, host))
    return _reached(way, host, settings) or next(filter(None, checks), _found(way))


def _reached(way: Way, host: str, settings: Settings) -> Finding | None:
    """Whether what the trunk sends to our SIP address arrives."""
    if is_loopback(host) or not all(is_loopback(bound) for _, bound, _ in settings.sip.listeners):
        return None
    _, port = host_port(settings.sip.listen)
    cure = f'set sip.listen = "0.0.0.0:{port}"'
    return wrong(way.subject, f"SIP listens on loopback alone: {host} cannot be reached from there", cure)


def _heard(way: Way, host: str) -> Finding | None:
    """Whether media that is sent to where SDP says arrives."""
    if is_loopback(host):
        return None
    said = ip_address(way.media) if _numeric(way.media) else None
    cure = f'set media.public_address to the address that {host} sees, and media.rtp = "0.0.0.0:FROM-TO"'
    if said is not None and said.is_loopback:
        return wrong(way.subject, f"SDP tells {host} to send media to {said}, which is itself", cure)
    if said is not None and not said.is_global and ip_address(host).is_global:
        return wrong(way.subject, f"SDP tells {host}, a public address, to send media to the private {said}", cure)
    return None


def _called(way: Way, host: str) -> Finding | None:
    """Whether requests that are sent to our Contact arrive. Carriers often answer to where a request came from."""
    if not _numeric(way.contact) or ip_address(way.contact).is_global or not ip_address(host).is_global:
        return None
    cure = f"set sip.public_address to the address that {host} sees"
    return doubtful(way.subject, f"Contact tells {host}, a public address, the private {way.contact}", cure)


def _left(way: Way, host: str) -> Finding | None:
    """Whether there is a way to it, from the address that SDP says. Behind NAT the two differ by design."""
    if way.source is None:
        cure = "give this machine a route to it, or an address of its kind (IPv4 or IPv6)"
        return wrong(way.subject, f"there is no way from this machine to {host}", cure)
    if way.media == way.source or not _numeric(way.media) or ip_address(way.media).is_global:
        return None
    cure = f"set media.rtp (or media.public_address) to {way.source}, unless {host} reaches {way.media} too"
    return doubtful(way.subject, f"SDP says {way.media}, but what leaves for {host} comes from {way.source}", cure)


def _found(way: Way) -> Finding:
    first = way.targets[0]
    more = f" and {len(way.targets) - 1} more" if len(way.targets) > 1 else ""
    where = f"{first.transport} {first.host} port {first.port}{more}"
    return fine(way.subject, f"{way.uri} is {where}; SDP says {way.media}, packets leave from {way.source}")


def routes(unknown: Sequence[tuple[str, str]]) -> list[Finding]:
    """Routes that lead to trunks which there are not."""
    cure = "correct trunks of the route, or declare the trunk"
    return [wrong(f"route {prefix}", f"there is no trunk {name}", cure) for prefix, name in unknown]


def signatures(trunks: Sequence[Trunk], settings: Settings) -> list[Finding]:
    """What trunks want of STIR and cannot have."""
    found = []
    for trunk in trunks:
        if trunk.verify_identity and settings.stir.roots is None:
            cure = "set stir.roots to a PEM file with the roots that may sign for calls"
            found.append(wrong(f"trunk {trunk.name}", "verify_identity has nobody to believe", cure))
        if trunk.attestation is not None and settings.stir.certificate is None:
            cure = "set stir.certificate and stir.key, or take attestation away"
            found.append(wrong(f"trunk {trunk.name}", "attestation has nothing to sign with", cure))
    return found


def _numeric(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


async def gather(trunks: Sequence[Trunk], settings: Settings, ask: Ask, random: Random) -> list[Way]:
    """Asks DNS for each trunk's URIs; towards what is found a socket is connected, and nothing sent."""
    addresses = Addresses(
        host_port(settings.sip.listen), settings.media.rtp_range[0], settings.sip.public_address,
        settings.media.public_address,
    )  # fmt: skip
    return [
        await _way(trunk.name, uri, field, addresses, ask, random)
        for trunk in trunks
        for uri, field in _uris(trunk).items()
    ]


def _uris(trunk: Trunk) -> Mapping[str, str]:
    registrar = {trunk.register_to: "register_to"} if trunk.register_to else {}
    return registrar | {target.uri: "uris" for target in trunk.targets}


async def _way(trunk: str, uri: str, field: str, addresses: Addresses, ask: Ask, random: Random) -> Way:
    answers: dict[Question, Sequence[Record]] = {}
    failed: list[str] = []
    while isinstance(found := locate(Uri.parse(uri), answers, random), Missing):
        for question in found.questions:
            answer = await ask(question)
            answers[question] = answer.records
            if answer.failed:
                failed.append(f"{question.name} ({question.kind})")
    if not found:
        return Way(trunk, uri, field, failed=tuple(failed))
    host = found[0].host
    source = route(host)
    bound = addresses.public_sip or (addresses.sip[0] if not wild(addresses.sip[0]) else source or "")
    return Way(trunk, uri, field, found, (), source, addresses.media(host), bound)
