"""What can be wrong in the media room.

MediaError
├── SdpError             an SDP body that cannot be read
├── NegotiationError     488  an offer or answer that we cannot use
└── AudioError           an audio file that cannot be read
    └── NotYet           its next stretch is on its way from the disk
"""

from __future__ import annotations


class MediaError(Exception):
    """Something about media that is not as it must be, in one sentence."""


class SdpError(MediaError):
    """An SDP body that cannot be read (RFC 8866)."""


class NegotiationError(MediaError):
    """An offer or answer that we cannot use (RFC 3264); `status` is the SIP status that says so."""

    status = 488


class AudioError(MediaError):
    """An audio file that cannot be read."""


class NotYet(AudioError):
    """A stretch of an audio file that would have to be waited for."""
