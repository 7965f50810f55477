"""Why there is no sound."""

from __future__ import annotations


class SpeechError(Exception):
    """Text that could not be spoken, or an audio file that cannot be played; one sentence."""

    def __init__(self, message: str, code: int = 13520) -> None:
        super().__init__(message)
        self.code = code
