"""A support queue: callers wait with music, agents take one after the other. Run it with: support_queue.py [PORT].

Customers call the number that has /voice as its URL, agents the one that has /agent.
"""

from __future__ import annotations

import os
import sys

from flask import Flask, request
from twilio.twiml.voice_response import Dial, Gather, VoiceResponse

app = Flask(__name__)
QUEUE = "support"
MUSIC = os.environ.get("HOLD_MUSIC", "http://com.twilio.sounds.music.s3.amazonaws.com/MARKOVICHAMP-Borghestral.mp3")


@app.post("/voice")
def incoming() -> str:
    answer = VoiceResponse()
    answer.say("Thank you for calling support.")
    answer.enqueue(QUEUE, action="/left", wait_url="/wait")
    return str(answer)


@app.post("/wait")
def wait() -> str:
    answer = VoiceResponse()
    answer.say(f"You are number {request.form['QueuePosition']} in the queue.")
    gather = Gather(num_digits=1, action="/choice", timeout=1)
    gather.say("To leave a message instead, press 1.")
    gather.play(MUSIC)
    answer.append(gather)
    return str(answer)


@app.post("/choice")
def choice() -> str:
    answer = VoiceResponse()
    if request.form["Digits"] == "1":
        answer.leave()
    return str(answer)


@app.post("/left")
def left() -> str:
    answer, result = VoiceResponse(), request.form["QueueResult"]
    if result == "leave":
        answer.say("Please leave a message after the tone.")
        answer.record(max_length=120, action="/voicemail")
    elif result == "queue-full":
        answer.say("All lines are busy. Please call again later.")
    else:
        answer.say("Thank you for calling. Goodbye.")
    return str(answer)


@app.post("/voicemail")
def voicemail() -> str:
    answer = VoiceResponse()
    answer.say("Your message is kept. Goodbye.")
    return str(answer)


@app.post("/agent")
def agent() -> str:
    answer = VoiceResponse()
    answer.say("You get the next caller. Press star to end a call.")
    dial = Dial(action="/agent", hangup_on_star=True)
    dial.queue(QUEUE, url="/connecting")
    answer.append(dial)
    return str(answer)


@app.post("/connecting")
def connecting() -> str:
    answer = VoiceResponse()
    answer.say("An agent will now talk to you. This call may be recorded.")
    return str(answer)


if __name__ == "__main__":
    app.run(port=int(sys.argv[1]) if len(sys.argv) > 1 else 5050)
