"""The book of payment connectors."""

from __future__ import annotations

from gateway.connectors import Book
from gateway.payments.model import Connector


class ConnectorBook(Book[Connector]):
    """By name."""

    model, section, kind = Connector, "payment_connectors", "connector"

    def find(self, name: str, account_sid: str) -> Connector | None:
        """The connector of that name that an account may use."""
        found = self.connectors.get(name)
        return found if found is not None and found.account_sid in (None, account_sid) else None
