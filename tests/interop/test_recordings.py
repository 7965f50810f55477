"""The promises about recordings, with real processes and disks: kill -9, a disk that is full, a reader that stalls."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import wave
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from media import files
from tests.interop.conftest import App, GatewayProcess, serving, started, wait_for
from tests.interop.test_crashes import buy, call, up

SLACK = 1.0  # seconds that a crash may cost


def folder_of(gateway: GatewayProcess) -> Path:
    return gateway.folder / "var" / "recordings"


@contextmanager
def recorded(gateway: GatewayProcess, app: App, seconds: int = 60) -> Iterator[tuple[Any, Any, Path]]:
    """A call that is recorded: the call and the recording, as Twilio's library has them, and the file that grows."""
    with call(gateway, "--seconds", str(seconds)) as phone:
        try:
            wait_for(lambda: up(gateway), 30, "the answer")
            (found,) = gateway.client().calls.list(limit=1)
            recordings = gateway.client().calls(found.sid).recordings
            events = ["in-progress", "completed", "absent"]
            made = recordings.create(
                recording_status_callback=app.url("/recorded"), recording_status_callback_event=events
            )
            path = folder_of(gateway) / f"{made.sid}.wav"
            wait_for(lambda: path.exists() and path.stat().st_size > files.HEADER_SIZE, 5, "audio")
            yield found, made, path
        finally:
            phone.kill()
            end_all(gateway)


def end_all(gateway: GatewayProcess) -> None:
    """So that the next test sees its own call only."""
    for one in gateway.client().calls.list(status="in-progress"):
        one.update(status="completed")
    wait_for(lambda: not up(gateway), 5, "the end")


@pytest.fixture(scope="module")
def bought(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[GatewayProcess, App]]:
    """A gateway with its app, for all tests that leave it as it was."""
    with serving() as app, started(tmp_path_factory.mktemp("recordings")) as one:
        buy(one, app)
        yield one, app


def told(app: App, sid: str, status: str) -> dict[str, str]:
    """The callback of a recording with a status, which comes soon."""

    def found() -> list[dict[str, str]]:
        heard = [one.params for one in app.to("/recorded") if one.params["RecordingStatus"] == status]
        return [one for one in heard if one["RecordingSid"] == sid]

    wait_for(lambda: bool(found()), 8, f"the callback {status}")
    return found()[0]


def kill_worker(gateway: GatewayProcess) -> None:
    os.kill(gateway.worker_pid(), signal.SIGKILL)


def kill_all(gateway: GatewayProcess) -> None:
    """The worker and then the gateway at once, as if the machine's process group were gone."""
    assert gateway.process is not None
    worker = gateway.worker_pid()
    os.kill(gateway.process.pid, signal.SIGSTOP)  # it is not to see its worker die
    os.kill(worker, signal.SIGKILL)
    gateway.kill()


@pytest.mark.interop
@pytest.mark.parametrize("kill", [kill_worker, kill_all])
def test_kill_9_costs_less_than_a_second(
    bought: tuple[GatewayProcess, App], kill: Callable[[GatewayProcess], None]
) -> None:
    gateway, app = bought
    with recorded(gateway, app) as (_, made, path):
        size, since = path.stat().st_size, time.monotonic()
        time.sleep(3.3)
        passed = time.monotonic() - since
        kill(gateway)
        got = (path.stat().st_size - size) / 16000
        assert passed - SLACK < got < passed + SLACK
        if kill is kill_all:
            gateway.start()
        heard = told(app, made.sid, "completed")
    seconds = (path.stat().st_size - files.HEADER_SIZE) / 16000
    assert int(heard["RecordingDuration"]) == round(seconds)
    assert seconds > 3.3 - SLACK
    with wave.open(str(path)) as file:
        assert file.getnframes() == round(seconds * 8000)
    row = gateway.client().recordings(made.sid).fetch()
    assert (row.status, row.duration) == ("completed", str(round(seconds)))
    answer = download(gateway, made.sid)
    assert sha256(answer.partition(b"\r\n\r\n")[2]).digest() == sha256(path.read_bytes()).digest()
    assert b64encode(sha256(path.read_bytes()).digest()) in answer.partition(b"\r\n\r\n")[0]


