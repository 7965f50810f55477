"""A support queue: callers wait with music, agents take one after the other.

Customers call the number whose URL is /voice, agents the one whose URL is /agent.
"""

import os

from flask import Flask, request
from twilio.twiml.voice_response import VoiceResponse

app = Flask(__name__)
MUSIC = os.getenv("HOLD_MUSIC", "http://com.twilio.sounds.music.s3.amazonaws.com/MARKOVICHAMP-Borghestral.mp3")


@app.post("/voice")
def voice() -> str:
    response = VoiceResponse()
    response.say("Thank you for calling support.")
    response.enqueue("support", wait_url="/wait", action="/left")
    return str(response)


@app.post("/wait")
def wait() -> str:
    response = VoiceResponse()
    if request.form.get("Digits") == "1":
        response.leave()
    response.say(f"You are number {request.form['QueuePosition']} in the queue.")
    gather = response.gather(num_digits=1, action="/wait", timeout=1)
    gather.say("To leave a message instead, press 1.")
    gather.play(MUSIC)
    return str(response)


@app.post("/left")
def left() -> str:
    response = VoiceResponse()
    if request.form.get("QueueResult") in ("leave", "queue-full"):
        response.say("Please leave a message after the tone.")
        response.record(max_length=120, action="/left")
    response.say("Thank you for calling. Goodbye.")
    return str(response)


@app.post("/agent")
def agent() -> str:
    response = VoiceResponse()
    response.say("You get the next caller. Press star to end a call.")
    response.dial(action="/agent", hangup_on_star=True).queue("support", url="/connecting")
    return str(response)


@app.post("/connecting")
def connecting() -> str:
    response = VoiceResponse()
    response.say("An agent will now talk to you. This call may be recorded.")
    return str(response)
