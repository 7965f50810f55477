"""Call tracking: each campaign has its number, and sales hears which one it is. Run it with: call_tracking.py [PORT].

Who answers hears a whisper and presses a key to take the call. GET /report has the calls of each campaign.
"""

from __future__ import annotations

import sys
from collections import Counter
from urllib.parse import quote

from flask import Flask, request
from twilio.twiml.voice_response import Dial, Gather, VoiceResponse

app = Flask(__name__)
CAMPAIGNS = {"+15555550100": "summer", "+15555550101": "radio"}
SALES = "+15555550141"
calls: Counter[str] = Counter()
seconds: Counter[str] = Counter()


@app.post("/voice")
def incoming() -> str:
    campaign = CAMPAIGNS.get(request.form["To"], "other")
    calls[campaign] += 1
    answer = VoiceResponse()
    dial = Dial(timeout=20, action=f"/after?campaign={quote(campaign)}")
    dial.number(SALES, url=f"/whisper?campaign={quote(campaign)}")
    answer.append(dial)
    return str(answer)


@app.post("/whisper")
def whisper() -> str:
    answer = VoiceResponse()
    gather = Gather(num_digits=1, action="/accept", timeout=5)
    gather.say(f"A call of the {request.args['campaign']} campaign. Press any key to take it.")
    answer.append(gather)
    answer.hangup()
    return str(answer)


@app.post("/accept")
def accept() -> str:
    return str(VoiceResponse())  # nothing more to hear: the two are joined


@app.post("/after")
def after() -> str:
    answer = VoiceResponse()
    if request.form.get("DialBridged") == "true":
        seconds[request.args["campaign"]] += int(request.form.get("DialCallDuration", "0"))
    else:
        answer.say("All our people are busy. We will call you back.")
    return str(answer)


@app.get("/report")
def report() -> dict[str, dict[str, int]]:
    return {name: {"calls": calls[name], "seconds": seconds[name]} for name in calls}


if __name__ == "__main__":
    app.run(port=int(sys.argv[1]) if len(sys.argv) > 1 else 5050)
