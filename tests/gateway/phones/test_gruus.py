"""Temporary GRUUs (RFC 5627): what they say to us, and what they say to nobody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from gateway.phones.gruus import Gruus
from sip.bindings import Binding
from sip.uri import Uri

BOB = Uri.parse("sip:bob@phones.example")
PHONE = Binding("sip:bob@192.0.2.4", 60.0, "one", 1, instance="<urn:uuid:1>")
OTHER = replace(PHONE, contact="sip:bob@192.0.2.5", call_id="two", instance="<urn:uuid:2>")
GRUUS = Gruus(b"k" * 32, Random(7))


def made(binding: Binding = PHONE) -> str:
    """The user part of a new one."""
    uri = Uri.parse(GRUUS.make(BOB, binding))
    assert (uri.host, uri.param("gr")) == ("phones.example", "")
    assert uri.user is not None
    return uri.user


def test_it_leads_to_its_device_alone() -> None:
    name = GRUUS.read(made(), BOB.host)
    assert name is not None
    assert name.user == "bob"
    assert name.reached((OTHER, PHONE)) == (PHONE,)


def test_each_is_another_and_all_of_a_registration_hold() -> None:
    """§3.1.2: a new one with each refresh; they tell neither the user nor each other's device."""
    names = [made() for _ in range(3)]
    assert len(set(names)) == 3
    assert not any("bob" in name or "uuid" in name for name in names)
    assert len({name[: len("tgruu.") + 8] for name in names}) == 3
    read = [GRUUS.read(name, BOB.host) for name in names]
    assert len({one.mark for one in read if one is not None}) == 1


def test_another_call_id_ends_it() -> None:
    """§5.4: they are invalid when the device registers with another Call-ID, over whichever of its flows."""
    name = GRUUS.read(made(), BOB.host)
    assert name is not None
    assert name.reached((replace(PHONE, call_id="three"), OTHER)) == ()
    assert name.reached((PHONE, replace(PHONE, call_id="three", reg_id=2))) == ()
    assert name.reached((OTHER,)) == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda name: name[:-2] + ("AA" if name[-2:] != "AA" else "BA"),
        lambda name: name[:20],
        lambda name: "tgruu.",
        lambda name: "tgruu.ä%",
        lambda name: name.removeprefix("tgruu."),
        lambda name: "bob",
    ],
)
def test_what_we_did_not_make_is_no_name(change: Callable[[str], str]) -> None:
    assert GRUUS.read(change(made()), BOB.host) is None


def test_it_is_of_one_domain_and_one_key() -> None:
    assert GRUUS.read(made(), "other.example") is None
    assert Gruus(b"x" * 32, Random(7)).read(made(), BOB.host) is None
    assert Gruus(b"k" * 32, Random(8)).read(made(), BOB.host) is not None  # after a restart
