"""Payment connectors: what can be declared, who may use one, and how the operator changes them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.api.http import Reply, Request, Router
from gateway.api.operator.connectors import Connectors
from gateway.config import ConfigError, load
from gateway.errors import ApiError
from gateway.payments import answers, trial
from gateway.payments.book import ConnectorBook
from gateway.payments.model import Connector
from gateway.store import Store
from gateway.store.secret import SecretKey
from tests.lib.loop import VirtualClock, run
from twiml import payments
from twiml.payments import Entered, Payment, Terms

OWN = {"name": "Own", "url": "https://pay.example/cards", "password": "quiet"}
Ask = Callable[..., Awaitable[Reply]]


@pytest.mark.parametrize(
    "url",
    ["https://pay.example/cards", "http://127.0.0.1:9/cards", "http://localhost/cards", "http://[::1]:9/cards"],
)
def test_cards_go_encrypted_or_to_this_machine(url: str) -> None:
    assert Connector(name="a", url=url).url == url


@pytest.mark.parametrize(
    ("fields", "word"),
    [({"url": "http://pay.example/cards"}, "https"), ({"url": "ftp://a.example/"}, "HTTP URL"), ({}, "needs a url"),
     ({"url": "https://a.example/", "mode": "trial"}, "mode"), ({"url": "http://10.0.0.1/"}, "https"),
     ({"url": "https://a.example/", "secret": "x"}, "secret")],
)  # fmt: skip
def test_what_cannot_be_a_connector_is_refused_in_words(fields: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        Connector.model_validate({"name": "a", **fields})


def booked(tmp_path: Path, test: Callable[[ConnectorBook, Store], Awaitable[None]]) -> None:
    """A book with one connector of the file."""

    async def main(clock: VirtualClock) -> None:
        path = tmp_path / "trunkline.toml"
        path.write_text('\n[[payment_connectors]]\nname = "Default"\nmode = "test"\naccount_sid = "AC1"\n')
        settings = load(path)
        store = await Store.open(f"sqlite:///{tmp_path}/test.db", clock, SecretKey(b"test"))
        book = ConnectorBook(store, settings.payment_connectors, settings.declared_at)
        await book.load()
        await test(book, store)
        await store.close()

    run(main)


def test_a_connector_can_be_one_accounts_alone(tmp_path: Path) -> None:
    async def test(book: ConnectorBook, _: Store) -> None:
        assert book.find("Default", "AC1") is not None
        assert book.find("Default", "AC2") is None

    booked(tmp_path, test)


def test_the_operator_makes_changes_and_removes_them(tmp_path: Path) -> None:
    async def test(book: ConnectorBook, store: Store) -> None:
        router = Router(Connectors(book).routes())

        async def ask(method: str, name: str = "", body: object = None) -> Reply:
            path = f"/operator/v1/payment_connectors{name}"
            serve, variables = router.find(method, path)
            return await serve(Request(method, path, variables, {}, body))

        made = await ask("POST", body=OWN)
        shown = {"name": "Own", "url": OWN["url"], "mode": "live", "account_sid": None}
        assert (made.status, made.json) == (201, shown)
        assert (await ask("GET", "/Own")).json == shown
        assert [one["name"] for one in (await ask("GET")).json["payment_connectors"]] == ["Own", "Default"]
        assert book.connectors["Own"].password == OWN["password"]
        assert (await ask("PUT", "/Own", {"mode": "test"})).status == 200
        assert book.connectors["Own"].mode == "test"
        assert (await ask("DELETE", "/Own")).status == 204
        with pytest.raises(ApiError, match="not found"):
            await ask("GET", "/Own")
        with pytest.raises(ApiError, match="line 2"):
            await ask("PUT", "/Default", {"mode": "test"})

    booked(tmp_path, test)


def test_a_connector_of_the_file_that_cannot_be_is_a_setting_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="payment_connectors"):
        ConnectorBook(None, [{"name": "a", "url": "http://a.example/"}], {})  # type: ignore[arg-type]


def bank(account: str, routing: str = "110000000") -> Payment:
    return Payment(Terms(method=payments.BANK), Entered({payments.ROUTING: routing, payments.ACCOUNT: account}))


@pytest.mark.parametrize(
    ("payment", "code"),
    [(bank("000123456789"), 0), (bank("000111111113"), 64010), (bank("000123456789", "021000089"), 64010)],
)
def test_the_test_mode_knows_bank_accounts(payment: Payment, code: int) -> None:
    assert answers.paid(trial.answer(payment, "0" * 32), payment).code == code


@pytest.mark.parametrize(
    ("number", "amount", "code"),
    [("4242424242424242", "0", 0), ("4242424242424242", "1", 0), ("4000000000000002", "1", 64012),
     ("4000000000000119", "1", 64008), ("4000000000000119", "0", 64010), ("4539578763621486", "1", 64012)],
)  # fmt: skip
def test_the_test_mode_knows_cards(number: str, amount: str, code: int) -> None:
    payment = Payment(Terms(amount=amount), Entered({payments.NUMBER: number}))
    assert answers.paid(trial.answer(payment, "0" * 32), payment).code == code
