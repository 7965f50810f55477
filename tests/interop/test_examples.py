"""The apps in `examples/` over real sockets, each in a process of its own: phones (pjsua2) call, or are called."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from twilio.rest import Client

from media.tones import tone
from tests.interop.conftest import NUMBER, ROOT, App, GatewayProcess, wait_for
from tests.interop.pjsua import ended, loudest_hertz, read_wav, start_pjsua, write_wav
from tests.lib.ports import free_port

DESK, FAR = "+15555550101", "+15555550141"
CALLS, ANSWERS, MUSIC = 700.0, 880.0, 1150.0  # none of them is in a ringing tone


@dataclass
class Stage:
    """A running example, its gateway, and the phones."""

    gateway: GatewayProcess
    folder: Path
    app: str
    far: int  # UDP port of the phone behind the carrier
    phones: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def client(self) -> Client:
        """Twilio's library."""
        return self.gateway.client()

    def calls(self, number: str, *arguments: str, name: str = "caller") -> subprocess.Popen[bytes]:
        """A phone calls the app."""
        return self._start(name, CALLS, "--call", f"sip:{number}@{self.gateway.sip}", *arguments)

    def answers(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A phone waits to be called by the app."""
        return self._start("far", ANSWERS, "--port", str(self.far), *arguments)

    def _start(self, name: str, hertz: float, *arguments: str) -> subprocess.Popen[bytes]:
        self.phones.append(start_pjsua(self.folder, name, hertz, "--patience", "90", *arguments))
        return self.phones[-1]

    def close(self) -> None:
        """Ends the phones that a failure left."""
        for phone in self.phones:
            if phone.poll() is None:
                phone.kill()
                phone.communicate()

    def ask(self, method: str, path: str, **form: str) -> Any:
        """A request of the app's own people."""
        answer = requests.request(method, self.app + path, data=form, timeout=20)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def last(self, to: str, status: str) -> bool:
        """Whether the last call to a number has come to this status."""
        found = self.client.calls.list(to=to, limit=1)
        return bool(found) and found[0].status == status

    def heard(self, name: str) -> float:
        """The loudest pitch in the last second that a phone has written so far; 0 without one."""
        path = self.folder / f"{name}.wav"
        written = np.fromfile(path, "<i2") if path.exists() else np.zeros(0, np.int16)
        return loudest_hertz(written[-8000:]) if len(written) > 8100 else 0.0


@contextlib.contextmanager
def staged(gateway: GatewayProcess, folder: Path, name: str, music: str) -> Iterator[Stage]:
    """Starts the example; NUMBER asks its /voice, DESK its /agent, every other number is a phone of this machine."""
    made, port, far = gateway.credentials(), free_port(), free_port()
    origin = f"http://127.0.0.1:{port}"
    twilio = {
        "ACCOUNT_SID": made["account_sid"],
        "AUTH_TOKEN": made["auth_token"],
        "BASE_URL": f"http://{gateway.http}",
    }
    environment = {f"TWILIO_{key}": value for key, value in twilio.items()} | {"HOLD_MUSIC": music}
    with (folder / "app.log").open("wb") as log:
        app = subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", f"examples/{name}", "run", "--port", str(port)],
            cwd=ROOT, env=os.environ | environment, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        numbers = gateway.client().incoming_phone_numbers
        numbers.create(phone_number=NUMBER, voice_url=f"{origin}/voice")
        numbers.create(phone_number=DESK, voice_url=f"{origin}/agent")
        gateway.operator("POST", "trunks", {"name": "far", "uris": [f"sip:127.0.0.1:{far}"]})
        gateway.operator("POST", "routes", {"prefix": "+", "trunks": ["far"]})
        wait_for(partial(_listens, origin), 20, f"{name}.py listens")
        stage = Stage(gateway, folder, origin, far)
        with contextlib.closing(stage):
            yield stage
    finally:
        app.terminate()
        app.wait(10)


def _listens(origin: str) -> bool:
    with contextlib.suppress(requests.ConnectionError):
        return bool(requests.get(origin, timeout=5).status_code)
    return False


def phone_tree(stage: Stage) -> None:
    """Sales answers who presses 1."""
    far = stage.answers("--hangup-after", "4")
    caller = stage.calls(NUMBER, "--digits", "1")
    wait_for(lambda: stage.last(FAR, "in-progress"), 20, "sales")
    assert ended(far) == "DISCONNECTED"
    assert ended(caller) == "DISCONNECTED"
    assert loudest_hertz(read_wav(stage.folder / "far.wav")[-12000:-4000]) == pytest.approx(CALLS, abs=10)
    assert stage.last(FAR, "completed")


def voicemail(stage: Stage) -> None:
    """Nobody is at the owner's phone: the message is kept."""
    caller = stage.calls(NUMBER, "--digits", "#", "--digits-after", "12")
    assert ended(caller) == "DISCONNECTED"
    wait_for(lambda: len(stage.ask("GET", "/messages")) == 1, 10, "the message")
    (message,) = stage.ask("GET", "/messages")
    account = stage.gateway.credentials()
    sound = requests.get(f"{message['url']}.wav", auth=(account["account_sid"], account["auth_token"]), timeout=10)
    assert sound.content.startswith(b"RIFF")
    assert int(message["seconds"]) >= 3


def conference_line(stage: Stage) -> None:
    """The guest waits for the moderator, who mutes, and ends it by leaving."""
    guest = stage.calls(NUMBER, "--digits", "1234", name="guest")
    wait_for(lambda: len(stage.client.conferences.list(friendly_name="weekly")) == 1, 20, "the guest")
    moderator = stage.calls(NUMBER, "--digits", "9876", "--hangup-after", "8", name="moderator")
    wait_for(lambda: len(stage.client.conferences.list(status="in-progress")) == 1, 20, "the moderator")
    stage.ask("POST", "/mute")
    (conference,) = stage.client.conferences.list()
    muted = {one.label: one.muted for one in stage.client.conferences(conference.sid).participants.list()}
    assert muted == {None: True, "moderator": False}
    assert ended(moderator) == "DISCONNECTED"
    assert ended(guest) == "DISCONNECTED"
    assert stage.client.conferences(conference.sid).fetch().status == "completed"


def support_queue(stage: Stage) -> None:
    """An agent takes the caller who has heard music."""
    caller = stage.calls(NUMBER)
    wait_for(lambda: [one.current_size for one in stage.client.queues.list()] == [1], 20, "the queue")
    wait_for(lambda: stage.heard("caller") == pytest.approx(MUSIC, abs=10), 20, "the music")
    agent = stage.calls(DESK, name="agent")
    wait_for(lambda: stage.heard("agent") == pytest.approx(CALLS, abs=10), 30, "the caller")
    assert [one.current_size for one in stage.client.queues.list()] == [0]
    for call in stage.client.calls.list(to=DESK, status="in-progress"):
        stage.client.calls(call.sid).update(status="completed")
    assert ended(agent) == "DISCONNECTED"
    assert ended(caller) == "DISCONNECTED"


def warm_transfer(stage: Stage) -> None:
    """Both agents are one phone here: the caller stays with the second when the first leaves."""
    far, caller = stage.answers(), stage.calls(NUMBER)
    wait_for(lambda: stage.last(FAR, "in-progress"), 20, "the first agent")
    (incoming,) = stage.client.calls.list(to=NUMBER)
    stage.ask("POST", "/transfer", CallSid=incoming.sid)
    (conference,) = stage.client.conferences.list(friendly_name=incoming.sid)
    participants = stage.client.conferences(conference.sid).participants
    wait_for(lambda: len(participants.list()) == 3, 20, "the second agent")
    (first,) = stage.client.calls.list(to=FAR)
    stage.client.calls(first.sid).update(status="completed")
    wait_for(lambda: len(participants.list()) == 2, 10, "the first agent leaves")
    assert stage.last(NUMBER, "in-progress")
    stage.client.conferences(conference.sid).update(status="completed")
    assert ended(caller) == "DISCONNECTED"
    assert ended(far) == "DISCONNECTED"


def call_tracking(stage: Stage) -> None:
    """Sales takes the call by a key, and the campaign has its seconds."""
    far = stage.answers("--digits", "1", "--digits-after", "4")
    caller = stage.calls(NUMBER)
    wait_for(lambda: stage.last(FAR, "in-progress"), 20, "sales")
    wait_for(lambda: stage.heard("caller") == pytest.approx(ANSWERS, abs=10), 20, "sales takes it")
    for call in stage.client.calls.list(to=NUMBER):
        stage.client.calls(call.sid).update(status="completed")
    assert ended(far) == "DISCONNECTED"
    assert ended(caller) == "DISCONNECTED"
    wait_for(lambda: stage.ask("GET", "/report")["summer"]["seconds"] >= 1, 10, "the report")
    assert stage.ask("GET", "/report")["summer"]["calls"] == 1


def two_factor(stage: Stage) -> None:
    """The code is said to who answers; a guess is not it."""
    far = stage.answers()
    made = stage.ask("POST", "/codes", to=FAR)
    assert ended(far) == "DISCONNECTED"
    assert stage.ask("GET", f"/codes/{made['call']}") == {"status": "completed"}
    assert len(read_wav(stage.folder / "far.wav")) > 8000 * 4
    assert stage.ask("POST", "/checks", to=FAR, code="no") == {"status": "denied"}


def reminder(stage: Stage) -> None:
    """Who is called confirms."""
    far = stage.answers("--digits", "1", "--digits-after", "5")
    stage.ask("POST", "/reminders", to=FAR, when="tomorrow at nine")
    wait_for(lambda: [one["status"] for one in stage.ask("GET", "/reminders")] == ["confirmed"], 30, "the answer")
    assert ended(far) == "DISCONNECTED"


EXAMPLES = (
    phone_tree, voicemail, conference_line, support_queue, warm_transfer, call_tracking, two_factor, reminder,
)  # fmt: skip


@pytest.mark.interop
@pytest.mark.parametrize("scenario", EXAMPLES, ids=lambda one: str(one.__name__))
def test_an_example_works_with_phones(
    gateway: GatewayProcess, app: App, tmp_path: Path, scenario: Callable[[Stage], None]
) -> None:
    write_wav(tmp_path / "hold.wav", tone(MUSIC, 0.0, on_ms=8000, level=-12.0))
    app.files["/hold.wav"] = ("audio/wav", (tmp_path / "hold.wav").read_bytes())
    with staged(gateway, tmp_path, scenario.__name__, app.url("/hold.wav")) as stage:
        scenario(stage)
