"""`SIP/Domains` and their mappings with Twilio's own library."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lib import oai
from tests.lib.rest import SECOND, Rest, refusal

URLS = {
    "voice_url": "https://app.example.com/voice", "voice_method": "GET",
    "voice_fallback_url": "https://app.example.com/sorry", "voice_fallback_method": "GET",
    "voice_status_callback_url": "https://app.example.com/status", "voice_status_callback_method": "GET",
}  # fmt: skip


@pytest.fixture(autouse=True)
def cleaned(api: Rest) -> Iterator[None]:
    """Every answer is as Twilio describes it; nothing is left."""
    yield
    for client in (api.client(), api.client(SECOND.account_sid, SECOND.auth_token)):
        for domain in sorted(client.sip.domains.list(), key=lambda one: -len(one.domain_name)):
            domain.delete()
        for one in (*client.sip.credential_lists.list(), *client.sip.ip_access_control_lists.list()):
            one.delete()
    for answer in api.answers:
        if answer.status < 300:
            oai.check(answer.method, answer.path, answer.status, answer.body)
    api.answers.clear()


def refused(api: Rest, **options: object) -> tuple[int, int]:
    """Status and code of a refused domain."""
    return refusal(lambda: api.client().sip.domains.create(**options))


def test_a_domain_is_made_read_changed_and_deleted(api: Rest) -> None:
    domains = api.client().sip.domains
    made = domains.create(
        domain_name="Acme.SIP.example", friendly_name="Acme", sip_registration=True, secure=True,
        emergency_calling_enabled=True, **URLS,
    )  # fmt: skip
    for one in (made, domains(made.sid).fetch(), *domains.list()):
        assert one.sid.startswith("SD")
        assert (one.domain_name, one.friendly_name, one.auth_type) == ("acme.sip.example", "Acme", "")
        assert {name: getattr(one, name) for name in URLS} == URLS
        assert (one.sip_registration, one.secure, one.emergency_calling_enabled) == (True, True, True)
        assert (one.byoc_trunk_sid, one.emergency_caller_sid, one.api_version) == (None, None, "2010-04-01")
        assert one.uri.endswith(f"/SIP/Domains/{one.sid}.json")
        assert one.subresource_uris["credential_list_mappings"].endswith(f"{one.sid}/CredentialListMappings.json")
    changed = made.update(voice_url="", sip_registration=False, domain_name="new.sip.example")
    assert (changed.voice_url, changed.voice_method, changed.sip_registration) == (None, "GET", False)
    assert (changed.domain_name, changed.friendly_name) == ("new.sip.example", "Acme")
    assert api.do(api.store.sip.domains.named("new.sip.example")).sid == made.sid  # type: ignore[union-attr]
    assert made.delete()
    assert domains.list() == []
    assert refusal(domains(made.sid).fetch) == (404, 20404)


def test_what_is_not_given_has_twilios_defaults(api: Rest) -> None:
    made = api.client().sip.domains.create(domain_name="plain.example.com")
    assert (made.friendly_name, made.voice_url, made.voice_method) == (None, None, "POST")
    assert (made.voice_fallback_method, made.voice_status_callback_method) == ("POST", "POST")
    assert (made.sip_registration, made.secure, made.emergency_calling_enabled) == (False, False, False)


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ({"domain_name": ""}, (400, 21231)),
        ({"domain_name": "nodot"}, (400, 21232)),
        ({"domain_name": "192.0.2.1"}, (400, 21232)),
        ({"domain_name": "a..example"}, (400, 21232)),
        ({"domain_name": "-a.example"}, (400, 21232)),
        ({"domain_name": "a_b.example"}, (400, 21232)),
        ({"domain_name": "ä.example"}, (400, 21232)),
        ({"domain_name": f"{'a' * 64}.example"}, (400, 21232)),
        ({"domain_name": f"{'a.' * 130}example"}, (400, 21232)),
        ({"domain_name": "a.example", "friendly_name": "x" * 65}, (400, 21231)),
        ({"domain_name": "a.example", "voice_url": "ftp://a"}, (400, 21231)),
        ({"domain_name": "a.example", "voice_method": "PUT"}, (400, 21231)),
        ({"domain_name": "a.example", "sip_registration": "maybe"}, (400, 21231)),
        ({"domain_name": "a.example", "byoc_trunk_sid": "BY1"}, (400, 21300)),
        ({"domain_name": "a.example", "byoc_trunk_sid": "BY" + "0" * 32}, (400, 21300)),
        ({"domain_name": "a.example", "emergency_caller_sid": "PN" + "0" * 32}, (400, 21231)),
    ],
)
def test_what_no_domain_can_be_is_refused_with_twilios_code(
    api: Rest, options: dict[str, Any], answer: tuple[int, int]
) -> None:
    assert refused(api, **options) == answer
    assert api.client().sip.domains.list() == []


def test_a_name_is_had_once_and_not_below_or_above_anothers(api: Rest) -> None:
    theirs = api.client(SECOND.account_sid, SECOND.auth_token).sip.domains
    theirs.create(domain_name="acme.example")
    for name in ("acme.example", "ACME.example", "sub.acme.example", "a.b.acme.example"):
        assert refused(api, domain_name=name) == (400, 21232)
    api.client().sip.domains.create(domain_name="notacme.example")
    other = api.client().sip.domains.create(domain_name="deep.down.example")
    assert refusal(lambda: theirs.create(domain_name="down.example")) == (400, 21232)
    assert refusal(lambda: other.update(domain_name="acme.example")) == (400, 21232)
    assert other.update(domain_name="deep.down.example").domain_name == "deep.down.example"
    theirs.create(domain_name="sub.acme.example")


def test_a_domain_with_subdomains_stays_and_keeps_its_name(api: Rest) -> None:
    domains = api.client().sip.domains
    parent = domains.create(domain_name="acme.example")
    child = domains.create(domain_name="sub.acme.example")
    assert refusal(parent.delete) == (400, 21233)
    assert refusal(lambda: parent.update(domain_name="other.example")) == (400, 21233)
    assert child.delete()
    assert parent.update(domain_name="other.example").domain_name == "other.example"


MAPPINGS = ("credential_list_mappings", "auth.calls.credential_list_mappings",
            "auth.registrations.credential_list_mappings")  # fmt: skip


def found(start: Any, path: str) -> Any:
    """An attribute of an attribute."""
    for name in path.split("."):
        start = getattr(start, name)
    return start


@pytest.mark.parametrize("path", MAPPINGS)
def test_credential_lists_are_mapped(api: Rest, path: str) -> None:
    client = api.client()
    domain = client.sip.domains.create(domain_name="acme.example")
    lists = [client.sip.credential_lists.create(friendly_name=f"List {number}") for number in range(3)]
    mappings = found(client.sip.domains(domain.sid), path)
    for one in lists:
        made = mappings.create(credential_list_sid=one.sid)
        assert (made.sid, made.friendly_name) == (one.sid, one.friendly_name)
    assert mappings(made.sid).fetch().date_created == made.date_created
    assert sorted(one.sid for one in mappings.stream(page_size=2)) == sorted(one.sid for one in lists)
    assert refusal(lambda: mappings.create(credential_list_sid=lists[0].sid)) == (400, 21231)
    assert refusal(lambda: mappings.create(credential_list_sid="CL" + "0" * 32)) == (404, 20404)
    assert refusal(lambda: mappings.create(credential_list_sid="")) == (400, 21231)
    assert mappings(lists[0].sid).delete()
    assert refusal(mappings(lists[0].sid).fetch) == refusal(mappings(lists[0].sid).delete) == (404, 20404)
    assert client.sip.credential_lists(lists[0].sid).fetch().sid == lists[0].sid


@pytest.mark.parametrize("path", ["ip_access_control_list_mappings", "auth.calls.ip_access_control_list_mappings"])
def test_access_lists_are_mapped(api: Rest, path: str) -> None:
    client = api.client()
    domain = client.sip.domains.create(domain_name="acme.example")
    office = client.sip.ip_access_control_lists.create(friendly_name="Office")
    mappings = found(client.sip.domains(domain.sid), path)
    assert mappings.create(ip_access_control_list_sid=office.sid).sid == office.sid
    assert [one.friendly_name for one in mappings.list()] == ["Office"]
    assert domain.fetch().auth_type == "IP_ACL"
    assert mappings(office.sid).fetch().sid == office.sid
    assert mappings(office.sid).delete()
    assert mappings.list() == []


def test_the_older_paths_are_those_of_calls(api: Rest) -> None:
    client = api.client()
    domain = client.sip.domains.create(domain_name="acme.example")
    staff = client.sip.credential_lists.create(friendly_name="Staff")
    office = client.sip.ip_access_control_lists.create(friendly_name="Office")
    paths = client.sip.domains(domain.sid)
    paths.credential_list_mappings.create(credential_list_sid=staff.sid)
    paths.ip_access_control_list_mappings.create(ip_access_control_list_sid=office.sid)
    assert [one.sid for one in paths.auth.calls.credential_list_mappings.list()] == [staff.sid]
    assert [one.sid for one in paths.auth.calls.ip_access_control_list_mappings.list()] == [office.sid]
    assert paths.auth.registrations.credential_list_mappings.list() == []
    assert domain.fetch().auth_type == "IP_ACL,CREDENTIAL_LIST"
    assert paths.auth.calls.credential_list_mappings(staff.sid).delete()
    assert domain.fetch().auth_type == "IP_ACL"


def test_another_accounts_domain_and_lists_are_not_there(api: Rest) -> None:
    theirs = api.client(SECOND.account_sid, SECOND.auth_token).sip
    domain = theirs.domains.create(domain_name="acme.example")
    staff = theirs.credential_lists.create(friendly_name="Staff")
    theirs.domains(domain.sid).auth.calls.credential_list_mappings.create(credential_list_sid=staff.sid)
    mine = api.client().sip
    one = mine.domains(domain.sid)
    calls = one.auth.calls.credential_list_mappings
    for work in (one.fetch, one.update, one.delete, calls.list, calls(staff.sid).fetch, calls(staff.sid).delete):
        assert refusal(work) == (404, 20404)
    assert refusal(lambda: calls.create(credential_list_sid=staff.sid)) == (404, 20404)
    own = mine.domains.create(domain_name="own.example")
    own_calls = mine.domains(own.sid).auth.calls.credential_list_mappings
    assert refusal(lambda: own_calls.create(credential_list_sid=staff.sid)) == (404, 20404)
    assert mine.domains.list(limit=5)[0].sid == own.sid
    assert len(mine.domains.list()) == 1


def test_lists_are_read_on_where_the_page_ended(api: Rest) -> None:
    domains = api.client().sip.domains
    names = [f"d{number}.example.com" for number in range(7)]
    for name in names:
        domains.create(domain_name=name)
    seen = []
    for domain in domains.stream(page_size=2):
        seen.append(domain.domain_name)
        domain.delete()
    assert sorted(seen) == names


def test_a_domain_as_xml(api: Rest) -> None:
    answer = api.ask("POST", "/SIP/Domains", data={"DomainName": "acme.example"})
    assert answer.status_code == 201
    assert b"<Domain><Sid>SD" in answer.content
    assert b"<Domains " in api.ask("GET", "/SIP/Domains.xml").content
