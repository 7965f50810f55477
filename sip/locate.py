"""Locating SIP servers (RFC 3263 §4): a URI and what DNS answered, as targets in the order in which to try them.

Pure: `locate` says which answers it misses; who asks, keeps them and calls again is not decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from itertools import accumulate, groupby
from typing import TYPE_CHECKING, Literal

from sip.outputs import Host, Naptr, Question, Record, Srv, Target
from sip.uri import Uri

if TYPE_CHECKING:
    from random import Random

Answers = Mapping[Question, Sequence[Record]]

# RFC 3263 §4.1: NAPTR services, and the SRV names where there is no NAPTR; WebSocket servers do not connect out
SERVICES = {"sip+d2u": "udp", "sip+d2t": "tcp", "sips+d2t": "tls"}
SRV_PREFIX = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}
DEFAULT_PORT = {"udp": 5060, "tcp": 5060, "tls": 5061}


@dataclass(frozen=True, slots=True)
class Missing:
    """Questions whose answers are needed first."""

    questions: tuple[Question, ...]


class _Reader:
    """Reads answers, and notes those that are not there yet."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self.missing: list[Question] = []

    def read(self, kind: Literal["NAPTR", "SRV", "HOST"], name: str) -> Sequence[Record]:
        question = Question(kind, name.lower())
        if question not in self._answers:
            self.missing.append(question)
        return self._answers.get(question, ())


def locate(uri: Uri, answers: Answers, random: Random) -> Missing | tuple[Target, ...]:
    """The targets of a URI, best first; none where it cannot be reached by a transport we connect with."""
    reader = _Reader(answers)
    targets = _targets(uri, reader, random)
    return Missing(tuple(dict.fromkeys(reader.missing))) if reader.missing else targets


def _targets(uri: Uri, reader: _Reader, random: Random) -> tuple[Target, ...]:
    host, transport = uri.goes_to, _transport(uri)
    if transport not in DEFAULT_PORT or not host:
        return ()
    port = uri.port or DEFAULT_PORT[transport]
    if numeric(host):
        return (Target(transport, host, port, uri.host),)
    if uri.port is None:
        services = _services(uri, host, reader)
        found = [(kind, srv) for kind, name in services for srv in _ordered(reader.read("SRV", name), random)]
        if reader.missing:
            return ()
        if found:
            return tuple(
                target
                for kind, srv in found
                if srv.target
                for target in _at(srv.target, kind, srv.port, uri.host, reader)
            )
    return tuple(_at(host, transport, port, uri.host, reader))


def _transport(uri: Uri) -> str:
    """RFC 3263 §4.1: what the URI asks for, else UDP; everything is TLS where the scheme is sips."""
    if uri.scheme == "sips":
        return "tls" if uri.transport in ("tcp", "tls") else f"{uri.transport} for sips"
    return uri.transport


def _services(uri: Uri, host: str, reader: _Reader) -> list[tuple[str, str]]:
    """(transport, name of its SRV records), most wanted first."""
    if uri.param("transport"):
        transport = _transport(uri)
        return [(transport, f"{SRV_PREFIX[transport]}.{host}")]
    naptr = [one for one in reader.read("NAPTR", host) if isinstance(one, Naptr)]
    offered = [
        (SERVICES[one.service], one.replacement)
        for one in sorted(naptr, key=lambda one: (one.order, one.preference))
        if one.flags == "s" and one.service in SERVICES
    ]
    wanted = [one for one in offered if uri.scheme != "sips" or one[0] == "tls"]
    if reader.missing or wanted:
        return wanted
    transports = ("tls",) if uri.scheme == "sips" else ("udp", "tcp")
    return [(transport, f"{SRV_PREFIX[transport]}.{host}") for transport in transports]


def _at(host: str, transport: str, port: int, name: str, reader: _Reader) -> list[Target]:
    if numeric(host):
        return [Target(transport, host, port, name)]
    found = reader.read("HOST", host)
    return [Target(transport, one.address, port, name) for one in found if isinstance(one, Host)]


def _ordered(records: Iterable[Record], random: Random) -> list[Srv]:
    """Lowest priority first, and by weight among equals (RFC 2782)."""
    services = [one for one in records if isinstance(one, Srv)]
    random.shuffle(services)
    services.sort(key=lambda one: (one.priority, one.weight > 0))  # weight 0 first, in any order
    ordered = []
    for _, equals in groupby(services, key=lambda one: one.priority):
        left = list(equals)
        while left:
            sums = list(accumulate(one.weight for one in left))
            drawn = random.randint(0, sums[-1])
            ordered.append(left.pop(next(index for index, total in enumerate(sums) if total >= drawn)))
    return ordered


@lru_cache(maxsize=4096)  # the same few peers at every call
def numeric(host: str) -> bool:
    """Whether a host is an IP address."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
