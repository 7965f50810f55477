"""The core API of a running gateway: each resource with what serves it."""

from __future__ import annotations

from gateway.api.core import declared, queues
from gateway.api.core.accounts import Accounts
from gateway.api.core.call_events import CallEvents
from gateway.api.core.call_messages import CallMessages
from gateway.api.core.call_payments import CallPayments
from gateway.api.core.caller_ids import CallerIds
from gateway.api.core.calls import Calls
from gateway.api.core.conferences import Conferences
from gateway.api.core.later import Later
from gateway.api.core.notifications import Notifications
from gateway.api.core.numbers import Numbers
from gateway.api.core.participants import Participants
from gateway.api.core.recordings import Recordings
from gateway.api.core.siprecs import Siprecs
from gateway.api.core.unmade import Unmade
from gateway.api.dialect import CORE
from gateway.api.http import Route
from gateway.api.resource import Serving
from gateway.calls.conferences.moderation import Moderation
from gateway.calls.exchange import Exchange
from gateway.calls.payments.assisted import AssistedPayments
from gateway.calls.queues.dispatch import Dispatch
from gateway.calls.recordings.live import LiveRecordings
from gateway.calls.services import Services
from gateway.calls.validation import Validations
from gateway.siprec.siprecs import LiveSiprecs


def core_routes(services: Services, exchange: Exchange) -> list[Route]:
    """All paths below /2010-04-01."""
    store, clock, moderation = services.store, services.clock, Moderation(services, exchange)
    steering = exchange.steering
    live = LiveRecordings(exchange.living, services.conferences)
    return [
        *Accounts(store, clock).routes(),
        *CallerIds(store, Serving(CORE, services.sids, clock), Validations(services, exchange)).routes(),
        *CallEvents(store, services.ledger).routes(),
        *Notifications(store).routes(),
        *Unmade(store).routes(),
        *Numbers(store, services.sids, clock).routes(),
        *CallMessages(store, steering, services.sids, clock).routes(),
        *Calls(store, exchange, steering).routes(),
        *CallPayments(store, AssistedPayments(exchange.living), clock).routes(),
        *Siprecs(store, LiveSiprecs(exchange.living)).routes(),
        *Later(store).routes(),
        *Recordings(store, live, clock, services.recordings_dir, lambda: services.public_url).routes(),
        *Conferences(store, moderation).routes(),
        *Participants(store, moderation).routes(),
        *queues.routes(store, Dispatch(services, exchange), services.sids, clock),
        *declared.routes(store, services.sids, clock),
    ]
