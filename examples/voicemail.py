"""Voicemail: the owner's phone rings first, then the caller leaves a message. Run it with: voicemail.py [PORT].

The owner listens by calling in from that phone, and by GET /messages.
"""

from __future__ import annotations

import sys

from flask import Flask, request
from twilio.twiml.voice_response import Dial, Gather, VoiceResponse

app = Flask(__name__)
OWNER = "+15555550141"
messages: list[dict[str, str]] = []


@app.post("/voice")
def incoming() -> str:
    answer = VoiceResponse()
    if request.form["From"] == OWNER:
        answer.say(f"You have {len(messages)} new messages.")
        answer.redirect("/next")
    else:
        answer.append(Dial(OWNER, timeout=15, action="/after", answer_on_bridge=True))
    return str(answer)


@app.post("/after")
def after() -> str:
    answer = VoiceResponse()
    if request.form["DialCallStatus"] != "completed":
        answer.say("Please leave a message after the tone, and press hash when you are done.")
        answer.record(action="/left", max_length=120, finish_on_key="#", recording_status_callback="/recorded")
        answer.say("We have not heard anything. Goodbye.")
    return str(answer)


@app.post("/left")
def left() -> str:
    answer = VoiceResponse()
    answer.say("Thank you. Your message is kept. Goodbye.")
    return str(answer)


@app.post("/recorded")
def recorded() -> tuple[str, int]:
    messages.append({"url": request.form["RecordingUrl"], "seconds": request.form["RecordingDuration"]})
    return "", 204


@app.post("/next")
def following() -> str:
    answer = VoiceResponse()
    if request.form.get("Digits") == "3" and messages:
        messages.pop(0)
    if messages:
        gather = Gather(num_digits=1, action="/next", timeout=10)
        gather.play(f"{messages[0]['url']}.wav")
        gather.say("To delete it, press 3.")
        answer.append(gather)
    answer.say("You have no more messages." if not messages else "Goodbye.")
    return str(answer)


@app.get("/messages")
def listed() -> list[dict[str, str]]:
    return messages


if __name__ == "__main__":
    app.run(port=int(sys.argv[1]) if len(sys.argv) > 1 else 5050)
