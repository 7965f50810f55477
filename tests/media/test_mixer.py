"""Rooms: who hears whom, and that nobody hears himself. Members speak tones, which a spectrum tells apart."""

from __future__ import annotations

import numpy as np
import pytest

from media import commands, events
from media.codecs import g711
from media.frames import FRAME, Pcm
from media.mixer import HANGOVER
from media.tones import tone
from tests.lib.rig import Rig, Sent, plan_of, voice

SECONDS = 0.5
TICKS = int(SECONDS * 50)
LOUD = 8.0  # dB below the tone's own level that still counts as hearing it


class Room(Rig):
    """A rig whose rows speak tones: row n at 400 + 100 n Hz."""

    def __init__(self, rows: int) -> None:
        super().__init__(rows)
        self._number = 0

    @staticmethod
    def hertz(row: int) -> float:
        return 400.0 + 100.0 * row

    def talk(self, speaking: tuple[int, ...], ticks: int = TICKS) -> dict[int, Pcm]:
        """Time passes; what each row hears of it, after the first 100 ms."""
        heard: dict[int, list[bytes]] = {}
        for _ in range(ticks):
            for row, sent in self.tick(*(self._frame(row) for row in speaking)).items():
                heard.setdefault(row, []).append(sent[0].payload)
            self._number += 1
        laws = self.engine.ports.law
        return {
            row: g711.decode(np.frombuffer(b"".join(frames[5:]), np.uint8)[None], laws[row : row + 1])[0]
            for row, frames in heard.items()
        }

    def _frame(self, row: int) -> Sent:
        wave = tone(self.hertz(row), 0.0, on_ms=20 * (self._number + 1), level=-20.0)[-FRAME:]
        law = self.engine.ports.law[row : row + 1]
        kind = int(self.engine.ports.payload_type[row])
        return voice(row, self._number, g711.encode(wave[None], law).tobytes(), payload_type=kind, ssrc=row + 1)


def level(pcm: Pcm, hertz: float) -> float:
    """dBFS of a sine in it."""
    time = np.arange(len(pcm)) / 8000
    window = np.hanning(len(pcm))
    part = abs(np.sum(pcm * window * np.exp(-2j * np.pi * hertz * time))) * 2 / window.sum()
    return float(20 * np.log10(max(part, 1e-3) / 32767))


def speakers(pcm: Pcm, rows: int) -> set[int]:
    """Whom one hears, each at the level that was spoken."""
    heard = {row for row in range(rows) if level(pcm, Room.hertz(row)) > -20.0 - LOUD}
    assert all(level(pcm, Room.hertz(row)) == pytest.approx(-20.0, abs=0.5) for row in heard)
    return heard


def test_each_hears_the_others_and_never_himself() -> None:
    room = Room(4)
    for row in range(3):
        room.do(commands.Join(row, 7))
    heard = room.talk((0, 1, 2, 3))
    assert [speakers(heard[row], 4) for row in range(4)] == [{1, 2}, {0, 2}, {0, 1}, set()]


def test_codecs_may_differ() -> None:
    room = Room(3)
    room.do(commands.Connect(1, plan_of(1, "PCMA")))
    for row in range(3):
        room.do(commands.Join(row, 7))
    heard = room.talk((0, 1))
    assert [speakers(heard[row], 3) for row in range(3)] == [{1}, {0}, {0, 1}]


def test_rooms_do_not_hear_each_other() -> None:
    room = Room(4)
    for row, number in ((0, 9), (1, 3), (2, 9), (3, 3)):
        room.do(commands.Join(row, number))
    heard = room.talk((0, 1))
    assert [speakers(heard[row], 4) for row in range(4)] == [set(), set(), {0}, {1}]


