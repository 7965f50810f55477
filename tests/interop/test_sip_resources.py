"""Twilio's Python library against a gateway process: every SIP resource, pages that go on, what a restart keeps."""

from __future__ import annotations

import pytest

from tests.interop.conftest import GatewayProcess
from tests.lib import sip_walk


@pytest.mark.interop
def test_every_sip_resource_is_made_read_changed_and_deleted(gateway: GatewayProcess) -> None:
    sip_walk.walk(gateway.client())


@pytest.mark.interop
def test_pages_go_on_and_a_restart_keeps_it_all(gateway: GatewayProcess) -> None:
    client = gateway.client()
    trunks = [client.trunking.v1.trunks.create(friendly_name=f"t{number}").sid for number in range(5)]
    staff = client.sip.credential_lists.create(friendly_name="Staff")
    users = client.sip.credential_lists(staff.sid).credentials
    for number in range(5):
        users.create(username=f"user{number}", password=sip_walk.PASSWORD)
    domain = client.sip.domains.create(domain_name="acme.example")
    client.sip.domains(domain.sid).auth.registrations.credential_list_mappings.create(credential_list_sid=staff.sid)
    gateway.stop()
    gateway.start()
    client = gateway.client()
    assert sorted(one.sid for one in client.trunking.v1.trunks.stream(page_size=2)) == sorted(trunks)
    listed = client.sip.credential_lists(staff.sid).credentials.stream(page_size=2)
    assert sorted(one.username for one in listed) == [f"user{number}" for number in range(5)]
    mappings = client.sip.domains(domain.sid).auth.registrations.credential_list_mappings
    assert [one.sid for one in mappings.list()] == [staff.sid]
