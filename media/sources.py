"""What plays into ports: for each row, where it is in the arena and what follows there.

Rows that stay inside a page for this tick are gathered by one indexing; only those that reach the end of one are looked
at one by one, and what follows begins with the very next sample: of the sound, of the list, or of the next Play.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from media import commands, events
from media.arena import PAGE, Arena, Page
from media.codecs import SILENCE, g711
from media.departures import Spoken
from media.errors import AudioError, NotYet
from media.frames import FRAME, RATE, TICK, Mask, Pcm, Rows, Wire
from media.library import Library, Quiet, Samples, Sounds
from media.tones import ToneSamples

PATIENCE = 250  # ticks that a page may take to come from the disk; what plays is silent meanwhile
SILENT = ""  # the name of silence, all of whose pages are one


@dataclass(frozen=True, slots=True)
class Segment:
    """A sound, played `repeats` times. `name`: what its pages are called."""

    name: str
    samples: Samples
    repeats: int = 1


@dataclass(slots=True)
class Playlist:
    """A Play: its segments, and how far it has come in them."""

    number: int
    segments: list[Segment]
    sounds: list[str]  # those that are open for it
    loops: int  # rounds, this one counted; 0: endless
    volume: float
    index: int = 0
    times: int = 0  # the segment was played in this round
    position: int = 0  # in the segment: what is not in a page yet
    waited: int = 0  # ticks, for a page

    def skip(self, samples: int) -> None:
        """Starts so far into the first round."""
        for segment in self.segments:
            if samples < segment.samples.length * segment.repeats:
                self.times, self.position = divmod(samples, segment.samples.length)
                return
            samples -= segment.samples.length * segment.repeats
            self.index += 1

    def segment(self, *, last: bool) -> Segment | None:
        """What goes on or comes next; None when it is over. An endless one ends with its round if it is not `last`."""
        while True:
            if self.index == len(self.segments):
                if not self.segments or self.loops == 1 or (self.loops == 0 and not last):
                    return None
                self.loops -= self.loops > 1
                self.index = 0
            segment = self.segments[self.index]
            if self.position < segment.samples.length:
                return segment
            self.position = 0
            self.times += 1
            if self.times == segment.repeats:
                self.times = 0
                self.index += 1


@dataclass(slots=True)
class Head:
    """Where a row is: what it plays and what waits behind, and the place of the page that it is in."""

    lists: deque[Playlist] = field(default_factory=deque)
    pinned: int | None = None


class Sources:
    """All rows. `playing: (rows,) bool`."""

    def __init__(self, rows: int, library: Library, arena: Arena) -> None:
        self.arena = arena
        self.sounds = Sounds(library)
        self.playing = np.zeros(rows, np.bool_)
        self._at = np.zeros(rows, np.int64)
        self._end = np.zeros(rows, np.int64)
        self._law = np.zeros(rows, np.int64)  # of the page that a row is in
        self._heads: dict[int, Head] = {}

    def play(self, command: commands.Play) -> list[events.PlayEnded]:
        """Starts a Play, or puts it behind what plays."""
        row = command.port
        said = [] if command.queue else self.stop(row)
        try:
            playlist = self._playlist(command)
        except AudioError as error:
            return [*said, events.PlayEnded(row, command.playing, False, str(error))]
        head = self._heads.setdefault(row, Head())
        head.lists.append(playlist)
        if not self.playing[row]:
            self.playing[row] = True
            self._at[row] = self._end[row] = 0
        return said

    def stop(self, row: int) -> list[events.PlayEnded]:
        """Stops what plays and what waits behind it; the end of each."""
        head = self._heads.pop(row, None)
        if head is None:
            return []
        self._leave(head)
        self.playing[row] = False
        for playlist in head.lists:
            self._close(playlist)
        return [events.PlayEnded(row, playlist.number, False) for playlist in head.lists]

    def into(self, spoken: Spoken, playing: Mask) -> list[events.PlayEnded]:
        """The next frames of the entries that play; the ends that came with them."""
        if not playing.any():
            return []
        if playing.all():
            spoken.wire, ended = self.read(spoken.rows, spoken.law)
        else:
            spoken.wire[playing], ended = self.read(spoken.rows[playing], spoken.law[playing])
        return ended

    def read(self, rows: Rows, law: NDArray[np.int64]) -> tuple[Wire, list[events.PlayEnded]]:
        """The next frame of rows that play: `wire: (n, FRAME)`, and the ends that came with it."""
        at = self._at.take(rows)
        wire = self.arena.frames(at)
        then = at + FRAME
        outside = np.flatnonzero((then > self._end.take(rows)) | (law != self._law.take(rows)))
        self._at[rows] = then
        ended: list[events.PlayEnded] = []
        for place in outside.tolist():
            self._across(int(rows[place]), int(at[place]), int(law[place]), wire[place], ended)
        return wire, ended

    def _across(self, row: int, at: int, law: int, frame: Wire, ended: list[events.PlayEnded]) -> None:
        """Fills a frame that does not lie inside the row's page."""
        filled, end = 0, int(self._end[row])
        if law != self._law[row]:
            self._heads[row].lists[0].position -= end - at  # what is left of the page is needed by the other law
            self._law[row], end = law, at
        while filled < FRAME:
            if at >= end:
                place = self._turn(row, law, ended)
                if place is None:
                    frame[filled:] = SILENCE[law]
                    at = end = 0  # where it still plays, it waits for a page
                    break
                at, end = place
            count = min(FRAME - filled, end - at)
            frame[filled : filled + count] = self.arena.cut(at, at + count)
            filled, at = filled + count, at + count
        self._at[row], self._end[row] = at, end

    def _turn(self, row: int, law: int, ended: list[events.PlayEnded]) -> tuple[int, int] | None:
        """The next stretch of a row, from here to there; None when nothing is left to play, or it is not there yet."""
        head = self._heads[row]
        self._leave(head)
        while head.lists:
            playlist, error = head.lists[0], ""
            try:
                segment = playlist.segment(last=len(head.lists) == 1)
                if segment is not None:
                    place = self._enter(head, playlist, segment, law)
                    playlist.waited = 0
                    return place
            except NotYet as failure:
                playlist.waited += 1
                if playlist.waited < PATIENCE:
                    return None
                error = f"{failure} for {PATIENCE * TICK:g} s"
            except (AudioError, MemoryError) as failure:
                error = str(failure)
            head.lists.popleft()
            self._close(playlist)
            ended.append(events.PlayEnded(row, playlist.number, not error, error))
        del self._heads[row]
        self.playing[row] = False
        return None

    def _enter(self, head: Head, playlist: Playlist, segment: Segment, law: int) -> tuple[int, int]:
        """Into the page where the playlist goes on."""
        number, inside = divmod(playlist.position, PAGE)
        count = min(PAGE, segment.samples.length - number * PAGE)
        if segment.name == SILENT:
            page = Page(SILENT, law, 0.0, 0)
            place = self.arena.pin(page, lambda: np.full(PAGE, SILENCE[law], np.uint8))
        else:
            page = Page(segment.name, law, playlist.volume, number)
            place = self.arena.pin(
                page, lambda: encoded(segment.samples.read(number * PAGE, count), law, playlist.volume)
            )
        head.pinned = place
        playlist.position += count - inside
        return place + inside, place + count

    def _leave(self, head: Head) -> None:
        if head.pinned is not None:
            self.arena.unpin(head.pinned)
            head.pinned = None

    def _playlist(self, command: commands.Play) -> Playlist:
        """A Play with its sounds open; AudioError when one cannot be had."""
        playlist = Playlist(command.playing, [], [], command.loops, command.volume)
        try:
            for piece in command.pieces:
                segment = self._segment(piece, playlist.sounds)
                if segment.samples.length and segment.repeats:
                    playlist.segments.append(segment)
        except AudioError:
            self._close(playlist)
            raise
        playlist.skip(command.start_ms * RATE // 1000)
        return playlist

    def _segment(self, piece: commands.Piece, sounds: list[str]) -> Segment:
        match piece:
            case commands.Silence(ms=ms):
                return Segment(SILENT, Quiet(ms * RATE // 1000))
            case commands.Tone():
                wave = ToneSamples(piece.low, piece.high, piece.on_ms, piece.off_ms, piece.level, piece.modulation)
                return Segment(repr(wave), wave, piece.repeat)
            case commands.Sound(audio=audio):
                samples = self.sounds.take(audio)
                sounds.append(audio)
                return Segment(audio, samples)

    def _close(self, playlist: Playlist) -> None:
        for audio in playlist.sounds:
            self.sounds.give_back(audio)


def encoded(pcm: Pcm, law: int, volume: float) -> Wire:
    """`pcm: (n,)` by a law, louder by `volume` dB."""
    if volume:
        pcm = np.clip(np.round(pcm * 10 ** (volume / 20)), -32768, 32767).astype(np.int16)
    wire: Wire = g711.ENCODE[law].take(pcm.view(np.uint16))
    return wire
