"""The codecs: SDP name -> number of the law in `g711`, static payload type (RFC 3551)."""

from __future__ import annotations

import numpy as np

from media.frames import FRAME

LAWS = {"PCMU": 0, "PCMA": 1}
STATIC = {"PCMU": 0, "PCMA": 8}
NAMES = tuple(LAWS)
SILENCE = (0xFF, 0xD5)  # the code of the smallest sample, by law
QUIET = np.repeat(np.array(SILENCE, np.uint8)[:, None], FRAME, axis=1)  # a frame of it, by law
