"""What the benches with whole programs share: programs pinned to a core, what they use, an app, a gateway."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

HERE = Path(__file__).parent.absolute()
NUMBER = "+15555550100"
PRODUCT, LOAD = 0, max(os.sched_getaffinity(0))  # cores
PATIENCE = 60  # seconds that a program may take to end: a thousand recordings are brought to the disk
TICKS = os.sysconf("SC_CLK_TCK")
GAUGES = ("calls", "dialogs", "transactions", "ports_in_use", "outbox_pending", "tasks", "open_fds")


def free_port() -> int:
    """A port below those that the kernel gives to whoever asks for none, free over UDP and TCP."""
    while True:
        port = random.randrange(10000, 20000, 4)
        try:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(socket.AF_INET, kind) as one:
                    one.bind(("", port))
        except OSError:
            continue
        return port


@contextmanager
def process(core: int, *command: str, feed: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """A program pinned to a core, ended afterwards; `feed` goes into its standard input, which stays open."""
    pin = partial(os.sched_setaffinity, 0, {core})
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=HERE.parent,
        preexec_fn=pin,
    ) as one:  # fmt: skip
        try:
            assert one.stdin is not None
            one.stdin.write(feed.encode())
            one.stdin.flush()
            yield one
        finally:
            one.terminate()
            try:
                one.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                for pid in family(one.pid):
                    os.kill(pid, signal.SIGKILL)


# what a program uses


def family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(grandchild for child in children for grandchild in family(int(child)))]


@dataclass(frozen=True, slots=True)
class Cpu:
    """Seconds of CPU: of a process alone and of its children, and how much of both is the kernel's."""

    own: float
    children: float
    kernel: float

    @classmethod
    def of(cls, pid: int) -> Cpu:
        """What was used until now, all threads."""
        times = [_times(one) for one in family(pid)]
        return cls(sum(times[0]), sum(sum(one) for one in times[1:]), sum(system for _, system in times))

    def __sub__(self, other: Cpu) -> Cpu:
        return Cpu(self.own - other.own, self.children - other.children, self.kernel - other.kernel)

    @property
    def all(self) -> float:
        return self.own + self.children


def _times(pid: int) -> tuple[float, float]:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) / TICKS, int(fields[12]) / TICKS


def rss(pid: int) -> int:
    """Bytes of memory that a process has written to and has to itself.

    Clean pages are those of files: whether they count as its own depends on what other programs run beside it. One that
    is over has none.
    """
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 1024 * sum(int(line.split()[1]) for line in rollup if line.startswith("Private_Dirty"))


# an app


async def _serve_app(port: int, document: bytes) -> None:
    """`[ten]` and `[thousand]` in the document are numbers that so many callers in a row have in common."""

    def answer(body: bytes) -> bytes:
        caller = int(body.partition(b"From=%2B1555556")[2][:4] or 0)
        text = document.replace(b"[ten]", b"%d" % (caller // 10)).replace(b"[thousand]", b"%d" % (caller // 1000))
        return b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = head.partition(b"content-length:")[2].split(b"\r\n")[0]
                writer.write(answer(await reader.readexactly(int(length or 0))))
        writer.close()

    server = await asyncio.start_server(client, "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


@contextmanager
def app(document: str) -> Iterator[int]:
    """An app that answers every request with the document, over connections that stay open; its port."""
    port = free_port()
    with process(LOAD, sys.executable, __file__, str(port), document) as one:
        assert one.stdout is not None
        one.stdout.readline()
        yield port


# a gateway


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that runs with its media worker on the product's core, on a data folder of its own."""

    pid: int
    folder: Path
    http: str
    sip_port: int

    def gauges(self) -> dict[str, int]:
        """What it holds at the moment."""
        with urllib.request.urlopen(f"http://{self.http}/metrics") as answer:
            lines = [line.split() for line in answer.read().decode().splitlines()]
        values = {line[0]: line[1] for line in lines if len(line) == 2}
        return {name: round(float(values[f"trunkline_{name}"])) for name in GAUGES}

    def metric(self, name: str) -> float:
        """One of its figures."""
        with urllib.request.urlopen(f"http://{self.http}/metrics") as answer:
            text = answer.read().decode()
        return float(text.partition(f"\ntrunkline_{name} ")[2].split()[0])

    def seconds_until(self, idle: dict[str, int], within: float) -> float | None:
        """Seconds until everything that it held is given back, None where that takes longer."""
        began = time.monotonic()
        while (passed := time.monotonic() - began) < within:
            if all(now <= idle[name] for name, now in self.gauges().items()):
                return passed
            time.sleep(0.5)
        return None

    def samples(self) -> dict[str, dict[str, float]]:
        """Seconds of CPU by `layers` and by `places`, from a gateway that runs under `sampled.py`."""
        out = self.folder / "samples.json"
        out.unlink(missing_ok=True)
        os.kill(self.pid, signal.SIGUSR2)
        while not out.exists():
            time.sleep(0.05)
        found: dict[str, dict[str, float]] = json.loads(out.read_text())
        return found


@contextmanager
def gateway(app_port: int, *, sampled: bool = False, rtp: str = "20000-31999") -> Iterator[Gateway]:
    """A gateway whose number asks the app, with its RTP on these ports."""
    with tempfile.TemporaryDirectory() as name:
        folder, http, sip_port = Path(name), f"127.0.0.1:{free_port()}", free_port()
        program = (str(HERE / "sampled.py"), str(folder / "samples.json")) if sampled else ("-m", "gateway")
        flags = ("--data", name, "--http", http, "--sip", f"127.0.0.1:{sip_port}", "--rtp", f"127.0.0.1:{rtp}")
        with process(PRODUCT, sys.executable, *program, "serve", *flags) as one:
            _buy(http, folder, app_port)
            yield Gateway(one.pid, folder, http, sip_port)


def _buy(http: str, folder: Path, app_port: int) -> None:
    """Waits until the gateway is well and points the number at the app."""
    for _ in range(600):
        with suppress(OSError), urllib.request.urlopen(f"http://{http}/health"):
            break
        time.sleep(0.1)
    made = json.loads((folder / "credentials.json").read_text())
    fields = {"PhoneNumber": NUMBER, "VoiceUrl": f"http://127.0.0.1:{app_port}/voice"}
    path = f"http://{http}/2010-04-01/Accounts/{made['account_sid']}/IncomingPhoneNumbers.json"
    request = urllib.request.Request(path, urllib.parse.urlencode(fields).encode())
    login = b64encode(f"{made['account_sid']}:{made['auth_token']}".encode()).decode()
    request.add_header("Authorization", f"Basic {login}")
    urllib.request.urlopen(request).close()


if __name__ == "__main__":
    asyncio.run(_serve_app(int(sys.argv[1]), sys.argv[2].encode()))
