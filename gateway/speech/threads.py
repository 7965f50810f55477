"""The threads that speech computes and reads files on: few, and of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

EXECUTOR = ThreadPoolExecutor(2, "speech")


async def aside(work: Callable[[], T]) -> T:
    """`work` on one of the threads, while the loop goes on."""
    return await asyncio.get_running_loop().run_in_executor(EXECUTOR, work)
