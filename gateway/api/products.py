"""The products beside the core."""

from __future__ import annotations

from collections.abc import Callable

from gateway.api.dialect import newer
from gateway.api.http import Router
from gateway.api.monitor.alerts import Alerts
from gateway.api.resource import Serving
from gateway.api.trunking import trunks
from gateway.api.voice import routes as voice
from gateway.clock import Clock
from gateway.sids import Sids
from gateway.store import Store


def products(store: Store, sids: Sids, clock: Clock, public_url: Callable[[], str]) -> dict[str, Router]:
    """By the first part of their paths. `public_url` is asked for at each use: it may be known late."""

    def serving(product: str) -> Serving:
        return Serving(newer(product, public_url), sids, clock)

    return {
        "monitor": Router(Alerts(store, newer("monitor", public_url)).routes()),
        "trunking": Router(trunks.routes(store, serving("trunking"))),
        "voice": Router(voice.routes(store, serving("voice"))),
    }
