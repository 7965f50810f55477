"""Recordings: what is on disk at any moment can be played, and says what was heard."""

from __future__ import annotations

import errno
import hashlib
import io
import threading
import wave
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from media import commands, events, files, native
from media.blocks import LIBRARY, BlockIO, Fds, NativeBlocks, PythonBlocks, Written
from media.codecs import g711
from media.frames import FRAME, Pcm, Rows
from media.lanes import BLOCK, Block
from media.recorder import BEHIND_BLOCKS, Recorder
from media.sinks import SLOW
from media.tones import tone
from tests.lib.rig import Rig, plan_of, voice

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
    assert 70 * FRAME < len(read(path)) <= 120 * FRAME  # the header is never more than a second behind
    data = path.read_bytes()
    for cut in (len(data), len(data) - 1, len(data) - 333, 44, 45):
        path.write_bytes(files.repaired(1, cut) + data[44:cut])
        assert len(read(path)) == (cut - 44) // 2
    rig.do(commands.Release(0))


def block(tape: int, pcm: Pcm) -> Block:
    return Block((tape,), pcm[None], np.zeros(1, np.int64))


def test_a_file_that_cannot_be_opened_fails_with_its_reason(tmp_path: Path) -> None:
    said: list[events.RecordEnded] = []
    recorder = Recorder(said.append, threaded=False)
    tape = recorder.open(commands.Record(0, "RE1", str(tmp_path / "no" / "a.wav")))
    recorder.write(block(tape, np.zeros((10, 1), np.int16)))
    assert recorder.broken() == [tape]
    recorder.close(tape, "stopped", 0, silent=True)
    assert (said[0].reason, "No such file" in said[0].error) == ("failed", True)


def test_a_full_disk_ends_the_recording_at_once_and_no_other(tmp_path: Path) -> None:
    rig, path = record(tmp_path, 20)
    rig.do(commands.Record(0, "RE2", "/dev/full"))
    rig.run(0.5)
    assert [(one.recording, one.reason) for one in rig.heard(events.RecordStopped)] == [("RE2", "failed")]  # type: ignore[union-attr]
    assert (ended(rig).reason, "No space left" in ended(rig).error) == ("failed", True)
    rig.do(commands.StopRecord(0, "RE1"))
    assert rig.said[-2].reason == "stopped"  # type: ignore[union-attr]
    assert len(read(path)) == 45 * FRAME


@pytest.mark.parametrize("threaded", [False, True])
def test_the_hash_is_that_of_the_file(tmp_path: Path, threaded: bool) -> None:
    said: list[events.RecordEnded] = []
    recorder = Recorder(said.append, threaded=threaded)
    noise = np.random.default_rng(1).integers(-9000, 9000, (1600, 2)).astype(np.int16)
    tapes = [recorder.open(commands.Record(0, f"RE{n}", str(tmp_path / f"{n}.wav"), 2)) for n in range(20)]
    for _ in range(50):
        recorder.write(Block(tuple(tapes), np.stack([noise] * 20), np.zeros(20, np.int64)))
    for tape in tapes:
        recorder.close(tape, "stopped", 8 * tape, silent=False)
    recorder.finish()
    assert len(said) == 20
    for one, tape in zip(said, tapes, strict=True):
        path = tmp_path / f"{one.recording[2:]}.wav"
        assert one.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert (one.seconds, one.size) == ((80_000 - 8 * tape) / 8000, path.stat().st_size)


def test_of_a_trimmed_file_too(tmp_path: Path) -> None:
    rig, path = record(tmp_path, 200, range(50, 100), trim=True)
    rig.do(commands.StopRecord(0, "RE1"))
    assert ended(rig).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [one.name for one in tmp_path.iterdir()] == ["a.wav"]


def test_where_no_copy_has_room_only_the_end_is_trimmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: BinaryIO, target: BinaryIO, size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    rig, path = record(tmp_path, 200, range(50, 100), trim=True)
    monkeypatch.setattr("media.endings._copy", full)
    rig.do(commands.StopRecord(0, "RE1"))
    assert (ended(rig).reason, ended(rig).error) == ("stopped", "")
    assert ended(rig).seconds == pytest.approx(2.0, abs=0.08)
    assert len(read(path)) / 8000 == ended(rig).seconds
    assert ended(rig).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [one.name for one in tmp_path.iterdir()] == ["a.wav"]


