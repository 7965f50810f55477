"""The times of RFC 3261 §17.1.1.1 and table 4, in seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timings:
    """T1: round-trip estimate; T2: longest retransmit interval; T4: longest life of a message in the network."""

    t1: float = 0.5
    t2: float = 4.0
    t4: float = 5.0

    @property
    def give_up(self) -> float:
        """64*T1: timers B, F, H, J, L and M."""
        return 64 * self.t1

    @property
    def patience(self) -> float:
        """How long our user has for what a peer asks inside a call, so that the peer still waits for the answer."""
        return self.give_up - self.t4

    @property
    def timer_d(self) -> float:
        """How long an INVITE client answers repeated final responses over UDP: at least 32 s."""
        return max(32.0, self.give_up)
