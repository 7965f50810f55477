"""Claim: our sockets cost little more per packet than a bare loop of the same system calls in the same run.

200 ports, one packet in and one out of each per round. One JSON line: microseconds per packet pair, and the ratio.
"""

from __future__ import annotations

import json
import platform
import select
import socket
import time

import numpy as np

from media.rtp import WIDTH, Packets
from media.sockets import Sockets

PORTS, ROUNDS, SIZE = 200, 100, 172


def senders() -> list[socket.socket]:
    """The far ends."""
    found = []
    for _ in range(PORTS):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind(("127.0.0.1", 0))
        one.setblocking(False)
        found.append(one)
    return found


def drain(far: list[socket.socket]) -> None:
    """Empties the far ends, outside of what is timed."""
    for one in far:
        try:
            one.recv(2048)
        except BlockingIOError:
            continue


def ours(far: list[socket.socket]) -> float:
    """Seconds for all rounds through `Sockets`."""
    sockets, spent = Sockets("127.0.0.1", 33000, 33000 + 2 * PORTS + 100), 0.0
    ports = [sockets.open(row, 0.0) for row in range(PORTS)]
    for row, one in enumerate(far):
        sockets.connect(row, one.getsockname())
    out = Packets(np.arange(PORTS), np.zeros((PORTS, SIZE), np.uint8), np.full(PORTS, SIZE))
    for _ in range(ROUNDS):
        for one, port in zip(far, ports, strict=True):
            one.sendto(bytes(SIZE), ("127.0.0.1", port))
        began = time.perf_counter()
        assert len(sockets.drain().packets) == PORTS
        sockets.send(out)
        spent += time.perf_counter() - began
        drain(far)
    for row in range(PORTS):
        sockets.close(row, 0.0)
    return spent


def bare(far: list[socket.socket]) -> float:
    """Seconds for all rounds of epoll, recvfrom_into and sendto alone."""
    poll, near, spent = select.epoll(), senders(), 0.0
    by_fd = {one.fileno(): one for one in near}
    for one in near:
        poll.register(one.fileno(), select.EPOLLIN)
    buffer, data = bytearray(WIDTH), bytes(SIZE)
    for _ in range(ROUNDS):
        for one, to in zip(far, near, strict=True):
            one.sendto(data, to.getsockname())
        began = time.perf_counter()
        for fd, _ in poll.poll(0, PORTS):
            by_fd[fd].recvfrom_into(buffer)
        for one, to in zip(near, far, strict=True):
            one.sendto(data, to.getsockname())
        spent += time.perf_counter() - began
        drain(far)
    for one in near:
        one.close()
    return spent


def main() -> None:
    """Prints the line."""
    far = senders()
    mine, loop = ours(far), bare(far)
    each = 1e6 / (PORTS * ROUNDS)
    line = {
        "bench": "rtp_io", "us_per_pair": round(mine * each, 2), "us_bare_loop": round(loop * each, 2),
        "ratio": round(mine / loop, 2), "machine": platform.node(),
    }  # fmt: skip
    print(json.dumps(line))
    for one in far:
        one.close()


if __name__ == "__main__":
    main()
