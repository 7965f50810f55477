"""What takes audio from ports: recordings, as columns; every 200 ms their blocks go to the writer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from media.commands import Record
from media.events import Event, RecordStopped
from media.frames import FRAME, RATE, TICK, Pcm, Rows
from media.levels import SILENCE, dbfs

BLOCK = 10  # ticks between writes: 200 ms


class Writer(Protocol):
    """Who writes recordings (media/recorder.py); none of this waits. `write` says whether it can take more."""

    def open(self, command: Record) -> None: ...

    def write(self, recording: str, pcm: Pcm) -> bool: ...

    def close(self, recording: str, reason: str, cut_samples: int) -> None: ...


@dataclass(slots=True)
class Sink:
    """One recording."""

    command: Record
    row: int
    ticks: int = 0
    quiet: int = 0  # ticks of silence up to now


class Sinks:
    """All recordings of a worker."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._sinks: list[Sink] = []
        self.rows: Rows = np.zeros(0, np.int64)
        self._inbound = np.zeros((BLOCK, 0, FRAME), np.int16)
        self._outbound = np.zeros((BLOCK, 0, FRAME), np.int16)
        self._fill = 0

    def start(self, command: Record) -> None:
        """Begins a recording with the next tick."""
        self._flush()
        self._writer.open(command)
        self._sinks.append(Sink(command, command.port))
        self._index()

    def stop(self, recording: str, reason: str, cut_ms: int = 0) -> list[Event]:
        """Ends a recording, if it runs; the file follows."""
        found = next((sink for sink in self._sinks if sink.command.recording == recording), None)
        if found is None:
            return []
        self._flush()
        self._sinks.remove(found)
        self._index()
        cut = min(cut_ms * RATE // 1000, found.ticks * FRAME)
        self._writer.close(recording, reason, cut)
        seconds = found.ticks * TICK - cut / RATE
        return [RecordStopped(found.row, recording, reason, seconds)]

    def of(self, row: int) -> list[str]:
        """The recordings on a row."""
        return [sink.command.recording for sink in self._sinks if sink.row == row]

    def write(self, inbound: Pcm, outbound: Pcm) -> list[Event]:
        """A frame for each recording, in the order of `rows`: (n, FRAME) each."""
        self._inbound[self._fill], self._outbound[self._fill] = inbound, outbound
        self._fill += 1
        loud = dbfs(inbound) > SILENCE
        over = []
        for sink, is_loud in zip(self._sinks, loud.tolist(), strict=True):
            sink.ticks += 1
            sink.quiet = 0 if is_loud else sink.quiet + 1
            if sink.ticks * TICK >= sink.command.max_seconds:
                over.append((sink.command.recording, "max-length"))
            elif 0 < sink.command.silence_seconds <= sink.quiet * TICK:
                over.append((sink.command.recording, "silence"))
        if self._fill == BLOCK:
            over += [(recording, "failed") for recording in self._flush()]
        return [event for recording, reason in over for event in self.stop(recording, reason)]

    def _flush(self) -> list[str]:
        """Hands what was gathered to the writer; the recordings of which it takes no more."""
        refused = []
        for index, sink in enumerate(self._sinks):
            if self._fill:
                heard = self._inbound[: self._fill, index].reshape(-1)
                said = self._outbound[: self._fill, index].reshape(-1)
                if not self._writer.write(sink.command.recording, _mixed(sink.command, heard, said)):
                    refused.append(sink.command.recording)
        self._fill = 0
        return refused

    def _index(self) -> None:
        count = len(self._sinks)
        self.rows = np.array([sink.row for sink in self._sinks], np.int64)
        self._inbound = np.zeros((BLOCK, count, FRAME), np.int16)
        self._outbound = np.zeros((BLOCK, count, FRAME), np.int16)


def _mixed(command: Record, heard: Pcm, said: Pcm) -> Pcm:
    """The tracks as the file has them: (samples, channels)."""
    inbound = heard if command.tracks in ("inbound", "both") else np.zeros_like(heard)
    outbound = said if command.tracks in ("outbound", "both") else np.zeros_like(said)
    if command.channels == 2:
        return np.stack((inbound, outbound), axis=1)
    mono: Pcm = np.clip(inbound.astype(np.int32) + outbound, -32768, 32767).astype(np.int16)[:, None]
    return mono
