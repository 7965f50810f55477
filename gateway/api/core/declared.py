"""The resources of the core that are a declaration and no more."""

from __future__ import annotations

from gateway.api.core import sip_domains, sip_lists
from gateway.api.core.applications import applications
from gateway.api.dialect import CORE
from gateway.api.http import Route
from gateway.api.resource import Served, Serving
from gateway.clock import Clock
from gateway.sids import Sids
from gateway.store import Store


def routes(store: Store, sids: Sids, clock: Clock) -> list[Route]:
    """The paths."""
    serving = Serving(CORE, sids, clock)
    return [
        *sip_domains.routes(store, serving),
        *sip_lists.routes(store, serving),
        *Served(applications(store), serving).routes(),
    ]
