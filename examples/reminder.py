"""Appointment reminders: POST /reminders calls somebody, who confirms or cancels. Run it with: reminder.py [PORT].

Who is busy or does not answer is called once more. GET /reminders says what became of all.
"""

from __future__ import annotations

import os
import sys

from flask import Flask, request
from twilio.rest import Client
from twilio.twiml.voice_response import Gather, VoiceResponse

app = Flask(__name__)
client = Client(os.environ.get("TWILIO_ACCOUNT_SID", "AC"), os.environ.get("TWILIO_AUTH_TOKEN", "token"))
client.api.base_url = os.environ.get("TWILIO_BASE_URL", client.api.base_url)  # all that Trunkline changes
FROM = "+15555550100"
TRIES = 2
reminders: list[dict[str, object]] = []


def call(number: int) -> None:
    one, root = reminders[number], request.url_root
    one["tries"] = int(str(one["tries"])) + 1
    client.calls.create(
        to=str(one["to"]), from_=FROM, url=f"{root}remind/{number}", timeout=20,
        status_callback=f"{root}status/{number}", status_callback_event=["completed"],
    )  # fmt: skip


@app.post("/reminders")
def create() -> tuple[dict[str, int], int]:
    reminders.append({"to": request.form["to"], "when": request.form["when"], "status": "calling", "tries": 0})
    call(len(reminders) - 1)
    return {"number": len(reminders) - 1}, 201


@app.get("/reminders")
def listed() -> list[dict[str, object]]:
    return reminders


@app.post("/remind/<int:number>")
def remind(number: int) -> str:
    answer = VoiceResponse()
    gather = Gather(num_digits=1, action=f"/answer/{number}", timeout=6)
    gather.say(f"You have an appointment {reminders[number]['when']}. Press 1 to confirm it, or 2 to cancel it.")
    answer.append(gather)
    answer.redirect(f"/remind/{number}")
    return str(answer)


@app.post("/answer/<int:number>")
def answered(number: int) -> str:
    answer, word = VoiceResponse(), {"1": "confirmed", "2": "cancelled"}.get(request.form["Digits"])
    if word is None:
        answer.redirect(f"/remind/{number}")
    else:
        reminders[number]["status"] = word
        answer.say(f"Your appointment is {word}. Goodbye.")
    return str(answer)


@app.post("/status/<int:number>")
def status(number: int) -> tuple[str, int]:
    one, ended = reminders[number], request.form["CallStatus"]
    if ended in ("busy", "no-answer") and int(str(one["tries"])) < TRIES:
        call(number)
    elif one["status"] == "calling":
        one["status"] = "unanswered" if ended == "completed" else ended
    return "", 204


if __name__ == "__main__":
    app.run(port=int(sys.argv[1]) if len(sys.argv) > 1 else 5050)
