"""The media fake: answers commands with their durations, in loop time, without any audio."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from media import commands, events, files
from media.digits import Keys
from media.frames import RATE, TICK

Length = Callable[[str], float]
"""A sound's seconds, by its name."""


@dataclass(slots=True)
class Play:
    """What plays into a row, or waits to."""

    number: int
    seconds: float  # of a round
    loops: int
    skipped: float  # seconds of the first round
    began: float = 0.0
    timer: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class Tape:
    """A recording that runs. The fake's callers are never silent and never speak: only length ends it by itself."""

    command: commands.Record
    began: float
    timer: asyncio.TimerHandle
    skipped: float = 0.0  # seconds
    skips_since: float | None = None


class FakeLink:
    """A `gateway.calls.media.Link`. `press` is a digit of a row's peer."""

    def __init__(self, length: Length, on_events: Callable[[list[events.Event]], None], rows: int = 8) -> None:
        self._length = length
        self._on_events = on_events
        self._loop = asyncio.get_running_loop()
        self._free = list(range(rows))
        self._plays: dict[int, deque[Play]] = {}
        self._sending: dict[int, tuple[int, asyncio.TimerHandle]] = {}
        self._tapes: dict[str, Tape] = {}
        self.bridges: set[tuple[int, int]] = set()

    def send(self, command: commands.Command) -> None:
        """What the command brings about is said in the next turn of the loop, or when its time is over."""
        match command:
            case commands.Allocate(request=request):
                row = self._free.pop(0)
                self._say(events.Allocated(request, row, 20000 + 2 * row, row))
            case commands.Play():
                self._play(command)
            case commands.Stop(port=port):
                self._stop(port)
            case commands.SendDigits(port=port, sending=sending, digits=digits):
                self._send_digits(port, sending, digits)
            case commands.Record():
                self._record(command)
            case commands.StopRecord(recording=recording, cut_ms=cut_ms):
                self._end_tape(recording, "stopped", cut_ms / 1000)
            case commands.PauseRecord(recording=recording, skip=skip):
                self._rest(recording, skip=skip)
            case commands.ResumeRecord(recording=recording):
                self._rest(recording, skip=False)
            case commands.Bridge(a=a, b=b):
                self.bridges.add((a, b))
            case commands.Unbridge(port=port):
                self.bridges = {pair for pair in self.bridges if port not in pair}
            case commands.Release(port=port):
                self._release(port)

    def kill(self) -> None:
        """It never stands still."""

    async def close(self) -> None:
        """Nothing runs that would have to be stopped."""

    def press(self, row: int, digit: str) -> None:
        """The peer of a row presses a key."""
        self._say(events.DigitReceived(row, digit, False))

    def _say(self, *said: events.Event) -> None:
        self._loop.call_soon(self._on_events, list(said))

    def _play(self, command: commands.Play) -> None:
        if not command.queue:
            self._stop(command.port)
        seconds = sum(self._seconds(piece) for piece in command.pieces)
        plays = self._plays.setdefault(command.port, deque())
        plays.append(Play(command.playing, seconds, command.loops, min(seconds, command.start_ms / 1000)))
        if len(plays) == 1:
            self._begin(command.port, plays[0])
        elif plays[0].timer is None:  # an endless one: to the end of its round
            left = plays[0].seconds - (self._loop.time() - plays[0].began + plays[0].skipped) % plays[0].seconds
            plays[0].timer = self._loop.call_later(left, self._played, command.port)

    def _begin(self, row: int, play: Play) -> None:
        play.began = self._loop.time()
        rounds = play.loops or (1 if len(self._plays[row]) > 1 else 0)
        if rounds:
            play.timer = self._loop.call_later(rounds * play.seconds - play.skipped, self._played, row)

    def _send_digits(self, row: int, sending: int, digits: str) -> None:
        """What was to be sent before is dropped, as by the engine; the digit that had begun takes no time here."""
        if before := self._sending.pop(row, None):
            before[1].cancel()
            self._say(events.DigitsSent(row, before[0]))
        seconds = sum(1 for _ in Keys(digits, events=True)) * TICK
        self._sending[row] = (sending, self._loop.call_later(seconds, self._sent, row))

    def _sent(self, row: int) -> None:
        self._say(events.DigitsSent(row, self._sending.pop(row)[0]))

    def _seconds(self, piece: commands.Piece) -> float:
        match piece:
            case commands.Sound(audio=audio):
                return self._length(audio)
            case commands.Silence(ms=ms):
                return ms / 1000
            case commands.Tone(on_ms=on_ms, off_ms=off_ms, repeat=repeat):
                return repeat * (on_ms + off_ms) / 1000

    def _played(self, row: int) -> None:
        plays = self._plays[row]
        self._say(events.PlayEnded(row, plays.popleft().number, True))
        if plays:
            self._begin(row, plays[0])
        else:
            del self._plays[row]

    def _stop(self, row: int) -> None:
        for play in self._plays.pop(row, ()):
            if play.timer is not None:
                play.timer.cancel()
            self._say(events.PlayEnded(row, play.number, False))

    def _record(self, command: commands.Record) -> None:
        quiet = command.silence_seconds or command.max_seconds
        seconds, reason = min((quiet, "silence"), (command.max_seconds, "max-length"), key=lambda one: one[0])
        timer = self._loop.call_later(seconds, self._end_tape, command.recording, reason)
        self._tapes[command.recording] = Tape(command, self._loop.time(), timer)

    def _rest(self, recording: str, *, skip: bool) -> None:
        """What is skipped does not count; it postpones no end here."""
        tape = self._tapes.get(recording)
        if tape is None:
            return
        if tape.skips_since is not None:
            tape.skipped += self._loop.time() - tape.skips_since
        tape.skips_since = self._loop.time() if skip else None

    def _end_tape(self, recording: str, reason: str, cut: float = 0.0) -> None:
        self._rest(recording, skip=False)
        tape = self._tapes.pop(recording, None)
        if tape is None:
            return
        tape.timer.cancel()
        seconds = max(0.0, self._loop.time() - tape.began - tape.skipped - cut)
        size = round(seconds * RATE) * 2 * tape.command.channels
        Path(tape.command.path).write_bytes(files.wav_header(tape.command.channels, size) + bytes(size))
        port = tape.command.port
        self._say(
            events.RecordStopped(port, recording, reason, seconds),
            events.RecordEnded(port, recording, reason, seconds, seconds, files.HEADER_SIZE + size, True),
        )

    def _release(self, row: int) -> None:
        self._stop(row)
        if sending := self._sending.pop(row, None):
            sending[1].cancel()
            self._say(events.DigitsSent(row, sending[0]))
        for recording in [name for name, tape in self._tapes.items() if tape.command.port == row]:
            self._end_tape(recording, "released")
        self.bridges = {pair for pair in self.bridges if row not in pair}
        self._free.append(row)
        self._say(events.Released(row, 0, 0, 0, 0, 0.0))
