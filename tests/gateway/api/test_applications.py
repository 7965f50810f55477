"""`Applications` with Twilio's own library, and the numbers and calls that use them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lib import oai
from tests.lib.rest import SECOND, Rest, refusal

URL = "https://app.example.com/voice"
CALL = {"to": "+12125550123", "from_": "+15555550100"}


@pytest.fixture(autouse=True)
def described(api: Rest) -> Iterator[None]:
    """Every answer was as Twilio describes it, and nothing stays for the next test."""
    api.engine.asked.clear()
    yield
    for answer in api.answers:
        if answer.status < 300:
            oai.check(answer.method, answer.path, answer.status, answer.body)
    api.answers.clear()
    for application in api.client().applications.list():
        application.delete()
    api.answers.clear()


def test_an_application_has_every_field_that_it_was_given(api: Rest) -> None:
    given: dict[str, Any] = {
        "friendly_name": "IVR", "voice_url": URL, "voice_method": "GET", "voice_fallback_url": f"{URL}/f",
        "voice_fallback_method": "GET", "status_callback": f"{URL}/s", "status_callback_method": "GET",
        "sms_url": f"{URL}/m", "sms_method": "GET", "sms_fallback_url": f"{URL}/mf", "sms_fallback_method": "GET",
        "sms_status_callback": f"{URL}/ms", "message_status_callback": f"{URL}/mm",
        "public_application_connect_enabled": True,
    }  # fmt: skip
    made = api.client().applications.create(api_version="2010-04-01", **given)
    found = api.client().applications(made.sid).fetch()
    assert {name: getattr(found, name) for name in given} == given
    assert (found.api_version, found.voice_caller_id_lookup, made.sid[:2]) == ("2010-04-01", False, "AP")


def test_an_empty_parameter_clears_what_may_be_empty_and_changes_nothing_else(api: Rest) -> None:
    made = api.client().applications.create(friendly_name="IVR", voice_url=URL, voice_method="GET")
    names = ("VoiceUrl", "FriendlyName", "VoiceMethod", "ApiVersion", "PublicApplicationConnectEnabled", "SmsMethod")
    answer = api.ask("POST", f"/Applications/{made.sid}.json", data=dict.fromkeys(names, ""))
    shown = answer.json()
    assert (answer.status_code, shown["voice_url"], shown["friendly_name"]) == (200, None, None)
    assert (shown["voice_method"], shown["sms_method"]) == ("GET", "POST")


def test_what_is_not_given_has_twilios_default(api: Rest) -> None:
    made = api.client().applications.create()
    assert (made.friendly_name, made.voice_url, made.voice_method) == (None, None, "POST")
    assert made.public_application_connect_enabled is False


def test_an_update_changes_what_it_says_and_clears_what_is_empty(api: Rest) -> None:
    made = api.client().applications.create(friendly_name="IVR", voice_url=URL, voice_fallback_url=URL)
    changed = made.update(voice_fallback_url="", voice_method="GET")
    assert (changed.friendly_name, changed.voice_url) == ("IVR", URL)
    assert (changed.voice_fallback_url, changed.voice_method) == (None, "GET")


def test_lists_are_of_an_account_and_by_name(api: Rest) -> None:
    for name in ("a", "b", "a"):
        api.client().applications.create(friendly_name=name)
    assert [one.friendly_name for one in api.client().applications.list(friendly_name="a")] == ["a", "a"]
    assert len(api.client().applications.list(page_size=2)) == 3
    assert api.client(SECOND.account_sid, SECOND.auth_token).applications.list() == []


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"friendly_name": "x" * 65}, 20002),
        ({"voice_url": "app/voice"}, 21402),
        ({"voice_method": "PUT"}, 21403),
        ({"api_version": "2008-08-01"}, 20001),
        ({"voice_caller_id_lookup": True}, 21409),
        ({"public_application_connect_enabled": "yes"}, 20001),
    ],
)
def test_bad_parameters_are_refused(api: Rest, given: dict[str, Any], code: int) -> None:
    assert refusal(lambda: api.client().applications.create(**given)) == (400, code)


def test_a_deleted_application_is_gone_from_the_numbers_that_used_it(api: Rest) -> None:
    api.do(api.store.numbers.stock(["+15555550199"]))
    made = api.client().applications.create(voice_url=URL)
    number = api.client().incoming_phone_numbers.create(
        phone_number="+15555550199", voice_application_sid=made.sid, sms_application_sid=made.sid
    )
    assert (number.voice_application_sid, number.sms_application_sid) == (made.sid, made.sid)
    assert made.delete()
    found = number.fetch()
    assert (found.voice_application_sid, found.sms_application_sid) == (None, None)
    number.delete()
    assert refusal(lambda: api.client().applications(made.sid).fetch()) == (404, 20404)


@pytest.mark.parametrize("name", ["voice_application_sid", "sms_application_sid"])
def test_a_number_takes_only_an_application_of_its_account(api: Rest, name: str) -> None:
    api.do(api.store.numbers.stock(["+15555550199"]))
    other = api.client(SECOND.account_sid, SECOND.auth_token).applications.create()
    asked = {"phone_number": "+15555550199", name: other.sid}
    assert refusal(lambda: api.client().incoming_phone_numbers.create(**asked)) == (400, 21420)
    other.delete()


def test_a_call_by_application_is_the_applications_in_all_that_it_says(api: Rest) -> None:
    made = api.client().applications.create(
        voice_url=URL, voice_method="GET", voice_fallback_url=f"{URL}/f", status_callback=f"{URL}/s"
    )
    api.client().calls.create(
        **CALL, application_sid=made.sid, url="https://other.example.com/", method="POST", timeout=9,
        status_callback="https://other.example.com/", status_callback_event=["ringing"], send_digits="1",
    )  # fmt: skip
    ((_, wanted),) = api.engine.asked
    assert (wanted.url, wanted.method, wanted.twiml) == (URL, "GET", None)
    assert (wanted.fallback_url, wanted.fallback_method) == (f"{URL}/f", "POST")
    assert (wanted.status_callback, wanted.status_callback_events) == (f"{URL}/s", ("completed",))
    assert (wanted.timeout, wanted.send_digits) == (9, "1")


def test_a_call_needs_an_application_of_its_account_with_a_document(api: Rest) -> None:
    made = api.client().applications.create()
    assert refusal(lambda: api.client().calls.create(**CALL, application_sid=made.sid)) == (400, 21218)
    assert refusal(lambda: api.client().calls.create(**CALL, application_sid="AP" + "0" * 32)) == (400, 21218)
    assert api.engine.asked == []
