"""Phones and PBXs that are registered to SIP domains: logins, bindings in memory and in the store, and their ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from email.utils import format_datetime
from itertools import groupby
from typing import Any, Protocol

from gateway.clock import Clock
from gateway.phones.directory import REGISTRATIONS, Directory, Domain
from gateway.phones.gruus import Gruus
from gateway.phones.location import Bindings, Location
from gateway.phones.logins import Logins
from gateway.phones.rows import to_binding, to_row
from gateway.store.registrations import Registrations
from gateway.trunks.admission import Admission
from gateway.webhooks.errors import FetchError
from gateway.webhooks.guard import Guard
from sip import commands, events, registrar
from sip.errors import SipError
from sip.outputs import Flow
from sip.uri import Uri
from sip.values import NameAddr

Spawn = Callable[[Coroutine[Any, Any, object]], None]  # starts a task that somebody owns

LOG = logging.getLogger(__name__)


class Agent(Protocol):
    """The one thing that is needed of the SIP room."""

    def apply(self, command: commands.Command) -> None: ...


class Refused(SipError):
    """A REGISTER that we do not take; the sentence is for the log."""

    def __init__(self, status: int, text: str, headers: registrar.Fields = (), user: str = "") -> None:
        super().__init__(text)
        self.status, self.headers = status, headers
        self.user = user  # USER@REALM that it would have been


class Asked(Refused):
    """The phone has to log in, and nothing was wrong so far: no failure of its source."""


class Phones:
    """Hears REGISTERs and answers them; knows who is where."""

    def __init__(
        self, directory: Directory, logins: Logins, store: Registrations, sip: Agent, clock: Clock, guard: Guard,
        admission: Admission, rules: registrar.Rules, gruus: Gruus, spawn: Spawn,
    ) -> None:  # fmt: skip
        self._directory = directory
        self._logins = logins
        self._store = store
        self._sip = sip
        self._clock = clock
        self._guard = guard
        self._admission = admission
        self._rules = rules
        self._gruus = gruus
        self._spawn = spawn
        self._location = Location()
        self._accounts: dict[str, str] = {}  # address -> the account of its domain
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        """Addresses that somebody is registered for."""
        return len(self._location)

    # life

    async def load(self) -> None:
        """Takes up what an earlier process knew."""
        now = self._clock.wall()
        await self._store.forget(now)
        rows = await self._store.living(now)
        for address, group in groupby(sorted(rows, key=lambda row: row.address), key=lambda row: row.address):
            known = list(group)
            bindings = tuple(one for row in known if (one := to_binding(row, self._clock)) is not None)
            self._keep(known[0].account_sid, address, bindings)
            for flow in (one.flow for one in bindings if one.flow is not None):
                self._admission.gate.proved(flow.remote, self._clock.now())
        self._directory.narrowed.look_again()  # they may have been changed while nobody listened
        if rows:
            LOG.info("- %d phones are registered from before", len(self))

    async def run(self) -> None:
        """Forgets registrations when they end, or when nothing allows them any more, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._forget_ended())
            tasks.create_task(self._forget_disallowed())

    async def _forget_disallowed(self) -> None:
        while True:
            await self._directory.narrowed.wait()
            known = {(account, address) for account, address, _ in self.all()}  # before it is asked who may
            gone = known - await self._directory.may_register() if known else set()
            for account, address in sorted(gone):
                LOG.info("- %s is not registered any more: its domain or user has gone", address)
                if self._accounts.get(address) == account:
                    await self._change(account, address, ())

    async def _forget_ended(self) -> None:
        while True:
            self._changed.clear()
            end = self._location.next_end()
            try:
                async with asyncio.timeout(None if end is None else max(1.0, end - self._clock.now())):
                    await self._changed.wait()
            except TimeoutError:
                self._sweep()

    def _sweep(self) -> None:
        """By the monotonic clock alone: whoever sets the wall clock ends no registration."""
        ended = self._location.sweep(self._clock.now())
        for address in ended:
            self._spawn(self._write(address))
        if ended:
            LOG.info("- registrations of %d addresses have ended", len(ended))

    async def _write(self, address: str) -> None:
        """What is known of an address now, as the store has it afterwards."""
        living = self._location.of(address, self._clock.now())
        rows = [to_row(one, self._accounts[address], address, self._clock) for one in living]
        if not living:
            self._accounts.pop(address, None)
        await self._store.replace(address, rows)

    # what the agent says

    def hear(self, event: events.Registering | events.FlowLost) -> None:
        """A REGISTER came, or a connection is gone."""
        match event:
            case events.Registering():
                self._spawn(self._register(event))
            case events.FlowLost(flow=flow):
                for address in self._location.over(flow):
                    self._spawn(self._lost(address, flow))

    async def _register(self, event: events.Registering) -> None:
        answer, pause = commands.AnswerRegister(event.number, 500), 0.0
        try:
            answer = commands.AnswerRegister(event.number, 200, headers=await self._taken(event))
        except SipError as error:
            pause = self._refused(event, error)
            answer = commands.AnswerRegister(event.number, error.status, headers=error.headers)
        finally:
            if pause:
                asyncio.get_running_loop().call_later(pause, self._sip.apply, answer)
            else:
                self._sip.apply(answer)

    def _refused(self, event: events.Registering, error: SipError) -> float:
        """Takes note of it; the seconds that the answer waits, for strangers who come again and again."""
        source = event.flow.remote[0]
        if isinstance(error, Asked):
            LOG.debug("- REGISTER from %s has to log in: %s", source, error)
            self._admission.asked(event.flow)
            return 0.0
        LOG.warning("! REGISTER from %s: %d: %s", source, error.status, error)
        user = error.user if isinstance(error, Refused) else ""
        return self._admission.refused(event.flow, "REGISTER", error.status, str(error), user)

    async def _taken(self, event: events.Registering) -> registrar.Fields:
        """The headers of the 200; the bindings are in the store by then. SipError where it is refused."""
        narrowed = self._directory.narrowed.count
        domain, user = await self._logged_in(event)
        record = Uri("sip", user, domain.domain_name)
        address = f"{user}@{domain.domain_name}"
        await self._check(self._applied(record, address, event)[1].bindings, event.flow)
        before, kept = self._applied(record, address, event)  # others may have come meanwhile
        if kept.bindings != before:
            await self._change(domain.account_sid, address, kept.bindings)
            if bool(before) != bool(kept.bindings):
                LOG.info("- %s is %s", address, "registered" if kept.bindings else "not registered any more")
        if narrowed != self._directory.narrowed.count:  # who logged in may have been deleted meanwhile
            self._directory.narrowed.look_again()
        return (*kept.headers, ("Date", format_datetime(self._clock.wall(), usegmt=True)))

    def _applied(self, record: Uri, address: str, event: events.Registering) -> tuple[Bindings, registrar.Kept]:
        now = self._clock.now()
        before = self._location.of(address, now)
        request, flow = event.request, event.flow
        return before, registrar.register(before, request, flow, now, self._rules, record, self._gruus.make)

    async def _logged_in(self, event: events.Registering) -> tuple[Domain, str]:
        """The domain, and the user whose phone it is."""
        request = event.request
        domain = await self._directory.named(request.to.uri.host)
        if domain is None or not domain.sip_registration:
            raise Refused(403, f"nobody registers to {request.to.uri.host}")
        if domain.secure and event.flow.transport not in ("tls", "wss"):
            raise Refused(403, f"{domain.domain_name} is registered to over TLS only, not over {event.flow.transport}")
        if not await self._directory.auth_types(domain, REGISTRATIONS):
            raise Refused(403, f"{domain.domain_name} has no credential list for registrations")
        login = await self._logins.of(domain, request, event.flow.remote, REGISTRATIONS, self._clock.now())
        if login.user is None:
            kind = Asked if login.asks else Refused
            raise kind(401, f"{domain.domain_name}: {login.why}", login.headers, login.tried)
        if login.user != request.to.uri.user:
            raise Refused(403, f"{login.user} may not register {request.to.uri.user}", user=login.tried)
        return domain, login.user

    async def _check(self, bindings: Bindings, flow: Flow) -> None:
        """Nobody makes us call addresses of our own network by registering them."""
        for binding in bindings:
            next_hop = NameAddr.parse(binding.path[0]).uri if binding.path else Uri.parse(binding.contact)
            if binding.flow is not None or next_hop.goes_to == flow.remote[0]:
                continue
            try:
                await self._guard.check_host(next_hop.goes_to)
            except FetchError as error:
                raise Refused(403, f"{binding.contact}: {error}") from error

    async def _change(self, account_sid: str, address: str, bindings: Bindings) -> None:
        """At once for whoever calls; done when it would survive our end. Changes of an address are written in order."""
        before = self._location.of(address, self._clock.now())
        self._keep(account_sid, address, bindings)
        try:
            rows = [to_row(one, account_sid, address, self._clock) for one in bindings]
            await self._store.replace(address, rows)
        except BaseException:
            if self._location.of(address, self._clock.now()) == bindings:
                self._keep(account_sid, address, before)
            raise

    def _keep(self, account_sid: str, address: str, bindings: Bindings) -> None:
        self._location.put(address, bindings)
        self._accounts.pop(address, None)
        if bindings:
            self._accounts[address] = account_sid
        self._changed.set()

    async def _lost(self, address: str, flow: Flow) -> None:
        account, known = self._accounts.get(address), self._location.of(address, self._clock.now())
        if account is None:
            return
        left = [one.without_flow() if one.flow == flow else one for one in known]
        await self._change(account, address, tuple(one for one in left if one is not None))

    # questions

    async def domain(self, host: str) -> Domain | None:
        """The customer's SIP domain of a host name."""
        return await self._directory.named(host)

    def at(self, user: str, domain: str) -> Bindings:
        """Where a user is; where one device of somebody is, whose temporary GRUU has this user part."""
        now, temporary = self._clock.now(), self._gruus.read(user, domain)
        if temporary is None:
            return self._location.of(f"{user}@{domain}", now)
        return temporary.reached(self._location.of(f"{temporary.user}@{domain}", now))

    def all(self) -> Iterator[tuple[str, str, Bindings]]:
        """(account, address, bindings) of everybody."""
        for address, _ in self._location:
            if bindings := self._location.of(address, self._clock.now()):
                yield self._accounts[address], address, bindings

    async def remove(self, address: str) -> bool:
        """Takes away all registrations of an address; whether there were any."""
        account = self._accounts.get(address)
        if account is None:
            return False
        await self._change(account, address, ())
        return True
