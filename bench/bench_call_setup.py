"""Claim: setting up and ending a call, one webhook included, costs a few milliseconds of one core.

The whole product (control and media worker) runs on the first core, sipp and the app on the second. Next to it, in
the same run, a loop of bare sockets that exchanges the same messages. One JSON line each: calls per second that were
asked for and held, CPU milliseconds per call, 95th percentile of the time from INVITE to 200, calls lost.
`python bench/bench_call_setup.py [RATE [CALLS]]`; needs sipp.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent.absolute()
NUMBER = "+15555550100"
DOCUMENT = b"<Response><Hangup/></Response>"
PRODUCT, LOAD = 0, max(os.sched_getaffinity(0))  # cores


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """A port that nobody uses at the moment."""
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def process(core: int, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program pinned to a core, ended afterwards."""
    pin = partial(os.sched_setaffinity, 0, {core})
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=HERE.parent, preexec_fn=pin
    ) as one:
        try:
            yield one
        finally:
            one.terminate()
            with suppress(subprocess.TimeoutExpired):
                one.wait(3)
            one.kill()


async def serve_app(port: int) -> None:
    """An app that answers every request with the document, over connections that stay open."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s" % (len(DOCUMENT), DOCUMENT)

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = head.partition(b"content-length:")[2].split(b"\r\n")[0]
                await reader.readexactly(int(length or 0))
                writer.write(answer)
        writer.close()

    server = await asyncio.start_server(client, "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


def family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(grandchild for child in children for grandchild in family(int(child)))]


def cpu(pid: int) -> float:
    """Seconds of CPU that a process and its children have used, all threads."""
    ticks = 0
    for one in family(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def load(folder: Path, sip_port: int, rate: int, calls: int) -> tuple[int, float]:
    """Runs sipp; calls that failed, and the 95th percentile of the answer in milliseconds."""
    for old in folder.glob("*_rtt.csv"):
        old.unlink()
    command = [
        "sipp", f"127.0.0.1:{sip_port}", "-sf", str(HERE / "call_setup.xml"), "-s", NUMBER, "-m", str(calls),
        "-r", str(rate), "-i", "127.0.0.1", "-p", str(free_port(socket.SOCK_DGRAM)), "-nostdin", "-trace_rtt",
        "-rtt_freq", "1", "-trace_stat", "-stf", "stat.csv", "-fd", "600", "-timeout", str(calls // rate + 60),
    ]  # fmt: skip
    pin = partial(os.sched_setaffinity, 0, {LOAD})
    subprocess.run(command, cwd=folder, capture_output=True, check=False, preexec_fn=pin)
    names, *rows = [line.split(";") for line in (folder / "stat.csv").read_text().splitlines()]
    failed = int(rows[-1][names.index("FailedCall(C)")])
    (folder / "stat.csv").unlink()
    times = [float(line.split(";")[1]) for path in folder.glob("*_rtt.csv") for line in path.read_text().split()[1:]]
    return failed, float(np.percentile(times, 95)) if times else float("nan")


def measure(name: str, pid: int, folder: Path, sip_port: int, rate: int, calls: int) -> None:
    """A short run to warm up, the run that counts, and its line."""
    load(folder, sip_port, rate, rate)
    time.sleep(1)
    began, before = time.monotonic(), cpu(pid)
    failed, p95 = load(folder, sip_port, rate, calls)
    spent, seconds = cpu(pid) - before, time.monotonic() - began
    line = {
        "bench": "call_setup", "case": name, "asked_per_s": rate, "held_per_s": round(calls / seconds, 1),
        "cpu_ms_per_call": round(1000 * spent / calls, 2), "answer_p95_ms": round(p95, 1), "failed": failed,
        "core_share": round(spent / seconds, 2), "machine": platform.node(),
    }  # fmt: skip
    print(json.dumps(line), flush=True)


def buy(http: str, data: Path, app_port: int) -> None:
    """Waits until the gateway is well and points the number at the app."""
    for _ in range(200):
        with suppress(OSError), urllib.request.urlopen(f"http://{http}/health"):
            break
        time.sleep(0.1)
    made = json.loads((data / "credentials.json").read_text())
    fields = {"PhoneNumber": NUMBER, "VoiceUrl": f"http://127.0.0.1:{app_port}/voice"}
    path = f"http://{http}/2010-04-01/Accounts/{made['account_sid']}/IncomingPhoneNumbers.json"
    request = urllib.request.Request(path, urllib.parse.urlencode(fields).encode())
    login = b64encode(f"{made['account_sid']}:{made['auth_token']}".encode()).decode()
    request.add_header("Authorization", f"Basic {login}")
    urllib.request.urlopen(request).close()


def product(folder: Path, app_port: int, rate: int, calls: int) -> None:
    """The gateway's line."""
    http, sip_port, data = f"127.0.0.1:{free_port()}", free_port(socket.SOCK_DGRAM), folder / "var"
    arguments = (
        "--data",
        str(data),
        "--http",
        http,
        "--sip",
        f"127.0.0.1:{sip_port}",
        "--rtp",
        "127.0.0.1:22000-29999",
    )
    with process(PRODUCT, sys.executable, "-m", "gateway", "serve", *arguments) as gateway:
        buy(http, data, app_port)
        measure("gateway", gateway.pid, folder, sip_port, rate, calls)


def reference(folder: Path, app_port: int, rate: int, calls: int) -> None:
    """The bare loop's line."""
    port = free_port(socket.SOCK_DGRAM)
    with process(PRODUCT, sys.executable, str(HERE / "bare_answer.py"), str(port), str(app_port)) as loop:
        assert loop.stdout is not None
        loop.stdout.readline()
        measure("bare loop", loop.pid, folder, port, rate, calls)


def main() -> None:
    """Both, one after the other."""
    if sys.argv[1:2] == ["app"]:
        asyncio.run(serve_app(int(sys.argv[2])))
        return
    if shutil.which("sipp") is None:
        print(json.dumps({"bench": "call_setup", "skipped": "sipp is not installed"}))
        return
    rate, calls = (*map(int, sys.argv[1:3]), *(40, 800)[len(sys.argv) - 1 :])
    app_port = free_port()
    with process(LOAD, sys.executable, __file__, "app", str(app_port)) as app, tempfile.TemporaryDirectory() as folder:
        assert app.stdout is not None
        app.stdout.readline()
        reference(Path(folder), app_port, rate, calls)
        product(Path(folder), app_port, rate, calls)


if __name__ == "__main__":
    main()
