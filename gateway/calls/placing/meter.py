"""What a call out costs: its first minute is paid before it is placed, each other one as it begins."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.calls.placing.dialstring import Hop
from gateway.numbers.e164 import normal

if TYPE_CHECKING:
    from gateway.calls.call import Call

MINUTE = 60.0  # seconds
SPENT = 10004  # Twilio: the account's limit is reached


class Meter:
    """The meter of one call that the guard admitted, until it is `over`."""

    def __init__(self, call: Call, price: int) -> None:
        self._call = call
        self._price = price  # micro-units a minute
        self._minutes = 1
        self._timer: asyncio.TimerHandle | None = None
        self._runs = True

    @property
    def price(self) -> int | None:
        """What was paid, in micro-units; None where minutes have no price."""
        return self._minutes * self._price or None

    def answered(self) -> None:
        """Time runs from here."""
        if self._price:
            self._timer = asyncio.get_running_loop().call_later(MINUTE, self._minute_over)

    def over(self, *, answered: bool) -> None:
        """The call is over: a call that nobody answered costs nothing."""
        if not self._runs:
            return
        self._runs = False
        if self._timer is not None:
            self._timer.cancel()
        if not answered:
            self._minutes = 0
        call = self._call
        call.services.spending.ended(call.row.account_sid, 0 if answered else self._price)

    def _minute_over(self) -> None:
        self._call.services.spawn(self._go_on())

    async def _go_on(self) -> None:
        call = self._call
        if call.leg is None or call.leg.gone.done():
            return
        if reason := await call.services.spending.go_on(call.row.account_sid, self._price):
            call.fail(SPENT, reason)
            call.leg.hangup(reason)
            return
        self._minutes += 1
        await call.costs(self.price)
        self.answered()


async def admitted(call: Call, hops: list[Hop]) -> None:
    """Puts a meter on a call that goes out through a trunk; `spending.Refused` where the account may not call."""
    if hops and hops[0].trunk is not None:
        price, number = hops[0].price, normal(call.row.to) or call.row.to
        await call.services.spending.admit(call.row.account_sid, number, price)
        call.meter = Meter(call, price)
