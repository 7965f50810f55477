"""`Accounts`, and who may ask."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import requests

from gateway.store.rows import Account
from tests.lib import oai
from tests.lib.rest import SECOND, Rest, refusal


def test_the_account_is_fetched_listed_and_renamed(api: Rest) -> None:
    client = api.client()
    account = client.api.accounts(api.made.account_sid).fetch()
    assert (account.sid, account.status, account.type) == (api.made.account_sid, "active", "Full")
    assert account.auth_token == api.made.auth_token
    assert account.update(friendly_name="Näme").friendly_name == "Näme"
    accounts = client.api.accounts
    assert [one.sid for one in accounts.list()] == [account.sid]
    assert [one.sid for one in accounts.list(friendly_name="Näme", status="active")] == [account.sid]
    assert accounts.list(friendly_name="other") == accounts.list(status="closed") == []
    for answer in api.answers:
        oai.check(answer.method, answer.path, answer.status, answer.body)
    api.answers.clear()


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"friendly_name": ""}, 20002), ({"friendly_name": "x" * 65}, 20002), ({"status": "closed"}, 20001)],
)
def test_an_account_that_cannot_be_changed_so(api: Rest, changes: dict[str, str], code: int) -> None:
    assert refusal(lambda: api.client().api.accounts(api.made.account_sid).update(**changes)) == (400, code)


def test_wrong_credentials_are_401_with_20003(api: Rest) -> None:
    for client in (api.client(password="wrong"), api.client("AC" + "9" * 32, "x"), api.client("SK" + "1" * 32, "x")):
        assert refusal(client.calls.list) == (401, 20003)
        assert refusal(client.calls("CA" + "1" * 32).fetch) == (401, 20003)


@pytest.mark.parametrize("header", ["", "Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Bearer x", "Basic \xff"])
def test_headers_that_are_no_credentials_are_401(api: Rest, header: str) -> None:
    answer = requests.get(f"{api.url}/2010-04-01/Accounts.json", headers={"Authorization": header.encode("latin-1")})
    assert (answer.status_code, answer.json()["code"]) == (401, 20003)
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="Twilio API"'


def test_another_account_is_not_there(api: Rest) -> None:
    client = api.client(account=SECOND.account_sid)
    assert refusal(client.calls.list) == refusal(client.incoming_phone_numbers.list) == (404, 20404)
    assert refusal(client.recordings.list) == refusal(client.notifications.list) == (404, 20404)
    assert refusal(client.available_phone_numbers.list) == (404, 20404)
    assert refusal(client.api.accounts(SECOND.account_sid).fetch) == (404, 20404)
    assert refusal(lambda: client.api.accounts(SECOND.account_sid).update(friendly_name="mine")) == (404, 20404)


def test_a_suspended_account_is_refused_at_once(api: Rest) -> None:
    now = datetime.now(UTC)
    api.do(api.store.accounts.create(Account("AC" + "3" * 32, "third", "Third", "active", now, now)))
    client = api.client("AC" + "3" * 32, "third")
    assert client.calls.list() == []
    api.do(api.store.accounts.update("AC" + "3" * 32, status="suspended"))
    assert refusal(client.calls.list) == (401, 20003)
    api.do(api.store.accounts.update("AC" + "3" * 32, status="active", auth_token="fresh"))
    assert refusal(client.calls.list) == (401, 20003)
    assert api.client("AC" + "3" * 32, "fresh").calls.list() == []
