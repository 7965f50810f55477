"""`<Prompt>`: what a caller hears in `<Pay>` at one step of it, or after one kind of mistake."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from twiml import cards
from twiml.attributes import Reader, warning
from twiml.errors import Warning
from twiml.payments import ACCOUNT, CODE, DATE, MATCHER, MISMATCH, NUMBER, POSTAL, PROCESSING, ROUTING
from twiml.prompts import Prompt
from twiml.tree import Element
from twiml.verbs import pause, play, say

NESTED = {"Say": say, "Play": play, "Pause": pause}
CODE_OF = 12200
MATCHED = (NUMBER, DATE, CODE, POSTAL)
FOR = (*MATCHED, ROUTING, ACCOUNT, PROCESSING, *(name + MATCHER for name in MATCHED))
ERRORS = (
    "timeout", "input-timeout", "invalid-card-number", "invalid-card-type", "invalid-date", "invalid-security-code",
    "invalid-postal-code", "invalid-bank-routing-number", "invalid-bank-account-number", "internal-error", MISMATCH,
)  # fmt: skip
ATTEMPTS = tuple(str(number) for number in range(1, 11))


@dataclass(frozen=True, slots=True)
class PayPrompt:
    """What to play, and when; an empty tuple: whatever it is. `matches`: the field has to be entered twice."""

    steps: tuple[str, ...]
    errors: tuple[str, ...]
    card_types: tuple[str, ...]
    attempts: tuple[str, ...]
    matches: bool
    prompts: tuple[Prompt, ...]

    def fits(self, step: str, error: str, card_type: str, attempt: int) -> bool:
        """Whether it is for that moment; `error`: of the attempt before, or nothing."""
        wanted = ((self.errors, error), (self.card_types, card_type), (self.attempts, str(attempt)))
        return step in self.steps and all(not words or word in words for words, word in wanted)

    @property
    def precision(self) -> int:
        """How much it asks for."""
        return sum(map(bool, (self.errors, self.card_types, self.attempts)))


def best(prompts: Iterable[PayPrompt], step: str, error: str, card_type: str, attempt: int) -> PayPrompt | None:
    """The one that asks for the most of those that fit, the first of several."""
    fitting = [one for one in prompts if one.fits(step, error, card_type, attempt)]
    return max(fitting, key=lambda one: one.precision, default=None)


def parse(element: Element, warnings: list[Warning]) -> None:
    """Outside of `<Pay>` there is nothing that it could prompt for."""
    warnings.append(warning(element, CODE_OF, "<Prompt> is only heard inside <Pay>: skipped"))


def nested(element: Element, warnings: list[Warning]) -> PayPrompt | None:
    """Inside `<Pay>`; nothing, with a warning, where it is for no step."""
    read = Reader(element, warnings, CODE_OF)
    errors = read.events("errorType", ERRORS, "")
    prompt = PayPrompt(
        read.events("for", FOR, ""),
        tuple("timeout" if error == "input-timeout" else error for error in errors),
        read.events("cardType", cards.NAMES, ""),
        read.events("attempt", ATTEMPTS, ""),
        read.flag("requireMatchingInputs", False),
        tuple(_prompts(element, warnings)),
    )
    read.rest()
    read.textless()
    if not prompt.steps:
        read.warn(CODE_OF, f"<Prompt> needs a for, one of {', '.join(FOR)}: skipped")
        return None
    return prompt


def _prompts(element: Element, warnings: list[Warning]) -> list[Prompt]:
    found = []
    for child in element:
        module = NESTED.get(child.tag)
        verb = module.parse(child, warnings) if module is not None else None
        if module is None:
            warnings.append(warning(child, CODE_OF, f"<{child.tag}> is not allowed inside <Prompt>: skipped"))
        elif isinstance(verb, play.Play) and verb.digits:
            warnings.append(warning(child, CODE_OF, "<Play digits> is not allowed inside <Prompt>: skipped"))
        elif verb is not None:
            found.append(verb.prompt())
    return found
