"""`OutgoingCallerIds`; a new one begins as a validation request: a call that asks for a code."""

from __future__ import annotations

from gateway.api import readers
from gateway.api.core.placing import digits
from gateway.api.engine import Validate, Validations
from gateway.api.fields import Form
from gateway.api.http import Reply, Request
from gateway.api.resource import Resource, Served, Serving
from gateway.errors import ApiError, invalid
from gateway.numbers.e164 import national, normal
from gateway.store import Store
from gateway.store.voice_rows import OutgoingCallerId

BAD_NAME, BAD_NUMBER, VALIDATED = 20002, 21401, 21450  # Twilio's codes


class CallerIds(Served[OutgoingCallerId]):
    """The resource."""

    def __init__(self, store: Store, serving: Serving, engine: Validations) -> None:
        super().__init__(caller_ids(store), serving)
        self._store = store
        self._engine = engine

    async def create(self, request: Request) -> Reply:
        """Calls the number; it is a caller ID when who answers has entered the code that is told here."""
        form, account_sid = Form(request.fields), request.account_sid
        number = normal(form.text("PhoneNumber"))
        if number is None:
            raise invalid("PhoneNumber", f"{form.text('PhoneNumber')} is not a phone number", BAD_NUMBER)
        await self._check_new(account_sid, number)
        wanted = Validate(
            phone_number=number,
            friendly_name=readers.text(64)(form, "FriendlyName", BAD_NAME) or national(number),
            delay=form.integer("CallDelay", 0, 0, 60),
            extension=digits(form, "Extension"),
            status_callback=form.url("StatusCallback") or None,
            status_callback_method=form.method("StatusCallbackMethod"),
        )
        call_sid, code = await self._engine.begin(account_sid, wanted)
        shown = {"account_sid": account_sid, "call_sid": call_sid, "friendly_name": wanted.friendly_name,
                 "phone_number": number, "validation_code": code}  # fmt: skip
        return Reply(200, shown, "ValidationRequest")

    async def _check_new(self, account_sid: str, number: str) -> None:
        own = await self._store.numbers.find(number)
        owned = own is not None and own.account_sid == account_sid
        if owned or await self._store.caller_ids.verified(account_sid, number) is not None:
            raise ApiError(400, VALIDATED, f"Phone number {number} is validated for this account already.")


def caller_ids(store: Store) -> Resource[OutgoingCallerId]:
    """All but how they are made."""
    return Resource(
        path="/OutgoingCallerIds",
        prefix="PN",
        key="outgoing_caller_ids",
        rows=store.caller_ids,
        make=OutgoingCallerId,
        fields={"friendly_name": readers.coded(readers.text(64), BAD_NAME)},
        filters=("phone_number", "friendly_name"),
    )
