"""`Calls/{sid}/Siprec`: a call's audio to a recording server (rest-api.md)."""

from __future__ import annotations

from typing import Any

from gateway.api.core.of_call import call_of
from gateway.api.core.shape import base, date
from gateway.api.engine import Siprecs as Engine
from gateway.api.fields import Form
from gateway.api.http import Reply, Request, Route
from gateway.errors import ApiError, invalid, not_found
from gateway.store import Store
from gateway.store.rows import Call
from gateway.store.voice_rows import Siprec
from twiml.plans import StartSiprec
from twiml.verbs.start import LONGEST, TRACKS

PARAMETERS = 99


class Siprecs:
    """Begun and ended here; Twilio has no way to list them."""

    def __init__(self, store: Store, engine: Engine) -> None:
        self._store = store
        self._engine = engine

    def routes(self) -> list[Route]:
        """The paths."""
        path = "/Accounts/{account}/Calls/{call}/Siprec"
        return [Route(path, {"POST": self.create}), Route(f"{path}/{{sid}}", {"POST": self.update})]

    async def create(self, request: Request) -> Reply:
        """Begins one; what comes of it the status callback tells."""
        call = await call_of(self._store, request)
        return Reply(200, show(await self._engine.start(call, _wanted(Form(request.fields)))), "Siprec")

    async def update(self, request: Request) -> Reply:
        """Ends one, by its SID or its name; one that has ended stays so."""
        form = Form(request.fields)
        if form.text("Status") != "stopped":
            raise invalid("Status", "it can only become stopped", 20001)
        call, name = await call_of(self._store, request), request.variables["sid"]
        found = await self._engine.stop(call, name) or await self._ended(call, name)
        if found is None:
            raise not_found(request.path)
        return Reply(200, show(found), "Siprec")

    async def _ended(self, call: Call, name: str) -> Siprec | None:
        siprecs = self._store.siprecs
        found = await siprecs.fetch(call.account_sid, name, call_sid=call.sid)
        return found or await siprecs.of_call(call.account_sid, call.sid, name)


def show(row: Siprec) -> dict[str, Any]:
    """As JSON."""
    path = f"{base(row.account_sid)}/Calls/{row.call_sid}/Siprec/{row.sid}"
    return {
        "account_sid": row.account_sid, "call_sid": row.call_sid, "sid": row.sid, "name": row.name,
        "status": row.status, "date_updated": date(row.date_updated), "uri": f"{path}.json",
    }  # fmt: skip


def _wanted(form: Form) -> StartSiprec:
    if not form.text("ConnectorName"):
        raise ApiError(400, 20001, "ConnectorName is required")
    return StartSiprec(
        connector=form.text("ConnectorName"),
        name=form.text("Name"),
        track=form.word("Track", TRACKS, "both_tracks"),
        status_callback=form.url("StatusCallback") or None,
        status_callback_method=form.method("StatusCallbackMethod"),
        parameters=tuple(_parameters(form)),
    )


def _parameters(form: Form) -> list[tuple[str, str]]:
    """`Parameter1.Name` and `Parameter1.Value` to `Parameter99…`."""
    found = []
    for number in range(1, PARAMETERS + 1):
        name, value = form.text(f"Parameter{number}.Name"), form.text(f"Parameter{number}.Value")
        if value and not name:
            raise invalid(f"Parameter{number}.Name", "it is required with a value", 20001)
        if len(name) + len(value) >= LONGEST:
            raise invalid(f"Parameter{number}.Value", f"with its name it has {LONGEST} characters or more", 20001)
        if name:
            found.append((name, value))
    return found
