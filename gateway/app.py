"""The composition root: settings become a running gateway, in one visible place."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from random import SystemRandom

from gateway.accounts import first_start
from gateway.accounts.basic import Authenticator
from gateway.accounts.secret import SecretKey
from gateway.api import server
from gateway.calls.exchange import Exchange
from gateway.calls.leg import MediaSettings
from gateway.calls.media import Link, Workers
from gateway.calls.recovery import recover
from gateway.calls.services import Services
from gateway.clock import Clock, SystemClock
from gateway.config import Settings, host_port
from gateway.metrics import Metrics, open_fds
from gateway.numbers.inventory import DEFAULT as DEFAULT_NUMBERS
from gateway.sids import Sids
from gateway.speech.cache import AudioCache
from gateway.speech.fetch import AudioFetcher
from gateway.speech.speaker import SpeechCache, engines
from gateway.store import Store
from gateway.trunks.book import TrunkBook
from gateway.webhooks.client import Webhooks
from gateway.webhooks.guard import Guard
from gateway.webhooks.outbox import Outbox
from gateway.webhooks.transport import AiohttpTransport
from media.events import Event as MediaEvent
from media.link import WorkerLink
from media.worker import WorkerSettings
from sip.agent import Agent
from sip.transport.endpoint import Endpoint

LOG = logging.getLogger(__name__)


class Gateway:
    """A running gateway: its rooms, opened in order and closed in reverse."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.exchange = Exchange()
        self.metrics = Metrics()
        self.random = SystemRandom()
        self.credentials = ("", "")
        self.http_address = ""
        self.sip_address = ""
        self.ready = False
        self._close = contextlib.AsyncExitStack()
