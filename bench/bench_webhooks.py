"""Claim: to commit, sign, deliver and forget a callback costs about a millisecond of a core, and none is lost.

The product's own store (SQLite, durable against kill -9), outbox, signatures and HTTP client on the first core, an app
on the second. Calls change their state as in the product: each change is one transaction with its callback. Beside it,
in the same run, bare loops that POST the same bytes over as many open connections, without store, order or signature.
One JSON line each: callbacks per second, microseconds of CPU (all threads) per callback, and for the outbox the 95th
percentile from the commit to the app's answer at half of that rate, and how many the app never had, had twice, or had
out of order (each must be 0).
`python bench/bench_webhooks.py [CALLBACKS [CALLS]]`.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from urllib.parse import parse_qs

import numpy as np

import programs
from gateway.clock import SystemClock
from gateway.rooms import GATHERING
from gateway.sids import Sids
from gateway.store import Store
from gateway.store.rows import Account, Call, Callback
from gateway.store.secret import SecretKey
from gateway.webhooks.client import Webhooks
from gateway.webhooks.guard import Guard
from gateway.webhooks.ledger import Ledger
from gateway.webhooks.outbox import Outbox
from gateway.webhooks.transport import AiohttpTransport

ACCOUNT = "AC" + "1" * 32
CONNECTIONS = 50  # as many as the outbox has to one host
OK = b"HTTP/1.1 204 No Content\r\n\r\n"


# the app: says in the end what it had


@dataclass(slots=True)
class App:
    """Tokens by call, in the order in which they came."""

    heard: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    async def client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
                body = await reader.readexactly(length)
                writer.write(self._answer(head, body))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, head: bytes, body: bytes) -> bytes:
        if head.startswith(b"get "):
            text = json.dumps(self.heard).encode()
            self.heard.clear()
            return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)
        fields = parse_qs(body.decode())
        self.heard[fields["CallSid"][0]].append(int(fields["SequenceNumber"][0]))
        return OK


async def serve(port: int) -> None:
    server = await asyncio.start_server(App().client, "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


async def heard(port: int) -> dict[str, list[int]]:
    """What the app had since it was asked last."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    found: dict[str, list[int]] = json.loads(await reader.readexactly(int(head.split()[-1])))
    writer.close()
    return found


# the two ways


def sid(number: int) -> str:
    return f"CA{number:032x}"


def params(call: int, sequence: int) -> dict[str, str]:
    """A status callback as it is."""
    return {
        "CallSid": sid(call), "AccountSid": ACCOUNT, "From": "+15005550006", "To": "+15005550001",
        "Caller": "+15005550006", "Called": "+15005550001", "CallStatus": "in-progress", "ApiVersion": "2010-04-01",
        "Direction": "outbound-api", "Timestamp": "Thu, 01 Jun 2017 20:48:32 +0000", "FromCity": "", "FromState": "",
        "CallbackSource": "call-progress-events", "SequenceNumber": str(sequence), "FromZip": "", "FromCountry": "US",
    }  # fmt: skip


@dataclass(slots=True)
class Desk:
    """The product's part."""

    store: Store
    outbox: Outbox
    port: int
    count: int  # callbacks of the run
    committed: dict[tuple[str, str], float] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)
    delivered: asyncio.Event = field(default_factory=asyncio.Event)

    def had(self, callback: Callback) -> None:
        """The app has answered."""
        began = self.committed.get((callback.ordering, callback.params["SequenceNumber"]))
        self.took.append(time.perf_counter() - began if began is not None else 0.0)
        if len(self.took) == self.count:
            self.delivered.set()

    async def change(self, call: int, sequence: int) -> None:
        """A call's state changes, and its app shall hear of it."""
        url, token = f"http://127.0.0.1:{self.port}/status", f"{call:016x}{sequence:016x}"
        told = Callback(ACCOUNT, sid(call), url, "POST", params(call, sequence), token)
        await self.store.calls.update(sid(call), {"sequence": sequence + 1}, callbacks=[told])
        self.committed[sid(call), str(sequence)] = time.perf_counter()
        self.outbox.kick()

    async def life(self, call: int, changes: int, pause: float) -> None:
        """All changes of a call, one after the other."""
        await asyncio.sleep(pause * Random(call).random())
        for sequence in range(changes):
            await self.change(call, sequence)
            await asyncio.sleep(pause)

    async def empty(self) -> None:
        """Until nothing waits any more."""
        await self.delivered.wait()
        await asyncio.gather(*(self.store.outbox.done(0) for _ in range(2)))  # behind what is written
        assert await self.store.outbox.count() == 0


