"""What rows do in a tick: which forward, are listened to, send. It holds until a command comes, or something ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from media.forward import STARVED, Forwarder
from media.frames import Mask, Rows
from media.ports import Ports


@dataclass(frozen=True, slots=True)
class Duties:
    """Rows are ascending."""

    forwarding: Mask  # by row: its packets are passed on as they are
    forwards: bool  # there is one
    listening: Rows  # somebody needs their audio as samples: recorded, bridged but not forwarded, without events
    inband: Rows  # of those: no events were agreed on, their digits are heard
    fed: Rows  # of those that send: what is forwarded into them is all that they send
    unfed: Rows  # the others that send
    withholds: bool  # nobody may keep what some row says

    def speaking(self, idle: Rows) -> Rows:
        """The rows that send something of ours; `idle`: ticks that each row has waited for a packet to forward."""
        return np.sort(np.concatenate((self.unfed, self.fed[idle[self.fed] > STARVED])))


def duties_of(ports: Ports, forwarder: Forwarder, playing: Mask, wanted: Mask) -> Duties:
    """As it is now. `playing`: something plays into the row; `wanted`: somebody in its room needs to hear it."""
    forwarding = forwarder.rows(playing)
    sends = ports.connected & ports.send
    fed = (ports.peer >= 0) & forwarding[ports.peer]
    listening = ports.connected & _listened(ports, forwarding, wanted)
    return Duties(
        forwarding=forwarding,
        forwards=bool(forwarding.any()),
        listening=np.flatnonzero(listening),
        inband=np.flatnonzero(listening & (ports.dtmf_type < 0)),
        fed=np.flatnonzero(sends & fed),
        unfed=np.flatnonzero(sends & ~fed),
        withholds=bool(ports.withheld.any()),
    )


def _listened(ports: Ports, forwarding: Mask, wanted: Mask) -> Mask:
    bridged = ports.peer >= 0
    listened = ports.tapped | (ports.dtmf_type < 0) | wanted | ports.withheld
    listened |= bridged & ~forwarding
    if ports.tapped.any():
        listened |= bridged & ports.tapped[ports.peer]
    return listened
