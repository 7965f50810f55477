"""Credential lists and IP access control lists with Twilio's own library."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lib import oai
from tests.lib.rest import SECOND, Rest, refusal

GOOD = "IWasAtSignal2018"


@pytest.fixture(autouse=True)
def cleaned(api: Rest) -> Iterator[None]:
    """Every answer is as Twilio describes it; nothing is left."""
    yield
    for client in (api.client(), api.client(SECOND.account_sid, SECOND.auth_token)):
        for one in (
            *client.sip.domains.list(), *client.sip.credential_lists.list(), *client.sip.ip_access_control_lists.list(),
        ):  # fmt: skip
            one.delete()
    for answer in api.answers:
        assert GOOD not in answer.body
        if answer.status < 300:
            oai.check(answer.method, answer.path, answer.status, answer.body)
    api.answers.clear()


def test_a_credential_list_with_users(api: Rest) -> None:
    lists = api.client().sip.credential_lists
    made = lists.create(friendly_name="Staff")
    assert made.sid.startswith("CL")
    assert made.subresource_uris == {"credentials": made.uri.replace(".json", "/Credentials.json")}
    users = lists(made.sid).credentials
    alice = users.create(username="alice", password=GOOD)
    users.create(username="bob", password=GOOD)
    assert (alice.sid[:2], alice.username, alice.credential_list_sid) == ("CR", "alice", made.sid)
    assert users(alice.sid).fetch().username == "alice"
    assert {one.username for one in users.list()} == {"alice", "bob"}
    changed = users(alice.sid).update(password="AnotherOne2024")
    assert changed.date_updated >= changed.date_created
    kept = api.do(api.store.sip.credentials.fetch(api.made.account_sid, alice.sid))
    assert kept is not None
    assert (kept.username, kept.password) == ("alice", "AnotherOne2024")
    assert lists(made.sid).update(friendly_name="All staff").friendly_name == "All staff"
    assert users(alice.sid).delete()
    assert [one.username for one in users.list()] == ["bob"]
    assert made.delete()
    assert refusal(users.list) == (404, 20404)


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("alice", "Short1aaaaa"), ("alice", "nouppercase2018"), ("alice", "NOLOWERCASE2018"),
        ("alice", "NoDigitAtAllHere"), ("alice", ""), ("", GOOD), ("x" * 33, GOOD),
        ("a:b", GOOD), ("a b", GOOD), ('a"b', GOOD), ("taken", GOOD),
    ],
)  # fmt: skip
def test_credentials_that_are_refused(api: Rest, username: str, password: str) -> None:
    lists = api.client().sip.credential_lists
    users = lists(lists.create(friendly_name="Staff").sid).credentials
    users.create(username="taken", password=GOOD)
    assert refusal(lambda: users.create(username=username, password=password)) == (400, 21243)
    assert len(users.list()) == 1


def test_only_the_password_of_a_user_changes(api: Rest) -> None:
    made = api.client().sip.credential_lists.create(friendly_name="Staff")
    user = api.client().sip.credential_lists(made.sid).credentials.create(username="alice", password=GOOD)
    path = f"/SIP/CredentialLists/{made.sid}/Credentials/{user.sid}.json"
    assert api.ask("POST", path, data={"Username": "bob"}).json()["username"] == "alice"
    assert api.ask("POST", path, data={"Password": "weak"}).json()["code"] == 21243


@pytest.mark.parametrize("name", ["", "x" * 65, "Staff"])
def test_names_of_credential_lists_that_are_refused(api: Rest, name: str) -> None:
    lists = api.client().sip.credential_lists
    lists.create(friendly_name="Staff")
    other = lists.create(friendly_name="Guests")
    assert refusal(lambda: lists.create(friendly_name=name)) == (400, 21240)
    assert refusal(lambda: lists(other.sid).update(friendly_name=name)) == (400, 21240)
    assert api.ask("POST", f"/SIP/CredentialLists/{other.sid}.json").json()["code"] == 21240
    theirs = api.client(SECOND.account_sid, SECOND.auth_token).sip.credential_lists
    assert theirs.create(friendly_name="Staff").friendly_name == "Staff"


def test_an_access_list_with_networks(api: Rest) -> None:
    lists = api.client().sip.ip_access_control_lists
    made = lists.create(friendly_name="Office")
    assert made.sid.startswith("AL")
    addresses = lists(made.sid).ip_addresses
    one = addresses.create(friendly_name="PBX", ip_address="192.0.2.7")
    assert (one.sid[:2], one.ip_address, one.cidr_prefix_length) == ("IP", "192.0.2.7", 32)
    net = addresses.create(friendly_name="LAN", ip_address="198.51.100.0", cidr_prefix_length=24)
    six = addresses.create(friendly_name="v6", ip_address="2001:db8::1")
    assert (net.cidr_prefix_length, six.cidr_prefix_length) == (24, 128)
    changed = addresses(net.sid).update(ip_address="203.0.113.0")
    assert (changed.ip_address, changed.cidr_prefix_length, changed.friendly_name) == ("203.0.113.0", 24, "LAN")
    assert addresses(net.sid).update(cidr_prefix_length=30).cidr_prefix_length == 30
    assert addresses(net.sid).update(ip_address="2001:db8::2").cidr_prefix_length == 128
    assert {address.friendly_name for address in addresses.list()} == {"PBX", "LAN", "v6"}
    assert lists(made.sid).update(friendly_name="Offices").friendly_name == "Offices"
    assert addresses(one.sid).delete()
    assert refusal(addresses(one.sid).fetch) == (404, 20404)


@pytest.mark.parametrize(
    "options",
    [
        {"ip_address": "192.0.2.300"}, {"ip_address": ""}, {"ip_address": "sip.example.com"},
        {"ip_address": "192.0.2.1", "cidr_prefix_length": 33}, {"ip_address": "192.0.2.1", "cidr_prefix_length": -1},
        {"ip_address": "2001:db8::1", "cidr_prefix_length": 129}, {"ip_address": "192.0.2.1", "friendly_name": ""},
        {"ip_address": "192.0.2.1", "friendly_name": "x" * 256},
    ],
)  # fmt: skip
def test_networks_that_are_refused(api: Rest, options: dict[str, Any]) -> None:
    lists = api.client().sip.ip_access_control_lists
    addresses = lists(lists.create(friendly_name="Office").sid).ip_addresses
    assert refusal(lambda: addresses.create(**{"friendly_name": "PBX", **options})) == (400, 21238)
    assert refusal(lambda: lists.create(friendly_name="")) == (400, 21235)


def test_a_list_that_a_domain_uses_stays(api: Rest) -> None:
    sip = api.client().sip
    domain = sip.domains.create(domain_name="acme.example")
    staff = sip.credential_lists.create(friendly_name="Staff")
    office = sip.ip_access_control_lists.create(friendly_name="Office")
    sip.domains(domain.sid).auth.registrations.credential_list_mappings.create(credential_list_sid=staff.sid)
    sip.domains(domain.sid).auth.calls.ip_access_control_list_mappings.create(ip_access_control_list_sid=office.sid)
    assert refusal(staff.delete) == (400, 21241)
    assert refusal(office.delete) == (400, 21236)
    assert domain.delete()
    assert staff.delete()
    assert office.delete()


def test_another_accounts_lists_are_not_there(api: Rest) -> None:
    theirs = api.client(SECOND.account_sid, SECOND.auth_token).sip
    staff = theirs.credential_lists.create(friendly_name="Staff")
    user = theirs.credential_lists(staff.sid).credentials.create(username="alice", password=GOOD)
    other = api.client().sip.credential_lists.create(friendly_name="Mine")
    mine = api.client().sip.credential_lists
    for work in (
        mine(staff.sid).fetch, mine(staff.sid).delete, mine(staff.sid).credentials.list,
        mine(staff.sid).credentials(user.sid).fetch, mine(staff.sid).credentials(user.sid).delete,
        mine(other.sid).credentials(user.sid).fetch, lambda: mine(staff.sid).update(friendly_name="x"),
        lambda: mine(staff.sid).credentials.create(username="eve", password=GOOD),
    ):  # fmt: skip
        assert refusal(work) == (404, 20404)
    assert [one.username for one in theirs.credential_lists(staff.sid).credentials.list()] == ["alice"]
