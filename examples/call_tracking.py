"""Call tracking: each campaign has a number, and sales hears which one it is.

Who answers hears a whisper, and takes the call by a key. GET /report has the calls of each campaign.
"""

from collections import Counter

from flask import Flask, request
from twilio.twiml.voice_response import VoiceResponse

app = Flask(__name__)
CAMPAIGNS = {"+15555550100": "summer", "+15555550101": "radio"}
SALES = "+15555550141"
calls: Counter[str] = Counter()
seconds: Counter[str] = Counter()


@app.post("/voice")
def voice() -> str:
    campaign = CAMPAIGNS.get(request.form["To"], "other")
    calls[campaign] += 1
    response = VoiceResponse()
    dial = response.dial(timeout=20, action=f"/after?campaign={campaign}")
    dial.number(SALES, url=f"/whisper?campaign={campaign}")
    return str(response)


@app.post("/whisper")
def whisper() -> str:
    response = VoiceResponse()
    gather = response.gather(num_digits=1, action="/accept")
    gather.say(f"A call of the {request.args['campaign']} campaign. Press any key to take it.")
    response.hangup()
    return str(response)


@app.post("/accept")
def accept() -> str:
    return str(VoiceResponse())  # nothing more to hear: the two are joined


@app.post("/after")
def after() -> str:
    response = VoiceResponse()
    if request.form["DialBridged"] == "true":
        seconds[request.args["campaign"]] += int(request.form["DialCallDuration"])
    else:
        response.say("All our people are busy. We will call you back.")
    return str(response)


@app.get("/report")
def report() -> dict[str, dict[str, int]]:
    return {name: {"calls": calls[name], "seconds": seconds[name]} for name in calls}
