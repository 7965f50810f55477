"""The cache of sounds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from gateway.speech.audio import Audio
from gateway.speech.cache import KEPT, AudioCache
from media.frames import Pcm
from tests.lib.loop import VirtualClock

MB = 1 << 20


def sound(number: int, seconds: float = 8.0) -> Pcm:
    return np.full(int(8000 * seconds), number, np.int16)


def files(folder: Path) -> set[str]:
    return {path.name for path in (folder / "cache" / "audio").iterdir()}


def test_a_sound_is_a_raw_file_named_by_its_content(tmp_path: Path) -> None:
    cache = AudioCache(tmp_path)
    audio = cache.put(sound(7, 0.5))
    assert audio.seconds == 0.5
    data = (tmp_path / "cache" / "audio" / f"{audio.sha}.s16").read_bytes()
    assert data == b"\x07\x00" * 4000
    assert cache.put(sound(7, 0.5)) == audio
    assert files(tmp_path) == {f"{audio.sha}.s16"}
    assert np.array_equal(cache.read(audio), sound(7, 0.5))


def test_what_is_gone_is_gone(tmp_path: Path) -> None:
    cache = AudioCache(tmp_path)
    audio = cache.put(sound(1))
    (tmp_path / "cache" / "audio" / f"{audio.sha}.s16").unlink()
    assert not cache.has(audio)
    assert cache.size == 0
    assert not cache.has(Audio("0" * 64, 1.0))
    assert cache.put(sound(1)) == audio
    assert cache.has(audio)


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    clock = VirtualClock()
    cache = AudioCache(tmp_path, 0.5, clock)  # four sounds of 128 kB
    old = [cache.put(sound(number)) for number in range(4)]
    clock.time = KEPT + 1
    assert cache.has(old[0])
    cache.put(sound(4))
    assert [cache.has(audio) for audio in old] == [True, False, True, True]
    assert cache.size <= MB / 2


def test_a_sound_in_use_is_not_dropped_even_above_the_limit(tmp_path: Path) -> None:
    clock = VirtualClock()
    cache = AudioCache(tmp_path, 0.5, clock)
    kept = [cache.put(sound(number)) for number in range(8)]
    assert cache.size > MB / 2
    assert len(files(tmp_path)) == 8
    clock.time = KEPT
    cache.put(sound(100))
    assert cache.size <= MB / 2
    assert not cache.has(kept[0])


def test_a_new_start_finds_what_is_there_and_removes_what_is_half_written(tmp_path: Path) -> None:
    audio = AudioCache(tmp_path).put(sound(1))
    (tmp_path / "cache" / "audio" / "x.1-1.part").write_bytes(b"half")
    cache = AudioCache(tmp_path)
    assert cache.has(audio)
    assert cache.size == 128_000
    assert files(tmp_path) == {f"{audio.sha}.s16"}
    assert AudioCache(tmp_path, 0.1).size == 0


def test_threads_may_put_the_same_sound_together(tmp_path: Path) -> None:
    cache = AudioCache(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda number: cache.put(sound(number % 3, 0.1)), range(60)))
    assert len(found) == 3
    assert cache.size == 3 * 1600
    assert len(files(tmp_path)) == 3
