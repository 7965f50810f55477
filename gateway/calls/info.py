"""What SIP INFO carries both ways: digits, as carriers know them (`application/dtmf-relay`, `application/dtmf`), and
messages of apps as JSON (gateway/calls/messages.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

WAITS = {"w": 0.5, "W": 1.0}  # seconds
PACE = 0.25  # seconds from one digit to the next
KIND = "application/dtmf-relay"
MESSAGE = "application/json"  # of apps


def press(digits: str, send: Callable[[str, bytes], bool]) -> asyncio.Future[bool]:
    """Sends the digits in their time; `send` says whether the call is still up. Done when all of them were sent."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[bool] = loop.create_future()

    def next_of(rest: str) -> None:
        if done.done():
            return
        if not rest:
            done.set_result(True)
        elif rest[0] in WAITS or send(KIND, f"Signal={rest[0]}\r\nDuration=160\r\n".encode()):
            loop.call_later(WAITS.get(rest[0], PACE), next_of, rest[1:])
        else:
            done.set_result(False)

    next_of(digits)
    return done


def digit_of(content_type: str, body: bytes) -> str:
    """The digit of an INFO, or nothing."""
    text = body.decode("utf-8", "replace").strip()
    if content_type.startswith(KIND):
        fields = dict(line.partition("=")[::2] for line in text.replace(" ", "").splitlines())
        text = fields.get("Signal", "")
    elif not content_type.startswith("application/dtmf"):
        return ""
    return text if len(text) == 1 and text in "0123456789ABCD*#" else ""
