"""The book of recording servers."""

from __future__ import annotations

from gateway.connectors import Book
from gateway.siprec.model import Connector


class SiprecBook(Book[Connector]):
    """By name, which is what `<Siprec connectorName>` says."""

    model, section, kind = Connector, "siprec_connectors", "siprec-connector"
