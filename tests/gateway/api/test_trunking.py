"""`/trunking/v1` with Twilio's own library."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lib import oai
from tests.lib.rest import SECOND, Rest, refusal

URL = {"friendly_name": "PBX", "sip_url": "sip:pbx.example.com:5070", "priority": 5, "weight": 20, "enabled": True}


@pytest.fixture(autouse=True)
def cleaned(api: Rest) -> Iterator[None]:
    """Every answer is as Twilio describes it; nothing is left."""
    api.do(api.store.numbers.stock([f"+1555555010{digit}" for digit in range(5)]))
    yield
    for client in (api.client(), api.client(SECOND.account_sid, SECOND.auth_token)):
        for trunk in sorted(client.trunking.v1.trunks.list(), key=lambda one: -len(one.domain_name or "")):
            trunk.delete()
        for one in (
            *client.sip.domains.list(), *client.incoming_phone_numbers.list(), *client.sip.credential_lists.list(),
            *client.sip.ip_access_control_lists.list(),
        ):  # fmt: skip
            one.delete()
    for answer in api.answers:
        if answer.status < 300:
            oai.check(answer.method, answer.path, answer.status, answer.body)
    api.answers.clear()


def test_a_trunk_is_made_read_changed_and_deleted(api: Rest) -> None:
    trunks = api.client().trunking.v1.trunks
    made = trunks.create(
        friendly_name="Head office", domain_name="pbx.example.com", disaster_recovery_url="https://app.example.com/dr",
        disaster_recovery_method="GET", transfer_mode="enable-all", secure=True, cnam_lookup_enabled=False,
        transfer_caller_id="from-transferor",
    )  # fmt: skip
    for one in (made, trunks(made.sid).fetch(), *trunks.list()):
        assert one.sid.startswith("TK")
        assert (one.friendly_name, one.domain_name, one.secure) == ("Head office", "pbx.example.com", True)
        assert (one.disaster_recovery_url, one.disaster_recovery_method) == ("https://app.example.com/dr", "GET")
        assert (one.transfer_mode, one.transfer_caller_id) == ("enable-all", "from-transferor")
        assert (one.auth_type, one.auth_type_set, one.cnam_lookup_enabled) == ("", [], False)
        assert one.recording == {"mode": "do-not-record", "trim": "do-not-trim"}
        assert one.url == f"{api.url}/trunking/v1/Trunks/{one.sid}"
        assert one.links["origination_urls"] == f"{one.url}/OriginationUrls"
        assert (one.date_created.microsecond, str(one.date_created.tzinfo)) == (0, "UTC")
    changed = made.update(friendly_name="", transfer_mode="sip-only", domain_name="")
    assert (changed.friendly_name, changed.transfer_mode, changed.domain_name) == (None, "sip-only", None)
    assert refusal(lambda: made.update(cnam_lookup_enabled=True)) == (400, 21245)  # nobody's name is known here
    assert refusal(lambda: trunks.create(cnam_lookup_enabled=True)) == (400, 21245)
    assert made.delete()
    assert trunks.list() == []
    assert refusal(trunks(made.sid).fetch) == (404, 20404)


def test_what_is_not_given_has_twilios_defaults(api: Rest) -> None:
    made = api.client().trunking.v1.trunks.create()
    assert (made.domain_name, made.disaster_recovery_url, made.disaster_recovery_method) == (None, None, "POST")
    assert (made.transfer_mode, made.transfer_caller_id, made.secure) == ("disable-all", "from-transferee", False)


@pytest.mark.parametrize(
    "options",
    [
        {"friendly_name": "x" * 65}, {"domain_name": "nodot"}, {"disaster_recovery_url": "file:///etc"},
        {"disaster_recovery_method": "PUT"}, {"transfer_mode": "some"}, {"secure": "perhaps"},
        {"transfer_caller_id": "me"},
    ],
)  # fmt: skip
def test_what_no_trunk_can_be_is_refused(api: Rest, options: dict[str, Any]) -> None:
    assert refusal(lambda: api.client().trunking.v1.trunks.create(**options)) == (400, 21245)


def test_trunks_and_domains_share_their_names(api: Rest) -> None:
    client = api.client()
    client.sip.domains.create(domain_name="acme.example")
    trunks = client.trunking.v1.trunks
    assert refusal(lambda: trunks.create(domain_name="acme.example")) == (400, 21248)
    parent = trunks.create(domain_name="pbx.example")
    assert refusal(lambda: client.sip.domains.create(domain_name="pbx.example")) == (400, 21232)
    theirs = api.client(SECOND.account_sid, SECOND.auth_token).trunking.v1.trunks
    assert refusal(lambda: theirs.create(domain_name="sub.pbx.example")) == (400, 21248)
    trunks.create(domain_name="sub.pbx.example")
    assert refusal(parent.delete) == (400, 21247)
    assert refusal(lambda: parent.update(domain_name="")) == (400, 21247)


def test_origination_urls(api: Rest) -> None:
    trunk = api.client().trunking.v1.trunks.create()
    urls = api.client().trunking.v1.trunks(trunk.sid).origination_urls
    made = urls.create(**URL)
    assert (made.sid[:2], made.trunk_sid, made.sip_url) == ("OU", trunk.sid, "sip:pbx.example.com:5070")
    assert (made.priority, made.weight, made.enabled, made.friendly_name) == (5, 20, True, "PBX")
    assert made.url == f"{trunk.url}/OriginationUrls/{made.sid}"
    changed = urls(made.sid).update(enabled=False, priority=0, weight=65535, sip_url="sip:192.0.2.1;transport=tls")
    assert (changed.enabled, changed.priority, changed.weight) == (False, 0, 65535)
    assert urls(made.sid).fetch().sip_url == "sip:192.0.2.1;transport=tls"
    urls.create(**URL)
    assert len(urls.list()) == 2
    assert urls(made.sid).delete()
    assert refusal(urls(made.sid).fetch) == (404, 20404)
    assert trunk.delete()
    assert refusal(urls.list) == (404, 20404)


@pytest.mark.parametrize(
    "options",
    [
        {"sip_url": "sips:pbx.example.com"}, {"sip_url": "http://pbx.example.com"}, {"sip_url": "pbx"}, {"sip_url": ""},
        {"priority": 65536}, {"weight": 0}, {"weight": 65536}, {"enabled": "x"}, {"friendly_name": ""},
        {"friendly_name": "x" * 65},
    ],
)  # fmt: skip
def test_origination_urls_that_are_refused(api: Rest, options: dict[str, Any]) -> None:
    trunk = api.client().trunking.v1.trunks.create()
    urls = api.client().trunking.v1.trunks(trunk.sid).origination_urls
    assert refusal(lambda: urls.create(**{**URL, **options})) == (400, 21245)
    answer = api.ask("POST", f"/trunking/v1/Trunks/{trunk.sid}/OriginationUrls", data={"SipUrl": "sip:a.example"})
    assert answer.json()["code"] == 21245


def test_the_lists_of_a_trunk(api: Rest) -> None:
    client = api.client()
    trunk = client.trunking.v1.trunks.create()
    staff = client.sip.credential_lists.create(friendly_name="PBX")
    office = client.sip.ip_access_control_lists.create(friendly_name="Office")
    lists = client.trunking.v1.trunks(trunk.sid).credentials_lists
    networks = client.trunking.v1.trunks(trunk.sid).ip_access_control_lists
    made = lists.create(credential_list_sid=staff.sid)
    assert (made.sid, made.trunk_sid, made.friendly_name) == (staff.sid, trunk.sid, "PBX")
    assert made.url == f"{trunk.url}/CredentialLists/{staff.sid}"
    assert networks.create(ip_access_control_list_sid=office.sid).sid == office.sid
    assert trunk.fetch().auth_type == "IP_ACL,CREDENTIAL_LIST"
    assert trunk.fetch().auth_type_set == ["IP_ACL", "CREDENTIAL_LIST"]
    assert ([one.sid for one in lists.list()], [one.sid for one in networks.list()]) == ([staff.sid], [office.sid])
    assert (lists(staff.sid).fetch().sid, networks(office.sid).fetch().sid) == (staff.sid, office.sid)
    assert refusal(lambda: lists.create(credential_list_sid=staff.sid)) == (400, 21245)
    assert refusal(lambda: lists.create(credential_list_sid="CL" + "0" * 32)) == (404, 20404)
    assert refusal(staff.delete) == (400, 21241)
    assert lists(staff.sid).delete()
    assert networks(office.sid).delete()
    assert trunk.fetch().auth_type_set == []


def test_the_numbers_of_a_trunk(api: Rest) -> None:
    client = api.client()
    trunk, other = client.trunking.v1.trunks.create(), client.trunking.v1.trunks.create()
    number = client.incoming_phone_numbers.create(phone_number="+15555550100", voice_url="https://app.example.com/")
    numbers = client.trunking.v1.trunks(trunk.sid).phone_numbers
    made = numbers.create(phone_number_sid=number.sid)
    assert (made.sid, made.phone_number, made.trunk_sid) == (number.sid, "+15555550100", trunk.sid)
    assert made.url == f"{trunk.url}/PhoneNumbers/{number.sid}"
    assert made.links == {"phone_number": f"{api.url}{number.uri}"}
    assert [one.sid for one in numbers.list()] == [number.sid]
    assert numbers(number.sid).fetch().voice_url == "https://app.example.com/"
    assert number.fetch().trunk_sid == trunk.sid
    moved = client.trunking.v1.trunks(other.sid).phone_numbers
    moved.create(phone_number_sid=number.sid)
    assert (numbers.list(), [one.sid for one in moved.list()]) == ([], [number.sid])
    assert refusal(numbers(number.sid).fetch) == refusal(numbers(number.sid).delete) == (404, 20404)
    assert moved(number.sid).delete()
    assert number.fetch().trunk_sid is None
    assert refusal(lambda: numbers.create(phone_number_sid="PN" + "0" * 32)) == (404, 20404)
    assert refusal(lambda: numbers.create(phone_number_sid="")) == (400, 20001)


def test_a_number_goes_into_a_trunk_and_falls_out_with_it(api: Rest) -> None:
    client = api.client()
    trunk = client.trunking.v1.trunks.create()
    number = client.incoming_phone_numbers.create(phone_number="+15555550100", trunk_sid=trunk.sid)
    assert number.trunk_sid == trunk.sid
    assert refusal(lambda: number.update(trunk_sid="TK" + "0" * 32)) == (400, 20001)
    assert number.update(trunk_sid="").trunk_sid is None
    assert number.update(trunk_sid=trunk.sid).trunk_sid == trunk.sid
    assert trunk.delete()
    assert number.fetch().trunk_sid is None


def test_recording_of_a_trunk(api: Rest) -> None:
    trunk = api.client().trunking.v1.trunks.create()
    recording = api.client().trunking.v1.trunks(trunk.sid).recordings()
    assert (recording.fetch().mode, recording.fetch().trim) == ("do-not-record", "do-not-trim")
    assert recording.update(mode="record-from-answer-dual").mode == "record-from-answer-dual"
    assert recording.update(trim="trim-silence").mode == "record-from-answer-dual"
    assert trunk.fetch().recording == {"mode": "record-from-answer-dual", "trim": "trim-silence"}
    assert refusal(lambda: recording.update(mode="always")) == (400, 20001)
    unknown = api.client().trunking.v1.trunks("TK" + "0" * 32).recordings()
    assert refusal(unknown.fetch) == refusal(unknown.update) == (404, 20404)


def test_another_accounts_trunk_is_not_there(api: Rest) -> None:
    theirs = api.client(SECOND.account_sid, SECOND.auth_token)
    trunk = theirs.trunking.v1.trunks.create(domain_name="pbx.example")
    url = theirs.trunking.v1.trunks(trunk.sid).origination_urls.create(**URL)
    own = api.client().trunking.v1.trunks.create()
    mine = api.client().trunking.v1.trunks(trunk.sid)
    for work in (
        mine.fetch, mine.update, mine.delete, mine.origination_urls.list, mine.origination_urls(url.sid).fetch,
        mine.credentials_lists.list, mine.phone_numbers.list, mine.recordings().fetch,
        api.client().trunking.v1.trunks(own.sid).origination_urls(url.sid).fetch,
    ):  # fmt: skip
        assert refusal(work) == (404, 20404)
    number = theirs.incoming_phone_numbers.create(phone_number="+15555550101")
    numbers = api.client().trunking.v1.trunks(own.sid).phone_numbers
    assert refusal(lambda: numbers.create(phone_number_sid=number.sid)) == (404, 20404)
    assert refusal(lambda: api.client().incoming_phone_numbers.create(area_code="555", trunk_sid=trunk.sid)) == (
        400, 20001,
    )  # fmt: skip


def test_lists_have_meta_and_are_read_on(api: Rest) -> None:
    trunks = api.client().trunking.v1.trunks
    made = [trunks.create(friendly_name=f"t{number}").sid for number in range(5)]
    assert sorted(one.sid for one in trunks.stream(page_size=2)) == sorted(made)
    body = api.ask("GET", "/trunking/v1/Trunks", params={"PageSize": 2}).json()
    meta = body["meta"]
    assert (meta["key"], meta["page"], meta["page_size"], len(body["trunks"])) == ("trunks", 0, 2, 2)
    assert meta["first_page_url"] == f"{api.url}/trunking/v1/Trunks?PageSize=2&Page=0" == meta["url"]
    assert meta["previous_page_url"] is None
    second = api.ask("GET", meta["next_page_url"].removeprefix(api.url)).json()
    assert (second["meta"]["page"], second["meta"]["previous_page_url"]) == (1, meta["first_page_url"])
    assert api.ask("GET", "/trunking/v1/Trunks", params={"PageSize": 1001}).json()["meta"]["page_size"] == 1000
    assert api.ask("GET", "/trunking/v1/Trunks", params={"PageSize": -1}).json()["code"] == 20007
    assert api.ask("GET", "/trunking/v1/Trunks", params={"PageToken": "x"}).json()["code"] == 20001


def test_the_product_has_a_host_name_too(api: Rest) -> None:
    trunk = api.client().trunking.v1.trunks.create()
    host = {"Host": "trunking.gateway.example"}
    answer = api.ask("GET", f"/v1/Trunks/{trunk.sid}", headers=host)
    assert (answer.status_code, answer.json()["sid"]) == (200, trunk.sid)
    assert answer.json()["url"] == trunk.url
    assert [one["sid"] for one in api.ask("GET", "/v1/Trunks", headers=host).json()["trunks"]] == [trunk.sid]
    for other in ("video.gateway.example", "gateway.example"):
        assert api.ask("GET", "/v1/Trunks", headers={"Host": other}).json()["code"] == 20404
    assert api.ask("GET", "/v1/Trunks", headers=host, auth=("AC1", "x")).status_code == 401


def test_what_the_product_does_not_have(api: Rest) -> None:
    assert api.ask("GET", "/trunking/v1/Nothing").json()["code"] == 20404
    assert api.ask("PUT", "/trunking/v1/Trunks").json()["code"] == 20004
    answer = api.ask("GET", "/trunking/v1/Trunks", auth=("AC1", "x"))
    assert (answer.status_code, answer.json()["code"]) == (401, 20003)
    assert answer.headers["Content-Type"].startswith("application/json")
