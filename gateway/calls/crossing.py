"""Two media workers joined by a port on each: what the one port hears, the other says, by RTP between the two."""

from __future__ import annotations

from collections.abc import Callable

from gateway.calls.media import NoPort, Port, Worker
from media.commands import Connect, Join, Withhold
from media.negotiate import StreamPlan


class Crossing:
    """A pair of ports that are each other's peers."""

    def __init__(self, near: Port, far: Port) -> None:
        self.near, self.far = near, far
        self._withheld = {near: False, far: False}

    @classmethod
    async def open(cls, near: Worker, far: Worker, ip: str, lost: Callable[[], None]) -> Crossing:
        """`ip`: where workers reach each other. `lost` is told when one of them dies. NoPort."""
        one = await near.allocate()
        try:
            other = await far.allocate()
        except BaseException:
            one.release()
            raise
        if not one.is_up:
            other.release()
            raise NoPort("a media worker died meanwhile")
        one.lost = other.lost = lambda reason: lost()
        one.send(Connect(one.number, _plan(ip, other)))
        other.send(Connect(other.number, _plan(ip, one)))
        return cls(one, other)

    def join(self, near: Join, far: Join) -> None:
        """Both ends take part in rooms."""
        self.near.send(near)
        self.far.send(far)

    def withhold(self, *, near: bool, far: bool) -> None:
        """Whether what a port says, which comes from the other worker, may be kept."""
        for port, on in ((self.near, near), (self.far, far)):
            if self._withheld[port] != on:
                self._withheld[port] = on
                port.send(Withhold(port.number, on))

    def close(self) -> None:
        """Gives back the ports that are left."""
        self.near.release()
        self.far.release()


def _plan(ip: str, port: Port) -> StreamPlan:
    return StreamPlan(ip, port.udp_port, port.udp_port + 1, "PCMU", 0, 101, 20, True, True, ip)
