"""`Calls/{sid}/Siprec` with Twilio's library, and the operator's connectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException

from gateway.store.rows import Call
from tests.lib import oai
from tests.lib.rest import SECOND, Rest
from twiml.plans import StartSiprec

NOW = datetime(2024, 6, 1, 12, 0, tzinfo=UTC)
UP = "CA" + "1" * 32
PATH = "/operator/v1/siprec_connectors"
SERVER = {"name": "srs", "uris": ["sip:srs@192.0.2.5"], "username": "u", "password": "secret"}


@pytest.fixture(autouse=True)
def described(api: Rest) -> Iterator[None]:
    """A call that is up; every answer was as Twilio describes it."""
    api.engine.asked.clear()
    account = api.made.account_sid
    api.do(api.store.calls.insert(Call(UP, account, "+1", "+2", "inbound", "in-progress", NOW, NOW)))
    yield
    for answer in api.answers:
        if answer.status < 300:
            oai.check(answer.method, answer.path, answer.status, answer.body)
    api.answers.clear()
    api.do(api.store.calls.delete(account, UP))


def refusal(work: Callable[[], object]) -> tuple[int, int]:
    with pytest.raises(TwilioRestException) as refused:
        work()
    return refused.value.status, refused.value.code


def test_one_is_begun_with_all_its_parameters(api: Rest) -> None:
    made = api.client().calls(UP).siprec.create(
        connector_name="srs", name="mine", track="inbound_track", status_callback="https://app.example.com/s",
        status_callback_method="GET", parameter1_name="Agent", parameter1_value="Bob", parameter99_name="Last",
    )  # fmt: skip
    assert (made.name, made.status, made.call_sid, made.sid[:2]) == ("mine", "in-progress", UP, "SR")
    plan = StartSiprec(
        "srs", "mine", "inbound_track", "https://app.example.com/s", "GET", (("Agent", "Bob"), ("Last", ""))
    )
    assert api.engine.asked == [("siprec", UP, plan)]


def test_it_is_stopped_by_its_sid_or_its_name_and_stays_so(api: Rest) -> None:
    siprec = api.client().calls(UP).siprec
    first, second = siprec.create(connector_name="srs"), siprec.create(connector_name="srs", name="mine")
    for name, sid in ((first.sid, first.sid), ("mine", second.sid), ("mine", second.sid), (first.sid, first.sid)):
        stopped = api.client().calls(UP).siprec(name).update(status="stopped")
        assert (stopped.sid, stopped.status) == (sid, "stopped")
    assert first.name is None


@pytest.mark.parametrize(
    "wrong",
    [
        {}, {"connector_name": "srs", "track": "left"}, {"connector_name": "srs", "parameter1_value": "x"},
        {"connector_name": "srs", "parameter1_name": "x", "parameter1_value": "y" * 499},
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused(api: Rest, wrong: dict[str, Any]) -> None:
    assert refusal(lambda: api.client().calls(UP).siprec.create(**wrong)) == (400, 20001)
    assert api.engine.asked == []


def test_what_is_not_there_is_not_found(api: Rest) -> None:
    assert refusal(lambda: api.client().calls(UP).siprec("none").update(status="stopped")) == (404, 20404)
    gone = api.client().calls("CA" + "3" * 32)
    assert refusal(lambda: gone.siprec.create(connector_name="srs")) == (404, 20404)
    theirs = api.client(SECOND.account_sid, SECOND.auth_token).calls(UP)
    assert refusal(lambda: theirs.siprec.create(connector_name="srs")) == (404, 20404)
    made = api.client().calls(UP).siprec.create(connector_name="srs")
    assert refusal(lambda: api.client().calls(UP).siprec(made.sid).update(status="in-progress")) == (400, 20001)


def test_the_operator_makes_changes_and_deletes_connectors(api: Rest) -> None:
    assert api.operator("POST", PATH, json=SERVER).status_code == 201
    found = api.operator("GET", f"{PATH}/srs").json()
    assert (found["uris"], found["username"], "password" in found) == (SERVER["uris"], "u", False)
    assert api.operator("PUT", f"{PATH}/srs", json={"uris": ["sips:srs@example.com"]}).status_code == 200
    names = [one["name"] for one in api.operator("GET", PATH).json()["siprec_connectors"]]
    assert names == ["srs", "fixed"]
    assert api.operator("DELETE", f"{PATH}/srs").status_code == 204
    assert api.operator("GET", f"{PATH}/srs").status_code == 404


@pytest.mark.parametrize(
    "wrong", [{"uris": []}, {"uris": ["https://x"]}, {"uris": ["sip:x"], "color": "red"}, {"uris": [{"uri": "tel:1"}]}]
)
def test_a_connector_that_cannot_be_is_refused(api: Rest, wrong: dict[str, Any]) -> None:
    answer = api.operator("POST", PATH, json={"name": "bad"} | wrong)
    assert (answer.status_code, answer.json()["code"]) == (400, 20001)


def test_what_the_file_declares_is_changed_there(api: Rest) -> None:
    for method in ("PUT", "DELETE"):
        answer = api.operator(method, f"{PATH}/fixed", json={"uris": ["sip:other@x"]})
        assert answer.status_code == 409
        assert "line 7" in answer.json()["message"]
