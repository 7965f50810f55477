"""Whole engines, one with the C libraries and one with NumPy: whatever they are asked, they send and tell the same."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest
from msgspec.structs import replace

from media import commands, dtmf, events, native, native_arithmetic, native_streams
from media.codecs import LAWS, g711
from media.frames import FRAME, Pcm
from media.music import BEEP_IN
from media.tones import DIGITS, tone
from tests.lib.rig import DTMF, Rig, Sent, plan_of

ROWS, ROOMS, TICKS = 14, 3, 250
TWICE = 20 * np.log10(2)  # dB: sums stay whole numbers, which both round alike
SILENCE = np.zeros(10 * FRAME, np.int16)
SOUNDS = {"prompt": tone(500.0, 0.0, on_ms=330, level=-15.0), "short": tone(900.0, 0.0, on_ms=7, level=-15.0)}


def rig() -> Rig:
    """Its rooms are large ones from the fifth member on."""
    made = Rig(ROWS, all_below=4)
    made.sounds.update(SOUNDS)
    return made


@pytest.fixture
def rigs(monkeypatch: pytest.MonkeyPatch) -> tuple[Rig, Rig]:
    """With C, and with NumPy."""
    for one in (native_arithmetic, native_streams):
        if native.load(one.LIBRARY, *one.SOURCES) is None:
            pytest.skip("the C libraries were not built: no C compiler")
    fast = rig()
    for one in (native_arithmetic, native_streams):
        monkeypatch.setattr(one, "LIBRARY", Path("/none.so"))
    return fast, rig()


class Peers:
    """What the peers of all rows send: speech, silence and keys, now and then lost, late, or of another stream."""

    def __init__(self, random: Random) -> None:
        self._random = random
        noise = np.random.default_rng(random.getrandbits(32))
        self._speech = [np.rint(noise.normal(0, level, 30 * FRAME)).astype(np.int16) for level in (20, 800, 9000)]
        self._says = [SILENCE] * ROWS
        self._ssrc = [7] * ROWS
        self._held: list[Sent] = []
        self._tick = 0

    def packets(self, rig: Rig) -> list[Sent]:
        """Those of a tick."""
        self._tick += 1
        late, self._held = self._held, []
        for row in range(ROWS):
            one = self._packet(rig, row)
            fate = self._random.random()
            if fate < 0.9:
                late.append(one)
            elif fate < 0.95:
                self._held.append(one)
        return late

    def _packet(self, rig: Rig, row: int) -> Sent:
        if self._random.random() < 0.005:
            self._ssrc[row] += 1
        ports, place = rig.engine.ports, (self._tick, FRAME * self._tick)
        if self._random.random() < 0.02 and ports.dtmf_type[row] >= 0:
            return Sent(row, dtmf.payload(self._tick % 16, False, FRAME), *place, DTMF, self._ssrc[row])
        law = ports.law[row : row + 1]
        wire = g711.encode(self._frame(row)[None], law).tobytes()
        return Sent(row, wire, *place, int(ports.payload_type[row]), self._ssrc[row])

    def _frame(self, row: int) -> Pcm:
        if not len(self._says[row]):
            key = tone(*DIGITS[self._random.choice("15D*")], on_ms=90, off_ms=50, level=-12.0)
            self._says[row] = self._random.choice([*self._speech, SILENCE, key])
        frame, self._says[row] = self._says[row][:FRAME], self._says[row][FRAME:]
        return np.pad(frame, (0, FRAME - len(frame)))


class Wishes:
    """Commands of any kind, each with its chance."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._number = 0
        self.recordings: list[commands.Record] = []

    def next(self) -> commands.Command:
        """One more."""
        self._number += 1
        make = self._random.choice(
            (self._connect, self._bridge, self._part, self._join, self._join, self._join, self._leave, self._play,
             self._play_room, self._record, self._record, self._rest, self._tap, self._withhold, self._press)
        )  # fmt: skip
        return make(self._random.randrange(ROWS))

    def _sometimes(self, chance: float = 0.2) -> bool:
        return self._random.random() < chance

    def _connect(self, row: int) -> commands.Command:
        codec, dtmf_type = self._random.choice(list(LAWS)), self._random.choice((DTMF, DTMF, -1))
        send, receive = not self._sometimes(), not self._sometimes()
        return commands.Connect(row, plan_of(row, codec, dtmf_type, send=send, receive=receive))

    def _bridge(self, row: int) -> commands.Command:
        return commands.Bridge(row, self._random.randrange(ROWS))

    def _part(self, row: int) -> commands.Command:
        return commands.Unbridge(row)

    def _join(self, row: int) -> commands.Command:
        return commands.Join(
            row, self._random.randrange(ROOMS), self._sometimes(), self._sometimes(),
            TWICE if self._sometimes() else 0.0, self._random.randrange(ROWS) if self._sometimes() else -1,
            self._sometimes(), self._sometimes(), self._sometimes(), self._random.choice((0, 20)),
        )  # fmt: skip

    def _leave(self, row: int) -> commands.Command:
        return commands.Leave(row)

    def _pieces(self) -> tuple[commands.Piece, ...]:
        some = (commands.Sound("prompt"), commands.Sound("short"), commands.Silence(33), *BEEP_IN, commands.Sound("no"))
        return tuple(self._random.choice(some) for _ in range(self._random.randrange(4)))

    def _play(self, row: int) -> commands.Command:
        if self._sometimes():
            return commands.Stop(row)
        volume = self._random.choice((0.0, 3.0))
        loops, skipped = self._random.choice((0, 1, 2)), self._random.choice((0, 70))
        return commands.Play(row, self._number, self._pieces(), loops, self._sometimes(), skipped, volume)

    def _play_room(self, row: int) -> commands.Command:
        room = row % ROOMS
        return commands.StopRoom(room) if self._sometimes() else commands.PlayRoom(room, self._number, self._pieces())

    def _record(self, row: int) -> commands.Command:
        of, tracks = self._random.choice(((row, -1), (row, -1), (-1, row % ROOMS))), ("inbound", "outbound", "both")
        how = self._random.choice((1, 2)), self._random.choice(tracks)
        self.recordings.append(commands.Record(of[0], f"{self._number}", "", *how, room=of[1], max_seconds=2.0))
        return self.recordings[-1]

    def _rest(self, row: int) -> commands.Command:
        name = f"{self._random.randrange(self._number)}"
        paused = commands.PauseRecord(row, name, self._sometimes(0.5))
        return self._random.choice((commands.StopRecord(row, name), paused, commands.ResumeRecord(row, name)))

    def _tap(self, row: int) -> commands.Command:
        return commands.Tap(row, self._random.randrange(ROWS), self._random.choice(("inbound", "outbound")))

    def _withhold(self, row: int) -> commands.Command:
        return commands.Withhold(row, self._sometimes(0.4))

    def _press(self, row: int) -> commands.Command:
        if self._sometimes():
            return commands.Press(row, "7")
        return commands.SendDigits(row, self._number, self._random.choice(("1", "w9", "*#", "")))


