"""Sound files as another program makes them (sox), one of each kind that `<Play>` takes: fetched, decoded, heard."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from gateway.speech.decode import KINDS
from gateway.speech.fetch import AudioFetcher
from media import commands, events
from media.codecs import g711
from media.frames import FRAME, Pcm
from tests.gateway.speech.test_fetch import fetching
from tests.lib.loop import VirtualClock
from tests.lib.rig import Rig
from tests.lib.web import FakeWeb, Reply

SID = "AC" + "0" * 32
URL = "http://app.example.com/sound"
SECONDS = 1.5
LEVEL = 20 * np.log10(0.5)

# content type -> how sox makes the file: its ending, and options of the output
FILES = [
    ("audio/wav", "wav", "-r 44100 -c 2 -b 16"), ("audio/wave", "wav", "-r 8000 -c 1 -e mu-law"),
    ("audio/x-wav", "wav", "-r 8000 -c 1 -e gsm"), ("audio/wav", "wav", "-r 8000 -c 1 -e a-law"),
    ("audio/wav", "wav", "-r 22050 -c 1 -b 8 -e unsigned"), ("audio/x-wav", "wav", "-r 8000 -c 1 -e ima-adpcm"),
    ("audio/mpeg", "mp3", "-r 44100 -c 2"), ("audio/mp3", "mp3", "-r 8000 -c 1"),
    ("audio/aiff", "aiff", "-r 16000 -c 1 -b 24"), ("audio/x-aiff", "aiff", "-r 44100 -c 2"),
    ("audio/x-aifc", "aifc", "-r 8000 -c 1"), ("audio/gsm", "gsm", "-r 8000 -c 1"),
    ("audio/x-gsm", "gsm", "-r 8000 -c 1"), ("audio/ulaw", "ul", "-r 8000 -c 1"),
    ("audio/basic", "ul", "-r 8000 -c 1"), ("audio/basic", "au", "-r 8000 -c 1 -e mu-law"),
]  # fmt: skip


def made_by_sox(folder: Path, ending: str, options: str) -> bytes:
    file = folder / f"made.{ending}"
    argv = ["sox", "-V1", "-n", *options.split(), str(file), "synth", str(SECONDS), "sine", "440", "vol", "0.5"]
    subprocess.run(argv, check=True)
    return file.read_bytes()


def fetched(folder: Path, data: bytes, kind: str) -> Pcm:
    web = FakeWeb()
    web.route(URL, Reply(data, content_type=kind))

    async def work(fetcher: AudioFetcher, clock: VirtualClock) -> Pcm:
        audio = await fetcher.fetch(SID, URL)
        return np.fromfile(folder / "cache" / "audio" / f"{audio.sha}.s16", "<i2").astype(np.int16)

    return fetching(folder, web, work)


def played(pcm: Pcm) -> Pcm:
    """What a port's peer hears of it."""
    rig = Rig(1)
    rig.sounds["made"] = pcm
    rig.do(commands.Play(0, 1, (commands.Sound("made"),)))
    wire = b""
    while not rig.heard(events.PlayEnded):
        wire += rig.frame(0)
    heard: Pcm = g711.decode(np.frombuffer(wire, np.uint8).reshape(-1, FRAME), np.zeros(len(wire) // FRAME, np.int64))
    return heard.reshape(-1)


@pytest.mark.interop
@pytest.mark.skipif(shutil.which("sox") is None, reason="sox is not installed")
@pytest.mark.parametrize(("kind", "ending", "options"), FILES)
def test_a_file_of_each_kind_is_heard_with_its_length_level_and_pitch(
    tmp_path: Path, kind: str, ending: str, options: str
) -> None:
    heard = played(fetched(tmp_path, made_by_sox(tmp_path, ending, options), kind)).astype(np.float64) / 32768
    assert SECONDS <= len(heard) / 8000 <= SECONDS + (0.2 if ending == "mp3" else 0.04)  # MP3 fills up its frames
    middle = heard[2000:10000]
    assert np.abs(np.fft.rfft(middle)).argmax() == 440
    assert 10 * np.log10(2 * np.square(middle).mean()) == pytest.approx(LEVEL, abs=0.6)


def test_no_kind_is_left_out() -> None:
    assert {kind for kind, _, _ in FILES} == KINDS
