"""How many ports a worker has."""

from __future__ import annotations

import resource

import pytest

from media.worker import WorkerSettings, rows_for


@pytest.mark.parametrize(
    ("udp_ports", "files", "rows"),
    [(10_000, 1 << 20, 5000), (40_000, 1 << 20, 8000), (10_000, 4096, 974), (10_000, 100, 1), (100, 4096, 50)],
)
def test_ports_are_limited_by_their_range_and_by_the_files_that_a_process_may_open(
    monkeypatch: pytest.MonkeyPatch, udp_ports: int, files: int, rows: int
) -> None:
    """Each port may need three sockets and a file that plays; a few files are for the rest."""
    limits = [(1024, files)]
    monkeypatch.setattr(resource, "getrlimit", lambda kind: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda kind, limit: limits.append(limit))
    assert rows_for(WorkerSettings("", "127.0.0.1", 20_000, 20_000 + udp_ports - 1)) == rows
    assert 4 * rows + 200 <= files or rows == 1
    assert limits[-1] == ((files, files) if files > 1024 else (1024, files))
