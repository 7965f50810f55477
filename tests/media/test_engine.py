"""The tick: what each port sends and hears, 20 ms at a time."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from media import commands, events
from media.codecs import SILENCE, g711
from media.dtmf import EVENTS, payload
from media.frames import FRAME, Pcm
from media.rtcp import Report
from media.tones import DIGITS, tone
from media.watch import HOLD
from tests.lib.rig import DTMF, Rig, Sent, peer_of, plan_of, voice

pytestmark = pytest.mark.usefixtures("both_loops")

QUIET = bytes([SILENCE[0]] * FRAME)


def ulaw(pcm: Pcm) -> bytes:
    return g711.encode(pcm[None, :], np.array([0])).tobytes()


def rms(pcm: Pcm) -> float:
    return float(np.sqrt(np.square(pcm.astype(np.float64)).mean()))


def decoded(wire: bytes, law: int = 0) -> Pcm:
    pcm: Pcm = g711.decode(np.frombuffer(wire, np.uint8)[None, :], np.array([law]))[0]
    return pcm


def test_a_connected_port_sends_every_tick_silence_included() -> None:
    rig = Rig(2)
    packets = [rig.tick()[0] for _ in range(5)]
    assert all(len(one) == 1 and one[0].payload == QUIET for one in packets)
    sequences = [one[0].sequence for one in packets]
    stamps = [one[0].timestamp for one in packets]
    assert np.diff(sequences).tolist() == [1] * 4
    assert np.diff(stamps).tolist() == [FRAME] * 4
    assert [one[0].marker for one in packets] == [True, False, False, False, False]
    assert len({one[0].ssrc for one in packets}) == 1


def test_a_port_without_peer_sends_nothing() -> None:
    rig = Rig(2, connect=False)
    assert rig.tick() == {}


def test_a_held_port_sends_nothing_and_its_peer_is_not_heard() -> None:
    rig = Rig(2)
    rig.do(commands.Connect(0, plan_of(0, send=False, receive=False)))
    rig.do(commands.Bridge(0, 1))
    sent = rig.tick(voice(0, 0))
    assert 0 not in sent
    assert [one.payload for one in sent[1]] == [QUIET]


def test_sounds_follow_each_other_without_a_gap_and_the_end_is_told() -> None:
    rig = Rig(1)
    rig.sounds = {"a": np.full(FRAME + 40, 1000, np.int16), "b": np.full(FRAME, -1000, np.int16)}
    rig.do(commands.Play(0, 5, (commands.Sound("a"), commands.Sound("b"))))
    heard = decoded(b"".join(rig.frame(0) for _ in range(4)))
    expected = decoded(ulaw(np.concatenate((rig.sounds["a"], rig.sounds["b"]))))
    assert heard[: 2 * FRAME + 40].tolist() == expected.tolist()
    assert np.abs(heard[2 * FRAME + 40 :]).max() <= 8
    assert rig.heard(events.PlayEnded) == [events.PlayEnded(0, 5, True)]


def test_loops_silence_and_tones_have_their_length() -> None:
    rig = Rig(1)
    pieces = (commands.Silence(1500), commands.Tone(440.0, 0.0, 40, 20, repeat=2))
    rig.do(commands.Play(0, 1, pieces, loops=2))
    ticks = 0
    while not rig.heard(events.PlayEnded):
        rig.tick()
        ticks += 1
    assert ticks == pytest.approx(2 * (1500 + 120) / 20, abs=1)


def test_a_stop_takes_effect_with_the_next_tick() -> None:
    rig = Rig(1)
    rig.do(commands.Play(0, 1, (commands.Tone(440.0, 0.0, 2000, 0),)))
    assert rig.frame(0) != QUIET
    assert rig.do(commands.Stop(0)) == [events.PlayEnded(0, 1, False)]
    assert rig.frame(0) == QUIET


def test_a_sound_that_is_not_there_ends_at_once_with_its_reason() -> None:
    rig = Rig(1)
    (ended,) = rig.do(commands.Play(0, 1, (commands.Sound("gone"),)))
    assert ended == events.PlayEnded(0, 1, False, "no sound gone")


def test_a_bridge_of_one_codec_passes_the_bytes_on() -> None:
    rig = Rig(2)
    rig.tick()
    rig.do(commands.Bridge(0, 1))
    passed = [rig.tick(voice(0, number, bytes(range(number, number + FRAME))))[1] for number in range(5)]
    assert [one[0].payload for one in passed] == [bytes(range(number, number + FRAME)) for number in range(5)]
    assert np.diff([one[0].sequence for one in passed]).tolist() == [1] * 4
    assert len({one[0].ssrc for one in passed} - {7}) == 1


def test_a_bridge_of_two_codecs_keeps_the_level() -> None:
    rig = Rig(2)
    rig.do(commands.Connect(1, plan_of(1, "PCMA")))
    rig.do(commands.Bridge(0, 1))
    wave = tone(440.0, 0.0, on_ms=2000)
    heard = b""
    for number in range(100):
        out = rig.tick(voice(0, number, ulaw(wave[number * FRAME : (number + 1) * FRAME])))
        heard += out[1][0].payload
    middle = decoded(heard, 1)[20 * FRAME : 80 * FRAME]
    assert abs(20 * np.log10(rms(middle) / rms(wave))) < 0.5
    assert abs(int(np.abs(np.fft.rfft(middle)).argmax()) * 8000 / len(middle) - 440) < 2


def test_after_the_bridge_each_hears_silence_again() -> None:
    rig = Rig(2)
    rig.do(commands.Bridge(0, 1))
    rig.tick(voice(0, 0))
    rig.do(commands.Unbridge(1))
    sent = rig.tick(voice(0, 1))
    assert [one.payload for one in sent[1]] == [QUIET]


def event_of(digit: str, *, end: bool = False, duration: int = 160) -> bytes:
    return payload(EVENTS.index(digit), end, duration)


def test_a_telephone_event_is_one_digit_however_often_it_is_repeated() -> None:
    rig = Rig(1)
    for tick in range(9):
        event = event_of("5", end=tick > 5, duration=FRAME * min(tick + 1, 6))
        rig.tick(Sent(0, event, tick, 1000, DTMF, marker=tick == 0))
    rig.tick(Sent(0, event_of("5"), 9, 4000, DTMF))
    assert rig.heard(events.DigitReceived) == [events.DigitReceived(0, "5", False)] * 2


def test_digits_are_heard_in_band_where_no_events_were_agreed() -> None:
    rig = Rig(1)
    rig.do(commands.Connect(0, plan_of(0, dtmf=-1)))
    wave = tone(*DIGITS["9"], on_ms=120, off_ms=200)
    for number in range(len(wave) // FRAME):
        rig.tick(voice(0, number, ulaw(wave[number * FRAME : (number + 1) * FRAME])))
    for _ in range(10):
        rig.tick()
    assert rig.heard(events.DigitReceived) == [events.DigitReceived(0, "9", True)]


def test_digits_that_are_sent_are_events_with_one_timestamp_each() -> None:
    rig = Rig(1)
    rig.do(commands.SendDigits(0, 3, "1w2"))
    sent = []
    while not rig.heard(events.DigitsSent):
        sent += rig.tick()[0]
    marked = [one for one in sent if one.payload_type == DTMF]
    assert [one.payload[0] for one in marked if one.marker] == [1, 2]
    assert len({one.timestamp for one in marked}) == 2
    assert sum(1 for one in marked if one.payload[1] & 0x80) == 6  # each end three times (RFC 4733 §2.5.1.4)
    assert rig.heard(events.DigitsSent) == [events.DigitsSent(0, 3)]


def test_strangers_are_counted_and_never_heard() -> None:
    rig = Rig(2)
    rig.do(commands.Bridge(0, 1))
    for number in range(60):
        sent = rig.tick(voice(0, number, source=("203.0.113.9", 9)))
        assert [one.payload for one in sent.get(1, [])] in ([QUIET], [])
    (told,) = rig.heard(events.Strangers)
    assert isinstance(told, events.Strangers)
    assert (told.port, told.ip, told.udp_port) == (0, "203.0.113.9", 9)
    assert told.packets >= 49


def test_a_stranger_is_counted_where_nobody_is_connected_and_told_in_time() -> None:
    rig = Rig(1, connect=False)
    rig.tick(voice(0, 0, source=("203.0.113.9", 9)))
    for _ in range(50):
        assert rig.tick() == {}
    assert rig.heard(events.Strangers) == [events.Strangers(0, "203.0.113.9", 9, 1)]


def test_a_stranger_is_told_to_the_call_that_it_bothered_and_not_to_the_next() -> None:
    rig = Rig(1)
    rig.tick(voice(0, 0, source=("203.0.113.9", 9)))
    rig.do(commands.Release(0))
    assert rig.heard(events.Strangers) == [events.Strangers(0, "203.0.113.9", 9, 1)]
    rig.engine.take(0)
    rig.do(commands.Connect(0, plan_of(0)))
    for _ in range(60):
        rig.tick()
    assert len(rig.heard(events.Strangers)) == 1


def test_a_recording_of_a_port_that_is_not_connected_goes_on(tmp_path: Path) -> None:
    rig = Rig(1, connect=False)
    rig.do(commands.Record(0, "RE1", str(tmp_path / "one.wav"), 1, "both"))
    for _ in range(50):
        rig.tick()
    rig.do(commands.StopRecord(0, "RE1", 0))
    (ended,) = rig.heard(events.RecordEnded)
    assert isinstance(ended, events.RecordEnded)
    assert ended.seconds == 1.0


def test_a_peer_behind_nat_is_followed_and_told() -> None:
    rig = Rig(2)
    rig.do(commands.Connect(0, plan_of(0, remote_ip="10.0.0.5", signalling_ip="198.51.100.7")))
    source = ("198.51.100.7", 31000)
    for number in range(4):
        rig.tick(voice(0, number, source=source))
    assert rig.heard(events.Latched) == [events.Latched(0, *source)]
    assert rig.engine.ports.remote[0] == source


def test_a_peer_that_falls_silent_is_told_once() -> None:
    rig = Rig(1, idle_seconds=2.0)
    for number in range(20):
        rig.tick(voice(0, number))
    rig.run(6.0)
    assert rig.heard(events.MediaLost) == [events.MediaLost(0, 2.0)]


def test_comfort_noise_is_silence_and_a_sign_of_life() -> None:
    """RFC 3389: a peer that suppresses silence sends a packet of it now and then, agreed on or not."""
    rig = Rig(2, idle_seconds=2.0)
    rig.do(commands.Bridge(0, 1))
    heard = [rig.tick(voice(0, number))[1] for number in range(20)]
    assert any(one.payload == voice(0, 0).payload for sent in heard for one in sent)
    for number in range(20, 26):
        rig.run(1.0)
        sent = rig.tick(Sent(0, b"\x4e", number, 0, payload_type=13), Sent(1, QUIET, number, 160 * number))
        assert all(one.payload == QUIET for one in sent[1])
    assert rig.heard(events.MediaLost) == rig.heard(events.OneWay) == []


def test_reports_of_the_peer_keep_a_silent_call_up_and_tell_nothing_of_its_audio() -> None:
    rig = Rig(1, idle_seconds=4.0)
    report = Report(0, struct.pack(">BBHI", 0x80, 201, 1, 7), peer_of(0))
    for _ in range(6):
        rig.run(1.0)
        rig.tick(reports=[report])
    assert rig.heard(events.MediaLost) == []
    assert len(rig.heard(events.OneWay)) == 1
    rig.run(6.0)
    assert rig.heard(events.MediaLost) == [events.MediaLost(0, 4.0)]


def test_who_holds_the_call_may_be_silent_for_long() -> None:
    """Most phones say `sendonly` then, and send nothing."""
    rig = Rig(1, idle_seconds=2.0, connect=False)
    rig.do(commands.Connect(0, plan_of(0, send=False)))
    rig.run(HOLD * 2.0 - 1.0)
    assert rig.heard(events.MediaLost) == []
    rig.run(2.0)
    assert rig.heard(events.MediaLost) == [events.MediaLost(0, HOLD * 2.0)]


def test_what_is_no_rtp_of_the_peer_changes_nothing() -> None:
    rig = Rig(2)
    rig.do(commands.Bridge(0, 1))
    rig.tick(voice(0, 0))
    junk = [Sent(0, b"x", 0, 0, payload_type=77), Sent(0, b"", 1, 1), Sent(0, bytes(480), 2, 2, payload_type=33)]
    for one in junk:
        assert all(sent.payload == b"" or sent.payload == QUIET for sent in rig.tick(one).get(1, []))


def test_a_released_port_ends_what_ran_on_it(tmp_path: Path) -> None:
    rig = Rig(2)
    rig.do(commands.Play(0, 1, (commands.Tone(440.0, 0.0, 2000, 0),)))
    rig.do(commands.Record(0, "RE1", str(tmp_path / "a.wav")))
    rig.do(commands.SendDigits(0, 2, "123"))
    rig.do(commands.Bridge(0, 1))
    rig.tick()
    rig.do(commands.Release(0))
    names = [type(event).__name__ for event in rig.said]
    assert sorted(names) == ["DigitsSent", "PlayEnded", "RecordEnded", "RecordStopped", "Released"]
    assert names[-1] == "Released"
    assert 0 not in rig.tick()
    assert rig.engine.ports.peer[1] == -1


def test_commands_to_a_port_that_is_not_taken_do_nothing() -> None:
    rig = Rig(2)
    rig.do(commands.Release(0))
    for command in (
        commands.Play(0, 1, (commands.Silence(20),)), commands.Stop(0), commands.SendDigits(0, 1, "1"),
        commands.StopRecord(0, "RE"), commands.Unbridge(0), commands.Bridge(0, 1), commands.Release(0),
        commands.Connect(0, plan_of(0)), commands.Stop(99),
    ):  # fmt: skip
        assert rig.do(command) == []
    assert 0 not in rig.tick()


def test_a_minute_passes_through_playout_without_a_sample_lost_or_doubled(tmp_path: Path) -> None:
    """Sequence and timestamp wrap on the way; jitter up to 60 ms. Ten of them: tests/interop/test_ten_minutes.py."""
    rig, ticks = Rig(1), 3_000
    rig.do(commands.Record(0, "RE1", str(tmp_path / "a.wav")))
    codes = np.random.default_rng(5).integers(0, 256, (ticks, FRAME), np.uint8)
    random = np.random.default_rng(6)
    waiting: dict[int, list[int]] = {}
    for number in range(ticks):
        waiting.setdefault(number + int(random.integers(0, 2)), []).append(number)
    for now in range(ticks + 10):
        rig.tick(*(voice(0, number, codes[number].tobytes(), first=65_000) for number in waiting.get(now, ())))
    rig.do(commands.StopRecord(0, "RE1"))
    recorded = np.frombuffer((tmp_path / "a.wav").read_bytes()[44:], "<i2")
    sent = g711.decode(codes.reshape(1, -1), np.array([0]))[0]
    start = next(at for at in range(0, 20 * FRAME, FRAME) if (recorded[at : at + FRAME] == sent[:FRAME]).all())
    assert (recorded[start : start + len(sent)] == sent).all()


@pytest.mark.parametrize("stall", [3, 20, 250])
def test_what_came_during_a_stall_is_too_late_and_what_comes_after_is_no_later_than_before(stall: int) -> None:
    """Its keys are heard. `miss` and `late` as the worker has them (media/worker.py)."""
    rig = Rig(2)
    rig.do(commands.Connect(0, plan_of(0, dtmf=-1)))  # decoded, not forwarded
    rig.do(commands.Bridge(0, 1))
    delays = [number - rig.frame(1, voice(0, number))[0] for number in range(50)]
    rig.engine.miss(stall)
    rig.late(*(voice(0, 50 + number) for number in range(stall)), Sent(1, payload(5, False, 160), 1, 0, DTMF))
    delays += [number - rig.frame(1, voice(0, number % 200))[0] % 200 for number in range(50 + stall, 100 + stall)]
    assert delays[-1] % 200 == delays[49] == 2
    assert rig.heard(events.DigitReceived) == [events.DigitReceived(1, "5", False)]


def test_peers_are_where_the_plan_says() -> None:
    rig = Rig(3)
    assert rig.engine.ports.remote == [peer_of(row) for row in range(3)]


def test_one_way_audio_is_told_once_for_each_silence_with_where_it_is_sent() -> None:
    """We send, nothing comes: after three seconds; again when it came back and fell silent again."""
    rig = Rig(1, connect=False)
    rig.do(commands.Connect(0, plan_of(0)))
    rig.run(6.0)
    (first,) = rig.heard(events.OneWay)
    assert isinstance(first, events.OneWay)
    assert (first.ip, first.udp_port, first.sdp_ip, first.sdp_port) == (*peer_of(0), *peer_of(0))
    assert 3.0 <= first.seconds <= 4.0
    for number in range(60):
        rig.tick(voice(0, number))
    rig.run(6.0)
    assert len(rig.heard(events.OneWay)) == 2


def test_who_only_listens_or_only_speaks_is_not_one_way_audio() -> None:
    """Hold: sendonly or recvonly is what was agreed."""
    rig = Rig(2, connect=False)
    rig.do(commands.Connect(0, plan_of(0, send=False)))
    rig.do(commands.Connect(1, plan_of(1, receive=False)))
    rig.run(6.0)
    assert rig.heard(events.OneWay) == []
