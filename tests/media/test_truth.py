"""What goes in comes out: level, frequency, delay and noise of every path, and that nobody hears himself.

Everybody says something else, so what is heard can be taken apart: by least squares into the part of each, and the
rest, which is noise. The reference is what the peers meant to say, before their own G.711.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from media import commands
from media.codecs import LAWS, g711
from media.frames import FRAME, Pcm
from media.jitter import START
from media.tones import tone
from tests.lib.rig import Rig, Sent, plan_of, voice

TICKS = 150
WHOLE = slice(20 * FRAME, 140 * FRAME)  # of what is heard: the paths have settled
GAIN = 0.25  # dB
NOISE = 32.0  # dB below what is said: one G.711 has about 37, two in a row 34
ITSELF = -40.0  # dB: what may be left of one's own voice

Signals = dict[int, Pcm]
Codes = NDArray[np.uint8]


def hum(row: int) -> Pcm:
    """A tone, of another pitch for each."""
    return tone(300.0 + 170.0 * row, 0.0, on_ms=20 * TICKS, level=-24.0)


def babble(row: int) -> Pcm:
    """Like speech: noise of 300 to 3000 Hz that swells and fades a few times a second."""
    random = np.random.default_rng(row)
    spectrum = np.fft.rfft(random.normal(size=TICKS * FRAME))
    hertz = np.fft.rfftfreq(TICKS * FRAME, 1 / 8000)
    spectrum *= ((hertz > 300) & (hertz < 3000)) * np.minimum(1.0, 800 / np.maximum(hertz, 1.0))
    time = np.arange(TICKS * FRAME) / 8000
    wave = np.fft.irfft(spectrum) * (0.3 + np.abs(np.sin(2 * np.pi * (1.5 + 0.2 * row) * time)))
    pcm: Pcm = np.rint(wave * 1500 / np.sqrt(np.mean(wave**2))).astype(np.int16)
    return pcm


def spoken(rig: Rig, said: Signals, ptime: int = 20) -> dict[int, Pcm]:
    """What every row hears while these say that."""
    laws, codes = rig.engine.ports.law, {}
    heard: dict[int, list[bytes]] = {}
    for row, pcm in said.items():
        codes[row] = g711.encode(pcm[None], laws[row : row + 1])[0]
    for tick in range(TICKS):
        out = rig.tick(*(one for row in said for one in packets(rig, row, codes[row], tick, ptime)))
        for row, sent in out.items():
            heard.setdefault(row, []).extend(one.payload for one in sent)
    return {row: decoded(b"".join(parts), int(laws[row])) for row, parts in heard.items()}


def packets(rig: Rig, row: int, codes: Codes, tick: int, ptime: int) -> list[Sent]:
    """Those that a peer sends in a tick, across the wrap of sequence and timestamp."""
    size, kind = 8 * ptime, int(rig.engine.ports.payload_type[row])
    first, last = -(-tick * FRAME // size), -(-(tick + 1) * FRAME // size)
    return [
        Sent(row, codes[n * size : (n + 1) * size].tobytes(), n - 20, n * size - 8000, kind, row + 1)
        for n in range(first, last)
    ]  # fmt: skip


def decoded(wire: bytes, law: int) -> Pcm:
    pcm: Pcm = g711.decode(np.frombuffer(wire, np.uint8)[None], np.array([law]))[0]
    return pcm


def db(power: float) -> float:
    return float(10 * np.log10(max(power, 1e-9)))


def delayed(pcm: Pcm, samples: int) -> NDArray[np.float64]:
    """As it should be heard."""
    return np.concatenate((np.zeros(samples), pcm))[WHOLE].astype(np.float64)


def delay_of(heard: Pcm, said: Pcm) -> int:
    """How many samples later one is heard: where the two agree best."""
    spectra = np.fft.rfft(heard, 2 * len(said)) * np.conj(np.fft.rfft(said, 2 * len(said)))
    return int(np.fft.irfft(spectra)[: len(said)].argmax())


def taken_apart(heard: Pcm, said: Signals, delay: int) -> tuple[dict[int, float], float]:
    """By row the gain in it (1: as said), and how far (dB) below all of it the rest is."""
    parts = np.stack([delayed(pcm, delay) for pcm in said.values()], axis=1)
    wave = heard[WHOLE].astype(np.float64)
    gains = np.linalg.lstsq(parts, wave, rcond=None)[0]
    rest = wave - parts @ gains
    return dict(zip(said, gains.tolist(), strict=True)), db(float(np.mean(wave**2) / np.mean(rest**2)))


def hears(heard: Pcm, said: Signals, of: set[int], delay: int, noise: float = NOISE) -> None:
    """Asserts that these are heard as they speak, the others not at all, and nothing else."""
    gains, quality = taken_apart(heard, said, delay)
    for row, gain in gains.items():
        if row in of:
            assert abs(db(gain**2)) < GAIN, f"{row} is heard at {gain}"
        else:
            assert db(gain**2) < ITSELF, f"{row} is heard at {gain} and must not be"
    assert quality > noise


both = pytest.mark.parametrize("voices", [hum, babble])
Voices = Callable[[int], Pcm]


@both
@pytest.mark.parametrize("ptime", [10, 20, 30, 60])
def test_a_forwarded_bridge_passes_everything_in_the_same_tick(voices: Voices, ptime: int) -> None:
    rig, said = Rig(2), {0: voices(0), 1: voices(1)}
    rig.do(commands.Bridge(0, 1))
    heard = spoken(rig, said, ptime)
    for row in (0, 1):
        hears(heard[row], said, {1 - row}, delay=0)


@pytest.mark.parametrize("ptime", [10, 20, 30, 60])
@pytest.mark.parametrize("target", [0, 1])
def test_what_is_forwarded_leaves_in_the_tick_in_which_it_came(ptime: int, target: int) -> None:
    rig, codes = Rig(2), g711.encode(babble(0)[None], np.array([0]))[0]
    rig.do(commands.Bridge(0, target))
    for tick in range(TICKS):
        came = packets(rig, 0, codes, tick, ptime)
        sent = rig.tick(*came).get(target, [])
        assert [one.payload for one in sent] == [one.payload for one in came]


@both
@pytest.mark.parametrize("ptime", [10, 20, 30, 60])
def test_an_echo_is_what_was_said_in_the_same_tick(voices: Voices, ptime: int) -> None:
    rig, said = Rig(1), {0: voices(0)}
    rig.do(commands.Bridge(0, 0))
    hears(spoken(rig, said, ptime)[0], said, {0}, delay=0)


@both
def test_a_bridge_between_codecs_adds_the_playout_delay_alone(voices: Voices) -> None:
    rig, said = Rig(2), {0: voices(0), 1: voices(1)}
    rig.do(commands.Connect(1, plan_of(1, "PCMA")))
    rig.do(commands.Bridge(0, 1))
    heard = spoken(rig, said)
    for row in (0, 1):
        hears(heard[row], said, {1 - row}, START)


@pytest.mark.parametrize("ptime", [10, 30, 60])
def test_packets_of_any_length_are_played_out_whole(ptime: int) -> None:
    """A longer packet's end comes no later than its beginning: the delay is the same."""
    rig, said = Rig(2), {0: babble(0)}
    rig.do(commands.Connect(1, plan_of(1, "PCMA")))
    rig.do(commands.Bridge(0, 1))
    heard = spoken(rig, said, ptime)[1]
    hears(heard, said, {0}, delay_of(heard, said[0]))
    assert delay_of(heard, said[0]) == START


