"""A phone tree: a menu inside a menu, and departments that are dialled."""

from flask import Flask, request
from twilio.twiml.voice_response import VoiceResponse

app = Flask(__name__)
SALES, BILLING, TECHNICIANS = "+15555550141", "+15555550142", "+15555550143"
MENUS = {
    "main": "For sales, press 1. For support, press 2. For our opening hours, press 3.",
    "support": "For billing, press 1. For anything else, press 2. To go back, press star.",
}
PATIENCE = 3  # times that a caller hears a menu without pressing anything


@app.post("/voice")
def voice() -> str:
    menu, heard = request.args.get("menu", "main"), request.args.get("heard", 1, int)
    response = VoiceResponse()
    gather = response.gather(num_digits=1, finish_on_key="", action=f"/choice?menu={menu}")
    gather.say(MENUS[menu])
    if heard < PATIENCE:
        response.redirect(f"/voice?menu={menu}&heard={heard + 1}")
    response.say("We heard nothing. Goodbye.")
    return str(response)


@app.post("/choice")
def choice() -> str:
    menu, response = request.args["menu"], VoiceResponse()
    match menu, request.form["Digits"]:
        case "main", "1":
            response.dial(SALES, timeout=20, action="/after")
        case "main", "2":
            response.redirect("/voice?menu=support")
        case "main", "3":
            response.say("We are open from nine to five.")
        case "support", "1":
            response.dial(BILLING, timeout=20, action="/after")
        case "support", "2":
            response.dial(TECHNICIANS, timeout=20, action="/after")
        case "support", "*":
            response.redirect("/voice")
        case _:
            response.say("That is not on the menu.")
    response.redirect(f"/voice?menu={menu}")
    return str(response)


@app.post("/after")
def after() -> str:
    response = VoiceResponse()
    if request.form["DialCallStatus"] == "completed":
        response.say("Thank you for calling. Goodbye.")
        response.hangup()
    response.say("Nobody can take your call at the moment.")
    response.redirect("/voice")
    return str(response)
