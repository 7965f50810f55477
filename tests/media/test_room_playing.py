"""What plays to a room: heard by all, with the same words as what plays to one."""

from __future__ import annotations

import numpy as np

from media import events
from media.codecs import g711
from media.commands import Join, Leave, PlayRoom, Sound, StopRoom, Tone
from media.frames import FRAME, Pcm
from tests.lib.rig import Rig

A, B = (np.full(FRAME * 5 + 40, value, np.int16) for value in (3000, -5000))


def room_of(members: int) -> Rig:
    rig = Rig(members)
    rig.sounds = {"a": A, "b": B}
    for row in range(members):
        rig.do(Join(row, 9))
    return rig


def heard(rig: Rig, row: int, ticks: int) -> Pcm:
    wire = np.frombuffer(b"".join(rig.frame(row) for _ in range(ticks)), np.uint8)
    pcm: Pcm = g711.decode(wire[None, :], np.array([0]))[0]
    return pcm


def test_queued_announcements_follow_each_other_without_a_gap_for_everybody() -> None:
    for row in range(3):
        rig = room_of(3)
        rig.do(PlayRoom(9, 1, (Sound("a"),)))
        rig.do(PlayRoom(9, 2, (Sound("b"),), queue=True))
        pcm = heard(rig, row, 12)
        assert np.abs(pcm[: len(A)] - 3000).max() < 100
        assert np.abs(pcm[len(A) : len(A) + len(B)] + 5000).max() < 150
        assert rig.heard(events.RoomPlayEnded) == [
            events.RoomPlayEnded(9, 1, True), events.RoomPlayEnded(9, 2, True),
        ]  # fmt: skip


def test_an_announcement_that_cannot_be_had_is_told_and_the_next_one_plays() -> None:
    rig = room_of(2)
    rig.do(PlayRoom(9, 1, (Sound("gone"),)))
    assert rig.heard(events.RoomPlayEnded) == [events.RoomPlayEnded(9, 1, False, "no sound gone")]
    rig.do(PlayRoom(9, 2, (Sound("a"),)))
    assert np.abs(heard(rig, 1, 3) - 3000).max() < 100


def test_a_stop_ends_what_waits_too_and_an_empty_room_is_played_to_no_more() -> None:
    rig = room_of(2)
    for number in (1, 2):
        rig.do(PlayRoom(9, number, (Tone(440.0, 0.0, 1000, 0),), queue=True))
    rig.do(StopRoom(9))
    assert not heard(rig, 0, 2).any()
    rig.do(PlayRoom(9, 3, (Tone(440.0, 0.0, 1000, 0),), loops=0))
    assert heard(rig, 0, 2).any()
    rig.do(Leave(0))
    rig.do(Leave(1))
    assert rig.heard(events.RoomPlayEnded) == [events.RoomPlayEnded(9, number, False) for number in (1, 2, 3)]


def test_rooms_are_played_to_with_their_volume_and_from_their_start() -> None:
    rig = room_of(2)
    rig.do(PlayRoom(9, 1, (Sound("a"), Sound("b")), start_ms=105, volume=-6.0))
    assert np.abs(heard(rig, 0, 5) + 5000 * 10 ** (-6 / 20)).max() < 80
