"""Calls to applications: `<Dial><Application>` and `To=app:…` reach one by a call of this gateway to itself.

The application answers it as it would answer a call to its number, with `ApplicationSid` and the parameters that were
given with it (twiml-voice.md §16).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from gateway.calls.call import Call
from gateway.calls.params import RESERVED
from gateway.calls.placing.dialstring import INSIDE, Hop, NoRoute
from gateway.calls.services import Services
from sip.message import Request
from twiml.targets import ApplicationTarget

CARRIED = "X-Trunkline-Application"  # who calls whom with which parameters, as a form
UNKNOWN = 13221  # Twilio: Dial: invalid attribute or content of its noun
_SID = re.compile(r"AP[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Called:
    """A call to an application: who calls, what is called, and the parameters of its document."""

    sid: str
    from_: str
    to: str
    params: dict[str, str]


async def hop_to(services: Services, account_sid: str, target: ApplicationTarget, caller_id: str, to: str) -> Hop:
    """The way to an application of this account, or of another one that lets itself be called; NoRoute."""
    application = await services.store.applications.find(target.sid)
    if application is None or not application.voice_url:
        raise NoRoute(UNKNOWN, f"{target.sid} is no application with a VoiceUrl")
    if application.account_sid != account_sid and not application.public_application_connect_enabled:
        raise NoRoute(UNKNOWN, f"{target.sid} is of another account and may not be called")
    customer = [("CustomerId", target.customer_id)] if target.customer_id else []
    carried = urlencode([("From", caller_id), ("To", to), *customer, *target.params])
    inside = services.addresses.inside
    return Hop(f"sip:{target.sid}@{inside}", headers=((INSIDE, services.inside_token), (CARRIED, carried)))


def called_as(parent: Call, target: ApplicationTarget) -> str:
    """`To` of the call: the application, or what the parent called."""
    return parent.row.to if target.copy_parent_to else target.sid


def called(request: Request) -> Called | None:
    """The application that an INVITE of ours is for; None where it is for none."""
    carried = request.headers.get(CARRIED)
    sid = request.uri.user or ""
    if carried is None or not _SID.fullmatch(sid):
        return None
    fields = parse_qsl(carried, keep_blank_values=True)
    named = {name: value for name, value in fields[2:] if name not in RESERVED}
    return Called(sid, fields[0][1], fields[1][1], {"ApplicationSid": sid} | named)
