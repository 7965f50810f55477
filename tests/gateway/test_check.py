"""`trunkline twiml check`: what is printed, and the exit status."""

from __future__ import annotations

import io
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from gateway.__main__ import main

GOOD = "<Response>\n  <Say>Hi</Say>\n</Response>"
ODD = "\n<Response>\n  <say>Hi</say>\n  <Dial timeout='1'>+1</Dial></Response>"


def check(file: Path, text: str, *flags: str) -> int:
    file.write_text(text)
    return main(["twiml", "check", str(file), *flags])


def test_a_good_document_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tmp_path / "a.xml", GOOD) == 0
    assert capsys.readouterr().out == ""


def test_warnings_have_their_place_and_are_errors_only_by_wish(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.xml"
    assert check(file, ODD) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{file}:3:3: 12200 warning: <say> is not a verb: skipped",
        f"{file}:4:3: 13210 warning: <Dial> timeout='1' is not a whole number from 5 to 600; '30' is used",
    ]
    assert check(file, ODD, "--strict") == 1


def test_what_cannot_be_run_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.xml"
    assert check(file, "<Response>\n<Say>Hi</Response>") == 1
    assert capsys.readouterr().out == f"{file}:2:10: 12100 error: not well-formed XML: mismatched tag\n"


def test_what_cannot_be_read_is_another_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["twiml", "check", str(tmp_path / "none.xml")]) == 2
    assert "No such file" in capsys.readouterr().err
    assert main(["twiml", "check", "http://127.0.0.1:1/"]) == 2
    with pytest.raises(SystemExit) as usage:
        main(["twiml", "check"])
    assert usage.value.code == 2


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOOD.encode())))
    assert main(["twiml", "check", "-"]) == 0


class Web(BaseHTTPRequestHandler):
    """A document at every path; `/json` says that it is JSON, `/voice` is asked by POST only."""

    def do_GET(self) -> None:
        self.answer(405 if self.path == "/voice" else 200)

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200 if self.path == "/voice" and b"&From=%2B15555550199&" in form else 400)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if self.path == "/json" else "text/xml")
        self.end_headers()
        self.wfile.write(GOOD.encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def test_a_url(capsys: pytest.CaptureFixture[str]) -> None:
    with HTTPServer(("127.0.0.1", 0), Web) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            base = f"http://127.0.0.1:{server.server_port}"
            assert main(["twiml", "check", f"{base}/good"]) == 0
            assert main(["twiml", "check", f"{base}/voice"]) == 0
            assert main(["twiml", "check", f"{base}/json"]) == 1
            assert ":1:1: 12300 error: content type" in capsys.readouterr().out
        finally:
            server.shutdown()
            thread.join()
