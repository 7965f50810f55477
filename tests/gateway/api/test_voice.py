"""`/voice/v1` with Twilio's own library."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import phonenumbers
import pytest

from tests.lib import oai
from tests.lib.rest import SECOND, Rest, refusal


@pytest.fixture(autouse=True)
def cleaned(api: Rest) -> Iterator[None]:
    """Every answer is as Twilio describes it; nothing is left."""
    yield
    for client in (api.client(), api.client(SECOND.account_sid, SECOND.auth_token)):
        voice = client.voice.v1
        for one in (
            *voice.source_ip_mappings.list(), *voice.ip_records.list(), *voice.byoc_trunks.list(),
            *voice.connection_policies.list(), *client.sip.domains.list(),
        ):  # fmt: skip
            one.delete()
    for answer in api.answers:
        if answer.status < 300:
            oai.check(answer.method, answer.path, answer.status, answer.body)
    api.answers.clear()


def test_a_byoc_trunk(api: Rest) -> None:
    client = api.client()
    policy = client.voice.v1.connection_policies.create(friendly_name="Carrier")
    domain = client.sip.domains.create(domain_name="acme.example")
    urls = {
        "voice_url": "https://app.example.com/voice", "voice_method": "GET",
        "voice_fallback_url": "https://app.example.com/sorry", "voice_fallback_method": "GET",
        "status_callback_url": "https://app.example.com/status", "status_callback_method": "GET",
    }  # fmt: skip
    trunks = client.voice.v1.byoc_trunks
    made = trunks.create(
        friendly_name="Carrier", cnam_lookup_enabled=False, connection_policy_sid=policy.sid,
        from_domain_sid=domain.sid, **urls,
    )  # fmt: skip
    for one in (made, trunks(made.sid).fetch(), *trunks.list()):
        assert one.sid.startswith("BY")
        assert {name: getattr(one, name) for name in urls} == urls
        assert (one.connection_policy_sid, one.from_domain_sid) == (policy.sid, domain.sid)
        assert one.url == f"{api.url}/voice/v1/ByocTrunks/{one.sid}"
    assert domain.update(byoc_trunk_sid=made.sid).byoc_trunk_sid == made.sid
    assert made.update(voice_url="", cnam_lookup_enabled=False).voice_url is None
    for change in (made.update, trunks.create):
        assert refusal(lambda: change(cnam_lookup_enabled=True)) == (400, 20001)  # noqa: B023
    for sid in ("NY1", "NY" + "0" * 32):
        assert refusal(lambda: trunks.create(connection_policy_sid=sid)) == (400, 20001)  # noqa: B023
    assert policy.delete()
    assert made.fetch().connection_policy_sid is None
    assert made.delete()
    assert domain.fetch().byoc_trunk_sid is None


def test_a_connection_policy_with_targets(api: Rest) -> None:
    policies = api.client().voice.v1.connection_policies
    policy = policies.create(friendly_name="Carrier")
    assert policy.links == {"targets": f"{policy.url}/Targets"}
    targets = policies(policy.sid).targets
    made = targets.create(target="sip:sbc.example.com")
    assert (made.sid[:2], made.priority, made.weight, made.enabled, made.friendly_name) == ("NE", 10, 10, True, None)
    changed = targets(made.sid).update(priority=0, weight=5, enabled=False, target="sip:192.0.2.1", friendly_name="a")
    assert (changed.priority, changed.weight, changed.enabled) == (0, 5, False)
    assert [one.target for one in targets.list()] == ["sip:192.0.2.1"]
    assert policies(policy.sid).update(friendly_name="Other").friendly_name == "Other"
    for options in ({"target": "sips:a.example"}, {"target": ""}, {"target": "sip:a.example", "weight": 0}):
        assert refusal(lambda: targets.create(**options)) == (400, 20001)  # noqa: B023
    assert targets(made.sid).fetch().sid == made.sid
    assert targets(made.sid).delete()
    assert policy.delete()
    assert refusal(targets.list) == (404, 20404)


def test_ip_records_are_mapped_to_domains(api: Rest) -> None:
    client = api.client()
    records, mappings = client.voice.v1.ip_records, client.voice.v1.source_ip_mappings
    record = records.create(ip_address="192.0.2.0", friendly_name="LAN", cidr_prefix_length=24)
    assert (record.sid[:2], record.ip_address, record.cidr_prefix_length) == ("IL", "192.0.2.0", 24)
    assert records.create(ip_address="192.0.2.1").cidr_prefix_length == 32
    changed = records(record.sid).update(friendly_name="Office")
    assert (changed.friendly_name, changed.ip_address, changed.cidr_prefix_length) == ("Office", "192.0.2.0", 24)
    one, two = (client.sip.domains.create(domain_name=f"{name}.example") for name in ("one", "two"))
    made = mappings.create(ip_record_sid=record.sid, sip_domain_sid=one.sid)
    assert (made.sid[:2], made.ip_record_sid, made.sip_domain_sid) == ("IB", record.sid, one.sid)
    assert mappings(made.sid).update(sip_domain_sid=two.sid).sip_domain_sid == two.sid
    assert mappings(made.sid).fetch().ip_record_sid == record.sid
    assert refusal(lambda: mappings.create(ip_record_sid=record.sid, sip_domain_sid=one.sid)) == (400, 20001)
    assert two.delete()
    assert mappings.list() == []
    again = mappings.create(ip_record_sid=record.sid, sip_domain_sid=one.sid)
    assert records(record.sid).delete()
    assert refusal(mappings(again.sid).fetch) == refusal(mappings(again.sid).delete) == (404, 20404)
    assert len(records.list()) == 1


@pytest.mark.parametrize(
    "options", [{"ip_address": "x"}, {"ip_address": ""}, {"ip_address": "192.0.2.1", "cidr_prefix_length": 33}]
)
def test_ip_records_that_are_refused(api: Rest, options: dict[str, Any]) -> None:
    assert refusal(lambda: api.client().voice.v1.ip_records.create(**options)) == (400, 20001)


def test_another_accounts_settings_are_not_there(api: Rest) -> None:
    theirs, mine = api.client(SECOND.account_sid, SECOND.auth_token), api.client().voice.v1
    record = theirs.voice.v1.ip_records.create(ip_address="192.0.2.1")
    policy = theirs.voice.v1.connection_policies.create()
    domain = theirs.sip.domains.create(domain_name="acme.example")
    for work in (mine.ip_records(record.sid).fetch, mine.connection_policies(policy.sid).targets.list):
        assert refusal(work) == (404, 20404)
    own = mine.ip_records.create(ip_address="192.0.2.1")
    for pair in ((own.sid, domain.sid), (record.sid, domain.sid)):
        work = mine.source_ip_mappings
        assert refusal(lambda: work.create(ip_record_sid=pair[0], sip_domain_sid=pair[1])) == (400, 20001)  # noqa: B023
    assert refusal(lambda: mine.byoc_trunks.create(connection_policy_sid=policy.sid)) == (400, 20001)


@pytest.fixture
def unlimited(api: Rest) -> Iterator[None]:
    """The operator allows everything."""
    api.do(api.store.operator.put("ceilings", api.made.account_sid, {"high_risk": True}))
    yield
    api.do(api.store.operator.delete("ceilings", api.made.account_sid))
    everything = dict.fromkeys(FLAGS, True)
    update(api, [{"iso_code": one.iso_code, **everything} for one in countries(api).list() if not all(flags(one))])


FLAGS = ("low_risk_numbers_enabled", "high_risk_special_numbers_enabled", "high_risk_tollfraud_numbers_enabled")


def countries(api: Rest) -> Any:
    return api.client().voice.v1.dialing_permissions.countries


def flags(country: Any) -> tuple[bool, ...]:
    return tuple(getattr(country, flag) for flag in FLAGS)


def update(api: Rest, wanted: object) -> Any:
    return api.client().voice.v1.dialing_permissions.bulk_country_updates.create(update_request=json.dumps(wanted))


def test_countries_are_listed_and_found(api: Rest, unlimited: None) -> None:
    listed = countries(api).list()
    assert {one.iso_code for one in listed} == set(phonenumbers.SUPPORTED_REGIONS)
    assert [one.name for one in listed] == sorted(one.name for one in listed)
    latvia = countries(api)("lv").fetch()
    assert (latvia.name, latvia.continent, latvia.country_codes) == ("Latvia", "EUROPE", ["+371"])
    assert latvia.links == {"highrisk_special_prefixes": f"{latvia.url}/HighRiskSpecialPrefixes"}
    assert [one.iso_code for one in countries(api).list(country_code="371")] == ["LV"]
    assert [one.iso_code for one in countries(api).list(iso_code="DE")] == ["DE"]
    assert len(countries(api).list(continent="SOUTH_AMERICA")) == 14
    assert countries(api).list(low_risk_numbers_enabled=False) == []
    assert refusal(countries(api)("ZZ").fetch) == (404, 20404)
    assert refusal(countries(api)("ZZ").highrisk_special_prefixes.list) == (404, 20404)


def test_special_prefixes(api: Rest) -> None:
    assert [one.prefix for one in countries(api)("LV").highrisk_special_prefixes.list()] == ["+37181", "+37190"]
    assert [one.prefix for one in countries(api)("US").highrisk_special_prefixes.stream(page_size=3)] == [
        f"+1900{digit}" for digit in range(2, 10)
    ]


def test_permissions_are_changed_in_bulk(api: Rest, unlimited: None) -> None:
    assert flags(countries(api)("GB").fetch()) == (True, True, True)
    wanted = [
        {"iso_code": "GB", "low_risk_numbers_enabled": "true", "high_risk_special_numbers_enabled": "false"},
        {"iso_code": "de", "low_risk_numbers_enabled": False},
    ]
    assert update(api, wanted).update_count == 2
    assert flags(countries(api)("GB").fetch()) == (True, False, True)
    assert flags(countries(api)("DE").fetch()) == (False, True, True)
    assert [one.iso_code for one in countries(api).list(low_risk_numbers_enabled=False)] == ["DE"]
    theirs = api.client(SECOND.account_sid, SECOND.auth_token).voice.v1.dialing_permissions.countries
    assert theirs("DE").fetch().low_risk_numbers_enabled


def test_what_the_operator_does_not_allow_is_shown(api: Rest) -> None:
    api.do(api.store.operator.put("ceilings", api.made.account_sid, {"countries": ["US"]}))
    try:
        assert flags(countries(api)("US").fetch()) == (True, False, False)
        assert flags(countries(api)("GB").fetch()) == (False, False, False)
    finally:
        api.do(api.store.operator.delete("ceilings", api.made.account_sid))


@pytest.mark.parametrize(
    "wanted",
    [
        {}, [], ["GB"], [{"iso_code": "ZZ"}], [{}], [{"iso_code": "GB", "low_risk_numbers_enabled": "maybe"}],
        [{"iso_code": "GB", "low_risk_numbers_enabled": 1}], [{"iso_code": "GB", "low_risk_numbers_enabled": [1]}],
        [{"iso_code": "GB", "low_risk_numbers_enabled": False}, {"iso_code": "ZZ"}],
    ],
)  # fmt: skip
def test_bulk_updates_that_are_refused_change_nothing(api: Rest, wanted: object) -> None:
    assert refusal(lambda: update(api, wanted)) == (400, 20001)
    assert countries(api)("GB").fetch().low_risk_numbers_enabled


def test_a_finished_call_of_the_day_is_deleted_and_no_other(api: Rest) -> None:
    client = api.client()
    call = client.calls.create(to="+12125550123", from_="+15555550100", twiml="<Response/>")
    today = call.date_created.date()
    archived = client.voice.v1.archived_calls
    assert refusal(archived(today, call.sid).delete) == (400, 20009)
    call.update(status="completed")
    assert refusal(archived(today - timedelta(days=1), call.sid).delete) == (404, 20404)
    theirs = api.client(SECOND.account_sid, SECOND.auth_token).voice.v1.archived_calls
    assert refusal(theirs(today, call.sid).delete) == (404, 20404)
    assert archived(today, call.sid).delete()
    assert refusal(archived(today, call.sid).delete) == (404, 20404)


def test_settings(api: Rest) -> None:
    settings = api.client().voice.v1.dialing_permissions.settings()
    assert settings.fetch().dialing_permissions_inheritance
    assert not settings.update(dialing_permissions_inheritance=False).dialing_permissions_inheritance
    assert not settings.fetch().dialing_permissions_inheritance
    assert settings.update(dialing_permissions_inheritance=True).url == f"{api.url}/voice/v1/Settings"
