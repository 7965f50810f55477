"""A phone tree: menus inside menus, and departments that are dialled. Run it with: phone_tree.py [PORT]."""

from __future__ import annotations

import sys
from urllib.parse import urlencode

from flask import Flask, request
from twilio.twiml.voice_response import Dial, Gather, VoiceResponse

app = Flask(__name__)

MENUS = {
    "main": ("For sales, press 1. For support, press 2. For our opening hours, press 3.", {
        "1": ("dial", "+15555550141"), "2": ("menu", "support"), "3": ("say", "We are open from nine to five."),
    }),
    "support": ("For billing, press 1. For anything else, press 2. To go back, press star.", {
        "1": ("dial", "+15555550142"), "2": ("dial", "+15555550143"), "*": ("menu", "main"),
    }),
}  # fmt: skip
PATIENCE = 3  # times that a caller hears a menu without pressing anything


def at(path: str, **query: object) -> str:
    return f"{path}?{urlencode(query)}"


@app.post("/voice")
def menu() -> str:
    name, tries = request.args.get("menu", "main"), int(request.args.get("tries", "1"))
    answer = VoiceResponse()
    gather = Gather(num_digits=1, action=at("/choice", menu=name), finish_on_key="", timeout=5)
    gather.say(MENUS[name][0])
    answer.append(gather)
    if tries < PATIENCE:
        answer.redirect(at("/voice", menu=name, tries=tries + 1))
    else:
        answer.say("We heard nothing. Goodbye.")
    return str(answer)


@app.post("/choice")
def choice() -> str:
    name, answer = request.args["menu"], VoiceResponse()
    kind, what = MENUS[name][1].get(request.form["Digits"], ("say", "That is not on the menu."))
    if kind == "dial":
        answer.append(Dial(what, timeout=20, action="/after"))
    else:
        if kind == "say":
            answer.say(what)
        answer.redirect(at("/voice", menu=what if kind == "menu" else name))
    return str(answer)


@app.post("/after")
def after() -> str:
    answer = VoiceResponse()
    if request.form["DialCallStatus"] == "completed":
        answer.say("Thank you for calling. Goodbye.")
    else:
        answer.say("Nobody can take your call at the moment.")
        answer.redirect("/voice")
    return str(answer)


if __name__ == "__main__":
    app.run(port=int(sys.argv[1]) if len(sys.argv) > 1 else 5050)
