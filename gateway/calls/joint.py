"""Two answered calls that hear each other, whatever media workers have them."""

from __future__ import annotations

from gateway.calls.crossing import Crossing
from gateway.calls.leg import Leg
from gateway.calls.media import NoPort
from media.commands import Bridge, Unbridge

NOT_JOINED = 12400  # Twilio: internal failure


class Joint:
    """From `open` to `close`. `ip`: where workers reach each other."""

    def __init__(self, one: Leg, other: Leg, ip: str) -> None:
        self._legs = one, other
        self._ip = ip
        self._crossing: Crossing | None = None

    async def open(self) -> None:
        """NoPort where their workers cannot be joined, or one of the two is gone."""
        one, other = self._legs
        if one.port is None or other.port is None:
            raise NoPort("a leg of the two is over")
        if one.port.worker is other.port.worker:
            one.send(Bridge(one.row, other.row))
            return
        # who dies with a worker is its own leg, which ends the talk
        self._crossing = await Crossing.open(one.port.worker, other.port.worker, self._ip, lambda: None)
        one.send(Bridge(one.row, self._crossing.near.number))
        other.send(Bridge(other.row, self._crossing.far.number))

    def close(self) -> None:
        """They are parted."""
        for leg in self._legs:
            leg.send(Unbridge(leg.row))
        if self._crossing is not None:
            self._crossing.close()
            self._crossing = None
