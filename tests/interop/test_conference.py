"""Twilio's Python library moderates conferences of phones (pjsua2), each of which says a tone of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator

from media.tones import tone
from tests.interop.conftest import NUMBER, App, GatewayProcess, wait_for
from tests.interop.pjsua import ended, start_pjsua, write_wav
from tests.lib.ports import free_port

TONES = {"alice": 440.0, "bob": 620.0, "carol": 880.0}
HOLD, ANNOUNCED = 1150.0, 1500.0
CONFERENCE = (
    "<Response><Dial action='/after'><Conference beep='false' waitUrl='' participantLabel='{label}' "
    "statusCallback='/told' statusCallbackEvent='start end join leave mute hold modify announcement'>standup"
    "</Conference></Dial></Response>"
)
SETTLED = 0.8  # seconds from a change to where it is surely heard
HEARD, QUIET = -22.0, -45.0  # dB of a tone that was said at -12


class Room:
    """The phones, and what each hears from some moment on."""

    def __init__(self, folder: Path, uri: str) -> None:
        self._folder, self._uri = folder, uri
        self.phones: dict[str, subprocess.Popen[bytes]] = {}

    def enter(self, name: str) -> None:
        self.phones[name] = start_pjsua(self._folder, name, TONES[name], "--call", self._uri)

    def length(self, name: str) -> int:
        """Samples that the phone has written."""
        return (self._folder / f"{name}.wav").stat().st_size // 2

    def heard(self) -> dict[str, set[float]]:
        """Which tones each living phone hears in the second that begins soon."""
        start = {name: self.length(name) for name in self.phones}
        wait_for(lambda: all(self.length(name) > start[name] + 8000 * (SETTLED + 1.6) for name in start), 10, "audio")
        files = {name: np.fromfile(self._folder / f"{name}.wav", "<i2") for name in start}
        first = {name: start[name] + int(8000 * SETTLED) for name in start}
        return {name: tones_in(files[name][first[name] : first[name] + 8000].astype(np.float64)) for name in start}


def tones_in(pcm: np.ndarray[tuple[int], np.dtype[np.float64]]) -> set[float]:
    """The tones that are surely heard in a second of audio; none may be in doubt."""
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm)))) * 4 / len(pcm)
    found = set()
    for hertz in (*TONES.values(), HOLD, ANNOUNCED):
        level = 20 * np.log10(spectrum[int(hertz) - 3 : int(hertz) + 4].max() / 32768 + 1e-9)
        assert level > HEARD or level < QUIET, f"{hertz} Hz at {level:.1f} dB"
        if level > HEARD:
            found.add(hertz)
    return found


@pytest.mark.interop
def test_three_phones_are_moderated_by_twilios_library(gateway: GatewayProcess, app: App, tmp_path: Path) -> None:
    labels = iter(TONES)
    app.documents = {
        "/voice": lambda params: CONFERENCE.format(label=next(labels)),
        "/announce": "<Response><Play>/announce.wav</Play></Response>",
        "/after": "<Response><Hangup/></Response>",
    }
    for name, hertz in (("hold", HOLD), ("announce", ANNOUNCED)):
        write_wav(tmp_path / f"{name}.wav", tone(hertz, 0.0, on_ms=8000, level=-12.0))
        app.files[f"/{name}.wav"] = ("audio/wav", (tmp_path / f"{name}.wav").read_bytes())
    app.documents["/hold"] = "<Response><Play loop='0'>/hold.wav</Play></Response>"
    client = gateway.client()
    client.incoming_phone_numbers.create(phone_number=NUMBER, voice_url=app.url("/voice"))
    room = Room(tmp_path, f"sip:{NUMBER}@{gateway.sip}")
    alice, bob, carol = TONES.values()

    def told() -> list[str]:
        return [one.params["StatusCallbackEvent"] for one in app.to("/told")]

    for name, so_far in zip(TONES, (1, 3, 4), strict=True):
        room.enter(name)
        wait_for(partial(lambda count: len(told()) == count, so_far), 10, f"{name} enters")
    (conference,) = client.conferences.list(friendly_name="standup", status="in-progress")
    participants = client.conferences(conference.sid).participants
    assert [one.label for one in participants.list()] == ["carol", "bob", "alice"]
    calls = {one.label: one.call_sid for one in participants.list()}
    assert room.heard() == {"alice": {bob, carol}, "bob": {alice, carol}, "carol": {alice, bob}}

    participants("bob").update(muted=True)
    assert [one.label for one in participants.list(muted=True)] == ["bob"]
    assert room.heard() == {"alice": {carol}, "bob": {alice, carol}, "carol": {alice}}
    participants("bob").update(muted=False)

    participants(calls["carol"]).update(hold=True, hold_url=app.url("/hold"), hold_method="POST")
    assert room.heard() == {"alice": {bob}, "bob": {alice}, "carol": {HOLD}}
    participants("carol").update(hold=False)

    participants("carol").update(coaching=True, call_sid_to_coach=calls["bob"])
    assert participants("carol").fetch().call_sid_to_coach == calls["bob"]
    assert room.heard() == {"alice": {bob}, "bob": {alice, carol}, "carol": {alice, bob}}
    participants("carol").update(coaching=False)

    client.conferences(conference.sid).update(announce_url=app.url("/announce"))
    assert room.heard() == {
        "alice": {bob, carol, ANNOUNCED}, "bob": {alice, carol, ANNOUNCED}, "carol": {alice, bob, ANNOUNCED},
    }  # fmt: skip
    time.sleep(7)  # until it has been said
    participants("alice").update(announce_url=app.url("/announce"))
    assert room.heard() == {"alice": {bob, carol, ANNOUNCED}, "bob": {alice, carol}, "carol": {alice, bob}}

    participants("bob").delete()
    assert ended(room.phones.pop("bob")) == "DISCONNECTED"
    with pytest.raises(TwilioRestException) as refused:
        participants("bob").fetch()
    assert (refused.value.status, refused.value.code) == (404, 20404)
    over = client.conferences(conference.sid).update(status="completed")
    assert (over.status, over.reason_conference_ended) == ("completed", "conference-ended-via-api")
    assert [ended(phone) for phone in room.phones.values()] == ["DISCONNECTED", "DISCONNECTED"]
    assert participants.list() == []

    wait_for(lambda: told()[-1:] == ["conference-end"], 5, "the last callback")
    assert [one.params["SequenceNumber"] for one in app.to("/told")] == [str(number + 1) for number in range(16)]
    assert told()[:12] == [
        "participant-join", "participant-join", "conference-start", "participant-join",
        "participant-mute", "participant-unmute", "participant-hold", "participant-unhold",
        "participant-modify", "participant-modify", "announcement-end", "participant-leave",
    ]  # fmt: skip
    assert sorted(told()[12:15]) == ["announcement-fail", "participant-leave", "participant-leave"]
    validator = RequestValidator(gateway.credentials()["auth_token"])
    for one in app.asked:
        assert validator.validate(one.url, one.params, one.headers["X-Twilio-Signature"])
    assert [one.params["DialCallStatus"] for one in app.to("/after")] == ["answered"] * 3


@pytest.mark.interop
def test_phones_are_called_into_a_conference_that_is_recorded(
    gateway: GatewayProcess, app: App, tmp_path: Path
) -> None:
    client, ports = gateway.client(), {name: free_port() for name in ("alice", "bob")}
    phones = {name: start_pjsua(tmp_path, name, TONES[name], "--port", str(port)) for name, port in ports.items()}
    for name, port in ports.items():
        new = client.conferences("standup").participants.create(
            from_=NUMBER, to=f"sip:{name}@127.0.0.1:{port}", label=name, beep="false", wait_url="",
            conference_record="record-from-start", conference_trim="do-not-trim",
            conference_status_callback=app.url("/told"), conference_status_callback_event=["start", "end", "leave"],
            conference_recording_status_callback=app.url("/recorded"),
            status_callback=app.url("/status"), status_callback_event=["answered", "completed"],
        )  # fmt: skip
        assert new.label == name
        assert new.status in ("queued", "initiated", "ringing", "connected"), "the phone may have answered already"
    conference = client.conferences(new.conference_sid)
    wait_for(lambda: conference.fetch().status == "in-progress", 10, "the start")
    assert {one.status for one in conference.participants.list()} == {"connected"}
    (recording,) = conference.recordings.list()
    assert (recording.status, recording.source) == ("in-progress", "Conference")
    time.sleep(3)
    conference.participants("alice").delete()
    assert ended(phones["alice"]) == "DISCONNECTED"
    conference.update(status="completed")
    assert ended(phones["bob"]) == "DISCONNECTED"
    recorded = app.wait_for("/recorded").params
    assert (recorded["ConferenceSid"], recorded["RecordingStatus"]) == (new.conference_sid, "completed")
    done = conference.recordings(recording.sid).fetch()
    assert done.status == "completed"
    pcm = np.fromfile(gateway.folder / "var" / "recordings" / f"{recording.sid}.wav", "<i2")[22:]
    assert abs(len(pcm) / 8000 - int(done.duration)) <= 0.5
    assert tones_in(pcm[12000:20000].astype(np.float64)) == {TONES["alice"], TONES["bob"]}
    wait_for(lambda: len(app.to("/told")) == 4, 5, "all callbacks")
    assert [one.params["StatusCallbackEvent"] for one in app.to("/told")] == [
        "conference-start", "participant-leave", "participant-leave", "conference-end",
    ]  # fmt: skip
    wait_for(lambda: len(app.to("/status")) == 4, 5, "the calls' callbacks")


@pytest.mark.interop
def test_phones_on_two_media_workers_are_in_one_conference(tmp_path: Path, app: App) -> None:
    gateway = GatewayProcess(tmp_path)
    gateway.config.write_text("[media]\nworkers = 2\n")
    gateway.start()
    try:
        labels = iter((*TONES, "bob"))
        app.documents = {
            "/voice": lambda params: CONFERENCE.format(label=next(labels)),
            "/announce": "<Response><Play>/announce.wav</Play></Response>",
        }
        write_wav(tmp_path / "announce.wav", tone(ANNOUNCED, 0.0, on_ms=8000, level=-12.0))
        app.files["/announce.wav"] = ("audio/wav", (tmp_path / "announce.wav").read_bytes())
        client = gateway.client()
        client.incoming_phone_numbers.create(phone_number=NUMBER, voice_url=app.url("/voice"))
        room = Room(tmp_path, f"sip:{NUMBER}@{gateway.sip}")
        alice, bob, carol = TONES.values()
        for count, name in enumerate(TONES, 1):
            room.enter(name)
            wait_for(partial(lambda so_far: len(joined(app)) == so_far, count), 10, f"{name} enters")
        pids = gateway.worker_pids()
        wait_for(partial(linked, pids), 5, "two phones and one, and the link between the workers")
        assert room.heard() == {"alice": {bob, carol}, "bob": {alice, carol}, "carol": {alice, bob}}

        (conference,) = client.conferences.list(friendly_name="standup", status="in-progress")
        participants = client.conferences(conference.sid).participants
        calls = {one.label: one.call_sid for one in participants.list()}
        participants("bob").update(coaching=True, call_sid_to_coach=calls["alice"])
        assert room.heard() == {"alice": {bob, carol}, "bob": {alice, carol}, "carol": {alice}}
        participants("bob").update(coaching=False)
        client.conferences(conference.sid).update(announce_url=app.url("/announce"))
        assert all(ANNOUNCED in tones for tones in room.heard().values())

        os.kill(next(pid for pid in pids if media_ports(pid) == 2), signal.SIGKILL)
        assert ended(room.phones.pop("bob")) == "DISCONNECTED"
        time.sleep(7)  # until the announcement has been said
        assert room.heard() == {"alice": {carol}, "carol": {alice}}
        room.enter("bob")  # on the worker that took its place
        wait_for(lambda: len(joined(app)) == 4, 10, "bob enters again")
        wait_for(partial(linked, gateway.worker_pids()), 5, "the link to the new worker")
        assert room.heard() == {"alice": {bob, carol}, "bob": {alice, carol}, "carol": {alice, bob}}
        client.conferences(conference.sid).update(status="completed")
        assert [ended(phone) for phone in room.phones.values()] == ["DISCONNECTED"] * 3
    finally:
        gateway.stop()


def linked(pids: list[int]) -> bool:
    """Whether one of two workers has two phones, the other one, and both a port of their link."""
    return sorted(map(media_ports, pids)) == [2, 3]


def joined(app: App) -> list[str]:
    """Who came in so far."""
    told = [one.params for one in app.to("/told")]
    return [one["CallSid"] for one in told if one["StatusCallbackEvent"] == "participant-join"]


def media_ports(pid: int) -> int:
    """How many RTP ports a media worker has taken: even UDP ports that it is bound to."""
    inodes = set()
    for name in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            inodes.add(os.readlink(name).removeprefix("socket:[").removesuffix("]"))
    rows = [line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:]]
    ports = {int(row[1].rpartition(":")[2], 16) for row in rows if row[9] in inodes}
    return sum(port % 2 == 0 for port in ports)
