"""Huge pages: what Python allocates and what the heap holds survives them, and lies on them where there are any."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gateway import pages

ROOT = Path(__file__).parents[2]
MODE = Path("/sys/kernel/mm/transparent_hugepage/enabled")

# objects come and go by the hundred thousand, twice as many as the first time; what stayed is as it was
CHURN = """
from gateway import pages
assert pages.for_new_objects()
kept = {}
for round in range(4):
    there = [(round, one, str(one)) for one in range(100_000 * (1 + round % 2))]
    kept[round] = there[::1000]
    del there
big = [bytes([one % 256]) * 600 for one in range(20_000)]
pages.for_the_heap()
assert all(some == [(round, one, str(one)) for one in range(0, 100_000 * (1 + round % 2), 1000)]
           for round, some in kept.items())
assert all(set(one) == {number % 256} for number, one in enumerate(big))
print(sum(int(line.split()[1]) for line in open("/proc/self/smaps") if line.startswith("AnonHugePages")))
"""


def run(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    ).stdout


@pytest.mark.skipif(not pages.LIBRARY.exists(), reason="gateway/libpages.so was not built: there was no C compiler")
@pytest.mark.skipif(not MODE.exists() or "[never]" in MODE.read_text(), reason="the system has no huge pages")
def test_what_is_on_huge_pages_is_as_it_was() -> None:
    """Kilobytes of the process on huge pages: the objects' 30 MB and the heap's 12."""
    assert int(run(CHURN)) > 16 * 1024


def test_without_the_library_all_stays_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pages, "LIBRARY", tmp_path / "libpages.so")
    assert not pages.for_new_objects()


def test_a_system_that_names_no_heap_is_asked_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not pages.for_the_heap()
