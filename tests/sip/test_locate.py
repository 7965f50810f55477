"""RFC 3263 §4: from a URI and DNS answers to targets in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random

import pytest

from sip.locate import Answers, Missing, locate
from sip.outputs import Host, Naptr, Question, Record, Srv, Target
from sip.uri import Uri

Zone = Mapping[tuple[str, str], Sequence[Record]]

# RFC 3263 §4.1 and §4.2: the zone of the RFC's own example, with addresses
EXAMPLE: Zone = {
    ("NAPTR", "example.com"): (
        Naptr(50, 50, "s", "sips+d2t", "_sips._tcp.example.com"),
        Naptr(90, 50, "s", "sip+d2t", "_sip._tcp.example.com"),
        Naptr(100, 50, "s", "sip+d2u", "_sip._udp.example.com"),
    ),
    ("SRV", "_sip._tcp.example.com"): (
        Srv(0, 1, 5060, "server1.example.com"),
        Srv(0, 2, 5060, "server2.example.com"),
    ),
    ("SRV", "_sip._udp.example.com"): (Srv(0, 1, 5062, "server1.example.com"),),
    ("SRV", "_sips._tcp.example.com"): (Srv(0, 1, 5061, "server1.example.com"),),
    ("HOST", "server1.example.com"): (Host("192.0.2.1"),),
    ("HOST", "server2.example.com"): (Host("192.0.2.2"), Host("2001:db8::2")),
    ("HOST", "example.com"): (Host("192.0.2.9"),),
}


def ask(uri: str, zone: Zone, seed: int = 1) -> tuple[list[Target], list[str]]:
    """The targets, and everything that was asked for on the way, in order."""
    answers: dict[Question, Sequence[Record]] = {}
    asked: list[str] = []
    while isinstance(found := locate(Uri.parse(uri), answers, Random(seed)), Missing):
        assert found.questions
        for one in found.questions:
            assert one not in answers, "nothing is asked twice"
            answers[one] = zone.get((one.kind, one.name), ())
            asked.append(f"{one.kind} {one.name}")
    return list(found), asked


def shown(targets: Sequence[Target]) -> list[str]:
    return [f"{one.transport} {one.host}:{one.port}" for one in targets]


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sip:bob@192.0.2.7", "udp 192.0.2.7:5060"),
        ("sip:bob@192.0.2.7:5070", "udp 192.0.2.7:5070"),
        ("sip:bob@192.0.2.7;transport=tcp", "tcp 192.0.2.7:5060"),
        ("sip:bob@192.0.2.7;transport=TLS", "tls 192.0.2.7:5061"),
        ("sips:bob@192.0.2.7", "tls 192.0.2.7:5061"),
        ("sips:bob@192.0.2.7;transport=tcp", "tls 192.0.2.7:5061"),
        ("sips:bob@192.0.2.7:5071", "tls 192.0.2.7:5071"),
        ("sip:bob@[2001:db8::7]", "udp 2001:db8::7:5060"),
        ("sip:bob@example.com;maddr=192.0.2.7", "udp 192.0.2.7:5060"),
    ],
)
def test_a_numeric_host_asks_nothing(uri: str, expected: str) -> None:
    targets, asked = ask(uri, EXAMPLE)
    assert shown(targets) == [expected]
    assert asked == []


@pytest.mark.parametrize(
    "uri",
    ["sip:a@192.0.2.1;transport=sctp", "sips:a@192.0.2.1;transport=udp", "sip:a@x.invalid;transport=ws", "tel:+1"],
)
def test_a_transport_that_we_cannot_connect_with_has_no_target(uri: str) -> None:
    assert ask(uri, EXAMPLE) == ([], [])


def test_naptr_chooses_the_transport_and_srv_the_server() -> None:
    """RFC 3263 §4.1: lowest order first; every supported service is a way."""
    targets, asked = ask("sip:user@example.com", EXAMPLE)
    assert asked[0] == "NAPTR example.com"
    assert shown(targets)[0] == "tls 192.0.2.1:5061"
    assert shown(targets)[-1] == "udp 192.0.2.1:5062"
    assert {one.transport for one in targets[1:-1]} == {"tcp"}


def test_sips_keeps_only_secure_services() -> None:
    targets, _ = ask("sips:user@example.com", EXAMPLE)
    assert shown(targets) == ["tls 192.0.2.1:5061"]


def test_the_certificate_must_be_for_the_domain_of_the_uri() -> None:
    """RFC 5922 §4: not for the server that SRV names."""
    targets, _ = ask("sips:user@example.com", EXAMPLE)
    assert targets[0].name == "example.com"


def test_a_transport_parameter_goes_straight_to_its_srv() -> None:
    targets, asked = ask("sip:user@example.com;transport=udp", EXAMPLE)
    assert shown(targets) == ["udp 192.0.2.1:5062"]
    assert asked == ["SRV _sip._udp.example.com", "HOST server1.example.com"]


def test_a_port_goes_straight_to_the_addresses() -> None:
    """RFC 3263 §4.2: with a port there is no SRV query."""
    targets, asked = ask("sip:user@server2.example.com:5080", EXAMPLE)
    assert shown(targets) == ["udp 192.0.2.2:5080", "udp 2001:db8::2:5080"]
    assert asked == ["HOST server2.example.com"]


def test_without_naptr_srv_is_asked_for_each_transport() -> None:
    zone = {key: value for key, value in EXAMPLE.items() if key[0] != "NAPTR"}
    targets, asked = ask("sip:user@example.com", zone)
    assert asked[:3] == ["NAPTR example.com", "SRV _sip._udp.example.com", "SRV _sip._tcp.example.com"]
    assert [one.transport for one in targets] == ["udp", "tcp", "tcp", "tcp"]
    secure, _ = ask("sips:user@example.com", zone)
    assert shown(secure) == ["tls 192.0.2.1:5061"]


def test_without_naptr_and_srv_the_host_itself_is_the_server() -> None:
    zone: Zone = {("HOST", "pbx.example.net"): (Host("192.0.2.5"),)}
    assert shown(ask("sip:a@pbx.example.net", zone)[0]) == ["udp 192.0.2.5:5060"]
    assert shown(ask("sips:a@pbx.example.net", zone)[0]) == ["tls 192.0.2.5:5061"]
    assert shown(ask("sip:a@pbx.example.net;transport=tcp", zone)[0]) == ["tcp 192.0.2.5:5060"]
    assert ask("sip:a@nowhere.example.net", zone)[0] == []


def test_a_service_that_is_not_offered_has_no_target() -> None:
    """RFC 2782: the target "." says that the service is decidedly not available."""
    zone: Zone = {("SRV", "_sip._udp.x.example"): (Srv(0, 0, 0, ""),), ("HOST", "x.example"): (Host("192.0.2.1"),)}
    assert ask("sip:a@x.example;transport=udp", zone)[0] == []


def test_naptr_records_of_other_kinds_are_passed_over() -> None:
    zone: Zone = {
        ("NAPTR", "x.example"): (
            Naptr(1, 1, "u", "e2u+sip", ""),
            Naptr(2, 2, "s", "sip+d2s", "_sip._sctp.x.example"),
            Naptr(4, 1, "s", "sip+d2u", "second.x.example"),
            Naptr(3, 1, "s", "sip+d2t", "first.x.example"),
        ),
        ("SRV", "first.x.example"): (Srv(0, 0, 1, "192.0.2.1"),),
        ("SRV", "second.x.example"): (Srv(0, 0, 2, "192.0.2.1"),),
    }
    assert shown(ask("sip:a@x.example", zone)[0]) == ["tcp 192.0.2.1:1", "udp 192.0.2.1:2"]


def weighted(*weights: int, priority: int = 0) -> tuple[Srv, ...]:
    return tuple(Srv(priority, weight, 5060, f"192.0.2.{weight}") for weight in weights)


def test_lower_priorities_come_first() -> None:
    zone = {("SRV", "_sip._udp.x.example"): (*weighted(9, priority=20), *weighted(1, priority=10))}
    for seed in range(20):
        targets, _ = ask("sip:a@x.example;transport=udp", zone, seed)
        assert [one.host for one in targets] == ["192.0.2.1", "192.0.2.9"]


def test_servers_are_first_as_often_as_their_weight_says() -> None:
    """RFC 2782: in proportion to the weight, and every server is in the list."""
    answers: Answers = {Question("SRV", "_sip._udp.x.example"): weighted(10, 30, 60)}
    random, first = Random(7), Counter[str]()
    for _ in range(5000):
        found = locate(Uri.parse("sip:a@x.example;transport=udp"), answers, random)
        assert not isinstance(found, Missing)
        assert {one.host for one in found} == {"192.0.2.10", "192.0.2.30", "192.0.2.60"}
        first[found[0].host] += 1
    shares = [first[f"192.0.2.{weight}"] / 5000 for weight in (10, 30, 60)]
    assert shares == pytest.approx([0.1, 0.3, 0.6], abs=0.02)


def test_a_weight_of_zero_has_a_small_chance() -> None:
    zone = {("SRV", "_sip._udp.x.example"): weighted(0, 3)}
    first = Counter(ask("sip:a@x.example;transport=udp", zone, seed)[0][0].host for seed in range(400))
    assert 0 < first["192.0.2.0"] < first["192.0.2.3"]


def test_servers_without_weights_share_alike() -> None:
    """RFC 2782 wants those of weight 0 first "in any order": chance has to choose it, or the first has all calls."""
    zone = {("SRV", "_sip._udp.x.example"): tuple(Srv(0, 0, 5060, f"192.0.2.{number}") for number in range(3))}
    first = Counter(ask("sip:a@x.example;transport=udp", zone, seed)[0][0].host for seed in range(3000))
    assert [first[f"192.0.2.{number}"] / 3000 for number in range(3)] == pytest.approx([1 / 3] * 3, abs=0.04)
