"""What a verb may ask of the call it runs on. `gateway.calls.control` is the product's; tests have their own.

When the caller hangs up, the task that runs the document is cancelled, except inside `record`, `dial`, `enqueue` and
`refer`: they return, with `hung_up` where that is told, so that their action can still be requested; `check` leaves
what is behind them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from twiml.cards import Month
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


class CallControl(Protocol):
    """The verbs' whole view of a call."""

    def warn(self, code: int, message: str, line: int) -> None:
        """Puts a warning into the call's log (Twilio's notifications)."""

    def check(self) -> None:
        """Leaves the document where it is over: the caller is gone, or another document has the call."""

    async def answer(self) -> None:
        """Answers an incoming call if that has not happened; returns when media flows."""

    async def play(self, prompts: Sequence[Prompt]) -> None:
        """Answers if need be, then plays one after the other to the end; what cannot be had is warned of."""

    async def send_digits(self, digits: str) -> None:
        """Answers if need be and sends DTMF to the caller."""

    async def pause(self, seconds: float) -> None:
        """Waits: while ringing when the call is not answered yet (and answers then), else in silence."""

    async def collect(self, prompts: Sequence[Prompt], how: Collect) -> Collected:
        """Plays the prompts until the first digit and collects digits."""

    def month(self) -> Month:
        """The year and the month, in UTC."""

    def withhold(self) -> AbstractContextManager[None]:
        """Inside, what the caller presses is in no log, no recording and no capture."""

    async def collect_unseen(self, prompts: Sequence[Prompt], how: Collect) -> Collected | None:
        """As `collect`, inside of `withhold`; None where the caller hung up."""

    async def check_connector(self, name: str) -> Paid | None:
        """Why no payment can be made by a payment connector; None where there is no reason."""

    async def pay(self, payment: Payment, prompts: Sequence[Prompt]) -> Paid:
        """Asks the payment's connector, while the prompts play."""

    async def tell_of_payment(self, url: str, method: str, params: Mapping[str, str]) -> None:
        """A status callback about a payment; `url` may be relative to the current document."""

    async def record(self, plan: RecordPlan) -> Recorded | None:
        """Records the caller. None: the recording failed, which is in the call's log."""

    async def start_recording(self, plan: StartRecording) -> None:
        """Answers if need be; records beside the document, for the rest of the call."""

    async def stop_recording(self, name: str) -> None:
        """Ends a recording that was started; a warning where none of that name runs."""

    async def start_siprec(self, plan: StartSiprec) -> None:
        """Answers if need be; sends the call's audio to a recording server, without waiting for that to begin."""

    async def stop_siprec(self, name: str) -> None:
        """Ends one that was started; a warning where none of that name runs."""

    async def send_message(self, plan: MessagePlan) -> dict[str, str]:
        """Has a message sent, without waiting for that; its action's parameters (`SmsSid`, `SmsStatus`)."""

    async def dial(self, plan: DialPlan) -> Dialled:
        """Dials, joins, and returns when the other party is gone or could not be reached."""

    async def enqueue(self, plan: EnqueuePlan) -> dict[str, str]:
        """Answers if need be, waits in a queue; its action's parameters (`QueueResult` …) when that is over."""

    async def leave(self) -> None:
        """Takes the call out of the queue whose wait document this is; elsewhere a warning, and nothing happens."""

    async def echo(self) -> None:
        """Answers if need be; the caller hears itself until it hangs up."""

    async def refer(self, target: str) -> Referred:
        """Answers if need be and asks the caller to call a SIP URI instead; returns when that has come to an end."""

    async def hangup(self) -> None:
        """Ends the call (an unanswered one is answered first)."""

    async def reject(self, reason: str) -> None:
        """Refuses an unanswered incoming call: `busy` or `rejected`; an answered one is hung up."""
