"""Log records as JSON lines and for eyes, each with its call."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import sys
from collections.abc import Iterator

import pytest

from gateway import log

SID = "CA" + "0" * 26 + "abcdef"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """The root logger is as it was, afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_no_line_shows_the_credentials_of_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (io.StringIO(), Terminal()):
        monkeypatch.setattr(sys, "stderr", stream)
        log.start()
        logger = logging.getLogger("gateway.calls")
        logger.info("> POST %s: 200", "https://user:p%40ss@app.example.com/voice?mail=a@b")
        logger.info("sip:a@b and http://app.example.com/@x stay")
        try:
            raise ValueError("http://user:p%40ss@x/")
        except ValueError:
            logger.exception("!")
        text = stream.getvalue()
        assert "https://…@app.example.com/voice?mail=a@b" in text
        assert "sip:a@b and http://app.example.com/@x stay" in text
        assert "p%40ss" not in text


def test_json_lines_have_the_call_and_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    log.start()
    logger = logging.getLogger("gateway.calls")
    logger.debug("not shown")
    with log.call(SID):
        logger.info("< digit %s\nsecond line é", "7")
        try:
            raise ValueError("why")
        except ValueError:
            logger.exception("! failed")
    logger.warning("outside")
    first, second, third = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["level"], first["logger"], first["call_sid"]) == ("info", "gateway.calls", SID)
    assert first["message"] == "< digit 7\nsecond line é"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", first["time"])
    assert "traceback" not in first
    assert "ValueError: why" in second["traceback"]
    assert (third["call_sid"], third["level"]) == ("", "warning")


def test_a_terminal_gets_lines_for_eyes(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    log.start(logging.DEBUG)
    with log.call(SID):
        logging.getLogger("gateway.calls").debug("- answered")
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} D abcdef gateway\.calls: - answered\n", stream.getvalue())


def test_tasks_that_a_call_starts_log_with_its_sid(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    log.start()

    async def work(text: str) -> None:
        await asyncio.sleep(0)
        logging.getLogger("x").info(text)

    async def one(sid: str) -> None:
        with log.call(sid):
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(work(sid))

    async def main() -> None:
        await asyncio.gather(one("CA1"), one("CA2"), work(""))

    asyncio.run(main())
    lines = [json.loads(line) for line in stream.getvalue().splitlines() if '"x"' in line]
    assert len(lines) == 3
    assert all(line["call_sid"] == line["message"] for line in lines)
