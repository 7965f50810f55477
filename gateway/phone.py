"""`trunkline phone`: a small softphone on our own sip and media rooms. It dials, presses digits, records, hangs up."""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from argparse import Namespace
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random, SystemRandom

from gateway.calls.leg import Gone, Leg
from gateway.calls.media import Link, Workers
from gateway.calls.negotiation import MediaSettings
from gateway.numbers.e164 import normal
from gateway.speech.cache import AudioCache
from gateway.speech.decode import decode
from media.commands import Record, Sound
from media.events import Event as MediaEvent
from media.events import RecordEnded, RecordStopped
from media.link import WorkerLink
from media.worker import WorkerSettings
from sip.agent import Agent
from sip.commands import Command, Credentials, Invite
from sip.events import Event
from sip.transport.endpoint import Endpoint

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the phone shall do. `digits` are sent after the answer: `w` waits half a second, `W` one."""

    uri: str
    digits: str = ""
    say: Path | None = None
    record: Path | None = None
    seconds: float = 60.0
    caller: str = "+15555550199"
    credentials: Credentials | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """How the call went; `seconds` is the length of what was recorded."""

    answered: bool
    gone: Gone
    seconds: float


class Phone:
    """A softphone: a SIP endpoint and a media worker of its own."""

    def __init__(self, endpoint: Endpoint, workers: Workers, cache: AudioCache, local: str, random: Random) -> None:
        self._endpoint = endpoint
        self._workers = workers
        self._cache = cache
        self._local = local
        self._random = random
        self._legs: dict[str, Leg] = {}

    def apply(self, command: Command) -> None:
        """Hands a command to the agent."""
        self._endpoint.apply(command)

    def hear(self, event: Event) -> None:
        """An event of the agent, for the leg it is about."""
        leg = self._legs.get(getattr(event, "session", ""))
        if leg is not None:
            leg.hear_sip(event)

    async def call(self, wish: Wish) -> Heard:
        """Places one call and stays until it is over."""
        session = self._random.randbytes(8).hex()
        leg = Leg(
            session, self, self._workers, MediaSettings(self._local, ("PCMU", "PCMA")), self._random, symmetric=True
        )
        self._legs[session] = leg
        try:
            return await self._talk(leg, wish)
        finally:
            leg.release()
            del self._legs[session]

    async def _talk(self, leg: Leg, wish: Wish) -> Heard:
        tape = Tape()
        await leg.invite(lambda sdp: self._invite(leg, wish, sdp))
        await asyncio.wait((leg.answered, leg.gone), return_when=asyncio.FIRST_COMPLETED)
        answered = leg.answered.done()
        if answered:
            LOG.info("- answered")
            if wish.record is not None:
                assert leg.worker is not None, "an answered leg has a port"
                leg.worker.recordings["tape"] = tape
                leg.send(Record(leg.row, "tape", str(wish.record.absolute())))
            await self._speak(leg, wish)
            await asyncio.wait((leg.gone,), timeout=wish.seconds)
            leg.hangup()
        gone = await leg.gone
        seconds = 0.0
        if answered and wish.record is not None:
            leg.release()
            seconds = (await tape.ended).seconds
        return Heard(answered, gone, seconds)

    async def _speak(self, leg: Leg, wish: Wish) -> None:
        if wish.digits:
            await asyncio.wait((leg.send_digits(wish.digits), leg.gone), return_when=asyncio.FIRST_COMPLETED)
        if wish.say is not None:
            audio = await decode(wish.say.read_bytes(), "audio/wav", self._cache)
            await asyncio.wait((leg.play((Sound(audio.sha),)), leg.gone), return_when=asyncio.FIRST_COMPLETED)

    def _invite(self, leg: Leg, wish: Wish, sdp: bytes) -> Invite:
        host = f"{self._endpoint.addresses['udp'][0]}:{self._endpoint.addresses['udp'][1]}"
        return Invite(
            leg.session, wish.uri, f"<sip:{wish.caller}@{host}>", f"<{wish.uri}>", sdp, credentials=wish.credentials
        )


class Tape:
    """Waits for the end of a recording."""

    def __init__(self) -> None:
        self.ended: asyncio.Future[RecordEnded] = asyncio.get_running_loop().create_future()

    def hear(self, event: RecordStopped | RecordEnded) -> None:
        """The worker's word about the recording."""
        if isinstance(event, RecordEnded) and not self.ended.done():
            self.ended.set_result(event)

    def lost(self) -> None:
        """The worker died: there is no recording."""
        if not self.ended.done():
            self.ended.set_result(RecordEnded(-1, "tape", "lost", 0.0, 0.0, 0, False))


@asynccontextmanager
async def open_phone(data: Path, local: str = "127.0.0.1") -> AsyncIterator[Phone]:
    """A phone on free ports of `local`, its files below `data`."""
    random = SystemRandom()
    first = 30000 + 2 * random.randrange(10000)

    async def start(number: int, on_events: Callable[[list[MediaEvent]], None], on_lost: Callable[[str], None]) -> Link:
        settings = WorkerSettings(data_dir=str(data), rtp_host=local, rtp_from=first, rtp_to=first + 99)
        return await WorkerLink.start(settings, on_events, on_lost)

    workers = Workers(start, 1)
    heard: list[Phone] = []
    endpoint = await Endpoint.open(
        Agent(random), [("udp", local, 0), ("tcp", local, 0)], lambda event: heard[0].hear(event)
    )
    phone = Phone(endpoint, workers, AudioCache(data), local, random)
    heard.append(phone)
    try:
        await workers.open()
        yield phone
    finally:
        await workers.close()
        await endpoint.close()


def target_uri(target: str, sip: str, *, tcp: bool = False) -> str:
    """The SIP URI of a number at the gateway `sip`; a SIP URI stays."""
    uri = target if target.startswith(("sip:", "sips:")) else f"sip:{normal(target) or target}@{sip}"
    return f"{uri};transport=tcp" if tcp else uri


def _missing(say: Path | None, record: Path | None) -> str | None:
    """What of the files is not there: asked before anybody is called."""
    if say is not None and not say.is_file():
        return f"--say {say}: there is no such file"
    if record is not None and not record.absolute().parent.is_dir():
        return f"--record {record}: there is no folder {record.absolute().parent}"
    return None


async def run(arguments: Namespace) -> int:
    """The subcommand."""
    if (why := _missing(arguments.say, arguments.record)) is not None:
        print(f"trunkline: {why}", file=sys.stderr)
        return 2
    credentials = Credentials(arguments.user, arguments.password or "") if arguments.user else None
    wish = Wish(
        target_uri(arguments.target, arguments.sip, tcp=arguments.tcp),
        arguments.digits, arguments.say, arguments.record, arguments.seconds, arguments.caller, credentials,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        async with open_phone(Path(folder)) as phone:
            heard = await phone.call(wish)
    if not heard.answered:
        print(f"{wish.uri} did not answer: {heard.gone.status} {heard.gone.reason} ({heard.gone.cause})")
        return 1
    print(f"the call is over: {heard.gone.reason or heard.gone.cause}")
    if wish.record is not None:
        print(f"{wish.record}: {heard.seconds:.1f} s of audio")
    return 0
