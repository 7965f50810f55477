"""The worker's folder of sounds: files that stay readable, and those that are no good."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from media.errors import AudioError, NotYet
from media.folder import AudioFolder

PCM = np.arange(-5000, 5000, dtype=np.int16)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "cache" / "audio").mkdir(parents=True)
    path = tmp_path / "cache" / "audio" / "abc123.s16"
    path.write_bytes(PCM.astype("<i2").tobytes())
    return path


def folder(file: Path) -> AudioFolder:
    return AudioFolder(str(file.parents[2]))


def test_any_stretch_of_a_file_is_read(file: Path) -> None:
    samples = folder(file).open("abc123")
    assert samples.length == len(PCM)
    assert (samples.read(0, 10) == PCM[:10]).all()
    assert (samples.read(9990, 10) == PCM[-10:]).all()
    samples.close()


def test_a_file_that_is_removed_meanwhile_is_read_on(file: Path) -> None:
    samples = folder(file).open("abc123")
    file.unlink()
    assert (samples.read(4000, 6000) == PCM[4000:]).all()
    samples.close()


def test_a_file_that_is_cut_off_meanwhile_is_an_error_from_there(file: Path) -> None:
    samples = folder(file).open("abc123")
    with file.open("r+b") as opened:
        opened.truncate(10_000)
    assert (samples.read(0, 5000) == PCM[:5000]).all()
    with pytest.raises(AudioError, match=r"^sound abc123: its file was cut off$"):
        samples.read(4000, 1001)
    samples.close()


def test_a_file_that_is_not_in_memory_comes_by_and_by(file: Path) -> None:
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    samples = folder(file).open("abc123")
    for _ in range(100_000):
        with contextlib.suppress(NotYet):
            assert (samples.read(0, len(PCM)) == PCM).all()
            break
    else:
        raise AssertionError("it never came")
    samples.close()


def test_a_stretch_that_the_kernel_does_not_have_is_not_yet_there(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def parts(size: int) -> Callable[..., int]:
        return lambda descriptor, buffers, offset, flags: size

    def refuse(descriptor: int, buffers: object, offset: int, flags: int = 0) -> int:
        raise BlockingIOError(errno.EAGAIN, "not in memory")

    samples = folder(file).open("abc123")
    for nothing in (refuse, parts(4096)):
        monkeypatch.setattr(os, "preadv", nothing)
        with pytest.raises(NotYet, match=r"^sound abc123: the disk does not give it$"):
            samples.read(0, 5000)
    samples.close()


def test_a_file_system_that_cannot_be_asked_is_waited_for(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.preadv

    def old(descriptor: int, buffers: list[bytearray], offset: int, flags: int = 0) -> int:
        if flags:
            raise OSError(errno.EOPNOTSUPP, "Operation not supported")
        return real(descriptor, buffers, offset)

    monkeypatch.setattr(os, "preadv", old)
    samples = folder(file).open("abc123")
    assert (samples.read(3, 10) == PCM[3:13]).all()
    samples.close()


def test_half_a_sample_at_the_end_is_left_out(file: Path) -> None:
    file.write_bytes(b"\x01\x02\x03")
    samples = folder(file).open("abc123")
    assert samples.length == 1
    samples.close()


def test_what_is_not_there_says_so(file: Path) -> None:
    with pytest.raises(AudioError, match=r"^sound gone: No such file or directory$"):
        folder(file).open("gone")


@pytest.mark.parametrize("name", ["", "../../secret", "a b", "abc123.s16"])
def test_a_name_is_letters_and_digits(file: Path, name: str) -> None:
    with pytest.raises(AudioError, match="is not the name of a sound"):
        folder(file).open(name)
