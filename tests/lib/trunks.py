"""Trunks and routes as an operator makes them, and a number abroad that calls go to."""

from __future__ import annotations

from typing import Any

from gateway.trunks.model import Trunk
from tests.lib.whole import Whole

SAY = {"/voice": "<Response><Say>Hello, hello</Say><Pause length='30'/></Response>"}
ABROAD = "+442071838750"


async def trunk(one: Whole[Any], name: str, **fields: Any) -> Trunk:
    """Makes a trunk, or changes it, as the operator's API does."""
    made = Trunk(name=name, **fields)
    await one.services.store.operator.put("trunk", name, made.model_dump(mode="json"))
    await one.services.trunks.load()
    return made


async def route(one: Whole[Any], *trunks: str, prefix: str = "+44") -> None:
    """Calls abroad go there."""
    await one.services.store.operator.put("route", prefix, {"prefix": prefix, "trunks": list(trunks)})
    await one.services.trunks.load()


def dial(more: str = "", noun: str = ABROAD) -> dict[str, str]:
    return {"/voice": f"<Response><Dial action='/after' {more}>{noun}</Dial></Response>", "/after": "<Response/>"}


async def notes(one: Whole[Any]) -> list[str]:
    """The call's log."""
    return [str(note.message_text) for note in await one.notes()]