@pytest.mark.parametrize(("speech", "seconds"), [(range(0), 0.0), (range(3), 0.06), (range(190, 200), 0.2)])
def test_trimming_at_the_edges(tmp_path: Path, speech: range, seconds: float) -> None:
    rig, path = record(tmp_path, 200, speech, trim=True)
    rig.do(commands.StopRecord(0, "RE1", cut_ms=5))
    assert len(read(path)) / 8000 == pytest.approx(seconds, abs=0.05)
    assert ended(rig).silent == (not len(speech))


def test_a_file_longer_than_a_chunk_is_trimmed(tmp_path: Path) -> None:
    """Silence for 100 s, sound for 100 s, silence for 100 s."""
    said: list[events.RecordEnded] = []
    recorder = Recorder(said.append, threaded=False)
    tape = recorder.open(commands.Record(0, "RE1", str(tmp_path / "a.wav"), trim=True))
    sound = np.random.default_rng(1).integers(-9000, 9000, (800_000, 1)).astype(np.int16)
    for part in (np.zeros_like(sound), sound, np.zeros_like(sound)):
        recorder.write(block(tape, part))
    recorder.close(tape, "stopped", 0, silent=False)
    assert (said[0].seconds, said[0].recorded_seconds) == (100.0, 300.0)
    np.testing.assert_array_equal(read(tmp_path / "a.wav"), sound)


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_pause_is_silence_or_nothing(tmp_path: Path, skip: bool, channels: int) -> None:
    """Not on the borders of blocks."""
    rig, path = record(tmp_path, 33, tracks="both", channels=channels)
    rig.do(commands.PauseRecord(0, "RE1", skip))
    for number in range(33, 66):
        rig.tick(voice(0, number, LOUD))
    rig.do(commands.ResumeRecord(0, "RE1"))
    for number in range(66, 99):
        rig.tick(voice(0, number, LOUD))
    rig.do(commands.StopRecord(0, "RE1"))
    pcm = read(path)
    assert len(pcm) == (66 if skip else 99) * FRAME
    level = np.abs(pcm.astype(np.int32)).reshape(-1, FRAME, channels).mean(axis=1)
    rests = np.flatnonzero((level < 10).all(axis=1))
    assert rests[rests > 5].tolist() == ([] if skip else list(range(33, 66)))
    assert (level[np.setdiff1d(np.arange(10, len(level)), rests)] > 1000).all()


def test_a_recording_may_end_while_it_rests_and_change_how(tmp_path: Path) -> None:
    rig, path = record(tmp_path, 13)
    rig.do(commands.PauseRecord(0, "RE1", True))
    rig.run(0.5)
    rig.do(commands.PauseRecord(0, "RE1", False))
    rig.run(0.1)
    rig.do(commands.PauseRecord(0, "RE1", True))
    rig.run(0.5)
    rig.do(commands.Release(0))
    assert len(read(path)) == 18 * FRAME
    assert ended(rig).reason == "released"


def test_a_pause_is_no_silence_that_ends_it(tmp_path: Path) -> None:
    rig, _ = record(tmp_path, 50, silence_seconds=1.0)
    rig.do(commands.PauseRecord(0, "RE1"))
    rig.run(5)
    assert rig.heard(events.RecordStopped) == []
    rig.do(commands.ResumeRecord(0, "RE1"))
    rig.run(1.1)
    assert ended(rig).reason == "silence"


