"""Every operation of Twilio's SIP resources, asked once with Twilio's own library, as one customer's morning."""

from __future__ import annotations

import json
from typing import Any

PASSWORD = "IWasAtSignal2018"


def walk(client: Any) -> None:
    """Creates, reads, lists, updates and deletes one of everything; nothing is left."""
    lists(client)
    carriers(client)
    permissions(client)


def lists(client: Any) -> None:
    """A domain, a trunk, and the lists that both use."""
    sip = client.sip
    staff = sip.credential_lists.create(friendly_name="Staff").update(friendly_name="All staff").fetch()
    office = sip.ip_access_control_lists.create(friendly_name="Office").update(friendly_name="Offices").fetch()
    users, networks = sip.credential_lists(staff.sid).credentials, sip.ip_access_control_lists(office.sid).ip_addresses
    alice = users.create(username="alice", password=PASSWORD).update(password=f"{PASSWORD}x").fetch()
    lan = networks.create(friendly_name="LAN", ip_address="192.0.2.0").update(cidr_prefix_length=24).fetch()
    domain = sip.domains.create(domain_name="acme.example").update(sip_registration=True).fetch()
    paths = sip.domains(domain.sid)
    for mappings in (
        paths.credential_list_mappings, paths.auth.calls.credential_list_mappings,
        paths.auth.registrations.credential_list_mappings,
    ):  # fmt: skip
        mapped(mappings, credential_list_sid=staff.sid)
    for mappings in (paths.ip_access_control_list_mappings, paths.auth.calls.ip_access_control_list_mappings):
        mapped(mappings, ip_access_control_list_sid=office.sid)
    trunk(client, staff, office)
    assert [one.sid for one in sip.domains.list()] == [domain.sid]
    for listed, one in (
        (users, alice), (networks, lan), (sip.credential_lists, staff), (sip.ip_access_control_lists, office),
        (sip.domains, domain),
    ):  # fmt: skip
        assert [each.sid for each in listed.list()] == [one.sid]
        assert one.delete()
        assert listed.list() == []


def mapped(mappings: Any, **sid: str) -> None:
    """A list is mapped, found and taken away."""
    made = mappings.create(**sid)
    assert mappings(made.sid).fetch().sid == made.sid == mappings.list()[0].sid
    assert mappings(made.sid).delete()


def trunk(client: Any, staff: Any, office: Any) -> None:
    """A trunk with all that it has."""
    trunks = client.trunking.v1.trunks
    made = trunks.create(friendly_name="PBX", domain_name="pbx.example").update(secure=True).fetch()
    paths = trunks(made.sid)
    mapped(paths.credentials_lists, credential_list_sid=staff.sid)
    mapped(paths.ip_access_control_lists, ip_access_control_list_sid=office.sid)
    number = client.incoming_phone_numbers.create(area_code="555")
    mapped(paths.phone_numbers, phone_number_sid=number.sid)
    assert number.delete()
    url = paths.origination_urls.create(weight=1, priority=1, enabled=True, friendly_name="a", sip_url="sip:a.example")
    assert url.update(weight=2).fetch().weight == paths.origination_urls.list()[0].weight == 2
    assert url.delete()
    assert paths.recordings().update(mode="record-from-answer").mode == paths.recordings().fetch().mode
    assert [one.sid for one in trunks.list()] == [made.sid]
    assert made.delete()


def carriers(client: Any) -> None:
    """A carrier of the customer's own, and where its calls come from."""
    voice = client.voice.v1
    policy = voice.connection_policies.create().update(friendly_name="Carrier").fetch()
    targets = voice.connection_policies(policy.sid).targets
    target = targets.create(target="sip:sbc.example").update(weight=3).fetch()
    byoc = voice.byoc_trunks.create(connection_policy_sid=policy.sid).update(friendly_name="Carrier").fetch()
    record = voice.ip_records.create(ip_address="192.0.2.1").update(friendly_name="SBC").fetch()
    domains = [client.sip.domains.create(domain_name=f"{name}.example") for name in ("one", "two")]
    mapping = voice.source_ip_mappings.create(ip_record_sid=record.sid, sip_domain_sid=domains[0].sid)
    assert mapping.update(sip_domain_sid=domains[1].sid).fetch().sip_domain_sid == domains[1].sid
    for listed, one in (
        (targets, target), (voice.source_ip_mappings, mapping), (voice.ip_records, record), (voice.byoc_trunks, byoc),
        (voice.connection_policies, policy),
    ):  # fmt: skip
        assert [each.sid for each in listed.list()] == [one.sid]
        assert one.delete()
    for domain in domains:
        assert domain.delete()


def permissions(client: Any) -> None:
    """What may be dialled."""
    dialing = client.voice.v1.dialing_permissions
    for allowed in (False, True):
        wanted = json.dumps([{"iso_code": "LV", "low_risk_numbers_enabled": allowed}])
        assert dialing.bulk_country_updates.create(update_request=wanted).update_count == 1
        assert dialing.countries("LV").fetch().low_risk_numbers_enabled is allowed
        assert dialing.countries.list(iso_code="LV")[0].low_risk_numbers_enabled is allowed
        assert dialing.settings().update(dialing_permissions_inheritance=allowed) is not None
        assert dialing.settings().fetch().dialing_permissions_inheritance is allowed
    assert [one.prefix for one in dialing.countries("LV").highrisk_special_prefixes.list()] == ["+37181", "+37190"]