@asynccontextmanager
async def desk(folder: Path, port: int, calls: int, count: int) -> AsyncIterator[Desk]:
    clock, sids = SystemClock(), Sids(Random(1))
    store = await Store.open(f"sqlite:///{folder}/bench.db", clock, SecretKey(b"bench"), gathering=GATHERING)
    transport, ledger = AiohttpTransport(), Ledger(store.requests, 500_000)
    hooks = Webhooks(transport, Guard(loopback=True), store, sids, clock, ledger)
    now = datetime.now(UTC)
    await store.accounts.create(Account(ACCOUNT, "the token", "", "active", now, now))
    rows = [Call(sid(call), ACCOUNT, "+1", "+2", "outbound-api", "in-progress", now, now) for call in range(calls)]
    await asyncio.gather(*(store.calls.insert(row) for row in rows))

    async def deliver(callback: Callback) -> int:
        status = await hooks.deliver(callback)
        one.had(callback)
        return status

    one = Desk(store, Outbox(store, deliver, clock, sids), port, count)
    tasks = [asyncio.create_task(work) for work in (one.outbox.run(), ledger.run())]
    try:
        yield one
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await transport.close()
        await store.close()


async def bare(port: int, each: int) -> None:
    """The same bytes over open connections, and nothing else."""

    async def loop(call: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for sequence in range(each):
            body = "&".join(f"{name}={value.replace('+', '%2B')}" for name, value in params(call, sequence).items())
            head = f"POST /status HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write((head + body).encode())
            await reader.readuntil(b"\r\n\r\n")
        writer.close()

    await asyncio.gather(*(loop(call) for call in range(CONNECTIONS)))


# the runs


def say(case: str, count: int, seconds: float, cpu: float, **more: float) -> None:
    """One line."""
    line = {
        "bench": "webhooks", "case": case, "callbacks": count, "per_s": round(count / seconds),
        "cpu_us_each": round(cpu / count * 1e6), **more, "machine": platform.node(),
    }  # fmt: skip
    print(json.dumps(line), flush=True)


def faults(found: dict[str, list[int]], calls: int, changes: int) -> dict[str, int]:
    """What the app never had, had more than once, or had after a later one."""
    lost = twice = wrong = 0
    for call in range(calls):
        had = found.get(sid(call), [])
        lost += changes - len(set(had))
        twice += len(had) - len(set(had))
        first = list(dict.fromkeys(had))
        wrong += first != sorted(first)
    return {"lost": lost, "twice": twice, "calls_out_of_order": wrong}


async def measure(port: int, callbacks: int, calls: int) -> None:
    each = callbacks // CONNECTIONS
    began, used = time.perf_counter(), time.process_time()
    await bare(port, each)
    say("bare loops", each * CONNECTIONS, time.perf_counter() - began, time.process_time() - used)
    await heard(port)
    rate = await outbox("outbox, as fast as it goes", port, callbacks, calls, 0.0)
    await outbox("outbox, at half of it", port, callbacks, calls, 2 * calls / rate)


async def outbox(case: str, port: int, callbacks: int, calls: int, pause: float) -> float:
    """A run of the product; callbacks per second."""
    changes = callbacks // calls
    with tempfile.TemporaryDirectory() as folder:
        async with desk(Path(folder), port, calls, calls * changes) as one:
            began, used = time.perf_counter(), time.process_time()
            await asyncio.gather(*(one.life(call, changes, pause) for call in range(calls)))
            await one.empty()
            seconds, cpu = time.perf_counter() - began, time.process_time() - used
            late = round(float(np.percentile(one.took, 95)) * 1000, 1)
            say(case, calls * changes, seconds, cpu, p95_ms=late, **faults(await heard(port), calls, changes))
    return calls * changes / seconds


def main() -> None:
    """The app on a core of its own, the rest on the other."""
    if sys.argv[1:2] == ["app"]:
        asyncio.run(serve(int(sys.argv[2])))
        return
    callbacks, calls = (*map(int, sys.argv[1:3]), *(20_000, 500)[len(sys.argv) - 1 :])
    port = programs.free_port()
    with programs.process(programs.LOAD, sys.executable, __file__, "app", str(port)) as app:
        assert app.stdout is not None
        app.stdout.readline()
        os.sched_setaffinity(0, {programs.PRODUCT})
        asyncio.run(measure(port, callbacks, calls))


if __name__ == "__main__":
    main()
