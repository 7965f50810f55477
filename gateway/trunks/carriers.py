"""What is kept up with the carriers: registrations, OPTIONS checks, and how many calls there are with each."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from gateway.calls.limits import Limits
from gateway.clock import Clock
from gateway.trunks.book import TrunkBook
from gateway.trunks.model import Trunk
from sip import commands, events
from sip.uri import Uri

LOG = logging.getLogger(__name__)

FAILURES = 2  # checks in a row that fail before a target counts as down
REGISTRATION = "trunk "  # before the trunk's name
PATIENCE = 2.0  # seconds that registrars have at the stop


class Agent(Protocol):
    """The one thing that is needed of the SIP room."""

    def apply(self, command: commands.Command) -> None: ...


@dataclass(slots=True)
class State:
    """How a trunk's registration is."""

    command: commands.Register
    until: float | None = None  # of the clock whose seconds nobody sets
    error: str = ""


class Carriers:
    """Follows the book: what it changes takes effect at once, calls that live are left alone.

    `token`: purpose -> text that nobody can guess, the same after a restart.
    """

    def __init__(self, book: TrunkBook, sip: Agent, token: Callable[[str], str], clock: Clock, host: str) -> None:
        self.down: set[str] = set()  # URIs of targets that do not answer
        self._book = book
        self._sip = sip
        self._token = token
        self._clock = clock
        self._host = host
        self._registrations: dict[str, State] = {}
        self._ending: set[str] = set()  # registrations that are being taken back at the stop
        self._ended = asyncio.Event()
        self._stops = False
        self._limits: dict[str, tuple[Trunk, Limits]] = {}
        self._calls: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._due: dict[str, float] = {}  # trunk -> when it is checked next
        self._changed = asyncio.Event()
        book.followers.append(self.follow)

    # registrations

    def follow(self) -> None:
        """The book may have changed: registers what is new, and takes back what is gone."""
        trunks = {} if self._stops else self._book.trunks
        wanted = {name: self._register(trunk) for name, trunk in trunks.items() if trunk.register_to}
        for name in [name for name in self._registrations if name not in wanted]:
            del self._registrations[name]
            self._sip.apply(commands.Unregister(REGISTRATION + name))
        for name, command in wanted.items():
            known = self._registrations.get(name)
            if known is None or known.command != command:
                self._registrations[name] = State(command)
                self._sip.apply(command)
        self._due = {name: at for name, at in self._due.items() if name in self._book.trunks}
        self._changed.set()

    def _register(self, trunk: Trunk) -> commands.Register:
        assert trunk.register_to is not None
        assert trunk.username is not None
        credentials = commands.Credentials(trunk.username, trunk.password or "")
        address = Uri("sip", trunk.username, Uri.parse(trunk.register_to).host)
        name = REGISTRATION + trunk.name
        return commands.Register(name, trunk.register_to, f"<{address}>", self._token(name), trunk.expires, credentials)

    def registered_as(self, user: str) -> Trunk | None:
        """The trunk whose registered contact a call is for."""
        for name, state in self._registrations.items():
            if state.command.contact_user == user:
                return self._book.trunks.get(name)
        return None

    async def retire(self) -> None:
        """Takes every registration back, at the stop: no call shall come any more."""
        self._stops = True
        self._ended.clear()
        self._ending |= {REGISTRATION + name for name in self._registrations}
        self.follow()
        if not self._ending:
            return
        try:
            async with asyncio.timeout(PATIENCE):
                await self._ended.wait()
        except TimeoutError:
            LOG.warning("! no registrar answered for %s", ", ".join(sorted(self._ending)))
            self._ending.clear()

    def hear(self, event: events.Registered | events.Unregistered | events.Probed) -> None:
        """What became of a registration or a check."""
        match event:
            case events.Registered(registration=name, seconds=seconds):
                if state := self._registrations.get(name.removeprefix(REGISTRATION)):
                    if state.until is None or state.error:
                        LOG.info("- registered to %s", state.command.registrar)
                    state.until, state.error = self._clock.now() + seconds, ""
            case events.Unregistered(registration=name, status=status, reason=reason, retry=retry):
                self._ending.discard(name)
                if not self._ending:
                    self._ended.set()
                if state := self._registrations.get(name.removeprefix(REGISTRATION)):
                    state.error = f"{status} {reason}".strip()
                    LOG.warning(
                        "! not registered to %s: %s; again in %.0f s", state.command.registrar, state.error, retry
                    )
            case events.Probed(uri=uri, status=status):
                self._probed(uri, status)

    # checks

    async def run(self) -> None:
        """Registers, and asks every target that is to be checked, in its time, until cancelled."""
        self.follow()
        while True:
            self._changed.clear()
            pause = self._check(self._clock.now())
            try:
                async with asyncio.timeout(pause):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _check(self, now: float) -> float | None:
        """Checks what is due; seconds until the next is."""
        for trunk in self._book.trunks.values():
            if trunk.check_seconds and self._due.get(trunk.name, 0.0) <= now:
                self._due[trunk.name] = now + trunk.check_seconds
                for target in trunk.targets:
                    self._sip.apply(commands.Probe(target.uri, f"sip:ping@{self._host}"))
        checked = {
            target.uri for trunk in self._book.trunks.values() if trunk.check_seconds for target in trunk.targets
        }
        self.down &= checked
        due = [at for name, at in self._due.items() if self._book.trunks[name].check_seconds]
        return max(0.0, min(due) - now) if due else None

    def _probed(self, uri: str, status: int) -> None:
        """No answer, and 503, count as a failure; every other answer says that somebody is there."""
        if status not in (0, 408, 503):
            self._failed[uri] = 0
            if uri in self.down:
                self.down.discard(uri)
                LOG.info("- %s answers again", uri)
            return
        self._failed[uri] += 1
        if self._failed[uri] >= FAILURES and uri not in self.down:
            self.down.add(uri)
            LOG.warning("! %s does not answer (%d): calls go elsewhere while they can", uri, status)

    # calls

    def admit(self, trunk: Trunk) -> float | None:
        """None: one call more with this trunk may start; else the seconds after which to try again."""
        known = self._limits.get(trunk.name)
        if known is None or (known[0].cps, known[0].concurrency) != (trunk.cps, trunk.concurrency):
            known = self._limits[trunk.name] = trunk, Limits(trunk.cps, trunk.concurrency)
        return known[1].admit(self._clock.now(), self._calls[trunk.name])

    def hold(self, trunk: Trunk, until: asyncio.Future[Any]) -> None:
        """A call with this trunk lives until then."""
        self._calls[trunk.name] += 1
        until.add_done_callback(lambda _: self._calls.subtract((trunk.name,)))

    def missing(self) -> int:
        """How many registrations do not hold."""
        return sum(not self._holds(state) for state in self._registrations.values())

    def _holds(self, state: State) -> bool:
        return state.until is not None and state.until > self._clock.now()

    def _until(self, state: State) -> str | None:
        """As the wall clock will show it."""
        if state.until is None or not self._holds(state):
            return None
        return (self._clock.wall() + timedelta(seconds=state.until - self._clock.now())).isoformat()

    def status(self, trunk: Trunk) -> dict[str, Any]:
        """As the operator sees it."""
        state = self._registrations.get(trunk.name)
        registration = None
        if state is not None:
            registration = {"registered_until": self._until(state), "last_error": state.error or None}
        targets = [{"uri": target.uri, "up": target.uri not in self.down} for target in trunk.targets]
        return {"calls": self._calls[trunk.name], "registration": registration, "targets": targets}
