"""The sounds of the data folder as a worker reads them: raw files, never waited for."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

import numpy as np

from media.errors import AudioError, NotYet
from media.frames import Pcm

AHEAD = 1 << 18  # bytes of a file that the kernel is asked to have ready: more than two pages of the arena


class AudioFile:
    """`library.Samples` of a raw file, which stays open: where it is removed, it is read to its end all the same."""

    def __init__(self, name: str, path: Path) -> None:
        self._name = name[:12]
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise AudioError(f"sound {self._name}: {error.strerror}") from error
        self.length = os.fstat(self._file).st_size // 2
        self._fetch(0)

    def read(self, start: int, count: int) -> Pcm:
        """The samples, where they are in memory; what follows them is fetched from the disk meanwhile."""
        data = bytearray(2 * count)
        try:
            size = self._read(data, 2 * start)
        except BlockingIOError:
            size = 0
        except OSError as error:
            raise AudioError(f"sound {self._name}: {error.strerror}") from error
        if size < 2 * count:
            self._fetch(start)
            if os.fstat(self._file).st_size >= 2 * (start + count):
                raise NotYet(f"sound {self._name}: the disk does not give it")
            raise AudioError(f"sound {self._name}: its file was cut off")
        self._fetch(start + count)
        return np.frombuffer(data, "<i2").astype(np.int16)

    def _read(self, data: bytearray, offset: int) -> int:
        """Without waiting for the disk, where that can be asked for (Linux, most file systems)."""
        if hasattr(os, "RWF_NOWAIT"):
            try:
                return os.preadv(self._file, [data], offset, os.RWF_NOWAIT)
            except OSError as error:
                if error.errno != errno.EOPNOTSUPP:
                    raise
        return os.preadv(self._file, [data], offset)

    def close(self) -> None:
        """Nobody plays it any more."""
        os.close(self._file)

    def _fetch(self, start: int) -> None:
        with contextlib.suppress(AttributeError, OSError):  # where that is not known, the disk is waited for
            os.posix_fadvise(self._file, 2 * start, AHEAD, os.POSIX_FADV_WILLNEED)


class AudioFolder:
    """Sounds as raw files: `DIR/cache/audio/<name>.s16`."""

    def __init__(self, data_dir: str) -> None:
        self._folder = Path(data_dir) / "cache" / "audio"

    def open(self, audio: str) -> AudioFile:
        """AudioError when the file is not there."""
        if not audio.isalnum():
            raise AudioError(f"{audio!r} is not the name of a sound")
        return AudioFile(audio, self._folder / f"{audio}.s16")
