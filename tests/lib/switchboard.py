"""Callers of one gateway, each of whom hears a document of its own, in virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.lib.far_ends import Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.web import Seen
from tests.lib.whole import HOST, EngineLink, Whole, whole

ONE_WAY = 53405


class Switchboard:
    """Caller 1 is +15555550101, and so on. What `/voice` answers is told when somebody `comes`."""

    def __init__(self, one: Whole[EngineLink]) -> None:
        self.one = one
        self.callers: dict[int, Caller] = {}
        self._documents: dict[str, str] = {}
        self._calls = 0
        one.web.route(f"{HOST}/voice", lambda seen: self._documents[seen.params["From"]])

    async def comes(self, number: int, verbs: str, *, seconds: float = 1.0) -> Caller:
        """Caller `number` calls, and hears these verbs."""
        name = f"+1555555010{number}"
        self._documents[name] = f"<Response>{verbs}</Response>"
        self._calls += 1  # an address each: one that calls twice would send the same again
        caller = self.callers[number] = Caller(self.one, f"127.0.1.{self._calls}", name)
        caller.call()
        await passes(seconds)
        return caller

    def sid(self, number: int) -> str:
        """Of the call of a caller who is there."""
        (found,) = [one.sid for one in self.one.exchange.calls.values() if one.row.from_ == f"+1555555010{number}"]
        return found

    def row(self, number: int) -> int:
        """Of its port."""
        leg = self.one.exchange.calls[self.sid(number)].leg
        assert leg is not None
        return leg.row

    def answers(self, path: str, *documents: str) -> None:
        """What a path answers: these one after the other, the last for ever."""
        left = list(documents)

        def answer(seen: Seen) -> str:
            return f"<Response>{left.pop(0) if len(left) > 1 else left[0]}</Response>"

        self.one.web.route(HOST + path, answer)

    def to(self, path: str) -> list[dict[str, str]]:
        """The parameters of the requests to a path."""
        return self.one.web.to(path)

    def joined(self, *numbers: int) -> bool:
        """Whether these two hear each other, on one media worker."""
        peers, (one, other) = self.one.link.engine.ports.peer, map(self.row, numbers)
        return bool(peers[one] == other and peers[other] == one)

    def hears_something(self, number: int) -> bool:
        """Whether anything plays to a caller, on the first media worker."""
        return bool(self.one.link.engine._sources.playing[self.row(number)])

    async def warned(self) -> list[int]:
        """The codes of all notifications but of one-way audio (these callers send none), the oldest first."""
        await passes(1)
        return [note.error_code for note in reversed(await self.one.notes()) if note.error_code != ONE_WAY]


def staffed(tmp_path: Path, test: Callable[[Switchboard], Awaitable[Any]], workers: int = 1) -> None:
    """Runs `test`; then everybody hangs up, and nothing may be left."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": ""}, workers=workers) as one:
            board = Switchboard(one)
            await test(board)
            for caller in board.callers.values():
                caller.hangup()
            await passes(5)
            assert (one.exchange.calls, one.services.workers.ports_in_use) == ({}, 0)

    run(main)
