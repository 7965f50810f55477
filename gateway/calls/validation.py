"""Caller IDs are verified by a call: who answers the number enters the code that the API told (rest-api.md §12)."""

from __future__ import annotations

import logging

from gateway.api.engine import CreateCall, Validate
from gateway.calls import params
from gateway.calls.call import Call
from gateway.calls.control import Control
from gateway.calls.exchange import Exchange
from gateway.calls.services import Services
from gateway.calls.sources import Validating
from gateway.errors import ApiError
from gateway.store.paging import Page
from gateway.store.rows import Callback
from gateway.store.voice_rows import OutgoingCallerId
from twiml.plans import Collect
from twiml.prompts import Prompt, Speech

LOG = logging.getLogger(__name__)

DIGITS = 6
TRIES = 3
LISTENING = Collect(timeout=10, finish_on_key="#", num_digits=DIGITS)
LONGEST = 120  # seconds of such a call
PLEASE = "Hello. To verify this phone number, please enter the six digits of your validation code."
WRONG = "This is not the code."
THANKS = "Thank you. This phone number is verified. Goodbye."


class Validations:
    """`gateway.api.engine.Validations`: calls from a number of the account, or one that the trunk allows."""

    def __init__(self, services: Services, exchange: Exchange) -> None:
        self._services = services
        self._exchange = exchange

    async def begin(self, account_sid: str, wanted: Validate) -> tuple[str, str]:
        """The call's SID and the code that it asks for."""
        code = f"{self._services.random.randrange(10**DIGITS):0{DIGITS}d}"
        one = CodeCall(self._services, account_sid, wanted, code)
        asked = CreateCall(
            to=wanted.phone_number, from_=await self._caller(account_sid, wanted.phone_number),
            send_digits=wanted.extension, time_limit=LONGEST, delay=wanted.delay,
        )  # fmt: skip
        call = await self._exchange.place(account_sid, asked, Validating(one.ask))
        call.when_over = lambda: self._services.spawn(one.over(call))
        return call.sid, code

    async def _caller(self, account_sid: str, number: str) -> str:
        own = await self._services.store.numbers.owned(account_sid, Page(size=1))
        allowed = [one for trunk in self._services.trunks.trunks_to(number) for one in trunk.caller_ids]
        found = [*(one.phone_number for one in own.rows), *allowed]
        if not found:
            raise ApiError(400, 21210, "the account has no number yet that could call with the code")
        return found[0]


class CodeCall:
    """A call that asks for a code, three times at most."""

    def __init__(self, services: Services, account_sid: str, wanted: Validate, code: str) -> None:
        self._services = services
        self._account_sid = account_sid
        self._wanted = wanted
        self._code = code
        self._verified = False

    async def ask(self, control: Control) -> None:
        """Until the code is right, or was wrong too often."""
        for _ in range(TRIES):
            heard = await control.collect([_said(PLEASE)], LISTENING)
            if heard.digits == self._code:
                await self._keep(control.call)
                await control.play([_said(THANKS)])
                return
            await control.play([_said(WRONG)])

    async def over(self, call: Call) -> None:
        """The call has ended: who waits for the code is told where it did not come."""
        if not self._verified:
            LOG.info("- %s is not verified", self._wanted.phone_number)
            changes = {"date_updated": self._services.clock.wall()}
            await self._services.store.calls.update(call.sid, changes, callbacks=self._told(call, "failed"))
            self._services.outbox.kick()

    async def _keep(self, call: Call) -> None:
        """The caller ID is there from here on, whatever becomes of the call."""
        now = self._services.clock.wall()
        row = OutgoingCallerId(
            sid=self._services.sids.new("PN"), account_sid=self._account_sid, date_created=now, date_updated=now,
            phone_number=self._wanted.phone_number, friendly_name=self._wanted.friendly_name,
        )  # fmt: skip
        self._verified = await self._services.store.caller_ids.keep(row, self._told(call, "success", row.sid))
        self._services.outbox.kick()

    def _told(self, call: Call, status: str, sid: str = "") -> list[Callback]:
        url = self._wanted.status_callback
        if not url:
            return []
        order = {"Timestamp": params.rfc2822(self._services.clock.wall()), "SequenceNumber": "0"}
        fields = {"VerificationStatus": status, **order} | ({"OutgoingCallerIdSid": sid} if sid else {})
        method, token = self._wanted.status_callback_method, self._services.sids.token()
        return [Callback(self._account_sid, call.sid, url, method, call.params(fields), token)]


def _said(text: str) -> Prompt:
    return Prompt(Speech(text, "man", "en-US"))
