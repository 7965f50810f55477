"""What a call can run: a document by its URL or as it is, a Dial without one, the place in a conference."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.calls.conferences.conference import Conference
from gateway.calls.placing.dialstring import Hops
from gateway.calls.transfers.transfer import Transfers
from twiml.plans import DialPlan

if TYPE_CHECKING:
    from gateway.calls.control import Control


@dataclass(frozen=True, slots=True)
class Fetch:
    """A document to request; `params` are added to the call's."""

    url: str
    method: str = "POST"
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Inline:
    """A document that was given in the REST request."""

    twiml: str


@dataclass(frozen=True, slots=True)
class Dialling:
    """A Dial without a document: what a trunk's call is. `recovery` is run where it could not be placed."""

    plan: DialPlan
    transfers: Transfers
    hops: Hops | None = None
    recovery: Fetch | None = None


@dataclass(frozen=True, slots=True)
class TakingPart:
    """The place in a conference that the call was placed for; the call is over with it. `early`: what the far end
    sends before it answers is heard there."""

    conference: Conference
    early: bool = False


@dataclass(frozen=True, slots=True)
class Transferred:
    """Where the party that placed the call has sent it; the call is over with it."""

    run: Callable[[Control], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Validating:
    """The question for the code that verifies a caller ID; the call is over with it."""

    run: Callable[[Control], Awaitable[object]]


Source = Fetch | Inline | Dialling | TakingPart | Transferred | Validating
