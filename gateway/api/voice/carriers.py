"""Carriers that customers bring along: `ByocTrunks`, and the `ConnectionPolicies` that say how they are reached."""

from __future__ import annotations

from gateway.api import readers
from gateway.api.http import Route
from gateway.api.resource import Resource, Served, Serving
from gateway.store import Store
from gateway.store.sip_rows import ByocTrunk, ConnectionPolicy, Target


def routes(store: Store, serving: Serving) -> list[Route]:
    """The paths."""
    return [
        *Served(byoc_trunks(store), serving).routes(),
        *Served(connection_policies(store), serving).routes(),
        *Served(targets(store), serving).routes(),
    ]


def byoc_trunks(store: Store) -> Resource[ByocTrunk]:
    """The carriers."""
    return Resource(
        path="/ByocTrunks",
        prefix="BY",
        key="byoc_trunks",
        rows=store.sip.byoc_trunks,
        make=ByocTrunk,
        fields={
            "friendly_name": readers.text(255),
            "voice_url": readers.url,
            "voice_method": readers.method,
            "voice_fallback_url": readers.url,
            "voice_fallback_method": readers.method,
            "status_callback_url": readers.url,
            "status_callback_method": readers.method,
            "cnam_lookup_enabled": readers.no_lookup,
            "connection_policy_sid": readers.sid("NY"),
            "from_domain_sid": readers.sid("SD"),
        },
        references={
            "connection_policy_sid": (store.sip.connection_policies.fetch, 20001),
            "from_domain_sid": (store.sip.domains.fetch, 20001),
        },
    )


def connection_policies(store: Store) -> Resource[ConnectionPolicy]:
    """Sets of targets."""
    return Resource(
        path="/ConnectionPolicies",
        prefix="NY",
        key="connection_policies",
        rows=store.sip.connection_policies,
        make=ConnectionPolicy,
        fields={"friendly_name": readers.text(255)},
        parts={"targets": "Targets"},
    )


def targets(store: Store) -> Resource[Target]:
    """Ways to a carrier; the lowest priority first, among equals by weight."""
    return Resource(
        path="/ConnectionPolicies/{connection_policy_sid}/Targets",
        prefix="NE",
        key="targets",
        rows=store.sip.targets,
        make=Target,
        fields={
            "target": readers.sip_uri,
            "friendly_name": readers.text(255),
            "priority": readers.whole(0, 65535),
            "weight": readers.whole(1, 65535),
            "enabled": readers.flag,
        },
        required=("target",),
        parents={"connection_policy_sid": store.sip.connection_policies.fetch},
    )
