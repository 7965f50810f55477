"""Ports for programs of the tests."""

from __future__ import annotations

import os
import socket
from random import SystemRandom

_chance = SystemRandom()
_given: set[int] = set()

# tests that run side by side (pytest-xdist): each process gives every so manieth port
_PROCESSES = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_FIRST = 10100 + 4 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))  # browsers refuse 10080


def free_port() -> int:
    """A port that is free over UDP and TCP, and stays so until somebody takes it: each is given once.

    It lies below those that the kernel gives to whoever asks for none, and below those of media; the three after it are
    left alone, because some programs take a few.
    """
    while True:
        port = _chance.randrange(_FIRST, 20000, 4 * _PROCESSES)
        if port in _given or not all(_is_free(kind, port) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)):
            continue
        _given.add(port)
        return port


def _is_free(kind: socket.SocketKind, port: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
