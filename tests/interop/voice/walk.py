"""Every voice resource of the core API, driven by Twilio's Python library. walk.cjs takes the same steps with Node's.

Each step leaves nothing behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

import requests
from twilio.rest import Client

from tests.lib.rest import refusal

PAUSE = "<Response><Pause length='60'/></Response>"
ENQUEUE = "<Response><Enqueue>support</Enqueue></Response>"


class Walk:
    """One customer: `app` is the URL of the customer's app, `desk` a number that is not the customer's."""

    def __init__(self, client: Client, app: str, desk: str) -> None:
        self.client, self.app, self.desk = client, app, desk
        self.caller = self.agent = ""

    def run(self) -> None:
        """All steps; two numbers are there meanwhile, of which one is answered by an application."""
        application = self.applications()
        offered = self.client.available_phone_numbers("US").local.list(limit=2)
        caller, agent = (
            self.client.incoming_phone_numbers.create(
                phone_number=one.phone_number, voice_application_sid=application.sid
            )
            for one in offered
        )
        self.caller, self.agent = caller.phone_number, agent.phone_number
        for step in (self.calls, self.recordings, self.conferences, self.queues, self.caller_ids, self.leftovers):
            step()
        for made in (caller, agent, application):
            assert made.delete()

    def applications(self) -> Any:
        """Created, changed, read, listed by name and in pages; one stays."""
        listed = self.client.applications
        made = [listed.create(friendly_name=f"IVR {number}", voice_url=f"{self.app}/agent") for number in range(3)]
        one = made[0].update(friendly_name="Desk").fetch()
        assert [found.sid for found in listed.list(friendly_name="Desk")] == [one.sid]
        assert sorted(found.sid for found in listed.list(page_size=1)) == sorted(found.sid for found in made)
        assert made[1].delete()
        assert made[2].delete()
        refused(made[1].fetch, 20404)
        return one

    def place(self, **how: str) -> Any:
        """A call that is up."""
        made = self.client.calls.create(**{"to": self.agent, "from_": self.caller} | how)
        until(lambda: made.fetch().status == "in-progress", "the answer")
        return made

    def end(self, *calls: Any) -> None:
        """They are over soon, and forgotten."""
        for call in calls:
            until(partial(lambda one: one.fetch().status == "completed", call), "the end")
            assert call.delete()
            refused(call.fetch, 20404)

    def calls(self) -> None:
        """Placed, listed by filters and in pages, changed; their events, notifications and messages."""
        calls, since = self.client.calls, datetime.now(UTC) - timedelta(hours=1)
        one, other = self.place(url=f"{self.app}/odd"), self.place(twiml=PAUSE)
        assert {one.sid, other.sid} <= {found.sid for found in calls.list(to=self.agent, from_=self.caller, limit=5000)}
        up = [found.sid for found in calls.list(status="in-progress", start_time_after=since)]
        assert sorted(found.sid for found in calls.list(status="in-progress", page_size=1)) == sorted(up)
        assert len(up) == 4  # each is one for the caller and one for the agent
        assert calls.list(start_time_before=since) == calls.list(parent_call_sid=one.sid) == []
        assert one.update(time_limit=300, status_callback=f"{self.app}/told").sid == one.sid
        self.log(one)
        self.messages(one)
        self.payments(one)
        self.siprec(one)
        self.later(one)
        one.update(twiml="<Response><Hangup/></Response>")
        other.update(status="completed")
        self.end(one, other)

    def log(self, call: Any) -> None:
        """What it asked of its app, and what was odd about the answer."""
        until(lambda: bool(call.events.list()), "an event")
        (event,) = call.events.list(page_size=1)
        assert (event.request["url"], event.response["response_code"]) == (f"{self.app}/odd", 200)
        until(lambda: bool(call.notifications.list()), "a notification")
        note = call.notifications.list(log=1)[0]
        assert call.notifications(note.sid).fetch().error_code == "12200"
        assert note.sid in {found.sid for found in self.client.notifications.list(log=1)}
        assert self.client.notifications(note.sid).fetch().call_sid == call.sid

    def messages(self, call: Any) -> None:
        """To the far end; who is told of those from it."""
        assert call.user_defined_messages.create(content='{"a": 1}').sid.startswith("KX")
        subscription = call.user_defined_message_subscriptions.create(callback=f"{self.app}/told", method="POST")
        assert call.user_defined_message_subscriptions(subscription.sid).delete()

    def payments(self, call: Any) -> None:
        """An agent asks for a card, and thinks better of it."""
        keys = map(str, count())

        def given() -> dict[str, str]:
            return {"idempotency_key": next(keys), "status_callback": f"{self.app}/told"}

        made = call.payments.create(**given(), charge_amount=9.9, currency="eur", valid_card_types="visa")
        payment = call.payments(made.sid)
        refused(lambda: call.payments.create(**given()), 64021)  # there is one already
        assert payment.update(**given(), capture="payment-card-number").sid == made.sid
        refused(lambda: payment.update(**given(), status="complete"), 64021)
        assert payment.update(**given(), status="cancel").call_sid == call.sid
        refused(lambda: call.payments.create(**given(), payment_connector="None"), 64004)
        refused(lambda: call.payments("PK" + "1" * 32).update(**given(), status="cancel"), 20404)

    def siprec(self, call: Any) -> None:
        """Its audio goes to a recording server, until that is stopped by its name."""
        made = call.siprec.create(
            connector_name="srs", name="mine", track="both_tracks", parameter1_name="Agent", parameter1_value="Bob"
        )
        assert (made.name, made.status) == ("mine", "in-progress")
        assert call.siprec("mine").update(status="stopped").status == "stopped"
        refused(lambda: call.siprec.create(connector_name="c"), 31940)
        refused(lambda: call.siprec("SR" + "1" * 32).update(status="stopped"), 20404)

    def later(self, call: Any) -> None:
        """What calls cannot begin yet is refused in words."""
        refused(lambda: call.streams.create(url="wss://app.example.com/"), 20001)
        refused(lambda: call.streams("MZ" + "1" * 32).update(status="stopped"), 20404)
        refused(call.transcriptions.create, 20001)
        refused(lambda: call.transcriptions("GT" + "1" * 32).update(status="stopped"), 20404)

    def recordings(self) -> None:
        """Begun, paused, resumed, stopped; their audio; deleted by their call and by themselves."""
        call = self.place(twiml=PAUSE)
        first = call.recordings.create(recording_channels="dual")
        time.sleep(1)  # of sound
        for status in ("paused", "in-progress", "stopped"):
            assert call.recordings("Twilio.CURRENT").update(status=status).status == status
        second = call.recordings.create()
        time.sleep(1)
        assert call.recordings(second.sid).update(status="stopped").sid == second.sid
        assert sorted(one.sid for one in call.recordings.list(page_size=1)) == sorted([first.sid, second.sid])
        assert call.recordings(first.sid).fetch().channels == 2
        recordings = self.client.recordings
        until(lambda: recordings(first.sid).fetch().status == "completed", "the recording")
        until(lambda: recordings(second.sid).fetch().status == "completed", "the recording")
        today = datetime.now(UTC) - timedelta(hours=1)
        assert len(recordings.list(call_sid=call.sid, date_created_after=today)) == 2
        for ending, kind in ((".wav", "audio/x-wav"), (".mp3?RequestedChannels=1", "audio/mpeg")):
            answer = requests.get(first_media(self.client, first.sid) + ending, auth=self.client.auth, timeout=10)
            assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
        assert call.recordings(first.sid).delete()
        self.nothing_made(second.sid)
        assert recordings(second.sid).delete()
        assert recordings.list(call_sid=call.sid) == []
        assert len(recordings.list(call_sid=call.sid, include_soft_deleted=True)) == 2
        call.update(status="completed")
        self.end(call)

    def nothing_made(self, sid: str) -> None:
        """Nothing transcribes a recording, and there are no add-ons."""
        recording, client = self.client.recordings(sid), self.client
        assert recording.transcriptions.list() == recording.add_on_results.list() == client.transcriptions.list() == []
        result = recording.add_on_results("XR" + "1" * 32)
        payload = result.payloads("XH" + "1" * 32)
        for one in (recording.transcriptions("TR" + "1" * 32), client.transcriptions("TR" + "1" * 32), result, payload):
            refused(one.fetch, 20404)
            refused(one.delete, 20404)
        refused(result.payloads.list, 20404)
        refused(payload.data().fetch, 20404)

    def conferences(self) -> None:
        """Begun by calling somebody; its participants and recordings; ended."""
        people = self.client.conferences("room").participants
        for label in ("first", "second"):
            record = {"conference_record": "true", "conference_trim": "do-not-trim"} if label == "first" else {}
            people.create(from_=self.caller, to=self.agent, label=label, **record)
        (room,) = self.client.conferences.list(friendly_name="room")
        people = room.participants
        until(lambda: [one.status for one in people.list(page_size=1)] == ["connected"] * 2, "both")
        assert room.fetch().status == "in-progress"
        assert people.list(muted=True) == []
        assert people("first").update(muted=True).muted
        assert [one.label for one in people.list(muted=True)] == ["first"]
        assert people("second").fetch().label == "second"
        until(lambda: bool(room.recordings.list()), "the recording")
        (recording,) = room.recordings.list()
        time.sleep(1)  # of sound
        for status in ("paused", "in-progress"):
            assert room.recordings(recording.sid).update(status=status).status == status
        assert people("second").delete()
        assert room.update(announce_url=f"{self.app}/agent").sid == room.sid
        assert room.update(status="completed").fetch().status == "completed"
        until(lambda: room.recordings(recording.sid).fetch().status == "completed", "the conference's recording")
        assert room.recordings(recording.sid).delete()

    def queues(self) -> None:
        """Callers wait, are seen, and are taken."""
        queue = self.client.queues.create(friendly_name="support", max_size=10).update(max_size=20).fetch()
        assert [one.max_size for one in self.client.queues.list()] == [20]
        waiting = [self.place(twiml=ENQUEUE) for _ in range(2)]
        until(lambda: len(queue.members.list(page_size=1)) == 2, "two who wait")
        assert queue.members("Front").fetch().call_sid == waiting[0].sid
        for who in ("Front", waiting[1].sid):
            queue.members(who).update(url=f"{self.app}/bye", method="POST")
        until(lambda: queue.fetch().current_size == 0, "an empty queue")
        assert queue.delete()
        self.end(*waiting)

    def caller_ids(self) -> None:
        """A number that is verified by the code which is entered there, and calls from it."""
        asked = self.client.validation_requests.create(
            phone_number=self.desk, friendly_name="Desk", call_delay=1, status_callback=f"{self.app}/told"
        )
        requests.post(f"{self.app}/code", data={"Code": asked.validation_code}, timeout=10)
        verified = self.client.outgoing_caller_ids
        until(lambda: bool(verified.list(phone_number=self.desk)), "the caller ID", 60)
        one = verified.list(friendly_name="Desk")[0].update(friendly_name="House").fetch()
        assert (one.friendly_name, one.phone_number) == ("House", self.desk)
        call = self.place(from_=self.desk, twiml=PAUSE)
        call.update(status="completed")
        self.end(self.client.calls(asked.call_sid), call)
        assert one.delete()
        refused(lambda: self.client.calls.create(to=self.agent, from_=self.desk, twiml=PAUSE), 21210)

    def leftovers(self) -> None:
        """Nothing is up any more, and what is left can be listed."""
        assert self.client.calls.list(status="in-progress") == self.client.queues.list() == []
        assert [one.status for one in self.client.conferences.list()] == ["completed"]


def first_media(client: Client, sid: str) -> str:
    """Where the audio of a recording is, without an ending."""
    return str(client.recordings(sid).fetch().media_url)


def until(done: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Polls until it is so."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.1)


def refused(work: Callable[[], object], code: int) -> None:
    """The library raises this code for `work`."""
    assert refusal(work)[1] == code