def test_who_is_muted_is_not_heard_and_hears() -> None:
    room = Room(3)
    for row in range(3):
        room.do(commands.Join(row, 7, muted=row == 0))
    heard = room.talk((0, 1))
    assert [speakers(heard[row], 3) for row in range(3)] == [{1}, set(), {1}]
    room.do(commands.Join(0, 7))
    assert speakers(room.talk((0, 1))[2], 3) == {0, 1}


def test_who_is_deaf_hears_only_what_is_played_to_him_and_is_heard() -> None:
    room = Room(2)
    room.do(commands.Join(0, 7, deaf=True))
    room.do(commands.Join(1, 7))
    room.do(commands.Play(0, 1, (commands.Tone(1500.0, 0.0, 2000, 0, level=-20.0),)))
    heard = room.talk((0, 1))
    assert level(heard[0], 1500.0) == pytest.approx(-20.0, abs=0.5)
    assert level(heard[0], room.hertz(1)) < -60
    assert speakers(heard[1], 2) == {0}


def test_a_coach_is_heard_by_one_alone() -> None:
    room = Room(3)
    room.do(commands.Join(0, 7))
    room.do(commands.Join(1, 7))
    room.do(commands.Join(2, 7, coaches=1))
    heard = room.talk((0, 1, 2))
    assert [speakers(heard[row], 3) for row in range(3)] == [{1}, {0, 2}, {0, 1}]


def test_a_coach_whose_pupil_has_gone_is_heard_by_nobody() -> None:
    room = Room(3)
    for row in range(3):
        room.do(commands.Join(row, 7, coaches=1 if row == 2 else -1))
    room.do(commands.Release(1))
    assert speakers(room.talk((0, 2))[0], 3) == set()


def test_who_coaches_itself_does_not_hear_itself() -> None:
    room = Room(2)
    room.do(commands.Join(0, 7))
    room.do(commands.Join(1, 7, coaches=1))
    heard = room.talk((0, 1))
    assert [speakers(heard[row], 2) for row in range(2)] == [set(), {0}]


def test_a_muted_coach_is_heard_by_nobody() -> None:
    room = Room(3)
    for part in (commands.Join(0, 7), commands.Join(1, 7), commands.Join(2, 7, muted=True, coaches=1)):
        room.do(part)
    heard = room.talk((0, 1, 2))
    assert [speakers(heard[row], 3) for row in range(3)] == [{1}, {0}, {0, 1}]


def test_who_is_apart_hears_its_coach_alone_and_nothing_that_plays() -> None:
    room = Room(4)
    for part in (commands.Join(0, 7), commands.Join(1, 7), commands.Join(2, 7, muted=True, apart=True)):
        room.do(part)
    room.do(commands.PlayRoom(7, 1, (commands.Tone(1500.0, 0.0, 5000, 0, level=-20.0),)))
    heard = room.talk((0, 1, 2))
    assert speakers(heard[2], 4) == set()
    assert level(heard[2], 1500.0) < -60
    room.do(commands.Join(3, 7, coaches=2))
    heard = room.talk((0, 1, 2, 3))
    assert [speakers(heard[row], 4) for row in range(4)] == [{1}, {0}, {3}, {0, 1}]


def test_a_link_is_heard_in_a_large_room_however_quiet_it_is() -> None:
    room = Room(20)
    for row in range(20):
        room.do(commands.Join(row, 7, gain_db=-40.0, link=row == 1))
    heard = room.talk((0, 1))
    assert level(heard[19], room.hertz(1)) == pytest.approx(-60.0, abs=1.0)
    assert level(heard[19], room.hertz(0)) < -80


def test_gain_is_of_what_one_says() -> None:
    room = Room(2)
    room.do(commands.Join(0, 7, gain_db=-12.0))
    room.do(commands.Join(1, 7))
    assert level(room.talk((0,))[1], room.hertz(0)) == pytest.approx(-32.0, abs=0.5)


