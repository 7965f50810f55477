"""Voicemail: the owner's phone rings first, then the caller leaves a message. To listen, the owner calls in."""

from flask import Flask, request
from twilio.twiml.voice_response import VoiceResponse

app = Flask(__name__)
OWNER = "+15555550141"
messages: list[dict[str, str]] = []


@app.post("/voice")
def voice() -> str:
    response = VoiceResponse()
    if request.form["From"] == OWNER:
        response.say(f"Messages for you: {len(messages)}.")
        response.redirect("/listen")
    response.dial(OWNER, timeout=15, action="/after", answer_on_bridge=True)
    return str(response)


@app.post("/after")
def after() -> str:
    response = VoiceResponse()
    if request.form["DialCallStatus"] != "completed":
        response.say("Please leave a message after the tone, and press hash when you are done.")
        response.record(max_length=120, finish_on_key="#", action="/left", recording_status_callback="/recorded")
        response.say("We have heard nothing. Goodbye.")
    return str(response)


@app.post("/left")
def left() -> str:
    response = VoiceResponse()
    response.say("Thank you. Your message is kept. Goodbye.")
    return str(response)


@app.post("/recorded")
def recorded() -> tuple[str, int]:
    messages.append({"url": request.form["RecordingUrl"], "seconds": request.form["RecordingDuration"]})
    return "", 204


@app.post("/listen")
def listen() -> str:
    response = VoiceResponse()
    if request.form.get("Digits") == "3" and messages:
        messages.pop(0)
    if messages:
        gather = response.gather(num_digits=1, action="/listen", timeout=10)
        gather.play(messages[0]["url"])
        gather.say("To delete it, press 3. To hear it again, press 1.")
    response.say("Goodbye." if messages else "You have no more messages. Goodbye.")
    return str(response)


@app.get("/messages")
def listed() -> list[dict[str, str]]:
    return messages
