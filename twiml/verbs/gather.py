"""`<Gather>`: digits from the caller, with prompts that the first digit stops."""

from __future__ import annotations

from dataclasses import dataclass

from twiml.attributes import Reader, warning
from twiml.control import CallControl
from twiml.errors import Warning
from twiml.outcome import Next, Outcome, Redirect
from twiml.plans import Collect
from twiml.prompts import Prompt
from twiml.tree import Element
from twiml.verbs import pause, play, say

NESTED = {"Say": say, "Play": play, "Pause": pause}
SPEECH = (
    "speechTimeout", "maxSpeechTime", "speechModel", "enhanced", "language", "hints", "profanityFilter",
    "partialResultCallback", "partialResultCallbackMethod", "bargeIn", "debug",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Gather:
    """How to collect, where to go with it, and what to play meanwhile."""

    how: Collect
    action: str | None
    method: str
    action_on_empty_result: bool
    prompts: tuple[Prompt, ...]

    async def run(self, call: CallControl) -> Outcome:
        """Goes on to `action` with what was pressed; to the next verb when nothing was."""
        collected = await call.collect(self.prompts, self.how)
        if not collected.digits and not self.action_on_empty_result:
            return Next()
        params = {"Digits": collected.digits, "FinishedOnKey": collected.finished_on_key, "msg": "Gather End"}
        return Redirect(self.action, self.method, params)


def parse(element: Element, warnings: list[Warning]) -> Gather:
    """Other children than Say, Play and Pause are warned about and skipped."""
    read = Reader(element, warnings, 13310)
    kinds = (read.text("input", "dtmf") or "dtmf").split()
    if not set(kinds) <= {"dtmf", "speech"}:
        read.warn(13310, f"<Gather> input={' '.join(kinds)!r} is not dtmf or speech; 'dtmf' is used")
    if "speech" in kinds:
        read.warn(13310, "<Gather> input speech is not supported by this version: only digits are heard")
    read.later(*SPEECH, code=13310)
    limit = read.integer("numDigits", 0, least=1)
    automatic = "speech" in kinds and read.text("timeout") == "auto"
    verb = Gather(
        Collect(
            5 if automatic else read.integer("timeout", 5, least=1),
            read.keys("finishOnKey", "#", most=1),
            limit or None,
        ),
        read.text("action"),
        read.method(),
        read.flag("actionOnEmptyResult", False),
        tuple(_prompts(element, warnings)),
    )
    read.rest()
    read.textless()
    return verb


def _prompts(element: Element, warnings: list[Warning]) -> list[Prompt]:
    prompts = []
    for child in element:
        module = NESTED.get(str(child.tag))
        if module is None:
            warnings.append(warning(child, 13320, f"<{child.tag}> is not allowed inside <Gather>: skipped"))
            continue
        verb = module.parse(child, warnings)
        if isinstance(verb, play.Play) and verb.digits:
            warnings.append(warning(child, 13320, "<Play digits> is not allowed inside <Gather>: skipped"))
        elif verb is not None:
            prompts.append(verb.prompt())
    return prompts
