"""The rooms that settings open: a setting that cannot be used is a ConfigError that names it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from random import Random
from typing import Any

from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from gateway.calls.exchange import Exchange
from gateway.calls.media import Link
from gateway.clock import Clock
from gateway.config import ConfigError, Settings
from gateway.sections import SIP_TRANSPORTS
from gateway.speech.cache import AudioCache
from gateway.speech.errors import SpeechError
from gateway.speech.speaker import Speaker, engine
from gateway.store import Store
from gateway.store.secret import SecretKey
from gateway.trunks.gate import Gate
from media.events import Event as MediaEvent
from media.link import WorkerLink
from media.worker import WorkerSettings
from sip.agent import Agent
from sip.transport.endpoint import Endpoint
from sip.transport.tls import TlsFiles

GATHERING = 0.005  # seconds that a write waits for others, to be committed with them


def make_folder(folder: Path) -> None:
    """Makes the folder of recordings in the data folder, both for this user alone where they are new."""
    try:
        folder.parent.parent.mkdir(parents=True, exist_ok=True)
        if not folder.parent.exists():
            folder.parent.mkdir(0o700)
        folder.mkdir(0o700, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"data {folder}: {error.strerror}") from error


@contextmanager
def alone(data: Path) -> Iterator[None]:
    """Has the data folder for this process alone: two would end each other's calls."""
    with open(data / "lock", "w") as lock:
        try:
            flock(lock, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"data {data}: another gateway runs on it") from None
        yield


async def open_store(settings: Settings, clock: Clock, secret: SecretKey) -> Store:
    try:
        return await Store.open(settings.database_url, clock, secret, settings.store.durability, GATHERING)
    except CommandError as error:
        cure = "run the version that wrote it, or a newer one, or restore the backup from before"
        raise ConfigError(f"store.url: the database was written by a newer version: {cure}") from error
    except (SQLAlchemyError, OSError, ImportError) as error:
        first_line = str(error).partition("\n")[0]
        raise ConfigError(f"store.url: the database cannot be opened: {first_line}") from error


def speaker(settings: Settings, cache: AudioCache, clock: Clock) -> Speaker:
    try:
        return Speaker(cache, clock, engine(settings.speech.engine))
    except SpeechError as error:
        raise ConfigError(f"speech.engine: {error}") from error


def start_worker(settings: Settings) -> Callable[..., Any]:
    """How the pool starts worker number n: each has its share of the RTP ports."""
    host, first, last = settings.media.rtp_range
    share = (last - first + 1) // settings.media.workers

    async def start(number: int, on_events: Callable[[list[MediaEvent]], None], on_lost: Callable[[str], None]) -> Link:
        start_port = first + number * share
        worker = WorkerSettings(
            str(settings.data.absolute()), host, start_port, start_port + share - 1, settings.media.idle_seconds,
            settings.media.sound_mb << 20,
            settings.media.mix_all_below,
        )  # fmt: skip
        return await WorkerLink.start(worker, on_events, on_lost)

    return start


async def open_sip(settings: Settings, random: Random, exchange: Exchange, gate: Gate) -> Endpoint:
    sip = settings.sip
    advertised = dict.fromkeys(SIP_TRANSPORTS, (sip.public_address, 0)) if sip.public_address else {}
    agent = Agent(random, advertised=advertised, registrar=True)
    names = {name: (one.cert, one.key) for name, one in sip.tls_names.items()}
    files = TlsFiles(sip.tls_cert, sip.tls_key, sip.tls_ca, names)
    try:
        return await Endpoint.open(agent, sip.listeners, exchange.hear, files, sip.nameservers, sip.bounds, gate)
    except OSError as error:
        raise ConfigError(f"sip: cannot listen on {sip.listen} and the other listeners: {error}") from error
