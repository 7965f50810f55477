"""Programs within limits."""

from __future__ import annotations

import asyncio
import sys

import pytest

from gateway.speech.process import Limits, ProcessError, environment, run

LIMITS = Limits(seconds=10.0, cpu=5, output=1 << 20)


def python(code: str, data: bytes = b"", limits: Limits = LIMITS) -> bytes:
    return asyncio.run(run((sys.executable, "-S", "-c", code), data, limits))


def test_bytes_in_bytes_out() -> None:
    data = bytes(range(256)) * 3000
    assert python("import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])", data) == data[::-1]


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("import sys; print('one', file=sys.stderr); sys.exit('no such voice')", "no such voice"),
        ("import os; os._exit(3)", "it ended with status 3"),
        ("import sys; sys.stderr.write('x' * 100000); sys.exit(1)", "x" * 200),
        ("print('x' * (2 << 20))", "it gave more than 1048576 bytes"),
    ],
)
def test_a_program_that_fails_says_why(code: str, sentence: str) -> None:
    with pytest.raises(ProcessError) as raised:
        python(code, b"unread" * 100_000)
    assert str(raised.value) == sentence


def test_time_is_limited() -> None:
    with pytest.raises(ProcessError, match=r"it took longer than 0\.2 s"):
        python("import time; time.sleep(60)", limits=Limits(0.2, 5, 100))


def test_cpu_is_limited() -> None:
    with pytest.raises(ProcessError, match="it ended with status -"):
        python("while True: pass", limits=Limits(20.0, 1, 100))


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(FileNotFoundError):
        asyncio.run(run(("/no/such/program",), b"", LIMITS))


def test_secrets_are_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_SECRET_KEY", "secret")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/lib")
    assert "TRUNKLINE_SECRET_KEY" not in environment()
    assert environment()["LD_LIBRARY_PATH"] == "/opt/lib"
