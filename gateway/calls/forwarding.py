"""CallToken: who calls in may be shown by a call that the app places meanwhile (webhooks.md: incoming calls).

A token says which call; that it is up, and the account's, is what is believed. So a token is no secret.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import quote, unquote

from gateway.calls.call import Call

FIELD = "parentCallInfoToken"


def token(call_sid: str) -> str:
    """The token of a call, in Twilio's form: JSON, URL-encoded."""
    return quote(json.dumps({FIELD: call_sid, "identityHeaderTokens": []}), safe="")


def shows_caller(calls: Mapping[str, Call], account_sid: str, text: str, caller_id: str) -> bool:
    """Whether this is the token of an account's call, which is up, from this caller."""
    call = calls.get(_sid(text))
    return call is not None and call.row.came_in and (call.row.account_sid, call.row.from_) == (account_sid, caller_id)


def _sid(text: str) -> str:
    try:
        found = json.loads(unquote(text))
    except (ValueError, RecursionError):
        return ""
    return str(found.get(FIELD)) if isinstance(found, dict) else ""
