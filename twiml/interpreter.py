"""The loop: one verb after the other, until one leads elsewhere or none is left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from twiml.control import CallControl
from twiml.document import Document
from twiml.outcome import End, Next, Outcome
from twiml.prompts import Prompt
from twiml.verbs import Verb
from twiml.verbs.pause import Pause
from twiml.verbs.play import Play
from twiml.verbs.say import Say


@dataclass(frozen=True, slots=True)
class Prompts:
    """Verbs that only play: told to the call together, so that each can follow the other without a gap."""

    prompts: tuple[Prompt, ...]

    async def run(self, call: CallControl) -> Outcome:
        """Plays to the end."""
        await call.play(self.prompts)
        return Next()


async def run(document: Document, call: CallControl) -> Outcome:
    """Runs a document; its end without a word hangs up (twiml-voice.md: execution model)."""
    outcome = await through(document.verbs, call)
    if not isinstance(outcome, Next):
        return outcome
    await call.hangup()
    return End()


async def through(verbs: Sequence[Verb], call: CallControl) -> Outcome:
    """Runs verbs until one leads elsewhere; Next where none does. What is over after one of them ends there."""
    for verb in steps(verbs):
        outcome = await verb.run(call)
        if not isinstance(outcome, Next):
            return outcome
        call.check()
    return Next()


def steps(verbs: Sequence[Verb]) -> Iterator[Verb]:
    """The verbs, those that play one after the other as one."""
    together: list[Prompt] = []
    for verb in verbs:
        prompt = _prompt(verb, first=not together)
        if prompt is not None:
            together.append(prompt)
            continue
        if together:
            yield Prompts(tuple(together))
            together = []
        yield verb
    if together:
        yield Prompts(tuple(together))


def _prompt(verb: Verb, *, first: bool) -> Prompt | None:
    """What a verb plays, if it does nothing else. A pause that nothing is before may be one in the ringing."""
    match verb:
        case Say():
            return verb.prompt()
        case Play(digits=""):
            return verb.prompt()
        case Pause() if not first:
            return verb.prompt()
    return None
