"""Codes by voice: POST /codes calls a number and says six digits, POST /checks tells whether they are right."""

import os
import secrets
import time
from dataclasses import dataclass

from flask import Flask, request
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client
from twilio.twiml.voice_response import VoiceResponse

app = Flask(__name__)
client = Client()  # TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN
client.api.base_url = os.getenv("TWILIO_BASE_URL", client.api.base_url)  # all that Trunkline changes
NUMBER = "+15555550100"
LIFE, TRIES = 600, 3  # seconds that a code is good, and how often it may be guessed


@dataclass
class Code:
    digits: str
    expires: float
    tries: int = TRIES


codes: dict[str, Code] = {}


@app.post("/codes")
def create() -> tuple[dict[str, str], int]:
    to, digits = request.form["to"], f"{secrets.randbelow(10**6):06}"
    response = VoiceResponse()
    response.say(f"Your code is: {', '.join(digits)}.")
    response.pause()
    response.say(f"Once more: {', '.join(digits)}. Goodbye.")
    try:
        call = client.calls.create(to=to, from_=NUMBER, twiml=response, timeout=25)
    except TwilioRestException as error:
        return {"error": error.msg}, 400
    codes[to] = Code(digits, time.time() + LIFE)
    return {"call": call.sid}, 201


@app.get("/codes/<sid>")
def fetch(sid: str) -> dict[str, str]:
    return {"status": client.calls(sid).fetch().status}


@app.post("/checks")
def check() -> dict[str, str]:
    code = codes.get(request.form["to"])
    if code is None or code.expires < time.time() or code.tries == 0:
        return {"status": "expired"}
    code.tries -= 1
    if not secrets.compare_digest(code.digits, request.form["code"]):
        return {"status": "denied"}
    del codes[request.form["to"]]
    return {"status": "approved"}