@pytest.mark.interop
def test_pause_and_stop_by_twilio_s_library(bought: tuple[GatewayProcess, App]) -> None:
    gateway, app = bought
    with recorded(gateway, app) as (found, made, path):
        current = gateway.client().calls(found.sid).recordings("Twilio.CURRENT")
        assert current.update(status="paused", pause_behavior="skip").status == "paused"
        time.sleep(0.3)
        size = path.stat().st_size
        time.sleep(1.0)
        assert path.stat().st_size == size
        assert current.update(status="in-progress").status == "in-progress"
        wait_for(lambda: path.stat().st_size >= size + 16000, 3, "more audio")
        assert current.update(status="stopped").sid == made.sid
        heard = told(app, made.sid, "completed")
        assert heard["RecordingSource"] == "StartCallRecordingAPI"
        assert gateway.client().calls(found.sid).fetch().status == "in-progress"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB where the gateway of the test writes its recordings."""
    folder = tmp_path / "var" / "recordings"
    folder.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.interop
def test_a_full_disk_ends_the_recording_and_not_the_call(small_disk: Path, gateway: GatewayProcess, app: App) -> None:
    buy(gateway, app)
    (small_disk / "others").write_bytes(bytes(950_000))
    with recorded(gateway, app) as (found, made, path):
        heard = told(app, made.sid, "failed")
        assert heard["ErrorCode"] == "12400"
        row = gateway.client().recordings(made.sid).fetch()
        assert (row.status, row.error_code) == ("absent", 12400)
        assert gateway.client().calls(found.sid).fetch().status == "in-progress"
        notes = gateway.client().calls(found.sid).notifications.list()
        assert "No space left on device" in notes[0].message_text
        with wave.open(str(path)) as file:  # what there was room for is there
            assert 44 + 2 * file.getnframes() <= path.stat().st_size
        (small_disk / "others").unlink()
        again = gateway.client().calls(found.sid).recordings.create()
        time.sleep(1.0)
        gateway.client().calls(found.sid).recordings(again.sid).update(status="stopped")
        wait_for(lambda: gateway.client().recordings(again.sid).fetch().status == "completed", 5, "the next one")


def ask(gateway: GatewayProcess, sid: str) -> socket.socket:
    """Asks for a recording's audio."""
    made = gateway.credentials()
    host, port = gateway.http.split(":")
    asked = socket.create_connection((host, int(port)))
    login = b64encode(f"{made['account_sid']}:{made['auth_token']}".encode()).decode()
    asked.sendall(
        f"GET /2010-04-01/Accounts/{made['account_sid']}/Recordings/{sid}.wav HTTP/1.1\r\nHost: {gateway.http}\r\n"
        f"Authorization: Basic {login}\r\nConnection: close\r\n\r\n".encode()
    )
    return asked


def download(gateway: GatewayProcess, sid: str) -> bytes:
    """A recording's audio, with the headers of the answer."""
    with ask(gateway, sid) as asked:
        asked.settimeout(10)
        found = b""
        while data := asked.recv(1 << 20):
            found += data
    return found


@pytest.mark.interop
def test_readers_that_stall_disturb_no_recording(bought: tuple[GatewayProcess, App]) -> None:
    gateway, app = bought
    with recorded(gateway, app) as (found, made, path):
        gateway.client().calls(found.sid).recordings(made.sid).update(status="stopped")
        told(app, made.sid, "completed")
        path.write_bytes(files.wav_header(1, 40_000_000) + bytes(40_000_000))
        recordings = gateway.client().calls(found.sid).recordings
        again = recordings.create()
        growing = folder_of(gateway) / f"{again.sid}.wav"
        wait_for(lambda: growing.exists() and growing.stat().st_size > files.HEADER_SIZE, 5, "audio")
        size, since = growing.stat().st_size, time.monotonic()
        stalled = [ask(gateway, made.sid) for _ in range(5)]
        time.sleep(3)
        got, passed = (growing.stat().st_size - size) / 16000, time.monotonic() - since
        assert abs(got - passed) < 0.5
        since = time.monotonic()
        recordings(again.sid).update(status="stopped")
        assert time.monotonic() - since < 1.0
        for one in stalled:
            one.close()
