"""A warm transfer: an agent brings a second one into the call, and leaves.

They meet in a conference whose name is the caller's call SID. POST /transfer with that CallSid calls the second agent.
"""

import os

from flask import Flask, request
from twilio.rest import Client
from twilio.twiml.voice_response import VoiceResponse

app = Flask(__name__)
client = Client()  # TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN
client.api.base_url = os.getenv("TWILIO_BASE_URL", client.api.base_url)  # all that Trunkline changes
NUMBER = "+15555550100"
FIRST, SECOND = "+15555550141", "+15555550142"


def call(agent: str, path: str, caller: str, **more: str) -> None:
    url = f"{request.url_root}{path}?caller={caller}"
    client.calls.create(to=agent, from_=NUMBER, url=url, timeout=20, **more)


@app.post("/voice")
def voice() -> str:
    response, caller = VoiceResponse(), request.form["CallSid"]
    call(FIRST, "first", caller, status_callback=f"{request.url_root}ended?caller={caller}")
    response.say("You will be connected with an agent.")
    response.dial().conference(caller, end_conference_on_exit=True, beep=False)
    return str(response)


@app.post("/first")
def first() -> str:
    response = VoiceResponse()
    response.dial().conference(request.args["caller"], beep=False)
    return str(response)


@app.post("/transfer")
def transfer() -> tuple[str, int]:
    call(SECOND, "second", request.form["CallSid"])
    return "", 204


@app.post("/second")
def second() -> str:
    response = VoiceResponse()
    response.say("A colleague hands a caller over to you.")
    response.dial().conference(request.args["caller"], end_conference_on_exit=True, beep=False)
    return str(response)


@app.post("/ended")
def ended() -> tuple[str, int]:
    if request.form["CallStatus"] != "completed":  # the first agent did not answer
        client.calls(request.args["caller"]).update(twiml="<Response><Say>Nobody is free. Goodbye.</Say></Response>")
    return "", 204
