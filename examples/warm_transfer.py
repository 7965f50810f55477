"""A warm transfer: an agent brings a second one into the call, and leaves. Run it with: warm_transfer.py [PORT].

The caller's call SID is the name of the conference in which they meet. POST /transfer with CallSid calls the second.
"""

from __future__ import annotations

import os
import sys

from flask import Flask, request
from twilio.rest import Client
from twilio.twiml.voice_response import Dial, VoiceResponse

app = Flask(__name__)
client = Client(os.environ.get("TWILIO_ACCOUNT_SID", "AC"), os.environ.get("TWILIO_AUTH_TOKEN", "token"))
client.api.base_url = os.environ.get("TWILIO_BASE_URL", client.api.base_url)  # all that Trunkline changes
AGENTS = ("+15555550141", "+15555550142")


def room(name: str, *, last: bool) -> Dial:
    """A place in the conference of a call; `last`: who has it ends the conference by leaving."""
    dial = Dial()
    dial.conference(name, start_conference_on_enter=True, end_conference_on_exit=last, beep=False)
    return dial


def call(agent: str, name: str, document: str) -> None:
    url = f"{request.url_root}{document}?room={name}"
    client.calls.create(to=agent, from_=request.form["To"], url=url, timeout=20)


@app.post("/voice")
def incoming() -> str:
    answer, name = VoiceResponse(), request.form["CallSid"]
    call(AGENTS[0], name, "first")
    answer.say("You will be connected with an agent.")
    answer.append(room(name, last=True))
    return str(answer)


@app.post("/first")
def first() -> str:
    answer = VoiceResponse()
    answer.append(room(request.args["room"], last=False))
    return str(answer)


@app.post("/transfer")
def transfer() -> tuple[str, int]:
    call(AGENTS[1], request.form["CallSid"], "second")
    return "", 204


@app.post("/second")
def second() -> str:
    answer = VoiceResponse()
    answer.say("A colleague hands a caller over to you.")
    answer.append(room(request.args["room"], last=True))
    return str(answer)


if __name__ == "__main__":
    app.run(port=int(sys.argv[1]) if len(sys.argv) > 1 else 5050)
