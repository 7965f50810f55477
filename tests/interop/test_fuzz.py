"""A few seconds of fuzzing for each target; `make fuzz` goes on longer."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS
from tests.interop.conftest import ROOT

SECONDS = 30 // len(TARGETS)


@pytest.mark.interop
@pytest.mark.parametrize("target", TARGETS)
def test_nothing_is_found(target: str, tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        assert os.environ.get("TRUNKLINE_REQUIRE_INTEROP") != "1", "atheris is not installed"
        pytest.skip("atheris is not installed: it has no wheel for this machine")
    command = [sys.executable, "-m", "tests.fuzz.run", target, "--seconds", str(SECONDS), "--found", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    executions = re.search(r"Done (\d+) runs", done.stderr)
    assert executions is not None
    assert int(executions[1]) > 100, "it was given the time to try something"
