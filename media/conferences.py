"""The rooms of a worker at work: who is in them, who talks, what is played to them, what each member hears."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from media import commands, events, mixer
from media.arithmetic import Arithmetic
from media.codecs import g711
from media.departures import Spoken
from media.frames import FRAME, Mask, Pcm, Rows
from media.mixer import Mix, Talkers
from media.routes import NOBODY, Members, Rooms
from media.sources import Sources

_NO_MIX = Mix(NOBODY, np.zeros(0, np.bool_), np.zeros((0, FRAME), np.int16), np.zeros((0, FRAME), np.float32))


@dataclass(frozen=True, slots=True)
class Seats:
    """Which members hear something, of those rows that send: it holds as long as both are the same."""

    rows: Rows
    members: Members
    who: Rows  # members, ascending
    entries: Rows  # index of each into `rows`


def seated(rows: Rows, members: Members) -> Seats:
    """`rows` are ascending."""
    if not len(rows):
        return Seats(rows, members, rows, rows)
    place = np.minimum(np.searchsorted(rows, members.rows), len(rows) - 1)
    who = np.flatnonzero(members.listens & (rows[place] == members.rows))
    return Seats(rows, members, who, place[who])


class Conferences:
    """What plays to a room is a source like that of a port; its place is behind those of the ports (`first`)."""

    def __init__(self, rows: int, sources: Sources, all_below: int, arithmetic: Arithmetic) -> None:
        self.rooms = Rooms(rows, all_below)
        self._sources = sources
        self._arithmetic = arithmetic
        self._first = rows
        self._places: dict[int, int] = {}  # of rooms that are played to
        self._talkers = Talkers(rows)
        self._mix = _NO_MIX
        self._seats = seated(NOBODY.rows, NOBODY)

    def join(self, part: commands.Join) -> None:
        """A port that is in no other room comes in, or takes another part."""
        if not self.rooms.joined[part.port]:
            self._talkers.reset(part.port)
        self.rooms.join(part)

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
        spoke = members.speaks & (self._talking(members, heard, said) | ~members.large)
        self._mix = Mix(members, spoke, heard, self._arithmetic.sums(members, spoke, heard))
        self._add_played(said)
        return said

    def _talking(self, members: Members, heard: Pcm, said: list[events.Event]) -> Mask:
        """Who talks, where that matters to anybody."""
        talking = np.ones(len(members), np.bool_)
        matters = np.flatnonzero(members.large | members.tells)
        if len(matters):
            voices = mixer.voices(members, matters, heard)
            talking[matters], changed = self._talkers.listen(members.rows[matters], voices)
            told = changed[np.isin(changed, members.rows[members.tells])] if len(changed) else changed
            said += [events.Talking(row, bool(self._talkers.talking[row])) for row in told.tolist()]
        return talking

    def _add_played(self, said: list[events.Event]) -> None:
        """What plays to rooms is heard there."""
        if not self._places:
            return
        rooms = np.array(list(self._places))
        law = np.zeros(len(rooms), np.int64)
        wire, ended = self._sources.read(np.array(list(self._places.values())), law)
        self._mix.rooms[np.searchsorted(self._mix.members.rooms, rooms)] += g711.decode(wire, law)
        said += self._told(ended)

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
        members, mix = self.rooms.members, self._mix
        if self._seats.rows is not spoken.rows or self._seats.members is not members:
            self._seats = seated(spoken.rows, members)
        who, entries = self._seats.who, self._seats.entries
        also = members.coachable[who] | playing[entries]
        spoke = mix.spoke[who] & ~also
        self._arithmetic.own(mix, who[spoke], entries[spoke], spoken.law[entries[spoke]], spoken.wire)
        silent = ~(spoke | also)
        if silent.any():
            self._to_listeners(spoken, members.room[who[silent]], entries[silent])
        if also.any():
            self._to_others(spoken, who[also], entries[also], playing)

    def _to_listeners(self, spoken: Spoken, room: Rows, entries: Rows) -> None:
        """The mix of each one's room, encoded once a law."""
        pcm = mixer.clipped(self._mix.rooms)
        for law in np.unique(spoken.law[entries]):
            wire = g711.encode(pcm, np.full(len(pcm), law))
            same = spoken.law[entries] == law
            spoken.wire[entries[same]] = wire[room[same]]

    def _to_others(self, spoken: Spoken, who: Rows, entries: Rows, playing: Mask) -> None:
        """What members hear who have coaches, or into whose ports something plays."""
        audio, law = mixer.coached(self._mix, who), spoken.law[entries]
        also = np.flatnonzero(playing[entries])
        audio[also] += g711.decode(spoken.wire[entries[also]], law[also])
        spoken.wire[entries] = g711.encode(mixer.clipped(audio), law)
