"""Ports that are fed one-way with what another one's peer says, or hears: their far ends record (RFC 7866)."""

from __future__ import annotations

import numpy as np

from media.codecs import g711
from media.commands import Tap
from media.departures import Spoken
from media.frames import Pcm, Rows
from media.sinks import Said


class Taps:
    """The taps of a worker. A row is fed by one tap, and may be the source of several."""

    def __init__(self) -> None:
        self._taps: dict[int, Tap] = {}  # by the port that is fed
        self._rows: dict[str, tuple[Rows, Rows]] = {}  # by track: ports, and their sources

    def __bool__(self) -> bool:
        return bool(self._taps)

    def add(self, tap: Tap) -> None:
        """From the next tick on the port says what its source says or hears."""
        self._hold(self._taps | {tap.port: tap})

    def forget(self, row: int) -> None:
        """The row ends: it is fed no more, nor is anybody from it."""
        self._hold({port: tap for port, tap in self._taps.items() if row not in (port, tap.source)})

    def source(self, port: int) -> int:
        """Of a port that is fed; -1 where it is not."""
        tap = self._taps.get(port)
        return -1 if tap is None else tap.source

    def of(self, row: int) -> bool:
        """Whether somebody is fed from the row."""
        return any(tap.source == row for tap in self._taps.values())

    def into(self, spoken: Spoken, heard: Pcm, said: Said) -> None:
        """Into the frames of those who are fed. `heard: (ports, FRAME)`; `said`: what the sources are sent."""
        for track, (ports, sources) in self._rows.items():
            sends = np.isin(ports, spoken.rows)
            place, rows = np.searchsorted(spoken.rows, ports[sends]), sources[sends]
            if len(place):
                pcm = heard[rows] if track == "inbound" else said.to(rows)
                spoken.wire[place] = g711.encode(pcm, spoken.law[place])

    def _hold(self, taps: dict[int, Tap]) -> None:
        self._taps = taps
        self._rows = {track: _rows(taps, track) for track in {tap.track for tap in taps.values()}}


def _rows(taps: dict[int, Tap], track: str) -> tuple[Rows, Rows]:
    chosen = [tap for tap in taps.values() if tap.track == track]
    return np.array([tap.port for tap in chosen]), np.array([tap.source for tap in chosen])