def ask(rig: Rig, command: commands.Command, folder: Path) -> None:
    """Of one of the two, whose files are in a folder."""
    rig.do(replace(command, path=str(folder / command.recording)) if isinstance(command, commands.Record) else command)


def told(rig: Rig) -> list[events.Event]:
    """What it told; its estimate of jitter takes packets of one tick in another order."""
    return [replace(one, jitter_ms=0.0) if isinstance(one, events.Released) else one for one in rig.said]


def renew(rig: Rig, row: int) -> None:
    """The row is another call's."""
    rig.do(commands.Release(row))
    rig.engine.take(row)
    rig.do(commands.Connect(row, plan_of(row)))


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_asked_both_send_tell_and_record_the_same(rigs: tuple[Rig, Rig], seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    peers, wishes, folders = Peers(random), Wishes(random), (tmp_path / "fast", tmp_path / "slow")
    for folder in folders:
        folder.mkdir()
    for _ in range(TICKS):
        for _ in range(random.choice((0, 0, 1, 3))):
            command = wishes.next()
            for rig, folder in zip(rigs, folders, strict=True):
                ask(rig, command, folder)
        if random.random() < 0.03:
            row = random.randrange(ROWS)
            for rig in rigs:
                renew(rig, row)
        came = peers.packets(rigs[0])
        fast, slow = (rig.tick(*came) for rig in rigs)
        assert fast == slow
        assert told(rigs[0]) == told(rigs[1])
    for row in range(ROWS):
        for rig in rigs:
            rig.do(commands.Release(row))
    assert told(rigs[0]) == told(rigs[1])
    written = [{file.name: file.read_bytes() for file in folder.iterdir()} for folder in folders]
    assert written[0] == written[1]
    assert len(written[0]) > 5
