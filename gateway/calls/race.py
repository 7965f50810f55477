"""Waiting for something that a call's end may overtake."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


class Overtaken(Exception):
    """The stopping future was done first."""


async def first(wanted: asyncio.Future[T], stop: asyncio.Future[Any]) -> T:
    """The result of `wanted`, or Overtaken when `stop` is done before it."""
    if not wanted.done():
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        wake = partial(_settle, over)
        wanted.add_done_callback(wake)
        stop.add_done_callback(wake)
        try:
            await over
        finally:
            wanted.remove_done_callback(wake)
            stop.remove_done_callback(wake)
    if not wanted.done():
        raise Overtaken
    return wanted.result()


def either(*futures: asyncio.Future[Any]) -> asyncio.Future[None]:
    """Done as soon as one of them is."""
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    for future in futures:
        future.add_done_callback(partial(_settle, over))
    return over


async def passed(seconds: float, stop: asyncio.Future[Any]) -> None:
    """Time passes; Overtaken when `stop` is done before."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    wake = partial(_settle, over)
    timer = loop.call_later(seconds, wake)
    stop.add_done_callback(wake)
    try:
        await over
    finally:
        timer.cancel()
        stop.remove_done_callback(wake)
    if stop.done():
        raise Overtaken


def _settle(over: asyncio.Future[None], _: object = None) -> None:
    if not over.done():
        over.set_result(None)


async def during(work: Coroutine[Any, Any, T], stop: asyncio.Future[Any]) -> T:
    """Does `work`; Overtaken, and the work cancelled where it is, when `stop` is done before it.

    As `asyncio.timeout` does it: the work runs in the task that asks for it, which is cancelled and takes it back.
    """
    task = asyncio.current_task()
    assert task is not None
    before = task.cancelling()
    under_way, interrupted = True, False

    def interrupt(_: asyncio.Future[Any]) -> None:
        nonlocal interrupted
        if under_way:
            interrupted = True
            task.cancel()

    stop.add_done_callback(interrupt)
    try:
        return await work
    except asyncio.CancelledError:
        if interrupted and task.cancelling() == before + 1:
            raise Overtaken from None
        raise  # somebody else cancelled us, too
    finally:
        under_way = False
        stop.remove_done_callback(interrupt)
        if interrupted:
            task.uncancel()
