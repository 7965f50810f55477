"""What the tests of the tick share: they run by the C loop over streams and by NumPy."""

from __future__ import annotations

from pathlib import Path

import pytest

from media import native, native_streams


@pytest.fixture(params=["native", "numpy"])
def both_loops(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Engines that are made have the one or the other; the native one is skipped where there is no compiler."""
    if request.param == "numpy":
        monkeypatch.setattr(native_streams, "LIBRARY", tmp_path / "none.so")
    elif native.load(native_streams.LIBRARY, *native_streams.SOURCES) is None:
        pytest.skip("the C loop over streams was not built: no C compiler")
