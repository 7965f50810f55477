"""`Trunks/{sid}/PhoneNumbers`: the numbers whose calls go to a trunk."""

from __future__ import annotations

from gateway.api.core.numbers import CAPABILITIES, Numbers
from gateway.api.core.shape import base
from gateway.api.fields import Form
from gateway.api.http import Reply, Request, Route
from gateway.api.paging import page_of
from gateway.api.resource import Given, Serving
from gateway.errors import ApiError, not_found
from gateway.store import Store
from gateway.store.rows import Number

AS_IN_THE_CORE = (
    "sid", "account_sid", "friendly_name", "phone_number", "api_version", "voice_caller_id_lookup", "voice_url",
    "voice_method", "voice_fallback_url", "voice_fallback_method", "status_callback", "status_callback_method",
    "voice_application_sid", "trunk_sid", "sms_url", "sms_method", "sms_fallback_url", "sms_fallback_method",
    "sms_application_sid", "address_requirements", "beta",
)  # fmt: skip


class PhoneNumbers:
    """Put into a trunk, listed, taken out. The numbers themselves are the core's."""

    def __init__(self, store: Store, serving: Serving) -> None:
        self._store = store
        self._serving = serving

    def routes(self) -> list[Route]:
        """The paths."""
        path = f"{self._serving.dialect.mount}/Trunks/{{trunk_sid}}/PhoneNumbers"
        return [
            Route(path, {"GET": self.list, "POST": self.create}),
            Route(f"{path}/{{sid}}", {"GET": self.fetch, "DELETE": self.delete}),
        ]

    async def list(self, request: Request) -> Reply:
        """A page, newest first."""
        trunk, page = await self._trunk(request), page_of(request)
        found = await self._store.numbers.owned(request.account_sid, page, trunk_sid=trunk)
        shown = [self._show(row) for row in found.rows]
        return self._serving.dialect.envelope(request, "phone_numbers", page, found, shown)

    async def create(self, request: Request) -> Reply:
        """Puts a number of the account into the trunk, out of any other."""
        trunk, sid = await self._trunk(request), Form(request.fields).text("PhoneNumberSid")
        if not sid:
            raise ApiError(400, 20001, "PhoneNumberSid is required")
        if await self._store.numbers.fetch(request.account_sid, sid) is None:
            raise ApiError(404, 20404, f"PhoneNumberSid {sid} was not found")
        await self._put(request, sid, trunk)
        return Reply(201, self._show(await self._one(request, sid)))

    async def fetch(self, request: Request) -> Reply:
        """One."""
        await self._trunk(request)
        return Reply(json=self._show(await self._one(request, request.variables["sid"])))

    async def delete(self, request: Request) -> Reply:
        """Takes it out of the trunk; it stays the account's."""
        await self._trunk(request)
        await self._put(request, str((await self._one(request, request.variables["sid"])).sid), None)
        return Reply(204)

    async def _put(self, request: Request, sid: str, trunk: str | None) -> None:
        now = self._serving.clock.wall()
        await self._store.numbers.update(request.account_sid, sid, trunk_sid=trunk, date_updated=now)

    async def _trunk(self, request: Request) -> str:
        sid = request.variables["trunk_sid"]
        if await self._store.sip.trunks.fetch(request.account_sid, sid) is None:
            raise not_found(request.path)
        return sid

    async def _one(self, request: Request, sid: str) -> Number:
        found = await self._store.numbers.fetch(request.account_sid, sid)
        if found is None or found.trunk_sid != request.variables["trunk_sid"]:
            raise not_found(request.path)
        return found

    def _show(self, number: Number) -> Given:
        """The core's fields, in this dialect."""
        dialect, core = self._serving.dialect, Numbers.show(number)
        link = f"{dialect.origin()}{base(str(number.account_sid))}/IncomingPhoneNumbers/{number.sid}.json"
        path = f"{dialect.root(str(number.account_sid))}/Trunks/{number.trunk_sid}/PhoneNumbers/{number.sid}"
        dates = {name: dialect.date(when) for name, when in (
            ("date_created", number.date_created), ("date_updated", number.date_updated),
        )}  # fmt: skip
        shown = {name: core[name] for name in AS_IN_THE_CORE}
        return {**shown, **dates, "capabilities": CAPABILITIES, "url": path, "links": {"phone_number": link}}
