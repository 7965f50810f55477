"""A call for verbs to run on: it notes what it is asked, and answers what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from twiml import interpreter
from twiml.cards import Month
from twiml.document import parse
from twiml.errors import Warning
from twiml.outcome import End, Outcome, Redirect
from twiml.payments import Paid, Payment
from twiml.plans import (
    Collect,
    Collected,
    Dialled,
    DialPlan,
    EnqueuePlan,
    MessagePlan,
    Recorded,
    RecordPlan,
    Referred,
    StartRecording,
    StartSiprec,
)
from twiml.prompts import Prompt
from twiml.targets import Target


class Over(Exception):
    """The document was left."""


@dataclass
class NotedCall:
    """`twiml.control.CallControl`. `asked` has (name, argument) in order."""

    collected: Collected = field(default_factory=lambda: Collected("", ""))
    recorded: Recorded | None = field(default_factory=lambda: Recorded("RE1", "http://g/RE1", 7, "#", False))
    dialled: Dialled = field(default_factory=lambda: Dialled({"DialCallStatus": "completed"}, False))
    referred: Referred = field(default_factory=lambda: Referred({"ReferCallStatus": "in-progress"}, False))
    enqueued: dict[str, str] = field(default_factory=lambda: {"QueueResult": "bridged"})
    pressed: list[str | None] = field(default_factory=list)  # in Pay, at each question; None: hung up
    paid: Paid = field(default_factory=lambda: Paid({"PaymentToken": "tok_1"}))
    refused: Paid | None = None  # by check_connector
    asked: list[tuple[str, object]] = field(default_factory=list)
    prompts: list[Prompt] = field(default_factory=list)
    how: Collect | None = None
    plan: RecordPlan | None = None
    dial_plan: DialPlan | None = None
    over_after: str = ""  # what ends the call, by name

    def _note(self, name: str, argument: object = None) -> None:
        self.asked.append((name, argument))

    @property
    def did(self) -> list[str]:
        """The names of what was asked."""
        return [name for name, _ in self.asked]

    def warn(self, code: int, message: str, line: int) -> None:
        self._note("warn", (code, message, line))

    def check(self) -> None:
        if self.over_after and self.over_after in self.did:
            raise Over

    async def answer(self) -> None:
        self._note("answer")

    async def play(self, prompts: Sequence[Prompt]) -> None:
        self.prompts += prompts
        self._note("play", tuple(prompts))

    async def send_digits(self, digits: str) -> None:
        self._note("send_digits", digits)

    async def pause(self, seconds: float) -> None:
        self._note("pause", seconds)

    async def collect(self, prompts: Sequence[Prompt], how: Collect) -> Collected:
        self.prompts += prompts
        self.how = how
        self._note("collect", how)
        return self.collected

    def month(self) -> Month:
        return 2026, 11

    @contextmanager
    def withhold(self) -> Iterator[None]:
        self._note("withhold", True)
        try:
            yield
        finally:
            self._note("withhold", False)

    async def collect_unseen(self, prompts: Sequence[Prompt], how: Collect) -> Collected | None:
        """The keys of `pressed`, as `collect` would end with them; nothing where none are left."""
        self._note("collect_unseen", (tuple(prompts), how))
        keys = self.pressed.pop(0) if self.pressed else ""
        if keys is None:
            return None
        assert how.ends is not None
        for place, key in enumerate(keys):
            if key in how.finish_on_key:
                return Collected(keys[:place], key)
            if how.ends(keys[: place + 1]):
                return Collected(keys[: place + 1], "")
        return Collected(keys, "")

    async def check_connector(self, name: str) -> Paid | None:
        return self.refused

    async def pay(self, payment: Payment, prompts: Sequence[Prompt]) -> Paid:
        self._note("pay", (payment, tuple(prompts)))
        return self.paid

    async def tell_of_payment(self, url: str, method: str, params: Mapping[str, str]) -> None:
        self._note("tell_of_payment", (url, method, dict(params)))

    async def record(self, plan: RecordPlan) -> Recorded | None:
        self.plan = plan
        self._note("record", plan)
        return self.recorded

    async def start_recording(self, plan: StartRecording) -> None:
        self._note("start_recording", plan)

    async def stop_recording(self, name: str) -> None:
        self._note("stop_recording", name)

    async def start_siprec(self, plan: StartSiprec) -> None:
        self._note("start_siprec", plan)

    async def stop_siprec(self, name: str) -> None:
        self._note("stop_siprec", name)

    async def send_message(self, plan: MessagePlan) -> dict[str, str]:
        self._note("send_message", plan)
        return {"SmsSid": "SM1", "SmsStatus": "queued"}

    async def dial(self, plan: DialPlan) -> Dialled:
        self.dial_plan = plan
        self._note("dial", plan)
        return self.dialled

    async def enqueue(self, plan: EnqueuePlan) -> dict[str, str]:
        self._note("enqueue", plan)
        return self.enqueued

    async def leave(self) -> None:
        self._note("leave")

    async def echo(self) -> None:
        self._note("echo")

    async def refer(self, target: str) -> Referred:
        self._note("refer", target)
        return self.referred

    async def hangup(self) -> None:
        self._note("hangup")

    async def reject(self, reason: str) -> None:
        self._note("reject", reason)


@dataclass(frozen=True)
class Ran:
    """A document that was run."""

    call: NotedCall
    outcome: Outcome
    warnings: tuple[Warning, ...]

    @property
    def codes(self) -> list[int]:
        """The codes of the warnings."""
        return [warning.code for warning in self.warnings]

    @property
    def targets(self) -> tuple[Target, ...]:
        """Whom the Dial calls."""
        return self.call.dial_plan.targets if self.call.dial_plan is not None else ()

    @property
    def redirect(self) -> Redirect:
        """Where it leads."""
        assert isinstance(self.outcome, Redirect), self.outcome
        return self.outcome

    @property
    def ended(self) -> bool:
        """Whether nothing follows."""
        return isinstance(self.outcome, End)


def ran(verbs: str, call: NotedCall | None = None) -> Ran:
    """Runs `<Response>` with these verbs, on a line each."""
    call = call or NotedCall()
    document = parse(f"<Response>\n{verbs}\n</Response>".encode())
    outcome = asyncio.run(interpreter.run(document, call))
    return Ran(call, outcome, document.warnings)


def targets(verb: str) -> tuple[Target, ...]:
    """Whom a Dial calls, of which nothing is to be warned."""
    done = ran(verb)
    assert done.codes == []
    return done.targets
