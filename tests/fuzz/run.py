"""Fuzzes one target with atheris: `python -m tests.fuzz.run TARGET [--seconds 600] [--found FOLDER]`.

Only the project's own errors may come out, and no input may take more than LIMIT of CPU time. Ends with 0 when nothing
was found; what was found is kept in the folder, and the last lines say where and why.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["sip", "media"]):
    from tests.fuzz.targets import TARGETS

LIMIT = 0.010  # seconds of CPU time for one message or body
LIMITS = {"dialog": 12 * LIMIT}  # its inputs are up to twelve messages
LONGEST = 16384  # bytes of one input
SEEDS = Path(__file__).parent / "seeds"


def timed(target: Callable[[bytes], None], limit: float) -> Callable[[bytes], None]:
    """A target that fails where it is slow: slow four times over, as the first of a kind has caches to fill."""

    def run(data: bytes) -> None:
        spent = once(data)
        if spent > limit:
            spent = min(once(data) for _ in range(3))
            assert spent <= limit, f"{len(data)} bytes take {spent * 1000:.1f} ms"

    def once(data: bytes) -> float:
        began = time.thread_time()
        target(data)
        return time.thread_time() - began

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--found", type=Path, default=Path("."))
    parser.add_argument("--corpus", type=Path, help="kept, and gone on from")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        corpus = str(chosen.corpus or passing)
        arguments = [
            sys.argv[0], corpus, str(SEEDS / chosen.target), f"-max_total_time={chosen.seconds}",
            f"-max_len={LONGEST}", f"-artifact_prefix={chosen.found}/", "-print_final_stats=1", "-rss_limit_mb=1024",
        ]  # fmt: skip
        atheris.Setup(arguments, timed(TARGETS[chosen.target], LIMITS.get(chosen.target, LIMIT)))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
