"""A network of the test's own: for programs that refuse 127.0.0.1, and for addresses that nobody else has.

Sockets and processes of the calling thread are in the namespace while it is entered, and so are the threads that it
starts; all of it is gone afterwards.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

ALIAS = "10.9.8.7"  # a second address of the loopback interface in there
CLONE_NEWNET = 0x40000000  # <sched.h>


@contextmanager
def namespace() -> Iterator[None]:
    """Enters a network namespace with the loopback interface up; OSError where that is not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            subprocess.run(["ip", "address", "add", f"{ALIAS}/24", "dev", "lo"], check=True)
            yield
        finally:
            if libc.setns(home, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(home)
