"""A small IVR: a menu, a recorded message, a call passed on. `make run` starts it behind +15555550100."""

import logging

from flask import Flask, request
from twilio.twiml.voice_response import VoiceResponse

app = Flask(__name__)
FRIEND = "+15555550101"


@app.post("/voice")
def menu() -> str:
    response = VoiceResponse()
    gather = response.gather(num_digits=1, action="/choice", timeout=8)
    gather.say("Welcome to Trunkline. Press 1 to hear your number, 2 to leave a message, 3 to be connected.")
    response.say("You pressed nothing. Goodbye.")
    return str(response)


@app.post("/choice")
def choice() -> str:
    response = VoiceResponse()
    match request.form["Digits"]:
        case "1":
            response.say("You are calling from " + " ".join(request.form["From"].lstrip("+")))
        case "2":
            response.say("Speak after the tone, then press any key.")
            response.record(action="/recorded", max_length=60, timeout=4)
        case "3":
            response.dial(FRIEND, timeout=20, action="/after")
        case _:
            response.say("That is not on the menu.")
    response.redirect("/voice")
    return str(response)


@app.post("/recorded")
def recorded() -> str:
    response = VoiceResponse()
    response.say(f"You spoke for {request.form['RecordingDuration']} seconds. Thank you. Goodbye.")
    return str(response)


@app.post("/after")
def after() -> str:
    response = VoiceResponse()
    response.say(f"The call ended: {request.form['DialCallStatus'].replace('-', ' ')}. Goodbye.")
    return str(response)


@app.post("/status")
def status() -> tuple[str, int]:
    logging.getLogger(__name__).info("%s is %s", request.form["CallSid"], request.form["CallStatus"])
    return "", 204
