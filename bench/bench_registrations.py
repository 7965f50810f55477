"""Claim: 20,000 phones are held, refreshed and found on one core, whoever they are, and a restart has them in a second.

The product's own rooms on one core, without sockets: the SIP agent, the registrar, logins against the store, SQLite.
Each phone registers over UDP from an address of its own, with digest, and then refreshes; what phones compute is not
counted. One JSON line per case: microseconds of CPU (all threads) per challenge, per REGISTER with a login, per
refresh, per look-up; then, in a process of its own, the seconds of the load at a restart and the bytes per binding.
`python bench/bench_registrations.py [PHONES]`. Budget: 2 ms per REGISTER, 2 kB per binding.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

from gateway.clock import SystemClock
from gateway.phones.directory import Directory
from gateway.phones.gruus import Gruus
from gateway.phones.logins import Logins
from gateway.phones.phones import Phones
from gateway.store import Store
from gateway.store.secret import SecretKey
from gateway.store.sip_rows import Credential, CredentialList, Domain
from gateway.trunks.admission import Admission
from gateway.trunks.book import TrunkBook
from gateway.trunks.gate import Gate
from gateway.trunks.model import Trunk
from gateway.webhooks.guard import Guard
from sip import commands
from sip.agent import Agent
from sip.challenge import Challenger
from sip.digest import Challenge, answer
from sip.events import Registering
from sip.message import parse_message
from sip.outputs import Flow, Transmit
from sip.registrar import Rules

DOMAIN, PASSWORD = "phones.example", "Rock-and-roll-42"
ACCOUNT, TOGETHER = "AC" + "1" * 32, 200  # phones that come at the same time
OVER = 40.0  # seconds after which the agent has forgotten a transaction (RFC 3261 §17.2.2: timer J)
REGISTER = (
    "REGISTER sip:{domain} SIP/2.0\r\nVia: SIP/2.0/UDP {ip}:5060;branch=z9hG4bK{user}-{cseq};rport\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:{user}@{domain}>;tag={user}\r\nTo: <sip:{user}@{domain}>\r\n"
    "Call-ID: {user}@{ip}\r\nCSeq: {cseq} REGISTER\r\nContact: <sip:{user}@{ip}:5060>\r\nExpires: 3600\r\n"
    "User-Agent: Desk phone 7.1\r\nSupported: path, gruu\r\n{authorization}Content-Length: 0\r\n\r\n"
)


class Nobody:
    """No trunk of ours is registered anywhere."""

    def registered_as(self, user: str) -> Trunk | None:
        return None


class Desk:
    """A phone, as far as its messages go."""

    def __init__(self, number: int) -> None:
        self.user = f"u{number}"
        self.ip = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        self.flow = Flow("udp", ("198.51.100.1", 5060), (self.ip, 5060))
        self.challenge: Challenge | None = None
        self._cseq = self._count = 0

    def register(self) -> bytes:
        """The next REGISTER, with a login once it was challenged."""
        self._cseq += 1
        authorization = ""
        if self.challenge is not None:
            self._count += 1
            login = answer(self.challenge, self.user, PASSWORD, "REGISTER", f"sip:{DOMAIN}", "c", self._count)
            authorization = f"Authorization: {login}\r\n"
        return REGISTER.format(
            domain=DOMAIN, ip=self.ip, user=self.user, cseq=self._cseq, authorization=authorization
        ).encode()


class Office:
    """The registrar's rooms; what they answer is kept."""

    def __init__(self, store: Store, clock: SystemClock) -> None:
        random, gate = Random(1), Gate(lambda _: True)
        self.agent = Agent(random, registrar=True)
        self.answers: dict[Flow, bytes] = {}
        self._tasks: set[asyncio.Task[object]] = set()
        book = TrunkBook(store, [], [], {}, local=False)
        admission = Admission(book, Nobody(), Challenger("trunkline", random), gate, clock)
        directory = Directory(store.sip, clock)
        logins = Logins(directory, lambda realm: Challenger(realm, random, ("MD5",)), gate)
        self.phones = Phones(
            directory, logins, store.registrations, self, clock, Guard(), admission, Rules(),
            Gruus(bytes(32), random), self._spawn,
        )  # fmt: skip

    def apply(self, command: commands.Command) -> None:
        """`phones.Agent`."""
        self._keep(self.agent.apply(command, time.monotonic()))

    async def ask(self, messages: list[tuple[bytes, Flow]]) -> None:
        """Messages come together; returns when all are answered."""
        for data, flow in messages:
            self._keep(self.agent.receive(data, flow, time.monotonic()))
        await asyncio.gather(*self._tasks)

    def _keep(self, outputs: list[Any]) -> None:
        for output in outputs:
            if isinstance(output, Transmit):
                self.answers[output.flow] = output.data
            elif isinstance(output, Registering):
                self.phones.hear(output)

    def _spawn(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@asynccontextmanager
async def office(folder: Path) -> AsyncIterator[tuple[Office, Store]]:
    """An open office."""
    clock = SystemClock()
    store = await Store.open(f"sqlite:///{folder}/bench.db", clock, SecretKey(b"bench"))
    try:
        yield Office(store, clock), store
    finally:
        await store.close()


async def furnish(store: Store, phones: int) -> None:
    """The domain, and its users in one list."""
    now = SystemClock().wall()
    owned: dict[str, Any] = {"account_sid": ACCOUNT, "date_created": now, "date_updated": now}
    domain, users = "SD" + "1" * 32, "CL" + "1" * 32
    await store.sip.domains.insert(Domain(sid=domain, domain_name=DOMAIN, sip_registration=True, **owned))
    await store.sip.credential_lists.insert(CredentialList(sid=users, friendly_name="all", **owned))
    await store.sip.registration_credentials.insert(ACCOUNT, domain, users, now)
    for first in range(0, phones, TOGETHER):
        await asyncio.gather(
            *(
                store.sip.credentials.insert(
                    Credential(
                        sid=f"CR{n:032x}", credential_list_sid=users, username=f"u{n}", password=PASSWORD, **owned
                    )
                )
                for n in range(first, min(first + TOGETHER, phones))
            )
        )


async def rounds(one: Office, desks: list[Desk], wanted: int, heard: Callable[[Desk, bytes], None]) -> float:
    """Every phone sends a REGISTER that is answered with `wanted`; microseconds of CPU for each."""
    spent = 0.0
    for first in range(0, len(desks), TOGETHER):
        group = desks[first : first + TOGETHER]
        messages = [(desk.register(), desk.flow) for desk in group]
        began = time.process_time()
        await one.ask(messages)
        spent += time.process_time() - began
        for desk in group:
            data = one.answers.pop(desk.flow)
            assert data.startswith(b"SIP/2.0 %d " % wanted), data.decode()
            heard(desk, data)
    one.agent.tick(time.monotonic() + OVER)
    return spent / len(desks) * 1e6


def challenged(desk: Desk, data: bytes) -> None:
    """Takes note of the nonce."""
    desk.challenge = Challenge.parse(parse_message(data).headers.get("WWW-Authenticate") or "")


def found(one: Office, desks: list[Desk]) -> float:
    """Microseconds of a look-up."""
    began = time.process_time()
    for desk in desks:
        assert len(one.phones.at(desk.user, DOMAIN)) == 1
    return (time.process_time() - began) / len(desks) * 1e6


async def register_all(folder: Path, phones: int) -> None:
    """Everybody registers, refreshes and is found."""
    desks = [Desk(number) for number in range(phones)]
    async with office(folder) as (one, store):
        await furnish(store, phones)
        figures = {
            "challenge": await rounds(one, desks, 401, challenged),
            "register": await rounds(one, desks, 200, lambda *_: None),
            "refresh": await rounds(one, desks, 200, lambda *_: None),
            "look-up": found(one, desks),
        }
    for case, microseconds in figures.items():
        say(case=case, phones=phones, us=round(microseconds, 2))


async def reload(folder: Path) -> None:
    """A restart: seconds of the load, and what a binding takes."""
    async with office(folder) as (one, _):
        gc.collect()
        before, began = resident(), time.monotonic()
        await one.phones.load()
        seconds = time.monotonic() - began
        gc.collect()
        phones = len(one.phones)
        say(case="reload", phones=phones, seconds=round(seconds, 2), bytes=round((resident() - before) / phones))


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def say(**figures: object) -> None:
    """One JSON line."""
    print(json.dumps({"bench": "registrations", "machine": platform.node(), **figures}), flush=True)


def main() -> None:
    """Registers into a folder of its own, then restarts on it."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    if len(sys.argv) == 3 and sys.argv[1] == "--reload":
        asyncio.run(reload(Path(sys.argv[2])))
        return
    phones = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(register_all(Path(folder), phones))
        subprocess.run([sys.executable, __file__, "--reload", folder], check=True)


if __name__ == "__main__":
    main()
