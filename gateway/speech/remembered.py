"""Which URL had which sound, and for how long: in memory and, for the next start, on the disk.

A file for each URL in `DIR/cache/urls`, named by a hash, so that no credentials of a URL are in it. The least recently
used go first where there are too many.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from gateway.clock import Clock
from gateway.speech.audio import Audio
from gateway.speech.threads import aside

MOST = 1000  # URLs

Key = tuple[str, str]
"""Account and URL: what an app says to one account need not hold for another."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that was fetched: until when it holds (monotonic), and how to ask whether it still does.

    `stale`: it may be played when it is old and its app is down.
    """

    audio: Audio
    until: float
    validators: dict[str, str]
    stale: bool = False


class Remembered:
    """Files that cannot be read or written are as if they were not there."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._clock = clock
        found = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        self._names: OrderedDict[str, Kept | None] = OrderedDict((path.stem, None) for path in found)  # None: on disk

    async def get(self, key: Key) -> Kept | None:
        """What is known of a URL."""
        name = _name(key)
        if name not in self._names:
            return None
        kept = self._names[name]
        if kept is None:
            with self._clock.working():
                text = await aside(lambda: _read(self._path(name)))
            kept = self._parsed(text)
        self._names[name] = kept
        self._names.move_to_end(name)
        return kept

    async def put(self, key: Key, kept: Kept) -> None:
        """Keeps it; the disk hears of it where it is news."""
        name, now = _name(key), self._clock.now()
        before = self._names.get(name)
        self._names[name] = kept
        self._names.move_to_end(name)
        gone = [self._names.popitem(last=False)[0] for _ in range(len(self._names) - MOST)]
        same = before is not None and (before.audio, before.validators) == (kept.audio, kept.validators)
        text = "" if same and kept.until <= now else self._printed(kept)
        if text or gone:
            with self._clock.working():
                await aside(lambda: self._write(self._path(name), text, gone))

    async def drop(self, key: Key) -> None:
        """Forgets a URL."""
        if (name := _name(key)) in self._names:
            del self._names[name]
            with self._clock.working():
                await aside(lambda: self._write(self._path(name), "", [name]))

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _printed(self, kept: Kept) -> str:
        until = self._clock.wall() + timedelta(seconds=max(0.0, kept.until - self._clock.now()))
        audio = {"sha": kept.audio.sha, "seconds": kept.audio.seconds}
        return json.dumps({**audio, "until": until.isoformat(), "validators": kept.validators, "stale": kept.stale})

    def _parsed(self, text: str) -> Kept | None:
        try:
            found = json.loads(text)
            left = (datetime.fromisoformat(found["until"]) - self._clock.wall()).total_seconds()
            audio = Audio(str(found["sha"]), float(found["seconds"]))
            return Kept(audio, self._clock.now() + left, dict(found["validators"]), found.get("stale") is True)
        except (ValueError, KeyError, TypeError):
            return None

    def _write(self, path: Path, text: str, gone: list[str]) -> None:
        """Beside and renamed, so that a crash leaves the old one or the new one."""
        try:
            if text:
                part = path.with_suffix(".part")
                part.write_text(text)
                part.rename(path)
            for name in gone:
                self._path(name).unlink(missing_ok=True)
        except OSError:
            return


def _name(key: Key) -> str:
    return sha256("\n".join(key).encode("utf-8", "surrogatepass")).hexdigest()[:40]


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
