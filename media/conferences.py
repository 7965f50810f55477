"""The rooms of a worker at work: who is in them, who talks, what is played to them, what each member hears."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from media import commands, events, mixer
from media.codecs import g711
from media.departures import Spoken
from media.frames import FRAME, Mask, Pcm, Rows, Wire
from media.mixer import Audio, Mix, Talkers
from media.routes import Members, Rooms
from media.sources import Sources

_NO_MIX = Mix(np.zeros((0, FRAME), np.float32), np.zeros((0, FRAME), np.float32), np.zeros(0, np.int64))


Into = Callable[[Audio, Rows, Rows, Wire], None]
"""As `mixer.say`."""


class Conferences:
    """What plays to a room is a source like that of a port; its place is behind those of the ports (`first`)."""

    def __init__(self, rows: int, sources: Sources, all_below: int, into: Into = mixer.say) -> None:
        self.rooms = Rooms(rows, all_below)
        self._sources = sources
        self._into = into
        self._first = rows
        self._places: dict[int, int] = {}  # of rooms that are played to
        self._talkers = Talkers(rows)
        self._mix = _NO_MIX

    def join(self, part: commands.Join) -> list[events.Event]:
        """A port comes in, or takes another part; from another room it leaves that one."""
        said = self.leave(part.port) if self.rooms.of(part.port) not in (None, part.room) else []
        if not self.rooms.joined[part.port]:
            self._talkers.reset(part.port)
        self.rooms.join(part)
        return said

    def leave(self, row: int) -> list[events.Event]:
        """A port goes; what plays to a room that is empty then is over."""
        room = self.rooms.leave(row)
        return self.stop(room) if room is not None and not self.rooms.is_open(room) else []

    def play(self, command: commands.PlayRoom) -> list[events.Event]:
        """Plays to a room, instead of what plays there now or behind it."""
        if not self.rooms.is_open(command.room):
            return [events.RoomPlayEnded(command.room, command.playing, False, "nobody is in the room")]
        place = self._places.get(command.room)
        if place is None:
            taken = set(self._places.values())
            place = next(place for place in range(self._first, 2 * self._first) if place not in taken)
            self._places[command.room] = place
        return self._told(
            self._sources.play(
                commands.Play(
                    place,
                    command.playing,
                    command.pieces,
                    command.loops,
                    command.queue,
                    command.start_ms,
                    command.volume,
                )
            )
        )

    def stop(self, room: int) -> list[events.Event]:
        """Stops what plays to a room, and what waits behind it."""
        place = self._places.get(room)
        return self._told(self._sources.stop(place)) if place is not None else []

    def _told(self, ended: list[events.PlayEnded]) -> list[events.Event]:
        """Ends of what was played to rooms; a room that nothing plays to any more keeps no place."""
        rooms = {place: room for room, place in self._places.items()}
        for room, place in list(self._places.items()):
            if not self._sources.playing[place]:
                del self._places[room]
        return [events.RoomPlayEnded(rooms[one.port], one.playing, one.completed, one.error) for one in ended]

    def hear(self, heard: Pcm) -> list[events.Event]:
        """`heard: (ports, FRAME)`: mixes it; who began to talk, or ceased, and what played to its end."""
        members = self.rooms.members
        if not len(members):
            return []
        said: list[events.Event] = []
        audio = heard[members.rows].astype(np.float32)
        if (members.gain != 1).any():
            audio *= members.gain[:, None]
        talking = self._talking(members, audio, said)
        self._mix = mixer.mix(members, audio, talking, self._played(members, said))
        return said

    def _talking(self, members: Members, audio: Audio, said: list[events.Event]) -> Mask:
        """Who talks, where that matters to anybody."""
        talking = np.ones(len(members), np.bool_)
        matters = np.flatnonzero(members.large | members.tells)
        if len(matters):
            talking[matters], changed = self._talkers.listen(members.rows[matters], audio[matters])
            told = changed[np.isin(changed, members.rows[members.tells])] if len(changed) else changed
            said += [events.Talking(row, bool(self._talkers.talking[row])) for row in told.tolist()]
        return talking

    def _played(self, members: Members, said: list[events.Event]) -> Audio | None:
        if not self._places:
            return None
        played = np.zeros((len(members.rooms), FRAME), np.float32)
        rooms = np.array(list(self._places))
        law = np.zeros(len(rooms), np.int64)
        wire, ended = self._sources.read(np.array(list(self._places.values())), law)
        played[np.searchsorted(members.rooms, rooms)] = g711.decode(wire, law)
        said += self._told(ended)
        return played

    def mixes(self, rooms: Rows) -> Pcm:
        """All of what was said in these rooms in this tick, (len(rooms), FRAME): for their recordings."""
        pcm = np.zeros((len(rooms), FRAME), np.int16)
        numbers = self.rooms.members.rooms
        if len(numbers):
            place = np.minimum(np.searchsorted(numbers, rooms), len(numbers) - 1)
            there = numbers[place] == rooms
            pcm[there] = mixer.clipped(self._mix.rooms[place[there]])
        return pcm

    def speak(self, spoken: Spoken, playing: Mask) -> None:
        """To each member that listens what it hears; `playing`: entries of `spoken` that hear something else too."""
        members = self.rooms.members
        place = np.searchsorted(spoken.rows, members.rows)
        place[place == len(spoken.rows)] = 0
        listens = (
            members.listens & (spoken.rows[place] == members.rows) if len(spoken.rows) else members.listens & False
        )
        listens[self._mix.special] &= False
        self._to_listeners(spoken, np.flatnonzero(listens), place, playing)
        special = self._mix.special
        there = (
            np.flatnonzero(spoken.rows[place[special]] == members.rows[special]) if len(spoken.rows) else special[:0]
        )
        self._say(spoken, place[special[there]], self._mix.own[there], playing)

    def _to_listeners(self, spoken: Spoken, listeners: Rows, place: Rows, playing: Mask) -> None:
        """The room's mix, encoded once a law, for those who have no mix of their own."""
        room = self.rooms.members.room
        alone = ~playing[place[listeners]]
        self._say(spoken, place[listeners[~alone]], self._mix.rooms[room[listeners[~alone]]], playing)
        entries, rooms = place[listeners[alone]], room[listeners[alone]]
        pcm = mixer.clipped(self._mix.rooms)
        for law in np.unique(spoken.law[entries]):
            wire = g711.encode(pcm, np.full(len(pcm), law))
            same = spoken.law[entries] == law
            spoken.wire[entries[same]] = wire[rooms[same]]

    def _say(self, spoken: Spoken, entries: Rows, audio: Audio, playing: Mask) -> None:
        """`audio: (len(entries), FRAME)`, each with what plays into its port."""
        if not len(entries):
            return
        law = spoken.law[entries]
        also = np.flatnonzero(playing[entries])
        if len(also):
            audio[also] += g711.decode(spoken.wire[entries[also]], law[also])
        self._into(audio, entries, law, spoken.wire)