def test_recordings_that_come_and_go_keep_apart(tmp_path: Path) -> None:
    """Lanes move when one ends; each file has its own caller's tone, without a gap."""
    rig = Rig(6)
    tones = [tone(300.0 + 200 * row, 0.0, on_ms=4000) for row in range(6)]
    wires = [g711.encode(one.reshape(-1, FRAME), np.zeros(200, np.int64)) for one in tones]
    begins = {0: 0, 1: 7, 2: 13, 3: 13, 4: 31, 5: 48}
    ends = {1: 60, 0: 75, 4: 111, 5: 118, 2: 150, 3: 160}
    for tick in range(170):
        for row in (row for row, at in begins.items() if at == tick):
            rig.do(commands.Record(row, f"RE{row}", str(tmp_path / f"{row}.wav"), 1 + row % 2))
        for row in (row for row, at in ends.items() if at == tick):
            rig.do(commands.StopRecord(row, f"RE{row}"))
        rig.tick(*(voice(row, tick, wires[row][tick].tobytes()) for row in range(6)))
    for row in range(6):
        pcm = read(tmp_path / f"{row}.wav")[8 * FRAME :, 0].astype(np.float64)
        assert len(pcm) == (ends[row] - begins[row] - 8) * FRAME
        spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
        assert abs(spectrum.argmax() * 8000 / len(pcm) - (300 + 200 * row)) < 8
        levels = np.sqrt(np.square(pcm.reshape(-1, FRAME)).mean(axis=1))
        assert levels.min() > 0.9 * levels.max()


def test_a_room_is_recorded_until_its_last_member_leaves(tmp_path: Path) -> None:
    rig, path = Rig(3), tmp_path / "a.wav"
    tones = [tone(400.0 + 300 * row, 0.0, on_ms=20, level=-20.0) for row in range(3)]
    loud = [g711.encode(one[None], np.zeros(1, np.int64)).tobytes() for one in tones]
    for row in range(2):
        rig.do(commands.Join(row, 7))
    rig.do(commands.Join(2, 8))
    rig.do(commands.Record(-1, "RE1", str(path), room=7))
    for number in range(60):
        rig.tick(*(voice(row, number, loud[row]) for row in range(3)))
    rig.do(commands.Leave(0))
    assert rig.heard(events.RecordStopped) == []
    rig.do(commands.Join(1, 8))
    assert (ended(rig).reason, ended(rig).room, ended(rig).port) == ("released", 7, -1)
    pcm = read(path)[10 * FRAME :, 0].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(pcm)) / len(pcm)
    found = [spectrum[round(hertz * len(pcm) / 8000)] for hertz in (400, 700, 1000)]
    assert min(found[:2]) > 100 * found[2]


def test_a_room_with_nobody_in_it_is_not_recorded(tmp_path: Path) -> None:
    rig = Rig(1)
    rig.do(commands.Record(-1, "RE1", str(tmp_path / "a.wav"), room=7))
    assert (ended(rig).reason, ended(rig).seconds) == ("released", 0.0)


def test_nothing_is_said_to_a_caller_on_hold(tmp_path: Path) -> None:
    """Not the last frame over and over."""
    rig, path = Rig(1), tmp_path / "a.wav"
    rig.do(commands.Play(0, 1, (commands.Tone(620.0, 0.0, 20_000, 0),)))
    rig.do(commands.Record(0, "RE1", str(path), tracks="outbound"))
    rig.run(0.4)
    rig.do(commands.Connect(0, plan_of(0, send=False)))
    rig.run(0.4)
    rig.do(commands.StopRecord(0, "RE1"))
    level = np.abs(read(path)[:, 0].astype(np.int32)).reshape(-1, FRAME).max(axis=1)
    assert (level[:20] > 1000).all()
    assert (level[20:] < 10).all()


