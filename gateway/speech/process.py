"""A program that takes bytes and gives bytes, within limits of time, CPU and size; it knows none of our secrets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]  # where `python -m gateway…` finds us
INHERITED = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")
ERRORS_KEPT = 4096  # bytes of what a program complains


class ProcessError(Exception):
    """A program that did not do its work; one sentence."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may take."""

    seconds: float
    cpu: int  # seconds
    output: int  # bytes


async def run(argv: Sequence[str], data: bytes, limits: Limits) -> bytes:
    """The program's output; ProcessError when it fails, and for what it may not take."""
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=ROOT, env=environment()
    )
    _limit_cpu(process, limits.cpu)
    try:
        async with asyncio.timeout(limits.seconds):
            output, errors = await _exchange(process, data, limits.output)
            status = await process.wait()
    except TimeoutError:
        raise ProcessError(f"it took longer than {limits.seconds:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()  # its pipes are closed when they have been read to the end
    if len(output) > limits.output:
        raise ProcessError(f"it gave more than {limits.output} bytes")
    if status != 0:
        lines = errors.decode("utf-8", "replace").strip().splitlines()
        raise ProcessError(lines[-1][:200] if lines else f"it ended with status {status}")
    return output


def environment() -> dict[str, str]:
    """Nothing of ours but where programs are."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {**kept, "LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


async def _exchange(process: Process, data: bytes, most: int) -> tuple[bytes, bytes]:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    _, output, errors = await asyncio.gather(
        _feed(process.stdin, data), _read(process, process.stdout, most), _read(process, process.stderr, ERRORS_KEPT)
    )
    return output, errors


async def _feed(pipe: asyncio.StreamWriter, data: bytes) -> None:
    with contextlib.suppress(ConnectionError):  # a program that ends early says why itself
        pipe.write(data)
        await pipe.drain()
        pipe.close()
        await pipe.wait_closed()


async def _read(process: Process, pipe: asyncio.StreamReader, most: int) -> bytes:
    """To the end of the pipe; who writes more than `most` is ended, and what comes after that is not kept."""
    chunks, size = [], 0
    while chunk := await pipe.read(1 << 16):
        if size <= most:
            chunks.append(chunk)
        size += len(chunk)
        if size > most:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
    return b"".join(chunks)


def _limit_cpu(process: Process, seconds: int) -> None:
    if hasattr(resource, "prlimit"):  # Linux; elsewhere the time limit must do
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(process.pid, resource.RLIMIT_CPU, (seconds, seconds))
