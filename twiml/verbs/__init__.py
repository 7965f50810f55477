"""The registry: tag -> module, the only list of verbs; and those that this version only knows by name."""

from __future__ import annotations

from types import ModuleType
from typing import Protocol

from twiml.control import CallControl
from twiml.outcome import Outcome
from twiml.verbs import (
    connect,
    dial,
    echo,
    enqueue,
    gather,
    hangup,
    leave,
    pause,
    pay,
    play,
    prompt,
    record,
    redirect,
    refer,
    reject,
    say,
    sms,
    start,
)  # fmt: skip


class Verb(Protocol):
    """A verb that was parsed: a frozen value that can run."""

    async def run(self, call: CallControl) -> Outcome: ...


REGISTRY: dict[str, ModuleType] = {
    "Say": say,
    "Play": play,
    "Pause": pause,
    "Gather": gather,
    "Record": record,
    "Dial": dial,
    "Enqueue": enqueue,
    "Leave": leave,
    "Echo": echo,
    "Redirect": redirect,
    "Hangup": hangup,
    "Reject": reject,
    "Sms": sms,
    "Message": sms,
    "Start": start,
    "Stop": start,
    "Refer": refer,
    "Pay": pay,
    "Prompt": prompt,
    "Connect": connect,
}

# verbs of Twilio's that are not here yet, with the error code that speaks of them
LATER: dict[str, int] = {"Queue": 14201}
