"""The cache of sounds: content-addressed raw files, the least recently used ones dropped above a size.

A sound that was asked for within KEPT is never dropped: a call may be about to play it, and the media worker opens the
file when it does. So the limit can be passed for a while.
"""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np

from gateway.clock import Clock, SystemClock
from gateway.speech.audio import Audio
from media.frames import RATE, Pcm

KEPT = 900.0  # seconds


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that is there."""

    size: int
    used: float | None  # None: before we started


class AudioCache:
    """`DIR/cache/audio`. Any thread may call it."""

    def __init__(self, data_dir: Path, limit_mb: float = 512, clock: Clock | None = None) -> None:
        self._folder = data_dir / "cache" / "audio"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._limit = int(limit_mb * (1 << 20))
        self._clock = clock or SystemClock()
        self._lock = Lock()
        self._entries: OrderedDict[str, Entry] = OrderedDict()  # the least recently used first
        self._size = 0
        self._part = 0
        self._find()

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self._folder

    def put(self, pcm: Pcm) -> Audio:
        """Stores a sound; written beside and renamed, so that a reader never sees half of it."""
        data = np.ascontiguousarray(pcm, "<i2").view(np.uint8).data  # no copy where it is that already
        sha = hashlib.sha256(data).hexdigest()
        if not self._use(sha):
            with self._lock:
                self._part += 1
                part = self._folder / f"{sha}.{os.getpid()}-{self._part}.part"
            part.write_bytes(data)
            part.rename(self._path(sha))
            with self._lock:
                self._add(sha, Entry(len(data), self._clock.now()))
                self._drop()
        return Audio(sha, len(pcm) / RATE)

    def has(self, audio: Audio) -> bool:
        """Whether the file is still there; it counts as used now."""
        return self._use(audio.sha)

    def read(self, audio: Audio) -> Pcm:
        """The samples."""
        return np.fromfile(self._path(audio.sha), "<i2").astype(np.int16)

    @property
    def size(self) -> int:
        """Bytes of all sounds."""
        return self._size

    def _path(self, sha: str) -> Path:
        return self._folder / f"{sha}.s16"

    def _find(self) -> None:
        """What an earlier run left, the oldest first; what it left half-written goes."""
        files = sorted((entry.stat().st_mtime, entry.stat().st_size, entry.name) for entry in os.scandir(self._folder))
        for _, size, name in files:
            if name.endswith(".s16"):
                self._add(name.removesuffix(".s16"), Entry(size, None))
            elif name.endswith(".part"):
                (self._folder / name).unlink(missing_ok=True)
        self._drop()

    def _use(self, sha: str) -> bool:
        with self._lock:
            entry = self._entries.get(sha)
            if entry is None:
                return False
            try:
                os.utime(self._path(sha))
            except FileNotFoundError:  # somebody emptied the folder
                self._size -= self._entries.pop(sha).size
                return False
            self._entries[sha] = Entry(entry.size, self._clock.now())
            self._entries.move_to_end(sha)
            return True

    def _add(self, sha: str, entry: Entry) -> None:
        old = self._entries.pop(sha, None)
        self._entries[sha] = entry
        self._size += entry.size - (old.size if old else 0)

    def _drop(self) -> None:
        now = self._clock.now()
        while self._size > self._limit and self._entries:
            sha, entry = next(iter(self._entries.items()))
            if entry.used is not None and now - entry.used < KEPT:
                return
            self._path(sha).unlink(missing_ok=True)
            self._size -= self._entries.pop(sha).size
