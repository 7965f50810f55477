"""`python -m tests.simulation SEED` replays one call and prints its ladder; `FROM-TO` runs all of a range;
`short N` takes one pair of agents through so many short calls and says what they keep.
"""

from __future__ import annotations

import sys
import time
import traceback

from tests.simulation.short import Pair
from tests.simulation.world import World, failures


def show(seed: int) -> int:
    """One call, as a ladder."""
    world = World(seed, trace=True)
    failed = 0
    try:
        world.run()
    except Exception:
        failed = 1
        traceback.print_exc(file=sys.stdout)
    for at, sender, receiver, text in world.network.log:
        arrow = f"{sender:>8} -> {receiver:<14}" if sender != receiver else f"{sender:>8}    {'':<14}"
        print(f"{at:10.3f} {arrow} {text}")
    print(f"seed {seed}: {'failed' if failed else 'ended as it must'}, {world.network.sent} messages")
    return failed


def run(first: int, last: int) -> int:
    """A range of calls; says how to see each one that fails."""
    started = time.process_time()
    failed = failures(first, last)
    print("\n".join(failed))
    print(f"{last - first + 1} calls, {len(failed)} failed, {time.process_time() - started:.1f} s of CPU")
    return 1 if failed else 0


def short(calls: int) -> int:
    """What two agents keep after so many calls, in ten steps."""
    pair, started = Pair(), time.process_time()
    for step in range(11):
        print(f"{pair.calls:8d} calls: {pair.kept()}, {time.process_time() - started:.1f} s of CPU", flush=True)
        if step < 10:
            pair.run(calls // 10)
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "short":
        sys.exit(short(int(sys.argv[2])))
    low, dash, high = sys.argv[1].partition("-")
    sys.exit(run(int(low), int(high)) if dash else show(int(low)))