@both
@pytest.mark.parametrize("members", [3, 10])
def test_in_a_conference_each_hears_the_others_and_nothing_of_himself(voices: Voices, members: int) -> None:
    rig, said = Rig(members), {row: voices(row) for row in range(members)}
    for row in said:
        rig.do(commands.Join(row, 7))
    for row, heard in spoken(rig, said).items():
        hears(heard, said, set(said) - {row}, START)


@both
def test_in_a_large_room_three_talkers_are_heard_by_all_but_themselves(voices: Voices) -> None:
    rig, said = Rig(20), {row: voices(row) for row in (3, 8, 19)}
    for row in range(20):
        rig.do(commands.Join(row, 7))
    for row, heard in spoken(rig, said).items():
        hears(heard, said, set(said) - {row}, START)


@both
def test_over_a_link_each_hears_those_of_the_other_mixer_one_playout_delay_later(voices: Voices) -> None:
    """Rows 0 and 1 of two engines are members of a room, and their rows 2 are the link."""
    rigs = Rig(3), Rig(3)
    said = {row: voices(row) for row in range(4)}  # 0 and 1 of the first engine, 2 and 3 of the second
    codes = {row: g711.encode(pcm[None], np.array([0]))[0] for row, pcm in said.items()}
    for rig in rigs:
        for row in range(3):
            rig.do(commands.Join(row, 7, link=row == 2))
    heard: dict[int, list[bytes]] = {row: [] for row in said}
    crossing: list[list[Sent]] = [[], []]  # what the link brings to each engine
    for tick in range(TICKS):
        sent = [
            rig.tick(*(one for row in (0, 1) for one in packets(rig, row, codes[2 * n + row], tick, 20)), *crossing[n])
            for n, rig in enumerate(rigs)
        ]
        crossing = [sent[1][2], sent[0][2]]
        for n, out in enumerate(sent):
            for row in (0, 1):
                heard[2 * n + row] += [one.payload for one in out[row]]
    for row, parts in heard.items():
        here = {one for one in said if one // 2 == row // 2}
        shifted = {one: pcm if one in here else late(pcm, START + FRAME) for one, pcm in said.items()}
        hears(decoded(b"".join(parts), 0), shifted, set(said) - {row}, START, noise=30.0)


def late(pcm: Pcm, samples: int) -> Pcm:
    """As long, and so much later."""
    return np.concatenate((np.zeros(samples, np.int16), pcm[:-samples]))


def test_nothing_of_ones_own_voice_comes_back_at_any_delay() -> None:
    """What is left when the others are taken away agrees nowhere with what one said."""
    rig, said = Rig(10), {row: babble(row) for row in range(10)}
    for row in said:
        rig.do(commands.Join(row, 7))
    for row, heard in spoken(rig, said).items():
        rest = heard.astype(np.float64)
        for other in set(said) - {row}:
            rest[START:] -= said[other][: len(rest) - START]
        rest, own = rest[WHOLE], said[row].astype(np.float64)
        spectra = np.fft.rfft(rest, 2 * len(own)) * np.conj(np.fft.rfft(own, 2 * len(own)))
        assert db(float(np.abs(np.fft.irfft(spectra)).max() / np.sum(own**2)) ** 2) < ITSELF


def recorded(path: Path, channels: int) -> list[Pcm]:
    pcm = np.frombuffer(path.read_bytes()[44:], "<i2").astype(np.int16).reshape(-1, channels)
    return [np.ascontiguousarray(one) for one in pcm.T]


@both
def test_a_recording_is_what_both_said_together_or_each_alone(tmp_path: Path, voices: Voices) -> None:
    """What the peer of the port hears is recorded as it is sent, which is when it was played out."""
    rig, said = Rig(2), {0: voices(0), 1: voices(1)}
    rig.do(commands.Bridge(0, 1))
    rig.do(commands.Record(0, "mono", str(tmp_path / "mono.wav"), tracks="both"))
    rig.do(commands.Record(0, "dual", str(tmp_path / "dual.wav"), 2, "both"))
    spoken(rig, said)
    for name in ("mono", "dual"):
        rig.do(commands.StopRecord(0, name))
    hears(recorded(tmp_path / "mono.wav", 1)[0], said, {0, 1}, START)
    inbound, outbound = recorded(tmp_path / "dual.wav", 2)
    hears(inbound, said, {0}, START)
    hears(outbound, said, {1}, START)


@both
def test_a_recording_of_a_room_is_all_that_is_said_in_it(tmp_path: Path, voices: Voices) -> None:
    rig, said = Rig(3), {row: voices(row) for row in range(3)}
    for row in said:
        rig.do(commands.Join(row, 7))
    rig.do(commands.Record(-1, "room", str(tmp_path / "room.wav"), room=7))
    spoken(rig, said)
    rig.do(commands.StopRecord(-1, "room"))
    hears(recorded(tmp_path / "room.wav", 1)[0], said, {0, 1, 2}, START)


@both
@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_a_prompt_begins_with_the_next_packet_as_it_was_recorded(voices: Voices, codec: str) -> None:
    rig, said = Rig(1), {0: voices(0)}
    rig.do(commands.Connect(0, plan_of(0, codec)))
    rig.sounds["prompt"] = said[0]
    rig.do(commands.Play(0, 1, (commands.Sound("prompt"),)))
    heard = decoded(b"".join(rig.frame(0) for _ in range(TICKS)), LAWS[codec])
    hears(heard, said, {0}, delay=0)


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_a_tone_keeps_its_pitch(codec: str) -> None:
    """Between codecs, to a tenth of a hertz."""
    rig = Rig(2)
    rig.do(commands.Connect(1, plan_of(1, codec)))
    rig.do(commands.Join(0, 1))
    rig.do(commands.Join(1, 1))
    wave = spoken(rig, {0: hum(1)})[1][WHOLE] * np.hanning(120 * FRAME)
    spectrum = np.abs(np.fft.rfft(wave, 1 << 18))
    assert spectrum.argmax() * 8000 / (1 << 18) == pytest.approx(470.0, abs=0.1)


def test_a_recording_goes_on_without_a_gap_where_calls_are_joined_and_parted(tmp_path: Path) -> None:
    """Bridge, end of the bridge, a room: the playout of who is recorded does not begin anew."""
    rig, codes = Rig(2), g711.encode(babble(0)[None], np.array([0]))[0]
    rig.do(commands.Record(0, "r", str(tmp_path / "r.wav")))
    turns: dict[int, commands.Command] = {
        30: commands.Bridge(0, 1),
        60: commands.Unbridge(0),
        90: commands.Join(0, 1),
        120: commands.Leave(0),
    }
    for tick in range(TICKS):
        if tick in turns:
            rig.do(turns[tick])
        rig.tick(*packets(rig, 0, codes, tick, 20))
    rig.do(commands.StopRecord(0, "r"))
    (heard,) = recorded(tmp_path / "r.wav", 1)
    assert heard[START:].tolist() == decoded(codes.tobytes(), 0)[:-START].tolist()


def test_who_is_listened_to_again_after_a_while_is_heard_without_delay(tmp_path: Path) -> None:
    """Between two recordings nobody took from its playout buffer: the second one does not begin behind."""
    rig, said = Rig(1), babble(0)
    codes = g711.encode(said[None], np.array([0]))[0]
    for tick in range(TICKS):
        if tick in (0, 38):
            rig.do(commands.Record(0, f"r{tick}", str(tmp_path / f"r{tick}.wav")))
        if tick == 30:
            rig.do(commands.StopRecord(0, "r0"))
        rig.tick(*packets(rig, 0, codes, tick, 20))
    rig.do(commands.StopRecord(0, "r38"))
    (heard,) = recorded(tmp_path / "r38.wav", 1)
    assert heard[START:].tolist() == decoded(codes.tobytes(), 0)[38 * FRAME : -START].tolist()


def test_a_change_of_codec_loses_and_spoils_nothing_of_what_was_said_before(tmp_path: Path) -> None:
    """What is in hand then is played as it was meant, and gaps are silent."""
    rig, path, said = Rig(1), tmp_path / "r.wav", babble(0)[: 40 * FRAME]
    rig.do(commands.Record(0, "r", str(path)))
    wires = [g711.encode(said[None], np.array([law]))[0] for law in (0, 1)]
    for tick in range(40):
        if tick == 20:
            rig.do(commands.Connect(0, plan_of(0, "PCMA")))
        if tick % 7 < 6:
            rig.tick(*packets(rig, 0, wires[tick >= 20], tick, 20))
        else:
            rig.tick()
    rig.do(commands.StopRecord(0, "r"))
    (heard,) = recorded(path, 1)
    gaps = np.repeat([tick % 7 < 6 for tick in range(40)], FRAME)
    meant = np.concatenate((np.zeros(START), said * gaps))[: len(heard)]
    assert np.abs(heard - meant).max() < 260


def test_a_peer_that_begins_anew_is_heard_again_where_it_is_decoded_and_recorded(tmp_path: Path) -> None:
    """Its new stream has other numbers and another timestamp; playout begins anew, and the first frame is its proof."""
    rig, path = Rig(2), tmp_path / "r.wav"
    rig.do(commands.Connect(1, plan_of(1, "PCMA")))
    rig.do(commands.Bridge(0, 1))
    rig.do(commands.Record(0, "r", str(path)))
    codes = [bytes([code] * FRAME) for code in range(10, 40)]
    for number in range(10):
        rig.tick(voice(0, number, codes[number]))
    rig.run(1.0)
    for number in range(10, 30):
        rig.tick(voice(0, 40_000 + number, codes[number], ssrc=1234))
    rig.run(0.2)
    rig.do(commands.StopRecord(0, "r"))
    frames = np.frombuffer(path.read_bytes()[44:], "<i2").reshape(-1, FRAME)
    heard = [int(frame[0]) for frame in frames if np.abs(frame).max() > 8]
    wire = np.frombuffer(b"".join(codes), np.uint8)[None]
    assert heard == g711.decode(wire, np.array([0]))[0][::FRAME][[*range(10), *range(11, 30)]].tolist()
