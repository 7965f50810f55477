"""The cache of sounds: content-addressed raw files, the least recently used ones dropped above a size."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np

from gateway.speech.audio import Audio
from media.frames import RATE, Pcm


class AudioCache:
    """`DIR/cache/audio`."""

    def __init__(self, data_dir: Path, limit_mb: int = 512) -> None:
        self._folder = data_dir / "cache" / "audio"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._limit = limit_mb << 20

    def put(self, pcm: Pcm) -> Audio:
        """Stores a sound; written beside and renamed, so that a reader never sees half of it."""
        data = pcm.astype("<i2").tobytes()
        sha = hashlib.sha256(data).hexdigest()
        path = self._folder / f"{sha}.s16"
        if path.exists():
            os.utime(path)
        else:
            part = path.with_suffix(f".{os.getpid()}.part")
            part.write_bytes(data)
            part.rename(path)
            self._prune()
        return Audio(sha, len(pcm) / RATE)

    def has(self, audio: Audio) -> bool:
        """Whether the file is still there; it counts as used now."""
        try:
            os.utime(self._folder / f"{audio.sha}.s16")
        except FileNotFoundError:
            return False
        return True

    def read(self, audio: Audio) -> Pcm:
        """The samples."""
        return np.fromfile(self._folder / f"{audio.sha}.s16", "<i2").astype(np.int16)

    def _prune(self) -> None:
        files = sorted(
            ((entry.stat(), entry.path) for entry in os.scandir(self._folder)), key=lambda one: one[0].st_mtime
        )
        total = sum(stat.st_size for stat, _ in files)
        for stat, path in files[:-16]:  # what was used just now may be about to play
            if total <= self._limit:
                return
            os.unlink(path)
            total -= stat.st_size
