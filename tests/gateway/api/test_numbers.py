"""`IncomingPhoneNumbers` and `AvailablePhoneNumbers` with Twilio's own library."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lib import oai
from tests.lib.rest import SECOND, Rest, refusal

STOCK = [f"+1555555{number:04d}" for number in range(100, 130)] + ["+12125550100", "+442071838750"]


@pytest.fixture(autouse=True)
def stocked(api: Rest) -> Iterator[None]:
    api.do(api.store.numbers.stock(STOCK))
    yield
    for account in (api.client(), api.client(SECOND.account_sid, SECOND.auth_token)):
        for number in account.incoming_phone_numbers.list():
            number.delete()
    for answer in api.answers:
        if answer.status < 300:
            oai.check(answer.method, answer.path, answer.status, answer.body)
    api.answers.clear()


def refused(api: Rest, **options: object) -> tuple[int, int]:
    """Status and code of a refused purchase."""
    return refusal(lambda: api.client().incoming_phone_numbers.create(**options))


def test_a_number_is_found_bought_changed_and_released(api: Rest) -> None:
    client = api.client()
    (offer,) = client.available_phone_numbers("US").local.list(contains="5550105", limit=1)
    assert (offer.phone_number, offer.friendly_name) == ("+15555550105", "(555) 555-0105")
    number = client.incoming_phone_numbers.create(
        phone_number=offer.phone_number, voice_url="https://app.example.com/voice", voice_method="GET",
        voice_fallback_url="https://app.example.com/sorry", voice_fallback_method="GET",
        status_callback="https://app.example.com/status", status_callback_method="GET", friendly_name="Front desk",
        sms_url="https://app.example.com/sms", sms_method="GET", sms_fallback_url="https://app.example.com/s2",
        sms_fallback_method="GET", voice_caller_id_lookup=False,
    )  # fmt: skip
    again = client.incoming_phone_numbers(number.sid).fetch()
    for one in (number, again):
        assert one.sid.startswith("PN")
        assert (one.phone_number, one.friendly_name) == ("+15555550105", "Front desk")
        assert (one.voice_url, one.voice_method) == ("https://app.example.com/voice", "GET")
        assert (one.status_callback, one.status_callback_method) == ("https://app.example.com/status", "GET")
        assert (one.sms_url, one.sms_fallback_method, one.voice_caller_id_lookup) == (
            "https://app.example.com/sms", "GET", False,
        )  # fmt: skip
        assert one.capabilities == {"voice": True, "sms": False, "mms": False, "fax": False}
    changed = number.update(voice_url="", friendly_name="Back office")
    assert (changed.voice_url, changed.voice_method, changed.friendly_name) == ("", "GET", "Back office")
    assert changed.date_updated >= changed.date_created
    assert number.delete()
    assert client.incoming_phone_numbers.list() == []
    assert len(client.available_phone_numbers("US").local.list(contains="5550105")) == 1


def test_numbers_are_listed_by_their_filters(api: Rest) -> None:
    numbers = api.client().incoming_phone_numbers
    for number in ("+15555550110", "+15555550111", "+12125550100"):
        numbers.create(phone_number=number, friendly_name=f"n{number[-4:]}")
    assert [one.phone_number for one in numbers.list()] == ["+12125550100", "+15555550111", "+15555550110"]
    assert [one.phone_number for one in numbers.list(phone_number="+1555*")] == ["+15555550111", "+15555550110"]
    assert [one.phone_number for one in numbers.list(phone_number="212")] == ["+12125550100"]
    assert [one.phone_number for one in numbers.list(friendly_name="n0110")] == ["+15555550110"]
    assert len(numbers.list(beta=False, origin="hosted")) == 3
    assert numbers.list(beta=True) == numbers.list(origin="twilio") == []
    assert [one.phone_number for one in numbers.local.list(friendly_name="n0111")] == ["+15555550111"]


def test_a_number_comes_with_an_area_code(api: Rest) -> None:
    assert api.client().incoming_phone_numbers.create(area_code="212").phone_number == "+12125550100"
    assert refused(api, area_code="212") == (400, 21452)
    assert refused(api, area_code="2x2") == (400, 21451)
    assert refused(api, area_code="%%%") == (400, 21451)


def test_a_local_number_is_bought_in_its_own_resource(api: Rest) -> None:
    bought = api.client().incoming_phone_numbers.local.create(phone_number="(555) 555-0120")
    assert (bought.phone_number, bought.friendly_name) == ("+15555550120", "(555) 555-0120")


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ({}, (400, 21421)),
        ({"phone_number": "banana"}, (400, 21421)),
        ({"phone_number": "447911123456"}, (400, 21421)),
        ({"phone_number": "+15005550000"}, (400, 21422)),
        ({"phone_number": "911"}, (400, 21422)),
        ({"phone_number": "+15555550100", "voice_url": "nowhere"}, (400, 21402)),
        ({"phone_number": "+15555550100", "voice_url": "http://[/"}, (400, 21402)),
        ({"phone_number": "+15555550100", "voice_url": "http://a:port/"}, (400, 21402)),
        ({"phone_number": "+15555550100", "status_callback": "ftp://a/"}, (400, 21402)),
        ({"phone_number": "+15555550100", "voice_method": "PUT"}, (400, 21403)),
        ({"phone_number": "+15555550100", "trunk_sid": "TK" + "1" * 32}, (400, 20001)),
        ({"phone_number": "+15555550100", "friendly_name": "a\0b"}, (400, 20001)),
        ({"phone_number": "+15555550100", "voice_caller_id_lookup": "true"}, (400, 21409)),
    ],
)
def test_what_cannot_be_bought_is_refused_with_twilios_code(
    api: Rest, options: dict[str, str], answer: tuple[int, int]
) -> None:
    assert refused(api, **options) == answer
    assert api.client().incoming_phone_numbers.list() == []


def test_a_number_is_bought_once(api: Rest) -> None:
    api.client(SECOND.account_sid, SECOND.auth_token).incoming_phone_numbers.create(phone_number="+15555550101")
    assert refused(api, phone_number="+15555550101") == (400, 21422)


def test_another_accounts_number_is_not_there(api: Rest) -> None:
    theirs = api.client(SECOND.account_sid, SECOND.auth_token).incoming_phone_numbers.create(area_code="555")
    mine = api.client().incoming_phone_numbers
    assert mine.list() == []
    for work in (mine(theirs.sid).fetch, mine(theirs.sid).update, mine(theirs.sid).delete):
        assert refusal(work) == (404, 20404)
    assert theirs.fetch().sid == theirs.sid


def test_the_inventory_is_searched(api: Rest) -> None:
    local = api.client().available_phone_numbers("US").local
    assert len(local.list()) == 31
    assert [one.phone_number for one in local.list(area_code=212)] == ["+12125550100"]
    assert [one.phone_number for one in local.list(contains="212***0100")] == ["+12125550100"]
    assert [one.phone_number for one in local.list(contains="5550129")] == ["+15555550129"]
    assert [one.phone_number for one in local.list(contains="KKKKKK01*9")] == STOCK[9:30:10]
    assert [one.phone_number for one in local.list(voice_enabled=True, limit=1)] == ["+12125550100"]
    assert local.list(sms_enabled=True) == local.list(mms_enabled=True) == local.list(beta=True) == []
    british = api.client().available_phone_numbers("GB").local.list()
    assert [(one.phone_number, one.iso_country) for one in british] == [("+442071838750", "GB")]
    assert api.client().available_phone_numbers("CA").local.list() == []


def test_a_search_goes_on_over_pages(api: Rest) -> None:
    local = api.client().available_phone_numbers("US").local
    assert [one.phone_number for one in local.stream(page_size=7)] == sorted(STOCK[:31])


@pytest.mark.parametrize("options", [{"contains": "1;--"}, {"in_region": "CA"}, {"near_number": "+15555550100"}])
def test_a_search_that_the_inventory_cannot_do_is_refused(api: Rest, options: dict[str, str]) -> None:
    assert refusal(lambda: api.client().available_phone_numbers("US").local.list(**options)) == (400, 20001)


def test_countries(api: Rest) -> None:
    (country,) = api.client().available_phone_numbers.list()
    assert (country.country_code, country.country) == ("US", "United States")
    assert api.client().available_phone_numbers("US").fetch().country_code == "US"
    for code in ("FR", "XX"):
        assert refusal(api.client().available_phone_numbers(code).fetch) == (404, 20404)
    assert refusal(api.client().available_phone_numbers("XX").local.list) == (404, 20404)


def test_numbers_are_read_on_where_the_page_ended(api: Rest) -> None:
    """Deleting what was read makes the stream skip nothing."""
    numbers = api.client().incoming_phone_numbers
    for number in STOCK[:9]:
        numbers.create(phone_number=number)
    seen = []
    for number in numbers.stream(page_size=2):
        seen.append(number.phone_number)
        number.delete()
    assert seen == STOCK[8::-1]
