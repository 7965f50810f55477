"""The loop: one verb after the other, until one leads elsewhere or none is left."""

from __future__ import annotations

from twiml.control import CallControl
from twiml.document import Document
from twiml.outcome import End, Next, Outcome


async def run(document: Document, call: CallControl) -> Outcome:
    """Runs a document; its end without a word hangs up (twiml-voice.md: execution model)."""
    for verb in document.verbs:
        outcome = await verb.run(call)
        if not isinstance(outcome, Next):
            return outcome
    await call.hangup()
    return End()
