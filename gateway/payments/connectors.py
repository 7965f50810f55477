"""Payments: what was entered goes to the connector's endpoint, signed, and nowhere else."""

from __future__ import annotations

import json
import logging
from typing import Any

from gateway.payments import answers, trial
from gateway.payments.book import ConnectorBook
from gateway.payments.model import Connector
from gateway.sids import Sids
from gateway.webhooks.client import Webhooks
from gateway.webhooks.errors import FetchError
from gateway.webhooks.request import Body, WebhookRequest
from twiml import payments
from twiml.payments import Paid, Payment

LOG = logging.getLogger(__name__)


class Payments:
    """All connectors at work."""

    def __init__(self, book: ConnectorBook, webhooks: Webhooks, sids: Sids) -> None:
        self.book = book
        self._webhooks = webhooks
        self._sids = sids

    def check(self, account_sid: str, name: str) -> Paid | None:
        """Why an account cannot pay by a connector of that name."""
        if self.book.find(name, account_sid) is not None:
            return None
        return Paid({}, answers.UNKNOWN, f"the account has no payment connector {name!r}")

    async def pay(self, account_sid: str, call_sid: str, payment: Payment) -> Paid:
        """Charges or keeps a card or an account: one answer, whatever becomes of it."""
        connector = self.book.find(payment.terms.connector, account_sid)
        if connector is None:
            return Paid({}, answers.UNKNOWN, f"the account has no payment connector {payment.terms.connector!r}")
        token = self._sids.token()
        if connector.mode == "test":
            return answers.paid(trial.answer(payment, self._sids.token()), payment)
        request = WebhookRequest(
            account_sid, connector.url, "POST", {}, token=token, subject=call_sid,
            body=Body(self._body(account_sid, call_sid, token, payment)), unseen=True, key=connector.password,
        )  # fmt: skip
        return await self._ask(connector, request, payment)

    async def _ask(self, connector: Connector, request: WebhookRequest, payment: Payment) -> Paid:
        try:
            answer = await self._webhooks.fetch(request)
            return answers.paid(answers.read(answer.body), payment)
        except FetchError as error:
            why, code = f"the connector could not be asked: {error}", str(error.code)
        except ValueError as error:
            why, code = f"the connector's answer was of no use: {error}", ""
        LOG.error("! payment connector %s: %s", connector.name, answers.without(why, payment.entered.values.values()))
        return answers.failed(payment, why, code)

    def _body(self, account_sid: str, call_sid: str, token: str, payment: Payment) -> bytes:
        """Its salt makes sure that nobody guesses a card by the hash of the body, which is written down."""
        terms, entered = payment.terms, payment.entered
        said: dict[str, Any] = {
            "transaction_id": token, "account_sid": account_sid, "call_sid": call_sid,
            "method": "charge" if terms.charges else "tokenize", "payment_method": terms.method,
            "amount": terms.amount, "currency": terms.currency, "description": terms.description,
            "token_type": terms.token_type, "parameters": dict(terms.parameters), "salt": self._sids.token(),
        }  # fmt: skip
        if terms.method == payments.BANK:
            said["bank_account"] = {
                "type": terms.bank_account_type, "routing_number": entered.get(payments.ROUTING),
                "account_number": entered.get(payments.ACCOUNT),
            }  # fmt: skip
        else:
            expires = entered.get(payments.DATE)
            said["card"] = {
                "number": entered.get(payments.NUMBER), "type": entered.card_type, "expiry_month": expires[:2],
                "expiry_year": expires[2:], "security_code": entered.get(payments.CODE),
                "postal_code": terms.postal or entered.get(payments.POSTAL),
            }  # fmt: skip
        return json.dumps(said).encode()
