"""Where everybody is, in memory: by address, by connection, and until when."""

from __future__ import annotations

from random import Random

from gateway.phones.location import Location
from sip.bindings import Binding
from sip.outputs import Flow

BOB = "bob@phones.example"


def binding(name: str = "sip:bob@192.0.2.4", expires: float = 100.0, flow: Flow | None = None) -> Binding:
    return Binding(name, expires, "c", 1, flow=flow)


def connection(number: int) -> Flow:
    return Flow("tcp", ("198.51.100.1", 5060), ("192.0.2.4", 40000 + number), number)


def test_a_binding_is_found_until_it_ends() -> None:
    location = Location()
    location.put(BOB, (binding(expires=100.0), binding("sip:bob@192.0.2.5", 200.0)))
    assert len(location.of(BOB, 99.9)) == 2
    assert [one.contact for one in location.of(BOB, 100.0)] == ["sip:bob@192.0.2.5"]
    assert location.of(BOB, 200.0) == location.of("alice@phones.example", 0.0) == ()


def test_what_has_ended_is_swept_and_the_rest_stays() -> None:
    location = Location()
    location.put(BOB, (binding(expires=100.0), binding("sip:bob@192.0.2.5", 200.0)))
    location.put("alice@phones.example", (binding(expires=100.0),))
    assert location.next_end() == 100.0
    assert (location.sweep(99.0), sorted(location.sweep(100.0))) == ([], ["alice@phones.example", BOB])
    assert len(location) == 1
    assert location.next_end() == 200.0
    assert (location.sweep(200.0), len(location), location.next_end()) == ([BOB], 0, None)


def test_a_refresh_moves_the_end_and_leaves_no_deadline_behind() -> None:
    location = Location()
    for moment in range(1000):
        location.put(BOB, (binding(expires=100.0 + moment),))
    assert len(location._heap) == 1  # the deadline is early, and is moved when it comes
    assert (location.sweep(100.0), location.next_end()) == ([], 1099.0)
    location.put(BOB, (binding(expires=500.0),))
    assert location.next_end() == 500.0
    location.put(BOB, ())
    assert (location.next_end(), len(location)) == (None, 0)


def test_connections_know_who_comes_over_them() -> None:
    location, first, second = Location(), connection(1), connection(2)
    location.put(BOB, (binding(flow=first), binding("sip:bob@192.0.2.5", flow=second)))
    location.put("alice@phones.example", (binding(flow=first),))
    assert location.over(first) == {BOB, "alice@phones.example"}
    location.put(BOB, (binding(flow=second),))
    assert location.over(first) == {"alice@phones.example"}
    assert location.over(second) == {BOB}
    location.put("alice@phones.example", ())
    assert (location.over(first), location._by_flow) == (frozenset(), {second: {BOB}})


def test_whatever_comes_it_is_as_a_simple_list_would_have_it() -> None:
    """Random puts and sweeps against a dictionary that is searched from end to end."""
    random, location, simple = Random(4), Location(), dict[str, tuple[Binding, ...]]()
    now = 0.0
    for _ in range(3000):
        now += random.random()
        address = f"u{random.randrange(20)}@phones.example"
        flows = [connection(random.randrange(4)) for _ in range(random.randrange(3))]
        made = tuple(binding(f"sip:{n}@x", now + random.uniform(0.5, 30), flow) for n, flow in enumerate(flows))
        location.put(address, made)
        simple[address] = made
        if random.random() < 0.2:
            location.sweep(now)
        for name, kept in simple.items():
            assert location.of(name, now) == tuple(one for one in kept if one.expires > now)
        living = [one.expires for kept in simple.values() for one in kept if one.expires > now]
        end = location.next_end()
        assert end is None or not living or end <= min(living)
    location.sweep(now + 31)
    assert (len(location), location._by_flow, location._wakes, location.next_end()) == (0, {}, {}, None)
