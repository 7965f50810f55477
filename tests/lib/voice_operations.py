"""Twilio's voice operations of the core API, and what this gateway makes of each; the table of docs/rest-api.md.

`python -m tests.lib.voice_operations` writes the table anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from unittest.mock import MagicMock

from gateway.api.core.later import Later
from gateway.api.core.unmade import Unmade
from gateway.api.http import Router
from gateway.core_routes import core_routes
from gateway.errors import ApiError
from tests.lib import oai

PAGE = Path(__file__).parents[2] / "docs" / "rest-api.md"
ACCOUNT = "/2010-04-01/Accounts/{AccountSid}/"
VOICE = (
    "Applications", "Calls", "Conferences", "Notifications", "OutgoingCallerIds", "Queues", "Recordings",
    "Transcriptions",
)  # fmt: skip
KINDS = ("Create", "List", "Fetch", "Update", "Delete")
METHODS = ("get", "post", "delete")
BEGIN, END = "<!-- operations -->\n", "<!-- end -->\n"


def voice_paths() -> Iterator[tuple[str, dict[str, str]]]:
    """Each path below an account, with the operation of each method."""
    for path, methods in sorted(oai.description(oai.CORE)["paths"].items()):
        below = path.removeprefix(ACCOUNT).removesuffix(".json")
        if path.startswith(ACCOUNT) and below.partition("/")[0] in VOICE:
            yield below, {method: methods[method]["operationId"] for method in METHODS if method in methods}


def router() -> Router:
    """The routes of a gateway that does not run."""
    return Router(core_routes(MagicMock(), MagicMock()))


def served(routes: Router, method: str, below: str) -> str:
    """`yes`, `refused` (with an error that says so), `empty` (there are none), or nothing."""
    try:
        serve, _ = routes.find(method.upper(), "/Accounts/AC/" + re.sub(r"\{\w+\}", "X", below))
    except ApiError:
        return ""
    owner = getattr(serve.func if isinstance(serve, partial) else serve, "__self__", None)
    return "refused" if isinstance(owner, Later) else "empty" if isinstance(owner, Unmade) else "yes"


def table() -> str:
    """As Markdown."""
    routes, lines = router(), ["| path | GET | POST | DELETE |", "|---|---|---|---|"]
    for below, operations in voice_paths():
        cells = [_cell(served(routes, method, below), operations.get(method)) for method in METHODS]
        lines.append(f"| `{below}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(how: str, operation: str | None) -> str:
    if operation is None:
        return "–"
    kind = next(one for one in KINDS if operation.startswith(one)).lower()
    return {"yes": kind, "": "**missing**"}.get(how, f"{kind}: {how}")


def shown() -> str:
    """The table as the page has it."""
    return PAGE.read_text().partition(BEGIN)[2].partition(END)[0]


if __name__ == "__main__":
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{table()}{END}{rest.partition(END)[2]}")
