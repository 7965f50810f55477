"""The gateway with a sampling profiler around it: `python sampled.py OUT.json serve …`, as `trunkline serve …`.

A timer of the process' CPU time interrupts the main thread; the sample, weighted with the CPU that this thread used
since the last one, goes to the layer of the innermost frame that has one. Threads of the store are read from their own
clocks. SIGUSR2 writes seconds of CPU by layer, and by function, to OUT.json. Nothing of this is in the product.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import FrameType

from gateway.__main__ import main

INTERVAL = 0.002  # seconds of CPU; the kernel's own tick may be longer

# parts of a file's path, the first that fits; what has no frame here is the event loop's own work
LAYERS = (
    ("/gateway/webhooks/", "webhooks"), ("/aiohttp/", "webhooks"), ("/yarl/", "webhooks"),
    ("/gateway/store/", "store"), ("/sqlalchemy/", "store"),
    ("/gateway/log.py", "log"), ("/logging/", "log"),
    ("/gateway/app.py", "loop"), ("/gateway/__main__.py", "loop"),
    ("/gateway/", "calls"), ("/twiml/", "calls"), ("/media/link.py", "media"), ("/media/", "calls"), ("/sip/", "sip"),
)  # fmt: skip


class Sampler:
    """Adds up where the main thread is."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._layers: defaultdict[str, float] = defaultdict(float)
        self._places: defaultdict[str, float] = defaultdict(float)
        self._last = time.thread_time()

    def start(self) -> None:
        """From now on; the main thread's."""
        signal.signal(signal.SIGPROF, self._sample)
        signal.signal(signal.SIGUSR2, self._write)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)

    def _sample(self, number: int, frame: FrameType | None) -> None:
        now = time.thread_time()
        spent, self._last = now - self._last, now
        layer, place = next(_known(frame), ("loop", "loop"))
        self._layers[layer] += spent
        self._places[place] += spent

    def _write(self, number: int, frame: FrameType | None) -> None:
        layers = self._layers.copy()
        for thread in threading.enumerate():
            if thread is not threading.main_thread() and thread.ident is not None:
                seconds = time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
                layers["store" if thread.name.startswith("store") else "other"] += seconds
        partial = self._out.with_suffix(".partial")
        partial.write_text(json.dumps({"layers": layers, "places": self._places}))
        partial.rename(self._out)


def _known(frame: FrameType | None) -> Iterator[tuple[str, str]]:
    """Layer and place of the frames that have one, innermost first."""
    while frame is not None:
        if layer := _layer(frame.f_code.co_filename):
            yield layer, f"{frame.f_code.co_qualname} ({frame.f_code.co_filename})"
        frame = frame.f_back


@cache
def _layer(file: str) -> str | None:
    return next((layer for part, layer in LAYERS if part in file), None)


if __name__ == "__main__":
    Sampler(Path(sys.argv[1])).start()
    sys.exit(main(sys.argv[2:]))
