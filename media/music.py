"""What those hear who wait: a slow arpeggio of our own, played in a loop."""

from __future__ import annotations

from media.commands import Piece, Silence, Tone

BEAT = 450  # milliseconds
LEVEL = -26.0  # dBFS: well below speech
CHORDS = (  # Hz: C major, A minor, F major, G major
    (261.6, 329.6, 392.0, 523.3),
    (220.0, 261.6, 329.6, 440.0),
    (174.6, 220.0, 261.6, 349.2),
    (196.0, 246.9, 293.7, 392.0),
)


def _bar(chord: tuple[float, ...]) -> tuple[Piece, ...]:
    """Up and down the chord, and a rest."""
    notes = (*chord, *chord[2:0:-1])
    return (*(Tone(note, note / 2, BEAT, 0, level=LEVEL) for note in notes), Silence(BEAT))


HOLD: tuple[Piece, ...] = tuple(piece for chord in CHORDS for piece in _bar(chord))

BEEP_IN: tuple[Piece, ...] = (Tone(480.0, 620.0, 200, 0, level=-20.0),)
BEEP_OUT: tuple[Piece, ...] = (Tone(480.0, 0.0, 100, 60, level=-20.0), Tone(350.0, 0.0, 150, 0, level=-20.0))
