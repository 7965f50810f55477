"""Messages of the link between control and a worker: MessagePack with its length before it."""

from __future__ import annotations

import struct

import msgspec

LARGEST = 1 << 24  # bytes of a message: a tick's worth of commands is thousands of times smaller


def frame(values: object) -> bytes:
    """A message with its length before it."""
    body = msgspec.msgpack.encode(values)
    return struct.pack(">I", len(body)) + body


def take_message(buffer: bytearray) -> bytes | None:
    """The next whole message of a buffer, taken out of it."""
    if len(buffer) < 4:
        return None
    length = struct.unpack_from(">I", buffer)[0]
    if length > LARGEST:
        raise ValueError(f"a message of {length} bytes on the link")
    if len(buffer) < 4 + length:
        return None
    message = bytes(buffer[4 : 4 + length])
    del buffer[: 4 + length]
    return message