def test_what_is_played_to_the_room_is_heard_by_all_who_are_not_deaf_beside_the_others() -> None:
    room = Room(3)
    for row in range(3):
        room.do(commands.Join(row, 7, deaf=row == 2))
    room.do(commands.PlayRoom(7, 1, (commands.Tone(1500.0, 0.0, 1000, 0, level=-20.0),)))
    heard = room.talk((0,))
    assert [round(level(heard[row], 1500.0)) for row in range(2)] == [-20, -20]
    assert level(heard[2], 1500.0) < -60
    assert speakers(heard[1], 3) == {0}
    room.talk((0,), ticks=30)
    assert room.heard(events.RoomPlayEnded) == [events.RoomPlayEnded(7, 1, True)]


def test_what_plays_to_a_room_stops_and_ends_with_the_room() -> None:
    room = Room(1)
    played = commands.PlayRoom(7, 1, (commands.Tone(440.0, 0.0, 1000, 0),))
    (nobody,) = room.do(played)
    assert isinstance(nobody, events.RoomPlayEnded)
    assert (nobody.completed, nobody.error) == (False, "nobody is in the room")
    room.do(commands.Join(0, 7))
    room.do(played)
    assert room.do(commands.StopRoom(7)) == [events.RoomPlayEnded(7, 1, False)]
    room.do(played)
    assert room.do(commands.Leave(0)) == [events.RoomPlayEnded(7, 1, False)]


def test_an_announcement_to_one_is_mixed_with_the_room() -> None:
    room = Room(3)
    for row in range(3):
        room.do(commands.Join(row, 7))
    room.do(commands.Play(1, 1, (commands.Tone(1500.0, 0.0, 2000, 0, level=-20.0),)))
    heard = room.talk((0,))
    assert level(heard[1], 1500.0) == pytest.approx(-20.0, abs=0.5)
    assert speakers(heard[1], 3) == {0}
    assert level(heard[2], 1500.0) < -60


def test_who_leaves_is_not_heard_and_hears_nothing_any_more() -> None:
    room = Room(3)
    for row in range(3):
        room.do(commands.Join(row, 7))
    room.talk((0, 1))
    room.do(commands.Leave(0))
    heard = room.talk((0, 1))
    assert [speakers(heard[row], 3) for row in range(3)] == [set(), set(), {1}]
    room.do(commands.Release(1))
    assert speakers(room.talk((0, 2))[2], 3) == set()


def test_in_a_large_room_only_who_talks_is_mixed() -> None:
    room, rows = Room(20), range(20)
    for row in rows:
        room.do(commands.Join(row, 7))
    heard = room.talk((0, 1, 2))
    assert [speakers(heard[row], 8) for row in (0, 1, 2, 19)] == [{1, 2}, {0, 2}, {0, 1}, {0, 1, 2}]


def test_talking_is_told_where_it_is_wanted_once_each_way() -> None:
    room = Room(2)
    room.do(commands.Join(0, 7, tells=True))
    room.do(commands.Join(1, 7))
    room.talk((0, 1))
    room.talk((1,), ticks=HANGOVER + 5)
    assert room.heard(events.Talking) == [events.Talking(0, True), events.Talking(0, False)]


def test_a_bridge_ends_where_one_joins_a_room() -> None:
    room = Room(3)
    room.do(commands.Bridge(0, 1))
    room.do(commands.Join(0, 7))
    room.do(commands.Join(2, 7))
    heard = room.talk((0, 1))
    assert [speakers(heard[row], 3) for row in range(3)] == [set(), set(), {0}]


def test_a_port_bridged_to_itself_hears_its_echo_as_it_was_sent() -> None:
    rig = Rig(1)
    rig.tick()
    rig.do(commands.Bridge(0, 0))
    payloads = [bytes(range(number, number + FRAME)) for number in range(5)]
    assert [rig.frame(0, voice(0, number, payload)) for number, payload in enumerate(payloads)] == payloads
    rig.do(commands.Unbridge(0))
    assert rig.frame(0, voice(0, 5)) == bytes([0xFF] * FRAME)
