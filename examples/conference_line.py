"""A conference line: guests wait for the moderator, who ends it by leaving. POST /mute silences the guests."""

import os

from flask import Flask, request
from twilio.rest import Client
from twilio.twiml.voice_response import VoiceResponse

app = Flask(__name__)
client = Client()  # TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN
client.api.base_url = os.getenv("TWILIO_BASE_URL", client.api.base_url)  # all that Trunkline changes
ROOM, GUEST, MODERATOR = "weekly", "1234", "9876"


@app.post("/voice")
def voice() -> str:
    response = VoiceResponse()
    gather = response.gather(num_digits=4, action="/enter", timeout=8)
    gather.say("Welcome. Please enter your code.")
    response.say("You entered nothing. Goodbye.")
    return str(response)


@app.post("/enter")
def enter() -> str:
    response, code = VoiceResponse(), request.form["Digits"]
    if code == MODERATOR:
        room = {"participant_label": "moderator", "end_conference_on_exit": True, "record": "record-from-start"}
        response.dial().conference(ROOM, **room)
    elif code == GUEST:
        response.dial().conference(ROOM, start_conference_on_enter=False, wait_url="/wait")
    else:
        response.say("That code is not right.")
        response.redirect("/voice")
    response.say("You have left the conference. Goodbye.")
    return str(response)


@app.post("/wait")
def wait() -> str:
    response = VoiceResponse()
    response.say("The moderator is not here yet. Please wait.")
    response.pause(length=20)
    response.redirect("/wait")
    return str(response)


@app.post("/mute")
def mute() -> tuple[str, int]:
    for conference in client.conferences.list(friendly_name=ROOM, status="in-progress"):
        for guest in conference.participants.list():
            if guest.label != "moderator":
                guest.update(muted=True)
    return "", 204
