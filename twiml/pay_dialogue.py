"""The dialogue of `<Pay>`: it asks for one field after the other, says what was wrong, and then pays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from twiml import payments
from twiml.control import CallControl
from twiml.pay_phrases import AGAIN, phrase
from twiml.payments import MATCHER, MISMATCH, PROCESSING, Entered, Terms
from twiml.plans import Collect
from twiml.prompts import Prompt, Speech
from twiml.verbs import prompt
from twiml.verbs.prompt import PayPrompt

ABORT, FINISH = "*", "#"
STAR, GONE, TOO_MANY = "caller-interrupted-with-star", "caller-hung-up", "too-many-failed-attempts"


async def hold(
    call: CallControl, terms: Terms, attempts: int, prompts: Sequence[PayPrompt], callback: tuple[str | None, str],
    language: str,
) -> dict[str, str]:  # fmt: skip
    """The parameters of the action. `attempts`: for each field; `callback`: URL and method; `language`: of what no
    prompt of the document says."""
    if (refused := await call.check_connector(terms.connector)) is not None:
        return refused.told
    with call.withhold():
        return await _Dialogue(call, terms, attempts, prompts, callback, language).hold()


@dataclass(slots=True)
class _Dialogue:
    call: CallControl
    terms: Terms
    attempts: int
    prompts: Sequence[PayPrompt]
    callback: tuple[str | None, str]
    language: str
    entered: Entered = field(default_factory=Entered)

    async def hold(self) -> dict[str, str]:
        result = await self._result()
        told = self.entered.told(self.terms) | {"PaymentMethod": self.terms.method} | result
        await self._tell(told)
        return told

    async def _result(self) -> dict[str, str]:
        for name in self.terms.fields:
            if result := await self._ask(name):
                return {"Result": result}
        await self._tell_step(PROCESSING, "", 1)
        payment = payments.Payment(self.terms, self.entered)
        return (await self.call.pay(payment, self._prompts(PROCESSING, "", 1))).told

    async def _ask(self, name: str) -> str:
        """Nothing where the field was entered, else the result of it all."""
        error = ""
        for attempt in range(1, self.attempts + 1):
            await self._tell_step(name, error, attempt)
            digits, result = await self._listen(name, name, error, attempt)
            if result:
                return result
            error = payments.fault(name, digits, self.entered, self.terms, self.call.month())
            if not error and self._is_matched(name):
                again, result = await self._listen(name, name + MATCHER, "", attempt)
                if result:
                    return result
                error = "" if again == digits else MISMATCH
            if not error:
                self.entered.values[name] = digits
                return ""
        return TOO_MANY

    async def _listen(self, name: str, step: str, error: str, attempt: int) -> tuple[str, str]:
        """What was pressed, or the result of it all."""
        how = Collect(
            self.terms.timeout, ABORT + FINISH, None,
            ends=lambda digits: payments.is_whole(name, digits, self.entered),
            patience=lambda digits: payments.patience(name, digits, self.terms.timeout),
        )  # fmt: skip
        collected = await self.call.collect_unseen(self._prompts(step, error, attempt), how)
        if collected is None:
            return "", GONE
        return collected.digits, STAR if collected.finished_on_key == ABORT else ""

    def _is_matched(self, name: str) -> bool:
        """Whether it has to be entered twice."""
        return any(one.matches for one in self.prompts if name in one.steps)

    def _prompts(self, step: str, error: str, attempt: int) -> tuple[Prompt, ...]:
        """The document's own, else ours."""
        found = prompt.best(self.prompts, step, error, self.entered.card_type, attempt)
        if found is not None and found.prompts:
            return found.prompts
        moments = ([error] if error else []) + [AGAIN if step.endswith(MATCHER) else step]
        text = " ".join(phrase(self.language, moment) for moment in moments)
        return (Prompt(Speech(text, "man", self.language)),)

    async def _tell_step(self, name: str, error: str, attempt: int) -> None:
        """What is asked for now, and what was entered before."""
        said = {"For": name, "Attempt": str(attempt)} | ({"ErrorType": error} if error else {})
        await self._tell(self.entered.told(self.terms) | said)

    async def _tell(self, params: dict[str, str]) -> None:
        """The status callback."""
        url, method = self.callback
        if url:
            await self.call.tell_of_payment(url, method, params)
