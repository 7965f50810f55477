"""The C libraries: used where they were built of the source that is there, and nowhere else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from media import native
from media.packets import LIBRARY


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A library beside its source."""
    if native.load(LIBRARY, "packets.c") is None:
        pytest.skip("the C packet loop was not built: no C compiler")
    library = tmp_path / LIBRARY.name
    shutil.copy2(LIBRARY, library)
    shutil.copy2(LIBRARY.with_name("packets.c"), tmp_path)
    return library


def test_a_library_is_loaded_with_its_source_or_without(copied: Path) -> None:
    assert native.load(copied, "packets.c") is not None
    copied.with_name("packets.c").unlink()
    assert native.load(copied, "packets.c") is not None


def test_a_library_that_is_older_than_its_source_is_not_used_and_that_is_told(
    copied: Path, caplog: pytest.LogCaptureFixture
) -> None:
    after = copied.stat().st_mtime_ns + 1
    os.utime(copied.with_name("packets.c"), ns=(after, after))
    assert native.load(copied, "packets.c") is None
    assert "make setup" in caplog.text


def test_what_is_not_there_or_is_no_library_is_not_loaded(tmp_path: Path) -> None:
    assert native.load(tmp_path / "none.so") is None
    broken = tmp_path / "broken.so"
    broken.write_bytes(b"no library")
    assert native.load(broken) is None
