"""A conference line: guests wait for the moderator, who ends it by leaving. Run it with: conference_line.py [PORT].

POST /mute silences all guests, by the REST API.
"""

from __future__ import annotations

import os
import sys

from flask import Flask, request
from twilio.rest import Client
from twilio.twiml.voice_response import Dial, Gather, VoiceResponse

app = Flask(__name__)
client = Client(os.environ.get("TWILIO_ACCOUNT_SID", "AC"), os.environ.get("TWILIO_AUTH_TOKEN", "token"))
client.api.base_url = os.environ.get("TWILIO_BASE_URL", client.api.base_url)  # all that Trunkline changes
ROOM = "weekly"
GUEST, MODERATOR = "1234", "9876"


@app.post("/voice")
def welcome() -> str:
    answer = VoiceResponse()
    gather = Gather(num_digits=4, action="/enter", timeout=8)
    gather.say("Welcome. Please enter your code.")
    answer.append(gather)
    answer.redirect("/voice")
    return str(answer)


@app.post("/enter")
def enter() -> str:
    answer, code = VoiceResponse(), request.form["Digits"]
    if code not in (GUEST, MODERATOR):
        answer.say("That code is not right.")
        answer.redirect("/voice")
        return str(answer)
    moderates = code == MODERATOR
    dial = Dial(action="/left")
    dial.conference(
        ROOM, start_conference_on_enter=moderates, end_conference_on_exit=moderates, beep="onEnter",
        participant_label="moderator" if moderates else None, record="record-from-start" if moderates else None,
        wait_url="/wait",
    )  # fmt: skip
    answer.append(dial)
    return str(answer)


@app.post("/wait")
def wait() -> str:
    answer = VoiceResponse()
    answer.say("The moderator is not here yet. Please wait.")
    answer.pause(length=20)
    answer.redirect("/wait")
    return str(answer)


@app.post("/left")
def left() -> str:
    answer = VoiceResponse()
    answer.say("You have left the conference. Goodbye.")
    return str(answer)


@app.post("/mute")
def mute() -> tuple[str, int]:
    for room in client.conferences.list(friendly_name=ROOM, status="in-progress"):
        for one in client.conferences(room.sid).participants.list():
            if one.label != "moderator":
                client.conferences(room.sid).participants(one.call_sid).update(muted=True)
    return "", 204


if __name__ == "__main__":
    app.run(port=int(sys.argv[1]) if len(sys.argv) > 1 else 5050)
