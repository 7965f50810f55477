"""A real gateway as a process of its own, a real web app, and what the tests of real programs need."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qs, urlsplit

import pytest
from twilio.rest import Client

from tests.lib.namespace import namespace as own_network
from tests.lib.ports import free_port

ROOT = Path(__file__).parents[2]
NUMBER = "+15555550100"


def need(program: str) -> str:
    """The path of a program; without it the test is skipped, or fails where interop is required."""
    found = shutil.which(program)
    if found is None:
        missing(program)
    return found


def missing(what: str) -> NoReturn:
    """Skips the test, or fails it where interop is required."""
    reason = f"{what} is not installed"
    if os.environ.get("TRUNKLINE_REQUIRE_INTEROP") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Polls a real program's state; fails with `what` when it does not come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen within {seconds} s"
        time.sleep(0.05)


@dataclass
class Asked:
    """A request that the app got."""

    path: str
    params: dict[str, str]
    headers: dict[str, str]
    url: str


@dataclass
class App:
    """A customer's app: path -> TwiML (or a function of the parameters), and what it was asked."""

    port: int
    documents: dict[str, str | Callable[[dict[str, str]], str]] = field(default_factory=dict)
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    redirects: dict[str, str] = field(default_factory=dict)  # path -> where it leads
    broken: bool = False  # status callbacks are answered with 500
    host: str = "127.0.0.1"

    def url(self, path: str) -> str:
        return f"http://{self.host}:{self.port}{path}"

    def to(self, path: str) -> list[Asked]:
        return [one for one in self.asked if one.path == path]

    def wait_for(self, path: str) -> Asked:
        """The first request to a path, which comes soon."""
        wait_for(lambda: bool(self.to(path)), 5, f"a request to {path}")
        return self.to(path)[0]


@pytest.fixture
def namespace() -> Iterator[None]:
    """A network of the test's own."""
    need("ip")
    try:
        with own_network():
            yield
    except OSError as error:
        if os.environ.get("TRUNKLINE_REQUIRE_INTEROP") == "1":
            raise
        pytest.skip(f"no network namespace can be made here: {error}")


@pytest.fixture
def app() -> Iterator[App]:
    """A customer's app for one test."""
    with serving() as one:
        yield one


@contextlib.contextmanager
def serving(host: str = "127.0.0.1") -> Iterator[App]:
    """A customer's app: an HTTP server in a thread of its own."""
    state = App(free_port(), host=host)

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            params = {name: values[-1] for name, values in parse_qs(body, keep_blank_values=True).items()}
            path = urlsplit(self.path).path
            state.asked.append(Asked(path, params, dict(self.headers), state.url(self.path)))
            document = state.documents.get(path, "")
            text = document(params) if callable(document) else document
            status = 500 if state.broken and path == "/status" else 307 if path in state.redirects else 200
            self._send(status, "text/xml", text.encode())

        def do_GET(self) -> None:
            kind, data = state.files.get(self.path, ("text/plain", b""))
            self._send(200 if data else 404, kind, data)

        def _send(self, status: int, kind: str, data: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            if status == 307:
                self.send_header("Location", state.redirects[urlsplit(self.path).path])
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer((host, state.port), Answer)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class GatewayProcess:
    """`trunkline serve` on free ports, its data in a folder of the test; SIP and media on `host`."""

    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        self.folder = folder
        self.host = host
        self.http = f"127.0.0.1:{free_port()}"
        self.sip = f"{host}:{free_port()}"
        self.rtp, self.rtp_ports = 21000 + 10 * (free_port() % 700), 2000
        self.config = folder / "trunkline.toml"
        self.config.write_text("")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and waits until it is well."""
        arguments = ["--config", str(self.config), "--data", str(self.folder / "var"), "--http", self.http]
        arguments += ["--sip", self.sip, "--rtp", f"{self.host}:{self.rtp}-{self.rtp + self.rtp_ports - 1}"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gateway", "serve", *arguments], cwd=ROOT, stderr=log
            )
        wait_for(self.well, 60, "health")

    def well(self) -> bool:
        """Whether /health answers 200. A gateway that gave up fails the test with what it said."""
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{self.http}/health", timeout=2) as answer:
            return bool(answer.status == 200)
        return False

    def metric(self, name: str) -> float:
        """A gauge of /metrics."""
        with urllib.request.urlopen(f"http://{self.http}/metrics", timeout=5) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(f"trunkline_{name} "):
                    return float(line.split()[1])
        raise AssertionError(f"no metric {name}")

    def credentials(self) -> dict[str, str]:
        """What the first start made."""
        found: dict[str, str] = json.loads((self.folder / "var" / "credentials.json").read_text())
        return found

    def client(self) -> Client:
        """Twilio's own client, unmodified but for its base URL."""
        made = self.credentials()
        client = Client(made["account_sid"], made["auth_token"])
        client.api.base_url = f"http://{self.http}"
        for product in ("trunking", "voice"):
            getattr(client, product).base_url = f"http://{self.http}/{product}"
        return client

    def operator(self, method: str, path: str, body: object = None) -> Any:
        """A request to /operator/v1; the JSON of its answer."""
        request = urllib.request.Request(f"http://{self.http}/operator/v1/{path}", method=method)
        request.add_header("Authorization", f"Bearer {self.credentials()['operator_key']}")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, json.dumps(body).encode() if body is not None else None) as answer:
            return json.loads(answer.read() or b"null")

    def worker_pids(self) -> list[int]:
        """The media workers' processes."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [pid for pid in map(int, children) if b"media.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def worker_pid(self) -> int:
        """The media worker's process, where there is one."""
        (pid,) = self.worker_pids()
        return pid

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """SIGTERM, twice: ends at once."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(0.2)
            return
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(15)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayProcess]:
    """A started gateway."""
    with started(tmp_path) as one:
        yield one


@contextlib.contextmanager
def started(folder: Path) -> Iterator[GatewayProcess]:
    """A gateway for the tests of a block, or of a file."""
    one = GatewayProcess(folder)
    try:
        one.start()
        yield one
    finally:
        one.stop()


def ends_as(gateway: GatewayProcess, status: str) -> None:
    """The status of the newest call, soon."""
    wait_for(lambda: gateway.client().calls.list(limit=1)[0].status == status, 3, status)
