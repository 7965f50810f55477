"""What plays, sample by sample: at the joints of pages, loops, lists and Plays, and where something is wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media import events
from media.arena import PAGE, Arena
from media.codecs import SILENCE, g711
from media.commands import Connect, Play, Silence, Sound, Stop, Tone
from media.errors import AudioError, NotYet
from media.frames import FRAME, RATE, Pcm, Wire
from media.sources import PATIENCE, Sources
from tests.lib.rig import InMemory, Rig, plan_of

CHANCE = np.random.default_rng(1)


def noise(samples: int) -> Pcm:
    return CHANCE.integers(-9000, 9000, samples).astype(np.int16)


LONG, ODD, SHORT = noise(2 * PAGE + 4321), noise(7777), noise(50)
SOUNDS = {"long": LONG, "odd": ODD, "short": SHORT, "page": noise(PAGE), "one": noise(1)}


def wire_of(pcm: Pcm, law: int = 0) -> Wire:
    wire: Wire = g711.ENCODE[law][pcm.view(np.uint16)]
    return wire


@dataclass
class CutOff(InMemory):
    """A file that somebody shortened: it has less than it said."""

    there: int = 0
    closed: int = 0

    def read(self, start: int, count: int) -> Pcm:
        if start + count > self.there:
            raise AudioError("sound cut: its file was cut off")
        return super().read(start, count)

    def close(self) -> None:
        self.closed += 1


class Player:
    """Sources with rows of their own, and what they said."""

    def __init__(self, rows: int = 1, bound: int = 1 << 23) -> None:
        self.sounds: dict[str, InMemory] = {name: InMemory(pcm) for name, pcm in SOUNDS.items()}
        self.opened: list[str] = []
        self.sources = Sources(rows, self, Arena(bound))
        self.law = np.zeros(rows, np.int64)
        self.said: list[events.Event] = []

    def open(self, audio: str) -> InMemory:
        """`library.Library`."""
        self.opened.append(audio)
        if audio not in self.sounds:
            raise AudioError(f"sound {audio}: No such file or directory")
        return self.sounds[audio]

    def play(self, *plays: Play) -> None:
        for play in plays:
            self.said += self.sources.play(play)

    def frames(self, count: int) -> Wire:
        """So many frames of row 0; silence where it does not play."""
        return np.concatenate([self.tick()[0] for _ in range(count)])

    def tick(self) -> dict[int, Wire]:
        rows = np.flatnonzero(self.sources.playing)
        wire, ended = self.sources.read(rows, self.law[rows])
        self.said += ended
        found = {row: np.full(FRAME, SILENCE[law], np.uint8) for row, law in enumerate(self.law.tolist())}
        return found | dict(zip(rows.tolist(), wire, strict=True))

    def check(self, expected: Wire) -> None:
        """Row 0 plays exactly this, then silence."""
        count = len(expected) // FRAME + 2
        heard = self.frames(count)
        quiet = np.full(count * FRAME - len(expected), SILENCE[self.law[0]], np.uint8)
        assert (heard == np.concatenate((expected, quiet))).all()


def test_a_sound_of_several_pages_is_played_without_a_sample_lost_or_doubled() -> None:
    player = Player()
    player.play(Play(0, 1, (Sound("long"),)))
    player.check(wire_of(LONG))
    assert player.said == [events.PlayEnded(0, 1, True)]


def test_a_loop_begins_again_with_the_next_sample() -> None:
    player = Player()
    player.play(Play(0, 1, (Sound("odd"),), loops=3))
    player.check(wire_of(np.concatenate((ODD, ODD, ODD))))


def test_rounds_shorter_than_a_frame_fill_it() -> None:
    player = Player()
    player.play(Play(0, 1, (Sound("short"), Sound("one")), loops=40))
    player.check(np.tile(wire_of(np.concatenate((SHORT, SOUNDS["one"]))), 40))


def test_a_queued_play_begins_with_the_next_sample_and_each_end_is_told_in_its_tick() -> None:
    player = Player()
    plays = (Play(0, 1, (Sound("odd"),)), Play(0, 2, (Sound("short"),), 2, queue=True))
    player.play(*plays, Play(0, 3, (Sound("odd"),), queue=True))
    ticks = -(-(2 * len(ODD) + 100) // FRAME)
    expected = wire_of(np.concatenate((ODD, SHORT, SHORT, ODD)))
    heard = player.frames(len(ODD) // FRAME)
    assert player.said == []
    heard = np.concatenate((heard, player.frames(1)))
    assert player.said == [events.PlayEnded(0, 1, True)]
    heard = np.concatenate((heard, player.frames(1)))
    assert player.said[1:] == [events.PlayEnded(0, 2, True)]
    heard = np.concatenate((heard, player.frames(ticks - len(heard) // FRAME)))
    assert (heard[: len(expected)] == expected).all()
    assert player.said[2:] == [events.PlayEnded(0, 3, True)]


def test_a_play_queued_where_nothing_plays_begins_at_once() -> None:
    player = Player()
    player.play(Play(0, 1, (Sound("odd"),), queue=True))
    player.check(wire_of(ODD))


def test_an_endless_play_makes_way_at_the_end_of_its_round() -> None:
    player = Player()
    player.play(Play(0, 1, (Sound("odd"),), 0))
    heard = player.frames(100)  # in its third round
    player.play(Play(0, 2, (Sound("short"),), queue=True))
    expected = wire_of(np.concatenate((ODD, ODD, ODD, SHORT)))
    heard = np.concatenate((heard, player.frames(len(expected) // FRAME + 1 - 100)))
    assert (heard[: len(expected)] == expected).all()
    assert player.said == [events.PlayEnded(0, 1, True), events.PlayEnded(0, 2, True)]


def test_a_stop_ends_what_plays_and_what_waits_and_gives_everything_back() -> None:
    player = Player()
    player.play(Play(0, 1, (Sound("long"),)), Play(0, 2, (Sound("odd"),), queue=True))
    player.frames(3)
    assert player.sources.stop(0) == [events.PlayEnded(0, 1, False), events.PlayEnded(0, 2, False)]
    assert (player.frames(1) == SILENCE[0]).all()
    assert player.sources.stop(0) == []
    assert len(player.sources.sounds) == 0


def test_a_play_that_does_not_queue_replaces_all() -> None:
    player = Player()
    player.play(Play(0, 1, (Sound("long"),)), Play(0, 2, (Sound("odd"),), queue=True), Play(0, 3, (Sound("short"),)))
    assert player.said == [events.PlayEnded(0, 1, False), events.PlayEnded(0, 2, False)]
    player.check(wire_of(SHORT))


@pytest.mark.parametrize("start_ms", [0, 1, 20, 777, 3999, 4000, 4001, 8500])
def test_a_play_starts_where_it_is_told_to_the_sample(start_ms: int) -> None:
    player = Player()
    player.play(Play(0, 1, (Sound("long"),), start_ms=start_ms))
    player.check(wire_of(LONG[start_ms * 8 :]))


def test_a_start_counts_through_the_pieces_and_their_repeats() -> None:
    player = Player()
    pieces = (Tone(440.0, 0.0, 100, 100, repeat=3), Silence(500), Sound("odd"))
    player.play(Play(0, 1, pieces, start_ms=450))
    wave = Tone(440.0, 0.0, 100, 100)
    first = Player()
    first.play(Play(0, 1, (wave,), start_ms=50))
    expected = np.concatenate((first.frames(8)[: 150 * 8], np.full(4000, SILENCE[0], np.uint8), wire_of(ODD)))
    player.check(expected)


def test_a_start_beyond_the_end_is_the_end_or_the_next_round() -> None:
    player = Player()
    player.play(Play(0, 1, (Sound("short"),), start_ms=60_000), Play(0, 2, (Sound("odd"),), 2, True, 60_000))
    player.check(wire_of(ODD))
    assert player.said == [events.PlayEnded(0, 1, True), events.PlayEnded(0, 2, True)]


@pytest.mark.parametrize("volume", [-20.0, -6.0, 6.0])
def test_volume_is_in_decibels(volume: float) -> None:
    player = Player()
    player.sounds["a"] = InMemory((6000 * np.sin(np.arange(RATE) * 0.3)).astype(np.int16))
    player.play(Play(0, 1, (Sound("a"),), volume=volume), Play(0, 2, (Sound("a"),), queue=True))
    heard = g711.decode(player.frames(100)[None, :], np.array([0]))[0].astype(np.float64)
    louder, plain = (float(np.sqrt(np.square(part).mean())) for part in np.split(heard, 2))
    assert 20 * np.log10(louder / plain) == pytest.approx(volume, abs=0.2)


def test_what_gets_too_loud_is_clipped_and_does_not_wrap() -> None:
    player = Player()
    player.sounds["a"] = InMemory(np.tile(np.repeat(np.array([20000, -20000], np.int16), 80), 10))
    player.play(Play(0, 1, (Sound("a"),), volume=40.0))
    heard = g711.decode(player.frames(10)[None, :], np.array([0]))[0].reshape(-1, 80)
    assert (heard[0::2] > 30000).all()
    assert (heard[1::2] < -30000).all()


@pytest.mark.parametrize("moment", [1, 49, 199, 200, 201, 230])
def test_a_port_that_changes_its_codec_hears_on_with_the_next_sample(moment: int) -> None:
    player = Player()
    player.play(Play(0, 1, (Sound("long"),)))
    before = player.frames(moment)
    player.law[0] = 1
    assert (before == wire_of(LONG)[: moment * FRAME]).all()
    player.check(wire_of(LONG, 1)[moment * FRAME :])


def test_silence_has_its_length_and_one_page() -> None:
    player = Player()
    player.play(Play(0, 1, (Silence(10_001), Sound("short"), Silence(7))))
    player.check(np.concatenate((np.full(80_008, SILENCE[0], np.uint8), wire_of(SHORT), np.full(56, SILENCE[0]))))
    assert player.sources.arena.used == 2 * PAGE


def test_rows_of_both_laws_and_many_places_do_not_disturb_each_other() -> None:
    player = Player(40, 200 * PAGE)
    player.law[:] = np.arange(40) % 2
    for row in range(40):
        player.play(Play(row, row, (Sound("long"), Sound("odd")), start_ms=100 * row))
    heard = [player.tick() for _ in range(420)]
    for row in range(40):
        expected = wire_of(np.concatenate((LONG, ODD))[800 * row :], row % 2)[: 420 * FRAME]
        assert (np.concatenate([tick[row] for tick in heard])[: len(expected)] == expected).all()


def test_a_sound_is_open_once_while_anybody_plays_it() -> None:
    player = Player(3)
    player.sounds["a"] = kept = CutOff(ODD, len(ODD))
    player.play(*(Play(row, 1, (Sound("a"), Sound("a"))) for row in range(3)))
    player.sources.stop(0)
    player.sources.stop(1)
    assert (player.opened, kept.closed) == (["a"], 0)
    player.sources.stop(2)
    assert kept.closed == 1
    player.play(Play(0, 1, (Sound("a"),)))
    assert player.opened == ["a", "a"]


# where something is wrong


def test_a_sound_that_is_gone_ends_its_play_before_any_of_it_and_opens_nothing() -> None:
    player = Player()
    player.play(Play(0, 1, (Sound("odd"), Sound("gone"))))
    assert player.said == [events.PlayEnded(0, 1, False, "sound gone: No such file or directory")]
    assert not player.sources.playing[0]
    assert len(player.sources.sounds) == 0


def test_an_empty_sound_is_an_error_too() -> None:
    player = Player()
    player.sounds["empty"] = nothing = CutOff(ODD[:0])
    player.play(Play(0, 1, (Sound("empty"),)))
    assert player.said == [events.PlayEnded(0, 1, False, "sound empty: it is empty")]
    assert nothing.closed == 1


def test_a_sound_that_breaks_off_ends_its_play_there_and_what_waits_follows_with_the_next_sample() -> None:
    player = Player()
    player.sounds["cut"] = CutOff(LONG, PAGE)
    player.play(Play(0, 1, (Sound("short"), Sound("cut"))), Play(0, 2, (Sound("odd"),), queue=True))
    player.check(wire_of(np.concatenate((SHORT, LONG[:PAGE], ODD))))
    assert player.said == [
        events.PlayEnded(0, 1, False, "sound cut: its file was cut off"),
        events.PlayEnded(0, 2, True),
    ]


class Slow(InMemory):
    """A file of which every stretch has to be asked for several times."""

    waits, asked = 3, 0

    def read(self, start: int, count: int) -> Pcm:
        self.asked += 1
        if self.asked % (self.waits + 1):
            raise NotYet("sound slow: the disk does not give it")
        return super().read(start, count)


def test_a_stretch_that_is_not_there_yet_is_waited_for_in_silence_and_nothing_is_left_out() -> None:
    player = Player()
    player.sounds["slow"] = Slow(LONG)
    player.play(Play(0, 1, (Sound("odd"), Sound("slow"))), Play(0, 2, (Sound("odd"),), queue=True))
    heard, wire, rest = player.frames(600), wire_of(LONG), FRAME - len(ODD) % FRAME
    quiet = np.full(rest + 2 * FRAME, SILENCE[0], np.uint8)  # asked at the end of a frame, and in each tick after it
    pages = [np.concatenate((part, np.full(3 * FRAME, SILENCE[0]))) for part in (wire[:PAGE], wire[PAGE : 2 * PAGE])]
    expected = np.concatenate((wire_of(ODD), quiet, *pages, wire[2 * PAGE :], wire_of(ODD)))
    assert (heard[: len(expected)] == expected).all()
    assert player.said == [events.PlayEnded(0, 1, True), events.PlayEnded(0, 2, True)]


def test_a_disk_that_stands_still_ends_the_play_and_what_waits_follows() -> None:
    player = Player()
    player.sounds["slow"] = slow = Slow(LONG)
    slow.waits = 10_000
    player.play(Play(0, 1, (Sound("slow"),)), Play(0, 2, (Sound("odd"),), queue=True))
    assert (player.frames(PATIENCE - 1) == SILENCE[0]).all()
    assert player.said == []
    player.check(wire_of(ODD))
    assert player.said == [
        events.PlayEnded(0, 1, False, "sound slow: the disk does not give it for 5 s"), events.PlayEnded(0, 2, True),
    ]  # fmt: skip


def test_a_play_that_waits_for_the_disk_is_stopped_like_any_other() -> None:
    player = Player()
    player.sounds["slow"] = Slow(LONG)
    player.play(Play(0, 1, (Sound("slow"),)))
    player.frames(2)
    assert player.sources.stop(0) == [events.PlayEnded(0, 1, False)]
    player.play(Play(0, 2, (Sound("odd"),)))
    player.check(wire_of(ODD))


def test_a_queued_play_that_fails_leaves_what_plays_alone() -> None:
    player = Player()
    player.play(Play(0, 1, (Sound("odd"),)), Play(0, 2, (Sound("gone"),), queue=True))
    assert player.said == [events.PlayEnded(0, 2, False, "sound gone: No such file or directory")]
    player.check(wire_of(ODD))


def test_without_memory_a_play_ends_with_an_error_and_the_others_go_on() -> None:
    player = Player(3, 2 * PAGE)
    player.play(*(Play(row, row, (Sound("long"),), start_ms=4000 * row) for row in range(3)))
    heard = [player.tick() for _ in range(100)]
    error = f"what plays at the moment is more than {2 * PAGE} bytes"
    assert player.said == [events.PlayEnded(2, 2, False, error)]
    for row in (0, 1):
        expected = wire_of(LONG[32_000 * row : 32_000 * row + 100 * FRAME])
        assert (np.concatenate([tick[row] for tick in heard]) == expected).all()
    player.sources.stop(0)
    player.play(Play(2, 3, (Sound("odd"),)))
    assert (player.tick()[2] == wire_of(ODD)[:FRAME]).all()


def test_a_sound_larger_than_the_bound_is_played() -> None:
    """Only the page that plays must be there."""
    player = Player(1, PAGE)
    player.play(Play(0, 1, (Sound("long"),), loops=2))
    player.check(wire_of(np.concatenate((LONG, LONG))))
    assert player.sources.arena.used == PAGE


def test_nothing_to_play_is_over_with_the_next_tick() -> None:
    player = Player()
    player.play(
        Play(0, 1, ()), Play(0, 2, (Silence(0), Tone(440.0, 0.0, 0, 0), Tone(440.0, 0.0, 20, 0, repeat=0)), 0, True)
    )
    player.tick()
    assert player.said == [events.PlayEnded(0, 1, True), events.PlayEnded(0, 2, True)]


# against a model


pieces = st.one_of(
    st.sampled_from([Sound(name) for name in SOUNDS]),
    st.integers(0, 900).map(Silence),
    st.builds(Tone, st.just(440.0), st.just(0.0), st.integers(0, 90), st.integers(0, 90), st.integers(0, 3)),
)
plays = st.builds(
    Play, st.just(0), st.just(1), st.lists(pieces, max_size=4).map(tuple), st.integers(1, 3), st.just(True),
    st.integers(0, 9000),
)  # fmt: skip


def pcm_of(piece: Sound | Silence | Tone) -> Wire:
    match piece:
        case Sound(audio=audio):
            return wire_of(SOUNDS[audio])
        case Silence(ms=ms):
            return np.full(8 * ms, SILENCE[0], np.uint8)
        case Tone():
            time = np.arange(8 * piece.on_ms) / RATE
            wave = np.round(32767 * 10 ** (piece.level / 20) * np.sin(2 * np.pi * piece.low * time)).astype(np.int16)
            return np.tile(wire_of(np.concatenate((wave, np.zeros(8 * piece.off_ms, np.int16)))), piece.repeat)


@given(st.lists(plays, min_size=1, max_size=3))
@settings(max_examples=100, deadline=None)
def test_whatever_is_queued_is_heard_as_if_it_were_one_sound(queued: list[Play]) -> None:
    expected = [np.zeros(0, np.uint8)]
    for play in queued:
        round_ = np.concatenate([np.zeros(0, np.uint8), *(pcm_of(piece) for piece in play.pieces)])
        expected += [round_[8 * play.start_ms :], *([round_] * (play.loops - 1))]
    player = Player()
    player.play(*queued)
    player.check(np.concatenate(expected))
    assert player.said == [events.PlayEnded(0, 1, True)] * len(queued)
    assert len(player.sources.sounds) == 0


# through the engine


def test_a_stop_silences_the_very_next_packet() -> None:
    rig = Rig(1)
    rig.do(Play(0, 1, (Tone(440.0, 0.0, 10_000, 0),)))
    for _ in range(50):
        assert rig.frame(0) != bytes([SILENCE[0]] * FRAME)
    rig.do(Stop(0))
    assert rig.frame(0) == bytes([SILENCE[0]] * FRAME)


@pytest.mark.parametrize(("codec", "law"), [("PCMU", 0), ("PCMA", 1)])
def test_a_tone_is_heard_with_its_frequency_and_level(codec: str, law: int) -> None:
    rig = Rig(1)
    rig.do(Connect(0, plan_of(0, codec)))
    rig.do(Play(0, 1, (Tone(440.0, 0.0, 1000, 0, repeat=9, level=-12.0),)))
    heard = np.frombuffer(b"".join(rig.frame(0) for _ in range(400)), np.uint8)
    pcm = g711.decode(heard[None, :], np.array([law]))[0].astype(np.float64) / 32768
    assert 20 * np.log10(np.sqrt(2) * np.sqrt(np.square(pcm).mean())) == pytest.approx(-12.0, abs=0.1)
    spectrum = np.abs(np.fft.rfft(pcm))
    assert spectrum.argmax() == 440 * 8
    others = np.delete(spectrum, 440 * 8)
    assert 10 * np.log10(np.square(spectrum[440 * 8]) / np.square(others).sum()) > 33  # G.711's own noise, no clicks
