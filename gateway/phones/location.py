"""Where everybody is: the bindings of all addresses of record in memory, by address and by connection.

One deadline per address, which may be early: then it is moved. Twenty thousand phones are one heap, not as many timers.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from sip.bindings import Binding
from sip.outputs import Flow

Bindings = tuple[Binding, ...]


class Location:
    """Bindings by address of record (`user@domain`)."""

    def __init__(self) -> None:
        self._bindings: dict[str, Bindings] = {}
        self._by_flow: dict[Flow, set[str]] = {}  # connections only
        self._wakes: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._bindings)

    def __iter__(self) -> Iterator[tuple[str, Bindings]]:
        return iter(self._bindings.items())

    def of(self, address: str, now: float) -> Bindings:
        """Those that live."""
        return tuple(one for one in self._bindings.get(address, ()) if one.expires > now)

    def put(self, address: str, bindings: Bindings) -> None:
        """All bindings of an address from now on."""
        self._unfile(address)
        if not bindings:
            self._bindings.pop(address, None)
            self._wakes.pop(address, None)
            return
        self._bindings[address] = bindings
        for flow in {one.flow for one in bindings if one.flow is not None and one.flow.reliable}:
            self._by_flow.setdefault(flow, set()).add(address)
        self._wake(address, min(one.expires for one in bindings))

    def over(self, flow: Flow) -> frozenset[str]:
        """The addresses that are reached over a connection."""
        return frozenset(self._by_flow.get(flow, ()))

    def next_end(self) -> float | None:
        """When a binding may end next."""
        while self._heap and self._wakes.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def sweep(self, now: float) -> list[str]:
        """Forgets what has ended; the addresses at which something has."""
        ended = []
        while (at := self.next_end()) is not None and at <= now:
            _, address = heapq.heappop(self._heap)
            del self._wakes[address]
            known, living = self._bindings[address], self.of(address, now)
            self.put(address, living)
            if living != known:
                ended.append(address)
        return ended

    def _unfile(self, address: str) -> None:
        for one in self._bindings.get(address, ()):
            if one.flow is not None and (known := self._by_flow.get(one.flow)) is not None:
                known.discard(address)
                if not known:
                    del self._by_flow[one.flow]

    def _wake(self, address: str, at: float) -> None:
        known = self._wakes.get(address)
        if known is None or at < known:  # a later end is seen when the deadline comes
            self._wakes[address] = at
            heapq.heappush(self._heap, (at, address))
