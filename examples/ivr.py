"""A small IVR: a menu, a recorded message that is played back, a call passed on. Run it with: ivr.py [PORT].

It is an ordinary Twilio app: Flask, and Twilio's own Python library.
"""

from __future__ import annotations

import logging
import sys

from flask import Flask, Response, request
from twilio.twiml.voice_response import Dial, Gather, VoiceResponse

app = Flask(__name__)


def twiml(response: VoiceResponse) -> Response:
    return Response(str(response), content_type="text/xml")


@app.post("/voice")
def menu() -> Response:
    answer = VoiceResponse()
    gather = Gather(num_digits=1, action="/choice", timeout=8)
    gather.say("Welcome to Trunkline. Press 1 to hear your number, 2 to leave a message, 3 to be connected.")
    answer.append(gather)
    answer.say("You pressed nothing. Goodbye.")
    return twiml(answer)


@app.post("/choice")
def choice() -> Response:
    answer = VoiceResponse()
    digit = request.form["Digits"]
    if digit == "1":
        answer.say("You are calling from " + " ".join(request.form["From"].lstrip("+")))
        answer.redirect("/voice")
    elif digit == "2":
        answer.say("Speak after the tone, then press any key.")
        answer.record(action="/recorded", max_length=60, timeout=4)
    elif digit == "3":
        dial = Dial(timeout=20, action="/after")
        dial.number("+15555550101")
        answer.append(dial)
    else:
        answer.say("That is not on the menu.")
        answer.redirect("/voice")
    return twiml(answer)


@app.post("/recorded")
def recorded() -> Response:
    answer = VoiceResponse()
    answer.say(f"You spoke for {request.form.get('RecordingDuration', '0')} seconds. Thank you. Goodbye.")
    answer.hangup()
    return twiml(answer)


@app.post("/after")
def after() -> Response:
    answer = VoiceResponse()
    answer.say(f"The call ended: {request.form['DialCallStatus'].replace('-', ' ')}. Goodbye.")
    return twiml(answer)


@app.post("/status")
def status() -> tuple[str, int]:
    logging.getLogger(__name__).info("%s is %s", request.form["CallSid"], request.form["CallStatus"])
    return "", 204


if __name__ == "__main__":
    app.run(port=int(sys.argv[1]) if len(sys.argv) > 1 else 5050)
