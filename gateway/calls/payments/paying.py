"""A payment on a call: keys that nobody sees, the connector, and what the app is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from gateway.calls import params
from gateway.calls.call import Call
from gateway.calls.leg import Leg
from gateway.store.rows import Callback
from twiml.payments import Paid, Payment

INVALID = 64021  # Twilio: "Pay: Invalid Operation"


@contextmanager
def withheld(leg: Leg) -> Iterator[None]:
    """Inside, what is pressed on the leg is kept nowhere."""
    leg.withhold(True)
    try:
        yield
    finally:
        leg.withhold(False)


def checked(call: Call, connector: str) -> Paid | None:
    """Why no payment can be made; it is in the call's log."""
    refused = call.services.payments.check(call.row.account_sid, connector)
    if call.leg is not None and call.leg.withheld:
        refused = Paid({}, INVALID, "there is a payment on this call already")
    if refused is not None:
        call.warn(refused.code, refused.error, error=True)
    return refused


async def pay(call: Call, payment: Payment) -> Paid:
    """Asks the connector, to the end even where the caller hangs up: money may flow."""
    paid = await call.services.payments.pay(call.row.account_sid, call.sid, payment)
    if paid.code:
        call.warn(paid.code, f"payment connector {payment.terms.connector}: {paid.error}", error=True)
    return paid


async def tell(call: Call, url: str, method: str, fields: Mapping[str, str]) -> None:
    """A status callback of a payment (twiml-voice.md §30), durable and in order."""
    services = call.services
    said = {
        "AccountSid": call.row.account_sid, "CallSid": call.sid, **fields,
        "SequenceNumber": str(call.told_of_payments), "Timestamp": params.rfc2822(services.clock.wall()),
    }  # fmt: skip
    call.told_of_payments += 1
    told = Callback(call.row.account_sid, call.sid, url, method, said, services.sids.token())
    await services.store.calls.update(call.sid, {"date_updated": services.clock.wall()}, callbacks=[told])
    services.outbox.kick()
