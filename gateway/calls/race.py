"""Waiting for something that a call's end may overtake."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Overtaken(Exception):
    """The stopping future was done first."""


async def first(wanted: asyncio.Future[T], stop: asyncio.Future[Any]) -> T:
    """The result of `wanted`, or Overtaken when `stop` is done before it."""
    await asyncio.wait((wanted, stop), return_when=asyncio.FIRST_COMPLETED)
    if not wanted.done():
        raise Overtaken
    return wanted.result()


async def during(work: Coroutine[Any, Any, T], stop: asyncio.Future[Any]) -> T:
    """Runs `work` as a task of its own; Overtaken (and the task cancelled) when `stop` is done before it."""
    task = asyncio.create_task(work)
    try:
        return await first(task, stop)
    finally:
        task.cancel()
