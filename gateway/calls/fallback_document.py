"""A document that is left with the gateway for when an app is down."""

from __future__ import annotations

from twiml import document
from twiml.errors import TwimlError


def check(twiml: str) -> None:
    """TwimlError for one that cannot stand by: that cannot be read, or is odd in any place."""
    for warning in document.parse(twiml).warnings:
        raise TwimlError(warning.code, warning.message, warning.line)
