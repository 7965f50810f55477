"""The ringing tone by country, as a caller hears it while the other phone rings (ITU-T E.180, Supplement 2).

Names are those of TwiML's `ringTone`. Played in a loop.
"""

from __future__ import annotations

from media.commands import Tone

ONE, PAIR = -16.0, -19.0  # dBFS of a single wave and of each of two: as loud, and within the limits of E.180 §4
DEFAULT = "us"


def _tone(low: float, high: float, *cadence: int, modulation: float = 0.0) -> tuple[Tone, ...]:
    """`cadence`: milliseconds of tone and of silence in turn."""
    level = PAIR if high else ONE
    pairs = zip(cadence[::2], cadence[1::2], strict=True)
    return tuple(Tone(low, high, on, off, level=level, modulation=modulation) for on, off in pairs)


DOUBLE = (400, 200, 400, 2000)  # two short ones

USUAL = ("bg", "br", "ch", "cz", "de", "dk", "ee", "fi", "gr", "it", "lt", "mx", "nl", "no", "pl", "ru", "ve")

RINGING = dict.fromkeys(USUAL, _tone(425, 0, 1000, 4000)) | {
    "at": _tone(420, 0, 1000, 5000),
    "au": _tone(413, 438, *DOUBLE),
    "be": _tone(425, 0, 1000, 3000),
    "cl": _tone(400, 0, 1000, 3000),
    "cn": _tone(450, 0, 1000, 4000),
    "es": _tone(425, 0, 1500, 3000),
    "fr": _tone(440, 0, 1500, 3500),
    "hu": _tone(425, 0, 1250, 3750),
    "il": _tone(414, 0, 1000, 3000),
    "in": _tone(400, 0, *DOUBLE, modulation=25),
    "jp": _tone(400, 0, 1000, 2000, modulation=16),
    "my": _tone(425, 0, *DOUBLE),
    "nz": _tone(400, 450, *DOUBLE),
    "ph": _tone(425, 480, 1000, 4000),
    "pt": _tone(425, 0, 1000, 5000),
    "se": _tone(425, 0, 1000, 5000),
    "sg": _tone(425, 0, *DOUBLE, modulation=24),
    "th": _tone(420, 0, 1000, 5000),
    "tw": _tone(440, 480, 1000, 2000),
    "uk": _tone(400, 450, *DOUBLE),
    "us": _tone(440, 480, 2000, 4000),
    "us-old": _tone(420, 0, 2000, 4000, modulation=40),
    "za": _tone(400, 0, *DOUBLE, modulation=33),
}
