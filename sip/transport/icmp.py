"""ICMP errors of a UDP socket, from the kernel's error queue (Linux, ip(7) IP_RECVERR); elsewhere there are none."""

from __future__ import annotations

import socket
import struct

IP_RECVERR, IPV6_RECVERR = 11, 25  # of linux/in.h and linux/in6.h
MSG_ERRQUEUE = getattr(socket, "MSG_ERRQUEUE", 0)
ORIGINS = (2, 3)  # SO_EE_ORIGIN_ICMP and _ICMP6
UNREACHABLE, UNREACHABLE6 = 3, 1  # types of ICMP and ICMPv6; a time that was exceeded may pass
_ERROR = struct.Struct("=IBBBxII")  # struct sock_extended_err
MOST = 64  # errors that are read at once


def listen(sock: socket.socket) -> None:
    """From now on errors are queued."""
    if MSG_ERRQUEUE and sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    elif MSG_ERRQUEUE:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)


def undelivered(sock: socket.socket) -> list[bytes]:
    """What the queue has: the datagrams that could not be delivered, as far as they are quoted."""
    found: list[bytes] = []
    for _ in range(MOST if MSG_ERRQUEUE else 0):
        try:
            data, notes, _, _ = sock.recvmsg(2048, 512, MSG_ERRQUEUE)
        except OSError:  # there is nothing more
            break
        if any(_is_unreachable(level, kind, note) for level, kind, note in notes):
            found.append(data)
    return found


def _is_unreachable(level: int, kind: int, note: bytes) -> bool:
    if (level, kind) not in ((socket.IPPROTO_IP, IP_RECVERR), (socket.IPPROTO_IPV6, IPV6_RECVERR)):
        return False
    if len(note) < _ERROR.size:
        return False
    _, origin, icmp, _, _, _ = _ERROR.unpack_from(note)
    return origin in ORIGINS and icmp == (UNREACHABLE if origin == ORIGINS[0] else UNREACHABLE6)
