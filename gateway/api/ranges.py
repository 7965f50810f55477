"""HTTP ranges (RFC 9110 §14): the part of a file that a request asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_ONE = re.compile(r"bytes=\s*(\d*)-(\d*)\s*")


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes `start` to `stop` (not included) of `size`."""

    start: int
    stop: int
    size: int

    @property
    def whole(self) -> bool:
        return self.stop - self.start == self.size

    @property
    def header(self) -> str:
        """The value of Content-Range."""
        return f"bytes {self.start}-{self.stop - 1}/{self.size}"


def wanted(headers: Mapping[str, str], size: int, etag: str) -> Part | None:
    """The part that `Range` asks for, all where it asks for none; None where nothing of it exists (416).

    Several ranges and what is no range of bytes are answered whole (RFC 9110 §14.2), as is a range for another version
    of the file (`If-Range`).
    """
    found = _ONE.fullmatch(headers.get("Range", ""))
    if found is None or found.groups() == ("", "") or headers.get("If-Range", etag) != etag:
        return Part(0, size, size)
    first, last = found.groups()
    if not first:
        length = min(int(last), size)
        return Part(size - length, size, size) if length else None
    start, stop = int(first), min(int(last) + 1, size) if last else size
    if last and int(last) < int(first):
        return Part(0, size, size)
    return Part(start, stop, size) if start < size else None
