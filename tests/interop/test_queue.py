"""A queue of phones (pjsua2), each of which says a tone of its own; Twilio's Python library takes one out of it."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator

from media.tones import tone
from tests.interop.conftest import NUMBER, App, GatewayProcess, wait_for
from tests.interop.pjsua import ended, write_wav
from tests.interop.test_conference import ANNOUNCED, HOLD, TONES, Room

DESK = "+15555550101"


@pytest.mark.interop
def test_phones_wait_are_taken_in_their_order_and_dequeued_by_twilios_library(
    gateway: GatewayProcess, app: App, tmp_path: Path
) -> None:
    app.documents = {
        "/voice": "<Response><Enqueue action='/left' waitUrl='/hold'>support</Enqueue></Response>",
        "/hold": "<Response><Play>/hold.wav</Play></Response>",
        "/desk": "<Response><Dial action='/served'><Queue url='/whisper'>support</Queue></Dial></Response>",
        "/whisper": "<Response><Pause length='1'/></Response>",
        "/elsewhere": "<Response><Play loop='0'>/announce.wav</Play></Response>",
        "/left": "<Response><Hangup/></Response>",
        "/served": "<Response><Hangup/></Response>",
    }
    for name, hertz in (("hold", HOLD), ("announce", ANNOUNCED)):
        write_wav(tmp_path / f"{name}.wav", tone(hertz, 0.0, on_ms=8000, level=-12.0))
        app.files[f"/{name}.wav"] = ("audio/wav", (tmp_path / f"{name}.wav").read_bytes())
    client = gateway.client()
    client.incoming_phone_numbers.create(phone_number=NUMBER, voice_url=app.url("/voice"))
    client.incoming_phone_numbers.create(phone_number=DESK, voice_url=app.url("/desk"))
    callers, desk = (Room(tmp_path, f"sip:{number}@{gateway.sip}") for number in (NUMBER, DESK))
    for name in ("alice", "bob"):
        callers.enter(name)
        before = len(app.to("/hold"))
        wait_for(partial(lambda before: len(app.to("/hold")) > before, before), 10, f"{name} waits")
    assert callers.heard() == {"alice": {HOLD}, "bob": {HOLD}}
    (queue,) = client.queues.list()
    assert (queue.friendly_name, queue.current_size, queue.max_size) == ("support", 2, 1000)
    assert queue.average_wait_time >= 1
    members = client.queues(queue.sid).members
    first, second = members.list()
    assert (first.position, second.position) == (1, 2)
    assert members("Front").fetch().call_sid == first.call_sid

    desk.enter("carol")
    wait_for(lambda: len(app.to("/whisper")) == 1, 10, "the whisper")
    assert app.to("/whisper")[0].params["CallSid"] == first.call_sid
    time.sleep(1)
    assert desk.heard() == {"carol": {TONES["alice"]}}
    assert callers.heard() == {"alice": {TONES["carol"]}, "bob": {HOLD}}
    assert [one.call_sid for one in members.list()] == [second.call_sid]
    with pytest.raises(TwilioRestException) as refused:
        client.queues(queue.sid).delete()
    assert (refused.value.status, refused.value.code) == (409, 22003)

    taken = members("Front").update(url=app.url("/elsewhere"), method="POST")
    assert (taken.call_sid, taken.position) == (second.call_sid, 1)
    app.wait_for("/elsewhere")
    time.sleep(2)  # the sound is fetched and decoded
    assert callers.heard() == {"alice": {TONES["carol"]}, "bob": {ANNOUNCED}}
    assert [one.params["QueueResult"] for one in app.to("/left")] == ["redirected"]
    client.calls(second.call_sid).update(status="completed")
    assert ended(callers.phones["bob"]) == "DISCONNECTED"

    client.calls(app.to("/whisper")[0].params["DequeingCallSid"]).update(status="completed")
    assert ended(desk.phones["carol"]) == "DISCONNECTED"
    assert ended(callers.phones["alice"]) == "DISCONNECTED"
    wait_for(lambda: len(app.to("/left")) == 2, 5, "both actions")
    assert app.to("/left")[1].params["QueueResult"] == "bridged"
    (served,) = app.to("/served")
    assert (served.params["DialCallStatus"], served.params["DequeuedCallSid"]) == ("completed", first.call_sid)
    renamed = client.queues(queue.sid).update(friendly_name="desk", max_size=5)
    assert (renamed.friendly_name, renamed.max_size, renamed.current_size) == ("desk", 5, 0)
    assert client.queues(queue.sid).delete()
    assert client.queues.list() == []
    validator = RequestValidator(gateway.credentials()["auth_token"])
    for one in app.asked:
        assert validator.validate(one.url, one.params, one.headers["X-Twilio-Signature"])


@pytest.mark.interop
def test_a_queue_outlives_a_kill_and_its_callers_are_told_to_have_failed(
    gateway: GatewayProcess, app: App, tmp_path: Path
) -> None:
    app.documents = {"/voice": "<Response><Enqueue>support</Enqueue></Response>", "/status": ""}
    client = gateway.client()
    urls = {"voice_url": app.url("/voice"), "status_callback": app.url("/status")}
    client.incoming_phone_numbers.create(phone_number=NUMBER, **urls)
    callers = Room(tmp_path, f"sip:{NUMBER}@{gateway.sip}")
    callers.enter("alice")
    wait_for(lambda: [one.current_size for one in client.queues.list()] == [1], 15, "who waits")
    (queue,) = client.queues.list()
    (member,) = client.queues(queue.sid).members.list()
    gateway.kill()
    gateway.start()
    (found,) = client.queues.list()
    assert (found.sid, found.friendly_name, found.current_size) == (queue.sid, "support", 0)
    assert client.queues(queue.sid).members.list() == []
    assert client.calls(member.call_sid).fetch().status == "failed"
    assert ended(callers.phones["alice"]) == "DISCONNECTED"
    told = app.wait_for("/status").params
    assert (told["CallSid"], told["CallStatus"]) == (member.call_sid, "failed")
    callers.enter("bob")
    wait_for(lambda: [one.current_size for one in client.queues.list()] == [1], 15, "who waits now")
    assert [one.sid for one in client.queues.list()] == [queue.sid]
    (member,) = client.queues(queue.sid).members.list()
    client.calls(member.call_sid).update(status="completed")
    assert ended(callers.phones["bob"]) == "DISCONNECTED"
