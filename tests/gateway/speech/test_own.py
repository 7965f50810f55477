"""Recordings of ours that an app plays."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.speech.own import OwnRecordings
from gateway.store.rows import Recording
from gateway.webhooks.errors import FetchError
from tests.lib.loop import VirtualClock, run

ACCOUNT, SID = "AC" + "a" * 32, "RE" + "b" * 32
PATH = f"/2010-04-01/Accounts/{ACCOUNT}/Recordings/{SID}"
BASE = "http://gw.example:8080"
THEN = datetime(2024, 6, 1, tzinfo=UTC)


class Recordings:
    def __init__(self, status: str) -> None:
        self.status = status

    async def fetch(self, account_sid: str, sid: str) -> Recording | None:
        if (account_sid, sid) != (ACCOUNT, SID):
            return None
        return Recording(SID, ACCOUNT, "CA", self.status, "RecordVerb", 1, "both", THEN, THEN, THEN, blob=f"{SID}.wav")


def own(folder: Path, url: str, status: str = "completed") -> bytes | None:
    async def main(clock: VirtualClock) -> bytes | None:
        return await OwnRecordings(Recordings(status), folder, lambda: BASE, clock)(url)

    return run(main)


@pytest.mark.parametrize("url", [BASE + PATH, f"{BASE}{PATH}.wav", f"{BASE}{PATH}.mp3?x=1#y", f"{BASE}/api{PATH}"])
def test_the_url_of_a_recording_is_its_file(tmp_path: Path, url: str) -> None:
    (tmp_path / f"{SID}.wav").write_bytes(b"RIFF")
    assert own(tmp_path, url) == b"RIFF"


@pytest.mark.parametrize(
    "url", ["http://other.example" + PATH, f"{BASE}0{PATH}", f"{BASE}{PATH}/../x", f"{BASE}{PATH}.json", BASE, ""]
)
def test_other_urls_are_not_ours(tmp_path: Path, url: str) -> None:
    assert own(tmp_path, url) is None


def test_a_recording_that_cannot_be_played(tmp_path: Path) -> None:
    for url, status, sentence in (
        (BASE + PATH.replace("b", "c"), "completed", "is no recording"),
        (BASE + PATH, "in-progress", "is in-progress"),
        (BASE + PATH, "completed", "its file cannot be read: No such file or directory"),
    ):
        with pytest.raises(FetchError, match=sentence) as raised:
            own(tmp_path, url, status)
        assert raised.value.code == 11200
