"""`trunkline credentials` where it may not look."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.__main__ import main


def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "credentials.json").mkdir()
    assert main(["credentials", "--data", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"trunkline: [Errno 21] Is a directory: '{tmp_path}/credentials.json'\n"
