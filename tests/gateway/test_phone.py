"""`trunkline phone`: what is said of files that are not there, and of a gateway that is not."""

from __future__ import annotations

import pytest

from gateway.__main__ import main
from tests.lib.ports import free_port

NUMBER = "+15555550100"


@pytest.mark.parametrize(
    ("flag", "sentence"), [("--say", "there is no such file"), ("--record", "there is no folder /nowhere")]
)
def test_files_are_looked_at_before_anybody_is_called(
    flag: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["phone", NUMBER, flag, "/nowhere/a.wav"]) == 2
    assert capsys.readouterr().err.endswith(f"{flag} /nowhere/a.wav: {sentence}\n")


def test_who_does_not_answer_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    where = f"127.0.0.1:{free_port()}"
    assert main(["phone", NUMBER, "--sip", where, "--tcp"]) == 1
    assert capsys.readouterr().out.startswith(f"sip:{NUMBER}@{where};transport=tcp did not answer: 503 ")
