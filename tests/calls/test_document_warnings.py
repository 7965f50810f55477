"""What is odd in a document is in the call's notifications, with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lib.far_ends import Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.whole import HOST, whole


@pytest.mark.parametrize(
    ("inside", "code", "message"),
    [
        ("<say>Hi</say>", 12200, f"line 2, column 3 of {HOST}/voice: <say> is not a verb: skipped"),
        (
            "<Pause seconds='3'/>", 12200,
            f"line 2, column 3 of {HOST}/voice: <Pause> has no attribute 'seconds': ignored",
        ),
        ("<Say>Hi</say>", 12100, f"{HOST}/voice, line 2, column 12: not well-formed XML: mismatched tag"),
    ],
)  # fmt: skip
def test_line_and_column(tmp_path: Path, inside: str, code: int, message: str) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": f"<Response>\n  {inside}\n</Response>"}) as one:
            caller = Caller(one)
            caller.call()
            await caller.gone
            await passes(1)
            assert (code, message) in [(note.error_code, note.message_text) for note in await one.notes()]

    run(main)
