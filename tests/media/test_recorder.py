"""Recordings: what is on disk at any moment can be played, and says what was heard."""

from __future__ import annotations

import threading
import wave
from pathlib import Path

import numpy as np
import pytest

from media import commands, events, files
from media.codecs import g711
from media.frames import FRAME, Pcm
from media.recorder import BACKLOG, SLOW, Recorder
from media.tones import tone
from tests.lib.rig import Rig, voice

LOUD = g711.encode(tone(450.0, 0.0, on_ms=20)[None, :], np.array([0])).tobytes()
QUIET = bytes([0xFF] * FRAME)


def read(path: Path) -> Pcm:
    """`(samples, channels)`, by another reader than ours."""
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getsampwidth()) == (8000, 2)
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)
        return pcm.reshape(-1, file.getnchannels())


def record(folder: Path, ticks: int, speech: range = range(10_000), **how: object) -> tuple[Rig, Path]:
    """A caller who is loud in some ticks, while a tone is played to him."""
    rig, path = Rig(1), folder / "a.wav"
    rig.do(commands.Play(0, 1, (commands.Tone(620.0, 0.0, 20_000, 0),)))
    rig.do(commands.Record(0, "RE1", str(path), **how))  # type: ignore[arg-type]
    for number in range(ticks):
        rig.tick(voice(0, number, LOUD if number in speech else QUIET))
    return rig, path


def ended(rig: Rig) -> events.RecordEnded:
    (one,) = rig.heard(events.RecordEnded)
    assert isinstance(one, events.RecordEnded)
    return one


@pytest.mark.parametrize(
    ("tracks", "channels", "loudest"),
    [("inbound", 1, [450]), ("outbound", 1, [620]), ("both", 2, [450, 620]), ("inbound", 2, [450, None])],
)
def test_tracks_and_channels(tmp_path: Path, tracks: str, channels: int, loudest: list[int | None]) -> None:
    rig, path = record(tmp_path, 60, tracks=tracks, channels=channels)
    rig.do(commands.StopRecord(0, "RE1"))
    pcm = read(path)[10 * FRAME :]
    for channel, hertz in enumerate(loudest):
        spectrum = np.abs(np.fft.rfft(pcm[:, channel].astype(np.float64)))
        found = None if spectrum.max() < 1000 else spectrum.argmax() * 8000 / len(pcm)
        assert found is None if hertz is None else abs((found or 0) - hertz) < 5


def test_the_length_is_what_passed(tmp_path: Path) -> None:
    rig, path = record(tmp_path, 73)
    rig.do(commands.StopRecord(0, "RE1", cut_ms=100))
    assert len(read(path)) == 73 * FRAME - 800
    assert (ended(rig).reason, ended(rig).silent) == ("stopped", False)
    assert ended(rig).seconds == pytest.approx(1.36)
    assert ended(rig).size == path.stat().st_size


def test_silence_ends_it(tmp_path: Path) -> None:
    rig, _ = record(tmp_path, 200, range(50), silence_seconds=2.0)
    assert ended(rig).reason == "silence"
    assert ended(rig).seconds == pytest.approx(1 + 2 + 0.04, abs=0.03)


def test_the_longest_time_ends_it(tmp_path: Path) -> None:
    rig, _ = record(tmp_path, 200, max_seconds=1.0)
    assert ended(rig).reason == "max-length"
    assert ended(rig).seconds == pytest.approx(1.0)


def test_silence_is_trimmed_from_both_ends(tmp_path: Path) -> None:
    rig, path = record(tmp_path, 200, range(50, 100), trim=True)
    rig.do(commands.StopRecord(0, "RE1"))
    assert len(read(path)) == pytest.approx(50 * FRAME, abs=2 * FRAME)
    assert ended(rig).recorded_seconds == pytest.approx(4.0)
    assert ended(rig).seconds == pytest.approx(1.0, abs=0.04)


def test_a_file_that_is_cut_off_at_any_moment_can_be_played(tmp_path: Path) -> None:
    rig, path = record(tmp_path, 120)
    assert 100 * FRAME <= len(read(path)) <= 120 * FRAME  # the header is never more than a second behind
    data = path.read_bytes()
    for cut in (len(data), len(data) - 1, len(data) - 333, 44, 45):
        path.write_bytes(files.repaired(data[:44], cut) + data[44:cut])
        assert len(read(path)) == (cut - 44) // 2
    rig.do(commands.Release(0))


def test_a_file_that_cannot_be_written_fails_with_its_reason(tmp_path: Path) -> None:
    said: list[events.RecordEnded] = []
    recorder = Recorder(said.append, threaded=False)
    recorder.open(commands.Record(0, "RE1", str(tmp_path / "no" / "a.wav")))
    recorder.write("RE1", np.zeros((10, 1), np.int16))
    recorder.close("RE1", "stopped", 0)
    assert (said[0].reason, "No such file" in said[0].error) == ("failed", True)


def test_a_full_disk_fails_the_recording_alone() -> None:
    said: list[events.RecordEnded] = []
    recorder = Recorder(said.append, threaded=False)
    recorder.open(commands.Record(0, "RE1", "/dev/full"))
    recorder.write("RE1", np.zeros((8000, 1), np.int16))
    recorder.close("RE1", "stopped", 0)
    assert (said[0].reason, "No space left" in said[0].error) == ("failed", True)


def test_the_thread_finishes_what_was_begun(tmp_path: Path) -> None:
    said: list[events.RecordEnded] = []
    recorder = Recorder(said.append)
    recorder.open(commands.Record(0, "RE1", str(tmp_path / "a.wav")))
    for _ in range(50):
        recorder.write("RE1", np.ones((1600, 1), np.int16))
    recorder.close("RE1", "stopped", 0)
    recorder.finish()
    assert said[0].seconds == 10.0
    assert len(read(tmp_path / "a.wav")) == 80_000


def test_a_disk_that_stands_still_ends_the_recording_and_not_the_tick(tmp_path: Path) -> None:
    said: list[events.RecordEnded] = []
    gate = threading.Event()

    def still() -> None:
        gate.wait(30)

    recorder = Recorder(said.append)
    recorder._do(still)
    rig = Rig(1, recorder=recorder)
    rig.do(commands.Record(0, "RE1", str(tmp_path / "a.wav")))
    ticks = 0
    while not rig.heard(events.RecordStopped):
        rig.tick()
        ticks += 1
        assert ticks < 10 * (BACKLOG + 10)
    gate.set()
    recorder.finish()
    assert (said[0].reason, said[0].error) == ("failed", SLOW)