class Gated:
    """A disk that stands still until its gate opens."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self._blocks = PythonBlocks()

    def write(self, fds: Fds, offsets: Rows, data: Pcm, starts: Rows) -> Written:
        self.gate.wait(30)
        return self._blocks.write(fds, offsets, data, starts)

    def sync(self, fds: list[int]) -> list[int]:
        return self._blocks.sync(fds)


def test_a_disk_that_stands_still_ends_the_recording_and_not_the_tick(tmp_path: Path) -> None:
    said: list[events.RecordEnded] = []
    disk = Gated()
    recorder = Recorder(said.append, blocks=disk)
    rig = Rig(1, recorder=recorder)
    rig.do(commands.Record(0, "RE1", str(tmp_path / "a.wav")))
    ticks = 0
    while not rig.heard(events.RecordStopped):
        rig.tick()
        ticks += 1
        assert ticks <= BLOCK * (BEHIND_BLOCKS + 1)
    disk.gate.set()
    recorder.finish()
    assert (said[0].reason, said[0].error) == ("failed", SLOW)
    assert len(read(tmp_path / "a.wav")) == ticks * FRAME  # what was taken is there


def test_a_disk_that_is_too_slow_for_all_loses_the_newest(tmp_path: Path) -> None:
    said: list[events.RecordEnded] = []
    disk = Gated()
    recorder = Recorder(said.append, blocks=disk)
    rig = Rig(8, recorder=recorder)
    for row in range(8):
        rig.do(commands.Record(row, f"RE{row}", str(tmp_path / f"{row}.wav")))
    while not rig.heard(events.RecordStopped):
        rig.tick()
    disk.gate.set()
    for row in range(8):
        rig.do(commands.Release(row))
    recorder.finish()
    assert {one.recording for one in said if one.reason == "failed"} == {"RE6", "RE7"}


class Unsynced(PythonBlocks):
    """A disk that reports an error late."""

    def sync(self, fds: list[int]) -> list[int]:
        return [errno.EIO] * len(fds)


def test_a_disk_that_fails_to_sync_fails_the_recording(tmp_path: Path) -> None:
    said: list[events.RecordEnded] = []
    recorder = Recorder(said.append, threaded=False, blocks=Unsynced())
    tape = recorder.open(commands.Record(0, "RE1", str(tmp_path / "a.wav")))
    recorder.close(tape, "stopped", 0, silent=True)
    assert (said[0].reason, said[0].sha256, "Input/output error" in said[0].error) == ("failed", "", True)


@pytest.fixture(params=["native", "python"])
def blocks(request: pytest.FixtureRequest) -> BlockIO:
    """Both ways of writing."""
    if request.param == "python":
        return PythonBlocks()
    library = native.load(LIBRARY, "blocks.c")
    if library is None:
        pytest.skip("media/libblocks.so was not built: there was no C compiler")
    return NativeBlocks(library)


def test_rows_go_to_their_files_from_their_start(blocks: BlockIO, tmp_path: Path) -> None:
    files_ = [(tmp_path / str(n)).open("w+b", buffering=0) for n in range(20)]
    fds = np.array([file.fileno() for file in files_], np.int32)
    fds[3] = -1
    data = np.arange(20 * 50, dtype=np.int16).reshape(20, 50)
    starts = np.arange(0, 40, 2)
    written = blocks.write(fds, np.full(20, 5), data, starts)
    assert blocks.sync([file.fileno() for file in files_]) == [0] * 20
    for index, file in enumerate(files_):
        expected = b"" if index == 3 else bytes(5) + data[index].tobytes()[2 * index :]
        assert (tmp_path / str(index)).read_bytes() == expected
        assert written.sizes[index] == max(0, len(expected) - 5)
        file.close()
    assert not written.errors.any()


def test_a_write_that_fails_says_why(blocks: BlockIO, tmp_path: Path) -> None:
    with open("/dev/full", "wb", buffering=0) as full, (tmp_path / "a").open("wb", buffering=0) as good:
        fds = np.array([full.fileno(), good.fileno()], np.int32)
        written = blocks.write(fds, np.zeros(2, np.int64), np.ones((2, 8), np.uint8), np.zeros(2, np.int64))
    assert written.errors.tolist() == [errno.ENOSPC, 0]
    assert written.sizes.tolist() == [0, 8]


class Quota(io.FileIO):
    """A file whose end the file system does not like (close(2): EDQUOT)."""

    def close(self) -> None:
        was_open = not self.closed
        super().close()
        if was_open:
            raise OSError(errno.EDQUOT, "quota")


@pytest.mark.parametrize("threaded", [False, True])
def test_a_file_that_does_not_close_well_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, threaded: bool
) -> None:
    monkeypatch.setattr("media.recorder.open", lambda path, mode, buffering: Quota(path, mode), raising=False)
    said: list[events.RecordEnded] = []
    recorder = Recorder(said.append, threaded=threaded)
    for name in ("RE1", "RE2"):
        tape = recorder.open(commands.Record(0, name, str(tmp_path / name)))
        recorder.write(Block((tape,), np.ones((1, BLOCK * FRAME, 1), np.int16), np.zeros(1, np.int64)))
        recorder.close(tape, "stopped", 0, silent=False)
    recorder.finish()
    assert [(one.recording, one.reason, one.seconds) for one in said] == [
        ("RE1", "stopped", 0.2),
        ("RE2", "stopped", 0.2),
    ]
