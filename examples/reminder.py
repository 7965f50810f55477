"""Appointment reminders: POST /reminders calls somebody, who confirms or cancels.

Who is busy or does not answer is called once more. GET /reminders says what became of all.
"""

import os

from flask import Flask, request
from twilio.rest import Client
from twilio.twiml.voice_response import VoiceResponse

app = Flask(__name__)
client = Client()  # TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN
client.api.base_url = os.getenv("TWILIO_BASE_URL", client.api.base_url)  # all that Trunkline changes
NUMBER = "+15555550100"
ANSWERS = {"1": "confirmed", "2": "cancelled"}
reminders: list[dict[str, str]] = []


def call(number: int, tries: int) -> None:
    url, ended = f"{request.url_root}remind/{number}", f"{request.url_root}ended/{number}?tries={tries}"
    client.calls.create(to=reminders[number]["to"], from_=NUMBER, url=url, status_callback=ended, timeout=20)


@app.post("/reminders")
def create() -> tuple[dict[str, int], int]:
    reminders.append({"to": request.form["to"], "when": request.form["when"], "status": "calling"})
    call(len(reminders) - 1, tries=1)
    return {"number": len(reminders) - 1}, 201


@app.get("/reminders")
def listed() -> list[dict[str, str]]:
    return reminders


@app.post("/remind/<int:number>")
def remind(number: int) -> str:
    reminder, response = reminders[number], VoiceResponse()
    if answer := ANSWERS.get(request.form.get("Digits", "")):
        reminder["status"] = answer
        response.say(f"Your appointment is {answer}. Goodbye.")
        response.hangup()
    gather = response.gather(num_digits=1, timeout=6)
    gather.say(f"You have an appointment {reminder['when']}. Press 1 to confirm it, or 2 to cancel it.")
    response.say("You pressed nothing. Goodbye.")
    return str(response)


@app.post("/ended/<int:number>")
def ended(number: int) -> tuple[str, int]:
    reminder, status = reminders[number], request.form["CallStatus"]
    if status in ("busy", "no-answer") and request.args["tries"] == "1":
        call(number, tries=2)
    elif reminder["status"] == "calling":
        reminder["status"] = "unanswered" if status == "completed" else status
    return "", 204
