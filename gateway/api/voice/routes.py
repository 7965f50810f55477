"""Voice settings: all of it."""

from __future__ import annotations

from gateway.api.http import Route
from gateway.api.resource import Serving
from gateway.api.voice import carriers, sources
from gateway.api.voice.archives import Archives
from gateway.api.voice.dialing_permissions import DialingPermissions
from gateway.store import Store


def routes(store: Store, serving: Serving) -> list[Route]:
    """The paths."""
    return [
        *carriers.routes(store, serving),
        *sources.routes(store, serving),
        *DialingPermissions(store, serving).routes(),
        *Archives(store, serving).routes(),
    ]
