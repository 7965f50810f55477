"""What `/metrics` shows of the living objects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.calls.exchange import Exchange
from gateway.calls.services import Services
from gateway.metrics import Metrics, open_fds
from sip.transport.endpoint import Endpoint


def watch(metrics: Metrics, services: Services, exchange: Exchange, endpoint: Endpoint) -> None:
    agent = endpoint.agent
    workers = services.workers

    def worst(name: str) -> Callable[[], float]:
        return lambda: max((getattr(one, name) for one in workers.stats), default=0.0)

    def native() -> float:
        return float(all(one.packet_io == "native" for one in workers.stats))

    metrics.watch(
        {
            "calls": ("Living calls", lambda: len(exchange.calls)),
            "ports_in_use": ("Media ports taken", lambda: services.workers.ports_in_use),
            "dialogs": ("SIP dialogs", lambda: agent.dialogs),
            "transactions": ("SIP transactions", lambda: agent.transactions),
            "sip_connections": ("SIP connections (TCP, TLS, WebSocket)", lambda: len(endpoint.connections)),
            "newcomers": (
                "HTTP connections whose first request is not there yet",
                lambda: len(endpoint.connections.newcomers),
            ),
            "targets_down": ("Targets of trunks that do not answer", lambda: len(services.carriers.down)),
            "registrations_missing": ("Trunks that should be registered and are not", services.carriers.missing),
            "strangers_shut_out": ("Sources that are not read any more", services.admission.shut_out),
            "messages_unread": ("Messages of sources that are shut out", lambda: services.admission.gate.unread),
            "refusals": ("Requests that were refused since the start", lambda: services.admission.refusals.total),
            "registrations": ("Addresses of record that phones are registered for", lambda: len(services.phones)),
            "tasks": ("Tasks of the event loop", lambda: len(asyncio.all_tasks())),
            "outbox_pending": ("Callbacks to deliver", lambda: services.outbox.pending),
            "callback_hosts_dead": ("Hosts that answer no callback", lambda: services.outbox.dead_hosts),
            "open_fds": ("Open files of the control process", open_fds),
            "sound_bytes": ("Memory of media workers that holds sounds", lambda: services.workers.sound_bytes),
            "sound_bound_bytes": ("Memory of media workers for sounds", lambda: services.workers.sound_bound),
            "media_tick_ms": ("Milliseconds of a media tick of 20, slowest worker", worst("tick_ms_mean")),
            "media_late_ms_p99": ("How late ticks were in the last 5 s, 99th percentile", worst("late_ms_p99")),
            "media_late_ms_max": ("How late ticks were in the last 5 s, latest", worst("late_ms_max")),
            "media_native": ("1 where all media workers use the packet loop in C", native),
            "worker_restarts": ("Media workers that were replaced", lambda: services.workers.restarts),
        }
    )
