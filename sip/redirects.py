"""Where 3xx responses lead: contacts by their q, each once, no more than allowed (RFC 3261 §8.1.3.4)."""

from __future__ import annotations

from sip.errors import SipError
from sip.grammar import lookup
from sip.message import Response
from sip.uri import Uri
from sip.values import NameAddr


class Redirects:
    """The contacts of one call. `most` is how many are followed; 0 follows none."""

    def __init__(self, first: Uri, most: int) -> None:
        self._left = most
        self._seen = {str(first)}
        self._contacts: list[Uri] = []

    def add(self, response: Response) -> None:
        """The contacts of a 3xx, best first; those that were tried already would be a loop."""
        try:
            contacts = sorted(response.contact, key=_preference, reverse=True)
        except SipError:
            return  # nowhere to go
        for contact in contacts:
            if contact.uri.scheme in ("sip", "sips") and str(contact.uri) not in self._seen:
                self._seen.add(str(contact.uri))
                self._contacts.append(contact.uri)

    def next(self) -> Uri | None:
        """The next one to try."""
        if not self._contacts or self._left <= 0:
            return None
        self._left -= 1
        return self._contacts.pop(0)


def _preference(contact: NameAddr) -> float:
    """q, 1 where it is not given or not a number."""
    try:
        return float(lookup(contact.params, "q") or 1)
    except ValueError:
        return 1.0
